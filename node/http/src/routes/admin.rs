//! What only who has the admin token may ask.

use super::open::{OF_PRESENTATIONS, QUESTION};
use super::recognition;
use crate::limits::{MAX_BODY_BYTES, MAX_IMPORT_BYTES, MAX_VERIFY_BYTES};
use crate::operation::Operation;
use crate::table::Table;
use crate::{
    admin, bundles, contested, domain_keys, events, import, issuer, nodes, peers, registry, resolver, vcapi,
};
use vc_schemas::code::Code;

/// What is said of a member that is named, or of the state that it is in.
const OF_MEMBERS: [Code; 9] = [
    Code::OwnerUnknown,
    Code::AgentUnknown,
    Code::OwnerRevoked,
    Code::OwnerSuspended,
    Code::AgentRevoked,
    Code::AgentSuspended,
    Code::NameMalformed,
    Code::StateConflict,
    Code::DidContested,
];

/// What is said of a log that is handed in.
const OF_LOGS: [Code; 5] =
    [Code::LogRefused, Code::DidMalformed, Code::Deactivated, Code::DidContested, Code::DidUnresolvable];

/// What is said of a proof of possession.
const OF_POSSESSION: [Code; 6] = [
    Code::PossessionUnproven,
    Code::NonceMismatch,
    Code::NonceReplayed,
    Code::PresentationMalformed,
    Code::SelfChosen,
    Code::SignatureInvalid,
];

/// All of them.
pub(super) fn all() -> Table {
    members("owners", "Owner")
        .merge(members("agents", "Agent"))
        .merge(credentials())
        .merge(vc_api())
        .merge(node())
        .merge(mesh())
        .merge(recognition::all())
}

fn members(base: &str, who: &str) -> Table {
    let is_owner = who == "Owner";
    let pick = |owner: &'static str, agent: &'static str| if is_owner { owner } else { agent };
    let at = |rest: &str| format!("/v1/{base}{rest}");
    let said = |id: String, summary| Operation::new(id, summary).refuses(&OF_MEMBERS);
    let mut table = Table::of("Members")
        .get(
            &at(""),
            registry::list,
            said(format!("list{who}s"), pick("Every owner.", "Every agent."))
                .answers(pick("Owners", "Agents")),
        )
        .post(
            &at(""),
            registry::register,
            said(format!("register{who}"), pick("Register an owner.", "Register an agent of an owner."))
                .takes(pick("NewOwner", "NewAgent"), MAX_BODY_BYTES)
                .creates("Registered")
                .refuses(&[Code::NameTaken, Code::CapabilityMalformed])
                .refuses(&OF_LOGS)
                .refuses(&OF_POSSESSION),
        )
        .get(
            &at("/{name}"),
            registry::show,
            said(format!("read{who}"), pick("An owner, with its log.", "An agent, with its log."))
                .answers(pick("OwnerWithLog", "AgentWithLog")),
        )
        .get(
            &at("/{name}/credential"),
            registry::credential,
            said(format!("read{who}Credential"), "Its identity credential, renewed where that is due.")
                .query(&["format"])
                .answers("IssuedCredential"),
        )
        .post(
            &at("/{name}/log"),
            registry::update_log,
            said(format!("update{who}Log"), "Its next log: a rotation of keys, or the DID's end.")
                .takes("LogUpdate", MAX_BODY_BYTES)
                .answers("LogUpdated")
                .refuses(&OF_LOGS),
        );
    for (act, summary) in [
        ("suspend", "Stop it for the time being, everywhere."),
        ("resume", "Let it go on."),
        ("revoke", "End it for good, everywhere."),
    ] {
        let operation = said(format!("{act}{who}"), summary);
        let operation = operation.takes("Nothing", MAX_BODY_BYTES).answers("MemberChanged");
        table = table.post(&at(&format!("/{{name}}/{act}")), registry::change, operation);
    }
    table
}

fn credentials() -> Table {
    let of_links = [
        Code::StatusAuthority,
        Code::KeyNotAuthorised,
        Code::DidMalformed,
        Code::DidUnresolvable,
        Code::ApprovalMismatch,
    ];
    let mut table = Table::of("Credentials")
        .post(
            "/v1/indices",
            issuer::reserve,
            Operation::new("reserveIndex", "A place on the status lists, for what a member will sign.")
                .takes("IndexRequest", MAX_BODY_BYTES)
                .creates("ReservedIndex")
                .refuses(&OF_MEMBERS)
                .refuses(&[Code::DidMalformed]),
        )
        .post(
            "/v1/links",
            issuer::register,
            Operation::new(
                "registerLink",
                "Register a delegation that a member signed, so that it can be revoked.",
            )
            .takes("Chain", MAX_BODY_BYTES)
            .creates("RegisteredLink")
            .refuses(&OF_PRESENTATIONS)
            .refuses(&OF_MEMBERS)
            .refuses(&of_links),
        )
        .post(
            "/v1/approvals",
            issuer::register_approval,
            Operation::new("registerApproval", "Register an approval that an owner signed.")
                .takes("Approval", MAX_BODY_BYTES)
                .creates("RegisteredApproval")
                .refuses(&OF_PRESENTATIONS)
                .refuses(&OF_MEMBERS)
                .refuses(&of_links),
        )
        .get(
            "/v1/credentials",
            issuer::list,
            Operation::new("listCredentials", "Every credential with a place on the status lists.")
                .answers("Credentials"),
        )
        .get(
            "/v1/credentials/{id}",
            issuer::show,
            Operation::new("readCredential", "What is known of a credential.")
                .answers("CredentialRecord")
                .refuses(&[Code::CredentialUnknown]),
        );
    for (act, summary) in [
        ("suspend", "Suspend a credential."),
        ("resume", "Let a credential count again."),
        ("revoke", "Revoke a credential for good."),
    ] {
        let operation = Operation::new(format!("{act}Credential"), summary)
            .takes("Nothing", MAX_BODY_BYTES)
            .answers("CredentialChanged")
            .refuses(&[Code::CredentialUnknown, Code::StateConflict, Code::NotFound]);
        table = table.post(&format!("/v1/credentials/{{id}}/{act}"), issuer::change, operation);
    }
    table
}

/// By the names that the VC-API gives them.
fn vc_api() -> Table {
    let said = |id, summary, schema, max_bytes| {
        let operation = Operation::new(id, summary).takes(schema, max_bytes);
        operation.of_vc_api().refuses(&OF_PRESENTATIONS)
    };
    Table::of("VC-API")
        .post(
            "/credentials/issue",
            vcapi::issue,
            said("issueCredential", "Issue a credential of any kind.", "ToIssue", MAX_BODY_BYTES)
                .creates("IssuedDocument")
                .refuses(&[Code::NameTaken, Code::NotFound]),
        )
        .post(
            "/credentials/status",
            vcapi::set_status,
            said(
                "setCredentialStatus",
                "Set or clear an entry of a status list.",
                "ToSetStatus",
                MAX_BODY_BYTES,
            )
            .answers("StatusSet")
            .refuses(&[Code::CredentialUnknown]),
        )
        .post(
            "/credentials/derive",
            vcapi::derive,
            said("deriveCredential", "Disclose parts of a credential.", "ToDerive", MAX_BODY_BYTES)
                .creates("IssuedDocument"),
        )
        .post(
            "/credentials/verify",
            vcapi::verify_credential,
            said("verifyCredential", "Verify a credential.", "CredentialToVerify", MAX_VERIFY_BYTES)
                .answers("Holds"),
        )
        .post(
            "/presentations/verify",
            vcapi::verify_presentation,
            said("verifyPresentation", "Verify a presentation.", "PresentationToVerify", MAX_VERIFY_BYTES)
                .answers("Holds"),
        )
}

fn node() -> Table {
    let of_forks = [Code::DidMalformed, Code::NotFound, Code::StateConflict];
    Table::of("Node")
        .get(
            "/v1/node",
            admin::node,
            Operation::new("readNode", "What this node is, and how near to what the others know.")
                .answers("Node"),
        )
        .get(
            "/v1/decisions",
            admin::decisions,
            Operation::new("listDecisions", "What was decided, oldest first; 100 unless told otherwise.")
                .query(&["after-decision", "limit"])
                .answers("Decisions"),
        )
        .get(
            "/v1/names/{address}",
            resolver::name,
            Operation::new("findName", "The DID of a member, of this domain or another.")
                .answers("Found")
                .refuses(&[Code::NameMalformed, Code::NotFound]),
        )
        .post(
            "/v1/bundles",
            bundles::export,
            Operation::new("exportBundle", "What a verdict rests on, in one signed file.")
                .payload(QUESTION)
                .creates("Bundle")
                .refuses(&OF_PRESENTATIONS),
        )
        .get(
            "/v1/contested",
            contested::list,
            Operation::new("listContested", "DIDs with two valid histories.")
                .query(&["after-did", "limit"])
                .answers("Contested")
                .refuses(&of_forks),
        )
        .get(
            "/v1/contested/{did}",
            contested::show,
            Operation::new("readContested", "Both histories of a DID, with the proof.")
                .answers("ForkWithProof")
                .refuses(&of_forks),
        )
        .post(
            "/v1/contested/{did}/settle",
            contested::settle,
            Operation::new("settle", "Say which history of a DID counts here.")
                .takes("Settle", MAX_BODY_BYTES)
                .answers("Fork")
                .refuses(&of_forks),
        )
        .post(
            "/v1/domain/keys",
            domain_keys::make,
            Operation::new("makeDomainKeys", "Make the keys that are to follow the domain's own.")
                .takes("ToMakeDomainKeys", MAX_BODY_BYTES)
                .creates("DomainKeys")
                .refuses(&[Code::StateConflict, Code::DidContested]),
        )
        .post(
            "/v1/domain/log",
            domain_keys::rotate,
            Operation::new("rotateDomainKeys", "The domain's next log: these keys replace those in force.")
                .takes("DomainLogUpdate", MAX_BODY_BYTES)
                .answers("DomainLogUpdated")
                .refuses(&OF_LOGS)
                .refuses(&[Code::StateConflict]),
        )
        .post(
            "/v1/webvh/import",
            import::import,
            Operation::new("importLog", "Hand in the log of any did:webvh.")
                .takes("ToImport", MAX_IMPORT_BYTES)
                .answers("Imported")
                .refuses(&OF_LOGS)
                .refuses(&[Code::StateConflict]),
        )
}

fn mesh() -> Table {
    Table::of("Mesh")
        .post(
            "/v1/invites",
            peers::invite,
            Operation::new("invite", "A token with which one other domain joins.")
                .takes("InviteRequest", MAX_BODY_BYTES)
                .creates("Invite"),
        )
        .get(
            "/v1/peers",
            peers::list,
            Operation::new("listPeers", "Domains that joined, nodes that are connected, and bans.")
                .answers("Peers"),
        )
        .post(
            "/v1/peers",
            peers::join,
            Operation::new("join", "Join the domain that gave a token.")
                .takes("JoinRequest", MAX_BODY_BYTES)
                .creates("Joined")
                .refuses(&[
                    Code::TokenMalformed,
                    Code::TokenExpired,
                    Code::TokenUsed,
                    Code::PeerNotAdmitted,
                    Code::PeerUnreachable,
                    Code::StateConflict,
                ]),
        )
        .post(
            "/v1/memberships/revoke",
            peers::revoke_memberships,
            Operation::new(
                "revokeMemberships",
                "End every membership of a node that was given out before now.",
            )
            .takes("Nothing", MAX_BODY_BYTES)
            .answers("Epoch")
            .refuses(&[Code::StateConflict]),
        )
        .get(
            "/v1/peers/{peer}",
            nodes::show,
            Operation::new("readPeer", "A node that is connected or banned.")
                .answers("Peer")
                .refuses(&[Code::NotFound]),
        )
        .post(
            "/v1/peers/{peer}/ban",
            nodes::ban,
            Operation::new("ban", "Keep a node out; for a day unless told otherwise.")
                .takes("BanRequest", MAX_BODY_BYTES)
                .answers("Ban")
                .refuses(&[Code::StateConflict]),
        )
        .post(
            "/v1/peers/{peer}/unban",
            nodes::unban,
            Operation::new("unban", "Let a node in again.")
                .takes("Nothing", MAX_BODY_BYTES)
                .answers("Unbanned")
                .refuses(&[Code::NotFound, Code::StateConflict]),
        )
        .get(
            "/v1/events",
            events::events,
            Operation::new("events", "What the mesh does and refuses, as it happens.")
                .gives(200, &["text/event-stream"], "")
                .refuses(&[Code::RateLimited]),
        )
}
