//! Status of credentials: what a credential says of where its status stands, the list of statuses that
//! it points into, and the two forms in which such a list is signed (W3C Bitstring Status List 1.0;
//! draft-ietf-oauth-status-list, of April 2026).

pub mod aggregation;
pub mod array;
pub mod bitstring;
pub mod delta;
mod entry;
mod inflate;
mod list;
mod members;
pub mod reference;
pub mod token_list;

pub use entry::{MAX_MESSAGES, MessageEntry, Purpose, StatusEntry};
pub use list::{ListDraft, StatusList, VerifiedList};
pub use members::MAX_URL_BYTES;

use crate::cbor::CborError;
use crate::secure::SecureError;
use array::BitsError;
use did_resolver::document::KeyRefusal;
use std::fmt;

/// Most bytes of a secured list: 2^24 entries that do not compress, in base64url twice.
pub const MAX_LIST_BYTES: usize = crate::secure::MAX_BYTES;

/// Why a status entry or a status list was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusError {
    /// Not of the exact shape.
    Malformed,
    /// The array of entries.
    Bits(BitsError),
    /// Key, issuer and document are not of one DID.
    Issuer,
    /// The issuer's document does not authorise the key.
    Key(KeyRefusal),
    /// The signature does not verify.
    Signature,
    /// The JWS or COSE_Sign1 around a list or a delta.
    Secured(SecureError),
    /// The list is another one than the reference names.
    Subject,
    /// The list is past its end.
    Expired,
    /// The delta does not start from the list that is held, or does not end where it says.
    Delta,
    /// The delta takes a revocation back.
    Unrevokes,
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "status entry or status list is malformed",
            Self::Bits(error) => return error.fmt(f),
            Self::Issuer => "status list is not signed by a key of its issuer",
            Self::Key(refusal) => return refusal.fmt(f),
            Self::Signature => "signature of the status list does not verify",
            Self::Secured(error) => return error.fmt(f),
            Self::Subject => "status list is another one than the one that is pointed to",
            Self::Expired => "status list has expired",
            Self::Delta => "change of a status list does not fit the list that is held",
            Self::Unrevokes => "change of a status list takes a revocation back",
        })
    }
}

impl std::error::Error for StatusError {}

impl From<CborError> for StatusError {
    fn from(_: CborError) -> Self {
        Self::Malformed
    }
}
