//! A Status List Token as a JWT (draft-ietf-oauth-status-list, section 5.1).

use super::{Form, Parts, SEQUENCE, Token, TokenList, lst};
use crate::secure::SecureError;
use crate::secure::jose::Jws;
use crate::status::{MAX_LIST_BYTES, StatusError};
use did_resolver::codec;
use did_resolver::json::{self, MAX_INTEGER};
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value, json};
use std::time::Duration;

const TYP: &str = "statuslist+jwt";

pub(super) fn parts(list: &TokenList, key_id: &str, kind: KeyKind) -> Result<Parts, StatusError> {
    let alg = kind.jose_alg().filter(|_| kind != KeyKind::Secp256k1).ok_or(StatusError::Malformed)?;
    let header = json!({"alg": alg, "kid": key_id, "typ": TYP}).to_string().into_bytes();
    let payload = claims(list)?.to_string().into_bytes();
    let signing_input = format!("{}.{}", codec::to_base64url(&header), codec::to_base64url(&payload));
    let (key_id, signing_input) = (key_id.to_owned(), signing_input.into_bytes());
    Ok(Parts { algorithm: kind, key_id, header, payload, signing_input })
}

pub(super) fn join(parts: &Parts, signature: &[u8]) -> Vec<u8> {
    [&parts.signing_input[..], b".", codec::to_base64url(signature).as_bytes()].concat()
}

fn claims(list: &TokenList) -> Result<Value, StatusError> {
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(list.url));
    claims.insert("iat".into(), json!(list.issued.get()));
    claims.extend(list.issuer.iter().map(|did| ("iss".into(), json!(did.as_str()))));
    claims.extend(list.sequence.map(|sequence| (SEQUENCE.into(), json!(sequence))));
    claims.extend(list.not_before.map(|start| ("nbf".into(), json!(start.get()))));
    claims.extend(list.expires.map(|end| ("exp".into(), json!(end.get()))));
    claims.extend(list.ttl.map(|ttl| ("ttl".into(), json!(ttl.as_secs()))));
    claims.insert("status_list".into(), lst::to_json(&list.bits, list.aggregation.as_deref())?);
    Ok(Value::Object(claims))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Token, StatusError> {
    let jws = Jws::parse(bytes, MAX_LIST_BYTES).map_err(StatusError::Secured)?;
    let typ = jws.typ().strip_prefix("application/").unwrap_or(jws.typ());
    if !typ.eq_ignore_ascii_case(TYP) || jws.cty().is_some() {
        return Err(StatusError::Secured(SecureError::Type));
    }
    let payload = json::parse(jws.payload(), MAX_LIST_BYTES);
    let payload = payload.map_err(|error| StatusError::Secured(SecureError::Json(error)))?;
    let claims = Claims(payload.as_object().ok_or(StatusError::Malformed)?);
    let (bits, aggregation) = lst::from_json(claims.0.get("status_list").ok_or(StatusError::Malformed)?)?;
    let list = TokenList {
        url: claims.text("sub")?.ok_or(StatusError::Malformed)?.to_owned(),
        // An issuer that is no DID names nobody here; the key does.
        issuer: claims.text("iss")?.and_then(|iss| iss.parse().ok()),
        sequence: claims.number(SEQUENCE)?,
        issued: claims.instant("iat")?.ok_or(StatusError::Malformed)?,
        not_before: claims.instant("nbf")?,
        expires: claims.instant("exp")?,
        ttl: claims.number("ttl")?.map(Duration::from_secs),
        aggregation,
        bits,
    };
    Ok(Token {
        form: Form::Jwt,
        list,
        algorithm: jws.algorithm(),
        key_id: jws.key_id().to_owned(),
        signed: jws.signing_input().to_vec(),
        signature: jws.signature().to_vec(),
        bytes: bytes.to_vec(),
    })
}

struct Claims<'a>(&'a Map<String, Value>);

impl<'a> Claims<'a> {
    fn text(&self, name: &str) -> Result<Option<&'a str>, StatusError> {
        self.0.get(name).map(|claim| claim.as_str().ok_or(StatusError::Malformed)).transpose()
    }

    fn number(&self, name: &str) -> Result<Option<u64>, StatusError> {
        let whole =
            |claim: &Value| claim.as_u64().filter(|n| *n <= MAX_INTEGER).ok_or(StatusError::Malformed);
        self.0.get(name).map(whole).transpose()
    }

    fn instant(&self, name: &str) -> Result<Option<UnixSeconds>, StatusError> {
        Ok(self.number(name)?.map(UnixSeconds::new))
    }
}
