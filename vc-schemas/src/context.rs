//! The JSON-LD contexts that credentials may name. They are embedded, known by hash, and never
//! fetched; a context that is an object, or any other URL, is refused.
//!
//! No JSON-LD processing happens here: the typed parsers read the terms that the contexts define.

use did_resolver::json::Json;
use serde_json::{Value, json};
use std::fmt;

/// The base context of VC Data Model 2.0, section 4.3. Its text is fixed by the recommendation.
pub const CREDENTIALS_V2: &str = "https://www.w3.org/ns/credentials/v2";

/// SHA-256 of the text behind [`CREDENTIALS_V2`], as VC Data Model 2.0, appendix B.1, states it.
pub const CREDENTIALS_V2_SHA256: &str = "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734";

/// The context of Marque's own terms.
pub const MARQUE_V1: &str = "https://w3id.org/marque/v1";

/// The text behind [`MARQUE_V1`].
pub const MARQUE_V1_TEXT: &str = include_str!("../contexts/marque-v1.jsonld");

/// The `@context` of everything that Marque issues.
#[must_use]
pub fn own() -> Value {
    json!([CREDENTIALS_V2, MARQUE_V1])
}

/// Checks the `@context` of a document of one of Marque's types: exactly the two, in order.
///
/// # Errors
/// [`ContextError`].
pub fn check<'a>(json: impl Into<Json<'a>>) -> Result<(), ContextError> {
    let contexts = json.into().get("@context");
    let own = contexts.is_some_and(|contexts| contexts.is_texts(&[CREDENTIALS_V2, MARQUE_V1]));
    if own { Ok(()) } else { Err(ContextError) }
}

/// The document names contexts other than the two that are embedded, or in another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextError;

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("@context is not the one that Marque's types have")
    }
}

impl std::error::Error for ContextError {}

#[cfg(test)]
mod tests;
