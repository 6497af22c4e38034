//! Where secret keys are kept other than in a file: in a token behind a PKCS#11 module, which signs and gives no
//! secret away, and, with the feature `keyring`, in the keyring of a desktop session, which gives them to this user.
//!
//! Which key may sign what is not decided here (`marque_flows::ports::keys`).

mod limits;
mod error;
mod lane;
pub mod pkcs11;
#[cfg(feature = "keyring")]
pub mod keyring;

pub use error::Error;
pub use limits::{ANSWER_WITHIN, MAX_WAITING, PROMPT_SECONDS, RETURN_PAUSE};
