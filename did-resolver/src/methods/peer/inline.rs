//! did:peer 2: keys and services in the DID (Peer DID Method Specification, "Method 2").

use super::body;
use crate::codec;
use crate::did::Did;
use crate::document::{Document, Relationship};
use crate::json;
use crate::keys::{KeyError, KeyKind, PublicKey};
use crate::methods::MethodError;
use serde_json::{Map, Value, json};

/// Longest service, in bytes: what a DID has room for.
const MAX_SERVICE_BYTES: usize = 1_536;

/// Names of members, and their short forms.
const SHORT_NAMES: [(&str, &str); 4] =
    [("type", "t"), ("serviceEndpoint", "s"), ("routingKeys", "r"), ("accept", "a")];

/// A type of service, and its short form.
const SHORT_TYPE: (&str, &str) = ("DIDCommMessaging", "dm");

/// How names of members and types of services are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Long,
}

impl Form {
    fn of<'a>(self, text: &'a str, pairs: &[(&'a str, &'a str)]) -> &'a str {
        let other = |&(long, short): &(&'a str, &'a str)| match self {
            Self::Short => (text == long).then_some(short),
            Self::Long => (text == short).then_some(long),
        };
        pairs.iter().find_map(other).unwrap_or(text)
    }
}

const fn code(relationship: Relationship) -> &'static str {
    match relationship {
        Relationship::AssertionMethod => "A",
        Relationship::KeyAgreement => "E",
        Relationship::Authentication => "V",
        Relationship::CapabilityInvocation => "I",
        Relationship::CapabilityDelegation => "D",
    }
}

/// The did:peer 2 of keys, each for one purpose, and of services.
///
/// # Errors
/// [`MethodError::Purpose`] for a key that cannot do what it stands for; [`MethodError::Input`] for a
/// service that is no object, has an absolute id or a member whose name is a short form;
/// [`MethodError::Did`] where it all is too long, or there is nothing.
pub fn did_of(keys: &[(Relationship, PublicKey)], services: &[Value]) -> Result<Did, MethodError> {
    let mut text = "did:peer:2".to_owned();
    for (relationship, key) in keys {
        if !fits(*relationship, key.kind()) {
            return Err(MethodError::Purpose);
        }
        text.push_str(&format!(".{}{}", code(*relationship), key.to_multikey()));
    }
    for service in services {
        let short = written(service.clone(), Form::Short).ok_or(MethodError::Input)?;
        let comes_back = written(short.clone(), Form::Long).as_ref() == Some(service);
        if !service.is_object() || !has_relative_id(service) || !comes_back {
            return Err(MethodError::Input);
        }
        text.push_str(&format!(".S{}", codec::to_base64url(short.to_string().as_bytes())));
    }
    let did: Did = text.parse()?;
    resolve(&did)?;
    Ok(did)
}

/// The document of a did:peer 2. Keys are `#key-1`, `#key-2` and so on, in their order; a service
/// without an id is `#service`, the next of them `#service-1`.
///
/// # Errors
/// [`MethodError::OtherMethod`], [`MethodError::OtherKind`]; [`MethodError::Encoding`] for an element
/// that is none; [`MethodError::Key`] for a key that is not spoken here or not in its one spelling;
/// [`MethodError::Purpose`] for one that cannot do what it stands for; [`MethodError::Json`] and
/// [`MethodError::Input`] for a service; [`MethodError::Document`] for a document beyond its bounds.
pub fn resolve(did: &Did) -> Result<Document, MethodError> {
    let elements = body(did, '2')?.strip_prefix('.').ok_or(MethodError::Encoding)?;
    let (mut methods, mut services, mut unnamed) = (Vec::new(), Vec::new(), 0);
    let mut listed: Vec<(&str, Vec<Value>)> = Vec::new();
    for element in elements.split('.') {
        let (purpose, value) = element.split_at_checked(1).ok_or(MethodError::Encoding)?;
        if purpose == "S" {
            services.push(read_service(value, &mut unnamed)?);
            continue;
        }
        let relationship = Relationship::ALL.into_iter().find(|r| code(*r) == purpose);
        let relationship = relationship.ok_or(MethodError::Encoding)?;
        let key = PublicKey::from_multikey(value)?;
        if key.to_multikey() != value {
            return Err(KeyError::NotAKey.into());
        }
        if !fits(relationship, key.kind()) {
            return Err(MethodError::Purpose);
        }
        let id = format!("#key-{}", methods.len() + 1);
        match listed.iter_mut().find(|(name, _)| *name == relationship.as_str()) {
            Some((_, ids)) => ids.push(json!(id)),
            None => listed.push((relationship.as_str(), vec![json!(id)])),
        }
        methods.push(json!({
            "id": id, "type": "Multikey", "controller": did.as_str(), "publicKeyMultibase": value,
        }));
    }
    let mut document = Map::from_iter([
        (
            "@context".to_owned(),
            json!(["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"]),
        ),
        ("id".to_owned(), json!(did.as_str())),
        ("alsoKnownAs".to_owned(), json!([shortened(did)?.as_str()])),
        ("verificationMethod".to_owned(), Value::Array(methods)),
    ]);
    if !services.is_empty() {
        document.insert("service".to_owned(), Value::Array(services));
    }
    document.extend(listed.into_iter().map(|(name, ids)| (name.to_owned(), Value::Array(ids))));
    Ok(Document::parse(Value::Object(document))?)
}

/// The did:peer 3 of a did:peer 2: its hash, which names it where both sides know it.
///
/// # Errors
/// [`MethodError::OtherMethod`], [`MethodError::OtherKind`].
pub fn shortened(did: &Did) -> Result<Did, MethodError> {
    let hash = codec::multihash_base58btc(body(did, '2')?.as_bytes());
    Ok(format!("did:peer:3z{hash}").parse::<Did>()?)
}

/// Whether a key of this kind can do what the relationship is for.
fn fits(relationship: Relationship, kind: KeyKind) -> bool {
    match relationship {
        Relationship::KeyAgreement => kind.agrees(),
        _ => kind.jose_alg().is_some(),
    }
}

fn has_relative_id(service: &Value) -> bool {
    service.get("id").is_none_or(|id| id.as_str().is_some_and(|id| id.starts_with('#')))
}

fn read_service(encoded: &str, unnamed: &mut usize) -> Result<Value, MethodError> {
    let bytes = codec::from_base64url(encoded).map_err(|_| MethodError::Encoding)?;
    let service = written(json::parse(&bytes, MAX_SERVICE_BYTES)?, Form::Long);
    let Some(Value::Object(mut service)) = service else { return Err(MethodError::Input) };
    if !service.contains_key("id") {
        let id = if *unnamed == 0 { "#service".to_owned() } else { format!("#service-{unnamed}") };
        *unnamed += 1;
        service.insert("id".to_owned(), Value::String(id));
    }
    let service = Value::Object(service);
    if has_relative_id(&service) { Ok(service) } else { Err(MethodError::Input) }
}

/// `value` with the names of all its members, and the values of `type`, in one form. `None` where two
/// members of an object come to have the same name.
fn written(value: Value, form: Form) -> Option<Value> {
    match value {
        Value::Object(members) => {
            let mut renamed = Map::new();
            for (name, value) in members {
                let value = written(value, form)?;
                let is_type = Form::Long.of(&name, &SHORT_NAMES) == "type";
                let value = if is_type { written_type(value, form) } else { value };
                if renamed.insert(form.of(&name, &SHORT_NAMES).to_owned(), value).is_some() {
                    return None;
                }
            }
            Some(Value::Object(renamed))
        }
        Value::Array(items) => items.into_iter().map(|item| written(item, form)).collect(),
        other => Some(other),
    }
}

fn written_type(value: Value, form: Form) -> Value {
    match value {
        Value::String(one) => Value::String(form.of(&one, &[SHORT_TYPE]).to_owned()),
        Value::Array(many) => many.into_iter().map(|one| written_type(one, form)).collect(),
        other => other,
    }
}
