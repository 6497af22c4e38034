//! What anybody may ask.

use crate::limits::{MAX_BODY_BYTES, MAX_OPTIONS_BYTES, MAX_VERIFY_BYTES};
use crate::operation::{JSON, Operation, Payload};
use crate::table::Table;
use crate::target::IDENTIFIERS;
use crate::{conformance, logs, resolver, status, verifier, vocabulary};
use vc_schemas::code::Code;

/// As which a DID is answered, or what a DID URL names.
const RESOLVED: &[&str] = &[
    "application/did-resolution",
    "application/did-url-dereferencing",
    "application/did",
    "application/did+json",
    "application/did+ld+json",
    "application/json",
    "application/ld+json",
];

/// As which resolution says that it could not.
const UNRESOLVED: &[&str] = &["application/did-resolution", "application/did-url-dereferencing"];

/// What else is said of a DID that does not resolve.
const NOT_RESOLVED: [Code; 6] = [
    Code::DidContested,
    Code::DidUnresolvable,
    Code::DidMalformed,
    Code::DidMethodUnsupported,
    Code::LogRefused,
    Code::RateLimited,
];

/// In which form presentations are taken as they are.
const PRESENTATIONS: &[&str] = &[
    "application/json",
    "application/vp+jwt",
    "application/vp+cose",
    "application/vp",
    "application/vnd.marque.vp+cose",
    "application/vp+sd-jwt",
];

const LISTS: &[&str] = &["application/vc+jwt", "application/statuslist+jwt", "application/statuslist+cwt"];

/// Whose documents are published.
const OF_MEMBERS: [Code; 4] = [Code::NotFound, Code::OwnerUnknown, Code::AgentUnknown, Code::NameMalformed];

/// What a presentation can be refused for.
pub(super) const OF_PRESENTATIONS: [Code; 55] = [
    Code::PresentationMalformed,
    Code::CredentialMalformed,
    Code::CapabilityMalformed,
    Code::ContextUnknown,
    Code::SelfChosen,
    Code::ChainEmpty,
    Code::ChainTooLong,
    Code::LinkTooLarge,
    Code::ChainRepeats,
    Code::SignatureInvalid,
    Code::ProofUnknown,
    Code::KeyNotAuthorised,
    Code::KeyRetired,
    Code::DidContested,
    Code::DidMalformed,
    Code::DidMethodUnsupported,
    Code::CredentialExpired,
    Code::CredentialNotYetValid,
    Code::ChainBroken,
    Code::ParentMismatch,
    Code::PrincipalMismatch,
    Code::DelegationWidened,
    Code::ConstraintUnknown,
    Code::IdentityMissing,
    Code::IdentityMismatch,
    Code::DomainNotRecognised,
    Code::DomainSuspended,
    Code::RootNotAnchored,
    Code::RootExceedsAnchor,
    Code::CredentialRevoked,
    Code::CredentialSuspended,
    Code::AgentRevoked,
    Code::AgentSuspended,
    Code::OwnerRevoked,
    Code::OwnerSuspended,
    Code::StatusAuthority,
    Code::StatusStale,
    Code::StatusUnknown,
    Code::DidUnresolvable,
    Code::HolderMismatch,
    Code::NonceMismatch,
    Code::NonceReplayed,
    Code::AudienceMismatch,
    Code::PresentationExpired,
    Code::CapabilityNotGranted,
    Code::ConstraintUnmet,
    Code::ApprovalRequired,
    Code::ApprovalMismatch,
    Code::ApprovalUsed,
    Code::Deactivated,
    Code::LogRefused,
    Code::ListUnrevokes,
    Code::ListEquivocates,
    Code::NameMalformed,
    Code::StateConflict,
];

/// The body of a presentation.
pub(super) const QUESTION: Payload = Payload {
    media_types: PRESENTATIONS,
    schema: "Question",
    max_bytes: MAX_VERIFY_BYTES,
    is_required: true,
};

/// All of them.
pub(super) fn all() -> Table {
    resolution().merge(published()).merge(lists()).merge(verification()).merge(words())
}

fn resolution() -> Table {
    let resolving = |id, summary| {
        let mut operation = Operation::new(id, summary)
            .query(&[
                "versionId",
                "versionNumber",
                "versionTime",
                "trace",
                "expandRelativeUrls",
                "verificationRelationship",
                "service",
                "serviceType",
                "relativeRef",
                "src",
            ])
            .gives(200, RESOLVED, "Resolved")
            .gives(303, RESOLVED, "Resolved")
            .gives(410, RESOLVED, "Resolved");
        for status in [400, 404, 406, 500, 501] {
            operation = operation.gives(status, UNRESOLVED, "Resolved");
        }
        operation.refuses(&NOT_RESOLVED)
    };
    let options = Payload {
        media_types: JSON,
        schema: "ResolutionOptions",
        max_bytes: MAX_OPTIONS_BYTES,
        is_required: false,
    };
    let path = format!("{IDENTIFIERS}{{*did}}");
    Table::of("Resolution")
        .get(
            &path,
            resolver::resolve,
            resolving("resolve", "Resolve a DID, or dereference a DID URL.").gives(304, &[], ""),
        )
        .post(
            &path,
            resolver::resolve_with,
            resolving("resolveWith", "The same, with the options in the body.").payload(options),
        )
}

fn published() -> Table {
    let mut table = Table::of("Logs");
    for (base, who) in [("/.well-known", "Domain"), ("/owners/{name}", "Owner"), ("/agents/{name}", "Agent")]
    {
        let said = |file: &str, what: &'static str| {
            Operation::new(format!("read{who}{file}"), what)
                .refuses(&OF_MEMBERS)
                .refuses(&[Code::DidContested])
        };
        let log = said("Log", "Its DID log.").gives(200, &["text/jsonl"], "");
        let web = said("Document", "A did:web document that follows from the log.");
        let web = web.gives(200, &["application/did+json"], "DidDocument");
        let witness = said("WitnessProofs", "What its witnesses signed.").answers("Witnesses");
        let (log_at, web_at, witness_at) =
            (format!("{base}/did.jsonl"), format!("{base}/did.json"), format!("{base}/did-witness.json"));
        table = match who {
            "Domain" => table
                .get(&log_at, logs::domain_log, log)
                .get(&web_at, logs::domain_document, web)
                .get(&witness_at, logs::domain_witness, witness),
            "Owner" => table.get(&log_at, logs::owner_log, log).get(&web_at, logs::owner_document, web).get(
                &witness_at,
                logs::owner_witness,
                witness,
            ),
            _ => table.get(&log_at, logs::agent_log, log).get(&web_at, logs::agent_document, web).get(
                &witness_at,
                logs::agent_witness,
                witness,
            ),
        };
    }
    let conformance = Operation::new("conformance", "What this node conforms to, and what it can.");
    table.get("/.well-known/marque", conformance::conformance, conformance.answers("Conformance"))
}

fn lists() -> Table {
    let mut table = Table::of("Status");
    for (purpose, first, further) in [
        ("revocation", "The first list of what is revoked.", "A further list of what is revoked."),
        ("suspension", "The first list of what is suspended.", "A further list of what is suspended."),
    ] {
        let said = |id, summary| {
            let codes = [Code::NotFound, Code::StatusHistoryUnsupported, Code::RequestMalformed];
            Operation::new(id, summary).gives(200, LISTS, "").refuses(&codes)
        };
        table = table
            .get(&format!("/status/{purpose}"), status::list, said(format!("{purpose}List"), first))
            .get(
                &format!("/status/{purpose}/{{number}}"),
                status::list,
                said(format!("{purpose}ListByNumber"), further),
            );
    }
    table.get(
        "/status/aggregation",
        status::aggregation,
        Operation::new("listAggregation", "Which status lists there are.").answers("Aggregation"),
    )
}

fn verification() -> Table {
    Table::of("Verification")
        .post(
            "/v1/nonces",
            verifier::nonce,
            Operation::new("newNonce", "A nonce for one presentation, and its audience.")
                .takes("Nothing", MAX_BODY_BYTES)
                .answers("NewNonce"),
        )
        .post(
            "/v1/verify",
            verifier::verify,
            Operation::new("verify", "Decide on a presentation; the verdict shows each hop.")
                .payload(QUESTION)
                .answers("Verdict")
                .refuses(&OF_PRESENTATIONS),
        )
}

fn words() -> Table {
    let text = |id, summary, media_types| Operation::new(id, summary).gives(200, media_types, "");
    Table::of("Vocabulary")
        .get(
            "/v1/schemas",
            vocabulary::schemas,
            Operation::new("listSchemas", "Which credential types there are.").answers("Types"),
        )
        .get(
            "/v1/schemas/{type}",
            vocabulary::schema,
            Operation::new("readSchema", "The JSON Schema of a credential type.")
                .gives(200, &["application/schema+json"], "JsonSchema")
                .refuses(&[Code::NotFound]),
        )
        .get(
            "/v1/context",
            vocabulary::context,
            Operation::new("readContext", "The JSON-LD context of the credential types.").gives(
                200,
                &["application/ld+json"],
                "Context",
            ),
        )
        .get(
            "/openapi.json",
            vocabulary::openapi,
            Operation::new("readOpenApi", "This description, made from the routes.").answers("OpenApi"),
        )
        .get(
            "/docs",
            vocabulary::page,
            text("readDocs", "A page that shows this description.", &["text/html"]),
        )
        .get(
            "/docs/viewer.js",
            vocabulary::script,
            text("readDocsScript", "The page's script.", &["text/javascript"]),
        )
        .get("/docs/viewer.css", vocabulary::style, text("readDocsStyle", "The page's style.", &["text/css"]))
}
