//! A credential of Marque's types as the claims of a `dc+sd-jwt`, and back (draft-ietf-oauth-sd-jwt-vc,
//! section 3.2.2): `vct` names the type, `iss`, `sub`, `jti`, `nbf` and `exp` say what the document says,
//! the other members of its subject stand beside them, and `status` points into the list of revocations,
//! which is a Status List Token as well (draft-ietf-oauth-status-list, section 6).
//!
//! The two forms say the same, and each has one spelling: what does not come back as it was is refused.

use crate::context;
use crate::disclosure::Pointer;
use crate::secure::SecureError;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value, json};

/// What the `vct` of each type begins with: the vocabulary in which the context defines the types.
const VOCABULARY: &str = "https://w3id.org/marque#";

/// The member that says where the status stands, in both forms.
const STATUS: &str = "credentialStatus";

/// The subject's member of the document.
const SUBJECT: &str = "credentialSubject";

/// The claims that are of the credential, and never of its subject.
const REGISTERED: [&str; 12] =
    ["iss", "sub", "jti", "nbf", "exp", "iat", "vct", "vct#integrity", "aka_vcts", "cnf", "status", STATUS];

/// The claims that say what `document` says.
///
/// # Errors
/// [`SecureError::Claims`] for a document that claims cannot say.
pub(super) fn of_document(document: &Value) -> Result<Value, SecureError> {
    let claims = written(document).ok_or(SecureError::Claims)?;
    if to_document(&claims)? == *document { Ok(claims) } else { Err(SecureError::Claims) }
}

fn written(document: &Value) -> Option<Value> {
    let text = |name: &str| document.get(name)?.as_str();
    let seconds = |name: &str| Some(UnixSeconds::parse(text(name)?).ok()?.get());
    let own_type = document.get("type")?.as_array()?.last()?.as_str()?;
    let mut claims = document.get(SUBJECT)?.as_object()?.clone();
    let subject = claims.remove("id")?;
    if claims.keys().any(|name| REGISTERED.contains(&name.as_str())) {
        return None;
    }
    let status = document.get(STATUS)?;
    let own = [
        ("vct", json!(format!("{VOCABULARY}{own_type}"))),
        ("iss", json!(text("issuer")?)),
        ("sub", subject),
        ("jti", json!(text("id")?)),
        ("nbf", json!(seconds("validFrom")?)),
        ("exp", json!(seconds("validUntil")?)),
        ("status", token_reference(status)?),
        (STATUS, status.clone()),
    ];
    claims.extend(own.map(|(name, value)| (name.to_owned(), value)));
    Some(Value::Object(claims))
}

/// The document that says what `claims` say; `cnf` is no part of it.
///
/// # Errors
/// [`SecureError::Claims`] for claims that are none of a credential of Marque's.
pub(super) fn to_document(claims: &Value) -> Result<Value, SecureError> {
    read(claims).ok_or(SecureError::Claims)
}

fn read(claims: &Value) -> Option<Value> {
    let text = |name: &str| claims.get(name)?.as_str();
    let time = |name: &str| {
        let seconds = claims.get(name)?.as_u64()?;
        let at = UnixSeconds::new(seconds);
        (at.get() == seconds).then(|| at.to_string())
    };
    let status = claims.get(STATUS)?;
    if claims.get("status") != token_reference(status).as_ref() {
        return None;
    }
    if ["iat", "vct#integrity", "aka_vcts"].iter().any(|name| claims.get(name).is_some()) {
        return None;
    }
    let of_subject = |(name, _): &(&String, &Value)| !REGISTERED.contains(&name.as_str());
    let rest = claims.as_object()?.iter().filter(of_subject);
    let mut subject: Map<String, Value> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
    if subject.insert("id".to_owned(), json!(text("sub")?)).is_some() {
        return None;
    }
    Some(json!({
        "@context": context::own(),
        "id": text("jti")?,
        "type": ["VerifiableCredential", text("vct")?.strip_prefix(VOCABULARY)?],
        "issuer": text("iss")?,
        "validFrom": time("nbf")?,
        "validUntil": time("exp")?,
        STATUS: status,
        SUBJECT: subject,
    }))
}

/// The entry of the list of revocations among `status`, as a reference to a Status List Token.
fn token_reference(status: &Value) -> Option<Value> {
    let entries = status.as_array().map_or(std::slice::from_ref(status), Vec::as_slice);
    let entry =
        entries.iter().find(|entry| entry.get("statusPurpose").is_some_and(|is| is == "revocation"))?;
    let text = |name: &str| entry.get(name)?.as_str();
    let digits = text("statusListIndex")?;
    let index = digits.parse::<u32>().ok().filter(|index| index.to_string() == digits)?;
    Some(json!({"status_list": {"idx": index, "uri": text("statusListCredential")?}}))
}

/// Where the claim stands that says what stands at `place` of the document; `None` for what the claims of
/// the credential itself say, which verifiers must see.
pub(super) fn of_place(place: &Pointer) -> Option<Pointer> {
    match place.steps() {
        [first, name, ..] if first == SUBJECT && name != "id" => {
            Some(Pointer::of(place.steps().iter().skip(1).cloned()))
        }
        _ => None,
    }
}

/// Where in the document stands what the claim at `place` says.
pub(super) fn to_place(place: &Pointer) -> Pointer {
    Pointer::of([SUBJECT.to_owned()].into_iter().chain(place.steps().iter().cloned()))
}

#[cfg(test)]
mod tests;
