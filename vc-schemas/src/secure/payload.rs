//! What an envelope holds: the document without what secures it.

use did_resolver::json::{Json, Tree};
use serde_json::Value;

/// A document that is looked at where it stands. Owned parts are made of it only where somebody asks for
/// them; where it was never one text, there are no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Payload {
    Read(Tree),
    Made(Value),
}

impl Payload {
    pub(super) fn json(&self) -> Json<'_> {
        match self {
            Self::Read(tree) => tree.root(),
            Self::Made(value) => Json::from(value),
        }
    }

    pub(super) fn value(&self) -> &Value {
        match self {
            Self::Read(tree) => tree.value(),
            Self::Made(value) => value,
        }
    }
}
