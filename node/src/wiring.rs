//! The node process: one of each, joined.

use crate::config::Config;
use crate::data::Data;
use crate::failure::{Failure, Local};
use marque_store::secret::Passphrase;

/// Runs the node until it is told to stop.
///
/// # Errors
/// Why it did not start, or stopped by itself.
pub async fn up(_config: Config, _data: Data, _passphrase: Passphrase) -> Result<(), Failure> {
    Err(Failure::local(Local::Answer, "not built yet", ""))
}
