//! What anybody may read, as files.

use serde::{Deserialize, Serialize};

/// Files for a web server or a CDN, so that reading needs no node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The folder that they are kept in, by its absolute path; empty, none are. It belongs to this domain alone.
    pub folder: String,
}
