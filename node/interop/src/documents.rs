//! Documents as ssi canonicalises them: read as JSON-LD, strictly, by contexts that are at hand.
//!
//! What a context does not define is an error, since nobody would have signed it; so is an identifier
//! that is no IRI.

use serde::Serialize;
use ssi::claims::{ClaimsValidity, ValidateClaims};
use ssi::json_ld::syntax::{Parse, Value};
use ssi::json_ld::{
    CompactJsonLd, ContextLoader, Expandable, JsonLdError, JsonLdNodeObject, JsonLdObject, JsonLdTypes,
    Loader,
};
use ssi::rdf::{
    Interpretation, LdEnvironment, LinkedDataResource, LinkedDataSubject, Vocabulary, VocabularyMut,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// A document without its proof.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub(crate) struct Document(CompactJsonLd);

impl Document {
    /// Reads an object.
    pub(crate) fn read(json: Value) -> Option<Self> {
        json.is_object().then_some(Self(CompactJsonLd(json)))
    }

    /// Reads an object and takes its one `proof` out of it.
    pub(crate) fn read_secured(text: &str) -> Option<(Self, Value)> {
        let (mut json, _) = Value::parse_str(text).ok()?;
        let proof = json.as_object_mut()?.remove_unique("proof").ok()??.value;
        Some((Self::read(json)?, proof))
    }

    /// Reads an object that has no proof yet.
    pub(crate) fn read_unsecured(text: &str) -> Option<Self> {
        let (json, _) = Value::parse_str(text).ok()?;
        let has_proof = json.as_object()?.contains_key("proof");
        if has_proof { None } else { Self::read(json) }
    }
}

impl<E, P> ValidateClaims<E, P> for Document {
    /// What the document claims is not looked at here.
    fn validate_claims(&self, _environment: &E, _proof: &P) -> ClaimsValidity {
        Ok(())
    }
}

impl JsonLdObject for Document {
    fn json_ld_context(&self) -> Option<Cow<'_, ssi::json_ld::syntax::Context>> {
        self.0.json_ld_context()
    }
}

impl JsonLdNodeObject for Document {
    fn json_ld_type(&self) -> JsonLdTypes<'_> {
        let Some(members) = self.0.0.as_object() else { return JsonLdTypes::default() };
        let named = members.get("type").chain(members.get("@type"));
        let types = named.flat_map(|value| match value {
            Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            other => other.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        });
        JsonLdTypes::new(&[], Cow::Owned(types.collect()))
    }
}

impl Expandable for Document {
    type Error = JsonLdError;

    type Expanded<I, V>
        = <CompactJsonLd as Expandable>::Expanded<I, V>
    where
        I: Interpretation,
        V: VocabularyMut,
        V::Iri: LinkedDataResource<I, V> + LinkedDataSubject<I, V>,
        V::BlankId: LinkedDataResource<I, V> + LinkedDataSubject<I, V>;

    async fn expand_with<I, V>(
        &self,
        environment: &mut LdEnvironment<V, I>,
        loader: &impl Loader,
    ) -> Result<Self::Expanded<I, V>, Self::Error>
    where
        I: Interpretation,
        V: VocabularyMut + Vocabulary,
        V::Iri: Clone + Eq + Hash + LinkedDataResource<I, V> + LinkedDataSubject<I, V>,
        V::BlankId: Clone + Eq + Hash + LinkedDataResource<I, V> + LinkedDataSubject<I, V>,
    {
        self.0.expand_with(environment, loader).await
    }
}

/// The contexts that ssi embeds, and `given`.
pub(crate) fn contexts(given: &BTreeMap<String, String>) -> Option<ContextLoader> {
    let given: HashMap<_, _> = given.iter().map(|(url, text)| (url.clone(), text.clone())).collect();
    ContextLoader::default().with_context_map_from(given).ok()
}
