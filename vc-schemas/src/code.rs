//! Every reason for saying no that a caller or a peer may see: one closed list.
//!
//! `docs/codes.md` is generated from it. AID-001 to AID-010 are those of
//! draft-gudlab-agentid-protocol-00. A new code breaks the build wherever codes become answers.

use std::fmt;
use std::str::FromStr;

/// What kind of no it is: whoever asks acts on this before reading the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What was sent is not what the place takes: mend it and send it again.
    Input,
    /// Understood, checked and refused: sending it again changes nothing.
    Denied,
    /// Refused because something was revoked or suspended.
    Revoked,
    /// Neither good nor bad: what is needed to decide could not be had. Try again later.
    Unknown,
    /// There is no such thing here.
    NotFound,
    /// It collides with what is there.
    Conflict,
    /// The node cannot do it now.
    Unavailable,
    /// A defect of the node.
    Internal,
}

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal, $class:ident, $meaning:literal, $action:literal;)*) => {
        /// A reason to refuse.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// All of them, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The text that stands in answers; it never changes.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What kind of no it is.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }
        }
    };
}

codes! {
    // What was sent.
    RequestMalformed = "request-malformed", 400, Input, "The request is not of the form that this call takes.", "Compare it with the call's documentation; the path names the part.";
    TooLarge = "too-large", 413, Input, "Something is larger than its limit.", "Send less; the limits are in ARCHITECTURE.md.";
    JsonRefused = "json-refused", 400, Input, "The JSON is not strict: doubled names, inexact integers, too deep, not UTF-8, or not JSON.", "Send I-JSON (RFC 7493) without doubled names.";
    MediaTypeUnsupported = "media-type-unsupported", 415, Input, "The content type is not one that this call takes.", "Use the media type that the documentation names.";
    MethodNotAllowed = "method-not-allowed", 405, Input, "The path does not take this HTTP method.", "Use the method that the documentation names.";
    NameMalformed = "name-malformed", 400, Input, "A name is not 1 to 63 lower-case letters, digits and inner hyphens.", "Choose another name.";
    CapabilityMalformed = "capability-malformed", 400, Input, "A capability is neither `resource:action` nor a reverse-domain name.", "Write it as calendar:read or com.example.calendar.read.";
    DidMalformed = "did-malformed", 400, Input, "The text is not a DID or DID URL that this node can read.", "Check the identifier for a typing error.";
    DidMethodUnsupported = "did-method-unsupported", 501, Input, "The DID method is not spoken here.", "Use did:webvh or did:key.";
    StatusHistoryUnsupported = "status-history-unsupported", 501, Input, "Status lists of the past are not given out.", "Ask without `time`; what is answered is the newest list.";
    LogRefused = "log-refused", 400, Denied, "The DID log breaks a rule of did:webvh 1.0.", "Ask its controller for the right log; `detail` names the rule.";
    TokenMalformed = "token-malformed", 400, Input, "The join token cannot be read.", "Copy the whole token, beginning with mqj1.";
    TokenExpired = "token-expired", 403, Denied, "The join token is past its expiry.", "Ask for a new one: marque peer invite.";
    TokenUsed = "token-used", 403, Denied, "The join token was used before, or this node never gave it out.", "Ask for a new one: marque peer invite.";
    // Who asks.
    AdminTokenMissing = "admin-token-missing", 401, Denied, "The admin listener wants the admin token.", "Send Authorization: Bearer with the content of admin.token.";
    AdminTokenWrong = "admin-token-wrong", 401, Denied, "The admin token is not this node's.", "Use the admin.token of this node's data folder.";
    PossessionUnproven = "possession-unproven", 403, Denied, "The request does not prove possession of the key that it speaks for.", "Sign the proof with the key itself, over the nonce that the node gave.";
    RateLimited = "AID-007", 429, Unavailable, "Too many requests.", "Wait for as long as Retry-After says.";
    // What there is.
    NotFound = "not-found", 404, NotFound, "There is no such thing here.", "Check the name; list what there is.";
    OwnerUnknown = "owner-unknown", 404, NotFound, "This domain has no such owner.", "Create it: marque owner create.";
    AgentUnknown = "agent-unknown", 404, NotFound, "This domain has no such agent.", "Create it: marque agent create.";
    CredentialUnknown = "credential-unknown", 404, NotFound, "This domain neither issued nor registered such a credential.", "Use the id that issuing printed, at the domain that issued it.";
    NameTaken = "name-taken", 409, Conflict, "The name is in use, or was.", "Choose another name; names are never given twice.";
    StateConflict = "state-conflict", 409, Conflict, "The thing is in a state that does not allow this.", "Look at its state first; what is revoked stays revoked.";
    Deactivated = "did-deactivated", 410, Revoked, "The DID is deactivated.", "Nothing can be done with it any more.";
    // Presentations and credentials, as read.
    PresentationMalformed = "presentation-malformed", 400, Input, "The presentation cannot be read.", "Make it with marque present, or by the vp+jwt or vp+cose recommendation.";
    CredentialMalformed = "credential-malformed", 400, Input, "A credential is not of its type's form.", "Ask its issuer for a valid one; the path names the credential.";
    ContextUnknown = "context-unknown", 400, Input, "A JSON-LD context is not one that this node embeds.", "Use the contexts of the Marque credential types; none is ever fetched.";
    SelfChosen = "self-chosen-trust", 403, Denied, "What was presented names its own key, key location, algorithm or critical extension.", "Remove the header members; keys come from the issuer's DID document only.";
    // Rule 1: the chain's size.
    ChainEmpty = "chain-empty", 403, Denied, "The presentation has no delegation link.", "Present the chain from the principal's link on.";
    ChainTooLong = "chain-too-long", 403, Denied, "The chain has more than eight links.", "Delegate over fewer hops.";
    LinkTooLarge = "link-too-large", 403, Denied, "A link is larger than 64 KiB.", "Issue a smaller link.";
    ChainRepeats = "chain-repeats", 403, Denied, "A DID stands in the chain twice.", "Delegate along a path without cycles.";
    // Rule 2: each credential.
    SignatureInvalid = "signature-invalid", 401, Denied, "A signature does not verify.", "Ask for what was really signed; do not re-encode it.";
    ProofUnknown = "proof-unknown", 503, Unknown, "A proof over RDF canonicalisation could not be judged within what this node allows for it.", "Ask the issuer for a proof over JCS (eddsa-jcs-2022), or try again.";
    KeyNotAuthorised = "key-not-authorised", 401, Denied, "The newest version of the signer's DID does not list the key for this use.", "Have it signed again with a current key.";
    KeyRetired = "key-retired", 401, Denied, "The key has expired or is on its way out, and may not do this any more.", "Have it signed again with a current key.";
    DidContested = "did-contested", 403, Denied, "There are two valid histories of the DID, so neither authorises anything.", "Ask the DID's owner by another way which version is theirs; then: marque did contested settle.";
    CredentialExpired = "credential-expired", 401, Denied, "A credential is past its validUntil.", "Renew it.";
    CredentialNotYetValid = "credential-not-yet-valid", 401, Denied, "A credential's validFrom is in the future.", "Wait, or check the clocks.";
    // Rule 3: the chain's joints.
    ChainBroken = "chain-broken", 403, Denied, "A link was not issued by the subject of the link before it.", "Present the links in order, without a gap.";
    ParentMismatch = "parent-mismatch", 403, Denied, "A link does not continue the very link that stands before it.", "Present the chain as it was signed.";
    PrincipalMismatch = "principal-mismatch", 403, Denied, "The links do not name one principal, or it did not issue the first.", "Present links of one chain only.";
    // Rule 4: attenuation.
    DelegationWidened = "AID-009", 403, Denied, "A link allows more, for longer or deeper, than what it was given or than its subject may have.", "Delegate a subset; the path names what was added.";
    ConstraintUnknown = "constraint-unknown", 403, Denied, "A link has a constraint that this node does not know.", "Update the node, or delegate without that constraint.";
    // Rule 5: identity.
    IdentityMissing = "identity-missing", 403, Denied, "The identity credential of somebody on the path is not presented.", "Present the OwnerCredential and every AgentCredential.";
    IdentityMismatch = "identity-mismatch", 403, Denied, "An identity credential is of another kind than its subject's place on the path needs.", "A principal needs an OwnerCredential, an agent an AgentCredential.";
    DomainNotRecognised = "domain-not-recognised", 403, Denied, "A domain that vouches for somebody on the path is not recognised here.", "If it should be: marque trust add <domain-did>.";
    DomainSuspended = "domain-suspended", 403, Revoked, "A domain that vouches for somebody on the path is suspended here.", "Ask this node's operator.";
    // Rule 6: the root.
    RootNotAnchored = "root-not-anchored", 403, Denied, "No anchor lets the principal's domain root authority here.", "If it should: marque trust add <domain-did> --cap <capability>.";
    RootExceedsAnchor = "root-exceeds-anchor", 403, Denied, "The first link allows what the anchor does not let its domain root here.", "Delegate less, or extend the anchor: marque trust add --cap.";
    // Rule 7: status.
    CredentialRevoked = "credential-revoked", 403, Revoked, "A credential on the path is revoked.", "It stays revoked; delegate anew.";
    CredentialSuspended = "credential-suspended", 403, Revoked, "A credential on the path is suspended.", "Wait until it is resumed.";
    AgentRevoked = "AID-003", 403, Revoked, "An agent on the path is revoked.", "It stays revoked; use another agent.";
    AgentSuspended = "AID-004", 403, Revoked, "An agent on the path is suspended.", "Wait until it is resumed.";
    OwnerRevoked = "owner-revoked", 403, Revoked, "The principal is revoked.", "It stays revoked; another principal must delegate.";
    OwnerSuspended = "owner-suspended", 403, Revoked, "The principal is suspended.", "Wait until it is resumed.";
    StatusAuthority = "status-authority", 403, Denied, "A credential points to a status list that is not its domain's.", "Ask its issuer for a valid one.";
    StatusStale = "status-stale", 503, Unknown, "The newest status list that could be had is older than the policy allows.", "Try again when the list's domain can be reached.";
    StatusUnknown = "status-unknown", 503, Unknown, "A status list could not be had, so nobody knows whether a credential still holds.", "Try again when the list's domain can be reached.";
    DidUnresolvable = "did-unresolvable", 503, Unknown, "A DID could not be resolved.", "Try again when a node that has its log can be reached.";
    // Rule 8: the holder.
    HolderMismatch = "holder-mismatch", 403, Denied, "The presentation is not signed by the last agent of the chain.", "Let the last agent present.";
    NonceMismatch = "nonce-mismatch", 401, Denied, "The presentation's nonce is not one that this verifier gave and still honours.", "Ask for a fresh one: marque verify --new-nonce.";
    NonceReplayed = "AID-010", 401, Denied, "The presentation's nonce was used before.", "Ask for a fresh one: marque verify --new-nonce.";
    AudienceMismatch = "audience-mismatch", 403, Denied, "The presentation or the mandate is meant for another audience.", "Present it with this verifier's audience.";
    PresentationExpired = "presentation-expired", 401, Denied, "The presentation is outside its own short life.", "Present again; check the clocks.";
    // What was asked for.
    CapabilityNotGranted = "AID-006", 403, Denied, "The mandate does not hold the capability that was asked for.", "Ask for what the mandate allows, or delegate more.";
    ConstraintUnmet = "constraint-unmet", 403, Denied, "The request is outside a constraint of the mandate.", "Stay within resource, purpose and workflow of the mandate.";
    ApprovalRequired = "approval-required", 403, Denied, "The capability needs an approval that is not there.", "Get the approval of the principal first.";
    ApprovalMismatch = "approval-mismatch", 403, Denied, "The approval is not by the principal, or it is for another agent, mandate or use.", "Get the approval of the principal for exactly this use.";
    ApprovalUsed = "approval-used", 403, Denied, "The approval was used before; it counts once.", "Get a new approval of the principal.";
    // The mesh.
    PeerNotAdmitted = "peer-not-admitted", 403, Denied, "The peer's domain is neither trusted nor joined.", "Join with a token, or add trust on both sides.";
    MembershipInvalid = "membership-invalid", 403, Denied, "The peer's NodeMembershipCredential does not bind its PeerId to its domain.", "The peer's operator restarts its node to get a new one.";
    EnvelopeMalformed = "envelope-malformed", 400, Input, "A mesh message cannot be read.", "The sender must be repaired.";
    EnvelopeForged = "envelope-forged", 403, Denied, "A mesh message is not signed by the domain that it names.", "Nothing; it was dropped.";
    EnvelopeStale = "envelope-stale", 409, Conflict, "A mesh message is expired, too early or older than what is held.", "Nothing; it was dropped.";
    ListUnrevokes = "list-unrevokes", 403, Denied, "A status list clears a revocation that was seen before.", "Its domain must repair it; the revocation stands here.";
    ListEquivocates = "list-equivocates", 403, Denied, "Two status lists with one sequence number differ.", "Its domain must explain; every revocation of either stands here.";
    PeerUnreachable = "peer-unreachable", 503, Unavailable, "The peer cannot be reached.", "Check its address, and that its node is up.";
    // The node itself.
    Unavailable = "unavailable", 503, Unavailable, "The node cannot do this now.", "Try again; if it stays so, read the node's log.";
    Internal = "internal", 500, Internal, "The node has a defect.", "Report it with the request id; the log has the cause.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.iter().copied().find(|c| c.as_str() == text).ok_or(UnknownCode)
    }
}

/// The text is no code of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCode;

impl fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such code")
    }
}

impl std::error::Error for UnknownCode {}

/// The list as the first part of the page `docs/codes.md`; what the command line alone says follows on it.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Codes\n\nEvery reason for which Marque says no: the codes that every node says, then those of the command \
         line alone. Generated from `vc-schemas/src/code.rs` and `node/src/failure.rs`: `cargo test -p \
         marque --lib failure` says when this page is out of date, and how to write it anew.\n\n\
         | code | HTTP | class | meaning | what to do |\n|---|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let (status, class) = (code.http_status(), code.class());
        page.push_str(&format!(
            "| `{code}` | {status} | {class} | {} | {} |\n",
            code.meaning(),
            code.action()
        ));
    }
    page
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
            Self::Unknown => "could not know",
            Self::NotFound => "not found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        })
    }
}

#[cfg(test)]
mod tests;
