//! DID resolution results, and their errors (DID Resolution 1.0, sections 4 and 10).
//!
//! did:webvh adds two services that no document needs to write ("DID URL Resolution") and asks for
//! metadata of its own ("Read (Resolve)"); numbers in metadata are text, since no integer may stand
//! there.

mod absolute;
mod error;
pub mod dereference;
mod did_web;
mod scid;

pub use did_web::did_web_document;
pub use error::ResolutionError;

use crate::did::Did;
use crate::document::Document;
use crate::methods::{self, peer};
use crate::time::UnixSeconds;
use crate::webvh::{Log, Version, VersionQuery, WebvhId, Witnesses};
use serde_json::{Map, Value, json};

/// The media type of a document on its own.
pub const DOCUMENT_TYPE: &str = "application/did";

/// The media type of a whole result.
pub const RESULT_TYPE: &str = "application/did-resolution";

/// What resolving a DID gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The document, or `None` where the DID is deactivated and no older version was asked for.
    pub document: Option<Value>,
    /// What is known about it.
    pub metadata: Metadata,
}

/// What is known about a document. All of it is absent for a DID without a history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The versionId of the version that was resolved.
    pub version_id: Option<String>,
    /// Its number.
    pub version_number: Option<u32>,
    /// When it was made.
    pub version_time: Option<UnixSeconds>,
    /// When the first version was made.
    pub created: Option<UnixSeconds>,
    /// When the newest version was made.
    pub updated: Option<UnixSeconds>,
    /// Whether the DID is deactivated by now.
    pub deactivated: bool,
    /// The versionId of the version after the resolved one.
    pub next_version_id: Option<String>,
    /// When that one was made.
    pub next_update: Option<UnixSeconds>,
    /// The SCID.
    pub scid: Option<String>,
    /// Whether the DID may move.
    pub portable: Option<bool>,
    /// How long the document may be kept, in seconds.
    pub ttl_seconds: Option<u32>,
    /// Who must approve the next version, or nobody.
    pub witnesses: Witnesses,
    /// Who offers copies of the log.
    pub watchers: Vec<String>,
    /// The DID by its newest version, where the one that was asked for has moved there.
    pub canonical_id: Option<Did>,
    /// Other DIDs that by the method stand for the same subject. Names that a log had before it moved
    /// are not among them: nothing shows that the log ever was there.
    pub equivalent_ids: Vec<Did>,
}

impl Metadata {
    fn of(log: &Log, did: &Did, version: &Version, next: Option<&Version>) -> Self {
        let newest = (did != log.did()).then(|| log.did().clone());
        Self {
            version_id: Some(version.id.clone()),
            version_number: Some(version.number),
            version_time: Some(version.time),
            created: log.versions().next().map(|first| first.time),
            updated: Some(log.head().time),
            deactivated: log.is_deactivated(),
            next_version_id: next.map(|next| next.id.clone()),
            next_update: next.map(|next| next.time),
            scid: Some(log.scid().to_owned()),
            portable: Some(log.parameters().portable()),
            ttl_seconds: Some(log.parameters().ttl_seconds()),
            witnesses: log.parameters().witnesses().clone(),
            watchers: log.parameters().watchers().to_vec(),
            equivalent_ids: newest.iter().cloned().collect(),
            canonical_id: newest,
        }
    }

    /// As `didDocumentMetadata`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        let time = |at: Option<UnixSeconds>| at.map(|at| json!(at.to_string()));
        add("versionId", self.version_id.as_ref().map(|id| json!(id)));
        add("versionNumber", self.version_number.map(|n| json!(n.to_string())));
        add("versionTime", time(self.version_time));
        add("created", time(self.created));
        add("updated", time(self.updated));
        add("deactivated", (self.deactivated || self.version_id.is_some()).then(|| json!(self.deactivated)));
        add("nextVersionId", self.next_version_id.as_ref().map(|id| json!(id)));
        add("nextUpdate", time(self.next_update));
        add("scid", self.scid.as_ref().map(|scid| json!(scid)));
        add("portable", self.portable.map(|portable| json!(portable)));
        add("ttl", self.ttl_seconds.map(|ttl| json!(ttl.to_string())));
        add("witness", (!self.witnesses.is_none()).then(|| witness_text(&self.witnesses)));
        add("watchers", (!self.watchers.is_empty()).then(|| json!(self.watchers)));
        add("canonicalId", self.canonical_id.as_ref().map(|did| json!(did.as_str())));
        let equivalent: Value = self.equivalent_ids.iter().map(Did::as_str).collect();
        add("equivalentId", (!self.equivalent_ids.is_empty()).then_some(equivalent));
        Value::Object(members)
    }
}

impl Resolution {
    /// What a verified log says about `did`.
    ///
    /// # Errors
    /// [`ResolutionError::NotFound`] where the log never had that DID, or not that version.
    pub fn of_log(log: &Log, did: &Did, query: Option<&VersionQuery>) -> Result<Self, ResolutionError> {
        if !log.names(did) {
            return Err(ResolutionError::NotFound);
        }
        let (version, next) = match query {
            None => (log.head(), None),
            Some(query) => {
                let resolved = log.at(query).ok_or(ResolutionError::NotFound)?;
                (resolved.version, resolved.next)
            }
        };
        let document = (!version.parameters().deactivated())
            .then(|| with_implicit_services(version.document(), version.webvh()));
        Ok(Self { document, metadata: Metadata::of(log, did, version, next) })
    }

    /// The document of a DID that is its own (see [`methods::resolve`]), which has no versions.
    ///
    /// # Errors
    /// [`ResolutionError::InvalidDid`]; [`ResolutionError::MethodNotSupported`];
    /// [`ResolutionError::NotFound`] for a did:peer 4 in its short form;
    /// [`ResolutionError::FeatureNotSupported`] where a version is asked for, and for other kinds of
    /// did:peer.
    pub fn of_did(did: &Did, query: Option<&VersionQuery>) -> Result<Self, ResolutionError> {
        let document = methods::resolve(did)?;
        if query.is_some() {
            return Err(ResolutionError::FeatureNotSupported);
        }
        // Of these methods did:peer 4 alone has two forms.
        let equivalent_ids = peer::hashed::short_form(did).into_iter().collect();
        let metadata = Metadata { equivalent_ids, ..Metadata::default() };
        Ok(Self { document: Some(document.json().clone()), metadata })
    }

    /// The same with every relative id of the document written in full (`expandRelativeUrls`).
    #[must_use]
    pub fn with_absolute_ids(&self) -> Self {
        Self { document: self.document.as_ref().map(absolute::expanded), metadata: self.metadata.clone() }
    }

    /// The HTTP status: 200, or 410 where the DID is deactivated.
    #[must_use]
    pub const fn status(&self) -> u16 {
        if self.metadata.deactivated { 410 } else { 200 }
    }

    /// The whole result.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let resolution = match self.document {
            Some(_) => json!({"contentType": DOCUMENT_TYPE}),
            None => json!({}),
        };
        json!({
            "didDocument": self.document,
            "didDocumentMetadata": self.metadata.to_json(),
            "didResolutionMetadata": resolution,
        })
    }
}

/// `witness`, with its number as text.
fn witness_text(witnesses: &Witnesses) -> Value {
    let mut json = witnesses.to_json();
    if let Some(threshold) = json.get_mut("threshold") {
        *threshold = json!(witnesses.threshold().to_string());
    }
    json
}

/// The document with `#files` and `#whois`, unless it has its own.
fn with_implicit_services(document: &Document, webvh: &WebvhId) -> Value {
    let mut json = document.json().clone();
    let base = webvh.location().base_url();
    let did = document.id();
    let implicit = [
        json!({"id": format!("{did}#files"), "type": "relativeRef", "serviceEndpoint": base}),
        json!({
            "@context": "https://identity.foundation/linked-vp/contexts/v1",
            "id": format!("{did}#whois"),
            "type": "LinkedVerifiablePresentation",
            "serviceEndpoint": format!("{base}whois.vp"),
        }),
    ];
    let own = |service: &&Value| document.services().iter().any(|s| service["id"] == s.id.as_str());
    let missing: Vec<Value> = implicit.iter().filter(|service| !own(service)).cloned().collect();
    if let Some(members) = json.as_object_mut() {
        let services = members.entry("service").or_insert_with(|| Value::Array(Vec::new()));
        if let Some(services) = services.as_array_mut() {
            services.extend(missing);
        }
    }
    json
}

impl VersionQuery {
    /// Reads `versionId`, `versionNumber` and `versionTime` from decoded query parameters; others
    /// are not looked at.
    ///
    /// # Errors
    /// [`ResolutionError::InvalidOptions`] where one is malformed, or more than one is given.
    pub fn from_parameters<'a>(
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Self>, ResolutionError> {
        let mut found = None;
        for (name, value) in parameters {
            let query = match name {
                "versionId" => Some(Self::Id(value.to_owned())),
                "versionNumber" if !value.starts_with('+') => value.parse().ok().map(Self::Number),
                "versionTime" => UnixSeconds::parse(value).ok().map(Self::Time),
                "versionNumber" => None,
                _ => continue,
            };
            if found.is_some() {
                return Err(ResolutionError::InvalidOptions);
            }
            found = Some(query.ok_or(ResolutionError::InvalidOptions)?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
