//! Secured documents in JSON members: a JWT as it is, a COSE_Sign1 in base64url (VC-JOSE-COSE).

use did_resolver::codec;
use vc_schemas::secure::{Envelope, Secured};

/// How `text` is secured: a JWT has two dots, which base64url never has.
pub(crate) fn looks_like(text: &str) -> Envelope {
    if text.bytes().filter(|byte| *byte == b'.').count() == 2 { Envelope::Jwt } else { Envelope::Cose }
}

/// The bytes of a member; `None` where they should be base64url and are not.
pub(crate) fn bytes(text: &str, envelope: Envelope) -> Option<Vec<u8>> {
    match envelope {
        Envelope::Jwt => Some(text.as_bytes().to_vec()),
        Envelope::Cose => codec::from_base64url(text).ok(),
    }
}

/// A secured document as a member.
pub(crate) fn text(secured: &Secured) -> String {
    match secured.envelope() {
        Envelope::Jwt => String::from_utf8_lossy(secured.bytes()).into_owned(),
        Envelope::Cose => codec::to_base64url(secured.bytes()),
    }
}
