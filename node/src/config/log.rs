//! The node's log.

use super::refused;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// What is logged if nobody says: decisions and events of the node. What its libraries say of single
/// connections is left to who asks for it.
const DEFAULT_FILTER: &str =
    "info,libp2p_gossipsub=error,libp2p_kad=error,libp2p_swarm=error,sled=warn,lsm_tree=warn";

/// Longest filter, in bytes: a level for each of some dozen modules.
const MAX_FILTER_BYTES: usize = 1_024;

/// The node's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// How a record is written.
    pub format: LogFormat,
    /// What is logged, in the syntax of tracing-subscriber's `EnvFilter`, where the variable `MARQUE_LOG` does not say.
    pub filter: String,
}

/// How records of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Plain on a terminal, else JSON.
    Auto,
    /// A line of text.
    Plain,
    /// A JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, filter: DEFAULT_FILTER.to_owned() }
    }
}

impl Log {
    /// What is logged.
    ///
    /// # Errors
    /// [`Local::Configuration`](crate::failure::Local::Configuration): a misspelt filter must not be a log that is
    /// empty.
    pub fn filter(&self) -> Result<EnvFilter, Failure> {
        let why =
            |why: String| refused(format!("log.filter is no filter such as info,marque_p2p=debug: {why}"));
        if self.filter.trim().is_empty() || self.filter.len() > MAX_FILTER_BYTES {
            return Err(why("it is empty, or longer than one".to_owned()));
        }
        EnvFilter::try_new(&self.filter).map_err(|error| why(error.to_string()))
    }
}
