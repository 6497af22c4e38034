//! The port to who canonicalises RDF: a proof is put before it, and it says what the proof signs.
//!
//! Contract, in words:
//!
//! * It is not trusted. It says whether a signature holds and over which hash; that the hash is signed by
//!   the key is verified again by who asked, and everything else about the proof is for them too.
//! * An answer is there within a fixed time, whatever is asked, and rests on nothing but the question and
//!   the contexts that the operator gave. No network is reached.
//! * Every future may be dropped before it resolves.

use futures::future::BoxFuture;
use std::fmt;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The document with its one proof, as JSON.
    pub document: String,
    /// The key that should have signed, as a Multikey.
    pub key: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// The signature holds over this hash.
    Holds(Vec<u8>),
    /// It does not.
    Fails,
    /// The document cannot be canonicalised: it is no JSON-LD, or says what no context defines.
    Unprocessable,
}

/// Why there is no answer. It says nothing about the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuitesError {
    /// As many questions as are allowed are waiting.
    Busy,
    /// The question took more time or memory than is allowed.
    Exhausted,
    /// Nobody is there to answer.
    Down,
}

impl fmt::Display for SuitesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "too many proofs are waiting to be judged",
            Self::Exhausted => "to judge the proof takes more than is allowed",
            Self::Down => "what judges such proofs is not there now",
        })
    }
}

impl std::error::Error for SuitesError {}

/// What flows ask of who canonicalises.
pub trait Suites: Send + Sync + fmt::Debug {
    /// Whether the operator gave this context.
    fn has_context(&self, url: &str) -> bool;

    /// Judges one proof.
    ///
    /// # Errors
    /// Why there is no answer.
    fn judge(&self, proven: Proven) -> BoxFuture<'_, Result<Judged, SuitesError>>;
}
