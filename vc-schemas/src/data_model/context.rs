//! Contexts of any verifiable credential or presentation: the base context first, then URLs and objects
//! (VC Data Model 2.0, section 4.3), and which types they define.
//!
//! No context is fetched or processed. What can be told without: that no object redefines a protected
//! term, and that a type is one which some context may define.

use super::problem::Problem;
use super::values::{MAX_ITEMS, is_url};
use crate::context::{CREDENTIALS_V2, MARQUE_V1, MARQUE_V1_TEXT};
use crate::refusal::Path;
use serde_json::{Map, Value};

/// The types and properties that the base context defines at its top, all of them protected.
const BASE_TERMS: [&str; 17] = [
    "id",
    "type",
    "name",
    "description",
    "digestMultibase",
    "digestSRI",
    "mediaType",
    "VerifiableCredential",
    "EnvelopedVerifiableCredential",
    "VerifiablePresentation",
    "EnvelopedVerifiablePresentation",
    "JsonSchema",
    "JsonSchemaCredential",
    "BitstringStatusList",
    "BitstringStatusListCredential",
    "BitstringStatusListEntry",
    "DataIntegrityProof",
];

/// The contexts of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contexts(Vec<Context>);

/// One context after the base context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// A URL. It is never fetched.
    Url(String),
    /// An object.
    Inline(Map<String, Value>),
}

impl Contexts {
    /// Reads `@context`: an array whose first item is the base context.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn read(json: Option<&Value>, path: &Path) -> Result<Self, Problem> {
        let path = path.clone().then("@context");
        let wrong = |detail| Err(Problem::malformed(path.clone(), detail));
        let Some([first, others @ ..]) = json.and_then(Value::as_array).map(Vec::as_slice) else {
            return wrong("not an array that begins with the base context");
        };
        if first != CREDENTIALS_V2 || others.len() >= MAX_ITEMS {
            return wrong("the first context is not the base context of VC 2.0");
        }
        let mut contexts = Vec::new();
        for other in others {
            match other {
                Value::String(url) if is_url(url) => contexts.push(Context::Url(url.clone())),
                Value::Object(terms) => {
                    if redefines(terms, &contexts) {
                        return wrong("a context redefines a protected term, or imports another context");
                    }
                    contexts.push(Context::Inline(terms.clone()));
                }
                _ => return wrong("a context is neither a URL nor an object"),
            }
        }
        Ok(Self(contexts))
    }

    /// The contexts after the base context.
    pub fn iter(&self) -> impl Iterator<Item = &Context> {
        self.0.iter()
    }

    /// Whether `type_name` is an absolute URL, or a term that a context here defines or may define.
    #[must_use]
    pub fn may_define(&self, type_name: &str) -> bool {
        BASE_TERMS.contains(&type_name)
            || is_url(type_name)
            || self.iter().any(|context| context.may_define(type_name))
    }
}

impl Context {
    fn may_define(&self, term: &str) -> bool {
        match self {
            Self::Url(url) if url == CREDENTIALS_V2 => false,
            Self::Url(url) if url == MARQUE_V1 => MARQUE_V1_TEXT.contains(&format!("\"{term}\": {{")),
            // What an unknown context defines is not known.
            Self::Url(_) => true,
            Self::Inline(terms) => {
                let defined = match terms.get(term) {
                    Some(Value::String(url)) => is_url(url),
                    Some(Value::Object(definition)) => {
                        definition.get("@id").and_then(Value::as_str).is_some_and(is_url)
                    }
                    _ => false,
                };
                defined || !terms.contains_key(term) && terms.get("@vocab").is_some_and(is_vocabulary)
            }
        }
    }
}

fn is_vocabulary(json: &Value) -> bool {
    json.as_str().is_some_and(is_url)
}

fn redefines(terms: &Map<String, Value>, before: &[Context]) -> bool {
    let earlier = before.iter().filter_map(|context| match context {
        Context::Inline(terms) if terms.get("@protected") == Some(&Value::Bool(true)) => Some(terms),
        _ => None,
    });
    let base = terms.keys().any(|term| BASE_TERMS.contains(&term.as_str()));
    base || terms.contains_key("@import")
        || earlier.into_iter().any(|protected| {
            let keyword = |term: &str| term.starts_with('@');
            terms.iter().any(|(term, definition)| {
                !keyword(term) && protected.get(term).is_some_and(|held| held != definition)
            })
        })
}
