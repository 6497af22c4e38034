//! DID documents: which key stands for whom, and for what (DID Core 1.1, section 5; W3C Controlled
//! Identifiers 1.0, section 2).
//!
//! A document says what its controller wrote. That a document is the newest accepted one, and that
//! its DID is not deactivated or contested, is for the caller to know.

use crate::did::{Did, DidUrl};
use crate::keys::{KeyKind, PublicKey};
use crate::time::UnixSeconds;
use serde_json::Value;
use std::fmt;

/// Most verification methods of one document. A domain in the middle of a rotation has eight.
pub const MAX_METHODS: usize = 64;

/// Most services of one document.
pub const MAX_SERVICES: usize = 64;

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relationship {
    /// To prove to be the subject: presentations and requests.
    Authentication,
    /// To state something: credentials and links.
    AssertionMethod,
    /// To agree on keys.
    KeyAgreement,
    /// To invoke a capability.
    CapabilityInvocation,
    /// To delegate a capability.
    CapabilityDelegation,
}

impl Relationship {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::AssertionMethod,
        Self::KeyAgreement,
        Self::CapabilityInvocation,
        Self::CapabilityDelegation,
    ];

    /// The property of the document that lists the keys, which is also the `proofPurpose`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AssertionMethod => "assertionMethod",
            Self::KeyAgreement => "keyAgreement",
            Self::CapabilityInvocation => "capabilityInvocation",
            Self::CapabilityDelegation => "capabilityDelegation",
        }
    }
}

/// One verification method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationMethod {
    /// Its absolute id.
    pub id: DidUrl,
    /// Who controls it. A key of another controller authorises nothing for this document's DID.
    pub controller: Did,
    /// The key, or `None` where it is of a kind that is not spoken here.
    pub key: Option<PublicKey>,
    /// From this instant on it authorises nothing.
    pub expires: Option<UnixSeconds>,
    /// From this instant on it authorises nothing; an instant in the future is treated as past,
    /// since nothing says why somebody wrote it.
    pub revoked: Option<UnixSeconds>,
}

/// One service: where something of the subject is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its absolute id.
    pub id: DidUrl,
    /// Its types.
    pub types: Vec<String>,
    /// Its endpoint, as it was written.
    pub endpoint: Value,
}

/// A DID document. The JSON is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    id: Did,
    json: Value,
    methods: Vec<VerificationMethod>,
    listed: Vec<(Relationship, DidUrl)>,
    services: Vec<Service>,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// [`DocumentError`]: a required property is missing, something has the wrong shape, or a
    /// verification method stands there twice. A relationship may name a method that is not there
    /// (other implementations write such documents): it authorises nothing. See [`Self::dangling`].
    pub fn parse(json: Value) -> Result<Self, DocumentError> {
        Self::parse_after(json, None)
    }

    /// As [`Self::parse`]. A method that stands in the same place of `earlier`, a document of the same
    /// DID, and is the same there is not read again: keys cost the most, and most of them stay.
    pub(crate) fn parse_after(json: Value, earlier: Option<&Self>) -> Result<Self, DocumentError> {
        let id: Did = text(&json, "id").and_then(|t| t.parse().ok()).ok_or(DocumentError::Id)?;
        let earlier = earlier.filter(|earlier| earlier.id == id);
        let mut methods = Vec::new();
        for (place, method) in list(&json, "verificationMethod")?.iter().enumerate() {
            let known = earlier.and_then(|earlier| earlier.method_at(place, method)).cloned();
            add(&mut methods, known.map_or_else(|| read_method(&id, method), Ok)?)?;
        }
        let mut listed = Vec::new();
        for relationship in Relationship::ALL {
            for entry in list(&json, relationship.as_str())? {
                let method_id = match entry.as_str() {
                    Some(reference) => absolute(&id, reference).ok_or(DocumentError::Relationship)?,
                    None => {
                        let method = read_method(&id, entry)?;
                        let method_id = method.id.clone();
                        add(&mut methods, method)?;
                        method_id
                    }
                };
                listed.push((relationship, method_id));
            }
        }
        let services = read_services(&id, &json)?;
        Ok(Self { id, json, methods, listed, services })
    }

    /// The method that stands at `place` of `verificationMethod`, if it is written like `json`.
    fn method_at(&self, place: usize, json: &Value) -> Option<&VerificationMethod> {
        let written = self.json.get("verificationMethod")?.get(place)?;
        // Those of the list come first and in its order: none of it is dropped.
        if written == json { self.methods.get(place) } else { None }
    }

    /// The DID that the document is about.
    #[must_use]
    pub const fn id(&self) -> &Did {
        &self.id
    }

    /// The document as it came.
    #[must_use]
    pub const fn json(&self) -> &Value {
        &self.json
    }

    /// Every verification method, also those that no relationship lists.
    #[must_use]
    pub fn methods(&self) -> &[VerificationMethod] {
        &self.methods
    }

    /// Every service.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The verification method or service whose id is `id`, as it was written.
    #[must_use]
    pub fn part(&self, id: &DidUrl) -> Option<Part<'_>> {
        let is = |item: &&Value| text(item, "id").and_then(|t| absolute(&self.id, t)).as_ref() == Some(id);
        let lists = ["verificationMethod"].into_iter().chain(Relationship::ALL.map(Relationship::as_str));
        let items = |name| self.json.get(name).and_then(Value::as_array).into_iter().flatten();
        let method = lists.flat_map(items).find(is).map(Part::Method);
        method.or_else(|| items("service").find(is).map(Part::Service))
    }

    /// Whether `relationship` lists the method `id`, as a reference or in place.
    #[must_use]
    pub fn lists(&self, relationship: Relationship, id: &DidUrl) -> bool {
        self.listed.iter().any(|(r, listed)| *r == relationship && listed == id)
    }

    /// The methods that `relationship` lists.
    pub fn listed(&self, relationship: Relationship) -> impl Iterator<Item = &VerificationMethod> {
        let ids = self.listed.iter().filter(move |(r, _)| *r == relationship);
        ids.filter_map(|(_, id)| self.methods.iter().find(|m| m.id == *id))
    }

    /// What relationships name and nobody can find: own methods that are not there. A reference
    /// into another DID's document is legal; it authorises nothing here.
    pub fn dangling(&self) -> impl Iterator<Item = &DidUrl> {
        let there = |url: &DidUrl| self.methods.iter().any(|m| m.id == *url);
        self.listed.iter().map(|(_, url)| url).filter(move |url| *url.did() == self.id && !there(url))
    }

    /// The method `key_id`, if this document lets it act for its DID under `relationship` at `now`.
    ///
    /// # Errors
    /// [`KeyRefusal`] says which condition fails first.
    pub fn authorised(
        &self,
        relationship: Relationship,
        key_id: &DidUrl,
        now: UnixSeconds,
    ) -> Result<Authorised<'_>, KeyRefusal> {
        let method = self.methods.iter().find(|m| m.id == *key_id).ok_or(KeyRefusal::NotThere)?;
        if *method.id.did() != self.id || method.controller != self.id {
            return Err(KeyRefusal::ForeignController);
        }
        if !self.lists(relationship, key_id) {
            return Err(KeyRefusal::NotForThis);
        }
        if method.revoked.is_some() {
            return Err(KeyRefusal::Revoked);
        }
        if method.expires.is_some_and(|at| at <= now) {
            return Err(KeyRefusal::Expired);
        }
        let key = method.key.as_ref().ok_or(KeyRefusal::UnsupportedKind)?;
        Ok(Authorised { key, retiring: method.expires.is_some() })
    }
}

/// What a fragment of a document names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A verification method.
    Method(&'a Value),
    /// A service.
    Service(&'a Value),
}

/// A key that a document lets act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorised<'a> {
    /// The key.
    pub key: &'a PublicKey,
    /// It has an `expires`: what it signed is still good, but it may not sign presentations.
    pub retiring: bool,
}

fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    json.get(name).and_then(Value::as_str)
}

fn list<'a>(json: &'a Value, name: &str) -> Result<&'a [Value], DocumentError> {
    match json.get(name) {
        None => Ok(&[]),
        Some(Value::Array(items)) if items.len() <= MAX_METHODS => Ok(items),
        Some(_) => Err(DocumentError::Shape),
    }
}

fn add(methods: &mut Vec<VerificationMethod>, method: VerificationMethod) -> Result<(), DocumentError> {
    if methods.len() >= MAX_METHODS || methods.iter().any(|m| m.id == method.id) {
        return Err(DocumentError::Method);
    }
    methods.push(method);
    Ok(())
}

fn absolute(base: &Did, reference: &str) -> Option<DidUrl> {
    match reference.strip_prefix('#') {
        Some(fragment) => base.with_fragment(fragment).ok(),
        None => reference.parse().ok(),
    }
}

fn read_method(base: &Did, json: &Value) -> Result<VerificationMethod, DocumentError> {
    let id = text(json, "id").and_then(|t| absolute(base, t)).ok_or(DocumentError::Method)?;
    let controller = text(json, "controller").and_then(|t| t.parse().ok()).ok_or(DocumentError::Method)?;
    let kind = text(json, "type").ok_or(DocumentError::Method)?;
    let of = |multikey: &str, kind| PublicKey::from_multikey(multikey).ok().filter(|key| key.kind() == kind);
    let key = match (kind, json.get("publicKeyMultibase"), json.get("publicKeyJwk")) {
        ("Multikey", Some(Value::String(multikey)), None) => PublicKey::from_multikey(multikey).ok(),
        ("JsonWebKey" | "JsonWebKey2020", None, Some(jwk)) => PublicKey::from_jwk(jwk).ok(),
        ("Ed25519VerificationKey2020", Some(Value::String(multikey)), None) => of(multikey, KeyKind::Ed25519),
        ("X25519KeyAgreementKey2020", Some(Value::String(multikey)), None) => of(multikey, KeyKind::X25519),
        ("Multikey" | "JsonWebKey" | "JsonWebKey2020", _, _) => return Err(DocumentError::Method),
        _ => None,
    };
    let instant = |name| match json.get(name) {
        None => Ok(None),
        Some(value) => {
            value.as_str().and_then(|t| UnixSeconds::parse(t).ok()).map(Some).ok_or(DocumentError::Method)
        }
    };
    Ok(VerificationMethod { id, controller, key, expires: instant("expires")?, revoked: instant("revoked")? })
}

fn read_services(base: &Did, json: &Value) -> Result<Vec<Service>, DocumentError> {
    let items = match json.get("service") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= MAX_SERVICES => items,
        Some(_) => return Err(DocumentError::Service),
    };
    let read = |item: &Value| {
        let id = text(item, "id").and_then(|t| absolute(base, t))?;
        let types = match item.get("type")? {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => {
                many.iter().map(|t| t.as_str().map(str::to_owned)).collect::<Option<_>>()?
            }
            _ => return None,
        };
        Some(Service { id, types, endpoint: item.get("serviceEndpoint")?.clone() })
    };
    items.iter().map(|item| read(item).ok_or(DocumentError::Service)).collect()
}

/// Why a key does not authorise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The document has no such verification method.
    NotThere,
    /// Somebody else controls it.
    ForeignController,
    /// The relationship that the use needs does not list it.
    NotForThis,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its kind is not spoken here.
    UnsupportedKind,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "the DID document does not list the key",
            Self::ForeignController => "the key is controlled by another DID",
            Self::NotForThis => "the key is not listed for this use",
            Self::Revoked => "the key is revoked",
            Self::Expired => "the key has expired",
            Self::UnsupportedKind => "the kind of key is not supported",
        })
    }
}

impl std::error::Error for KeyRefusal {}

/// Why a text is not a DID document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentError {
    /// `id` is missing or no DID.
    Id,
    /// A list is not an array, or too long.
    Shape,
    /// A verification method is malformed, doubled or one too many.
    Method,
    /// A relationship names no verification method, or one that must be there and is not.
    Relationship,
    /// A service is malformed or one too many.
    Service,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id => "DID document has no valid id",
            Self::Shape => "DID document has a list of the wrong shape",
            Self::Method => "DID document has a bad verification method",
            Self::Relationship => "DID document refers to a verification method that is not there",
            Self::Service => "DID document has a bad service",
        })
    }
}

impl std::error::Error for DocumentError {}

#[cfg(test)]
mod tests;
