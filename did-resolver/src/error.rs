//! The one error of this crate, which gathers those of its modules.

use crate::codec::CodecError;
use crate::did::DidError;
use crate::document::{DocumentError, KeyRefusal};
use crate::jcs::NotCanonical;
use crate::json::JsonError;
use crate::keys::KeyError;
use crate::methods::MethodError;
use crate::proof::ProofError;
use crate::resolution::ResolutionError;
use crate::time::TimeError;
use crate::webvh::{HostError, LogError};
use std::fmt;

macro_rules! gather {
    ($($(#[$doc:meta])* $name:ident($inner:ident),)*) => {
        /// Why something was refused, by the module that refused it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Error {
            $($(#[$doc])* $name($inner),)*
        }

        $(impl From<$inner> for Error {
            fn from(e: $inner) -> Self {
                Self::$name(e)
            }
        })*

        impl fmt::Display for Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(e) => e.fmt(f),)*
                }
            }
        }
    };
}

gather! {
    /// A timestamp.
    Time(TimeError),
    /// An encoding.
    Codec(CodecError),
    /// JSON.
    Json(JsonError),
    /// JSON without a canonical form.
    Canonical(NotCanonical),
    /// A key or a signature.
    Key(KeyError),
    /// A DID.
    Did(DidError),
    /// A DID document.
    Document(DocumentError),
    /// A key that a document does not let act.
    Refused(KeyRefusal),
    /// A Data Integrity proof.
    Proof(ProofError),
    /// A DID method.
    Method(MethodError),
    /// A did:webvh identifier.
    Webvh(HostError),
    /// A did:webvh log.
    Log(LogError),
    /// A resolution.
    Resolution(ResolutionError),
}

impl std::error::Error for Error {}
