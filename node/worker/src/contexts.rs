//! The contexts that an operator gives: a JSON object from URLs to contexts. They define what a credential
//! may say; nothing is ever fetched.

use crate::limits::MAX_CONTEXTS_BYTES;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Contexts by URL, each as JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contexts(pub(crate) BTreeMap<String, String>);

impl Contexts {
    /// Reads contexts. `is_taken` says of each whether its terms are ones that can be relied on.
    ///
    /// # Errors
    /// [`ContextsError`].
    pub fn read(bytes: &[u8], is_taken: impl Fn(&Value) -> bool) -> Result<Self, ContextsError> {
        if bytes.len() > MAX_CONTEXTS_BYTES {
            return Err(ContextsError::TooLong);
        }
        let json: BTreeMap<String, Value> =
            serde_json::from_slice(bytes).map_err(|_| ContextsError::Malformed)?;
        for (url, context) in &json {
            let is_object = context.get("@context").is_some_and(Value::is_object);
            if !url.starts_with("https://") || !is_object || !is_taken(context) {
                return Err(ContextsError::NotTaken(url.clone()));
            }
        }
        Ok(Self(json.into_iter().map(|(url, context)| (url, context.to_string())).collect()))
    }
}

/// Why contexts were not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextsError {
    /// More than [`MAX_CONTEXTS_BYTES`].
    TooLong,
    /// Not an object of JSON.
    Malformed,
    /// The context of this URL is not taken.
    NotTaken(String),
}

impl fmt::Display for ContextsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("the contexts are longer than 128 KiB"),
            Self::Malformed => f.write_str("the contexts are not a JSON object"),
            Self::NotTaken(url) => write!(
                f,
                "the context {url} is not taken: an https URL, an object, and no @index, @included, @nest, \
                 @reverse or null in it"
            ),
        }
    }
}

impl std::error::Error for ContextsError {}
