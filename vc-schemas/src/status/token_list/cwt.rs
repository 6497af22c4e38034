//! A Status List Token as a CWT (draft-ietf-oauth-status-list, section 5.2): COSE_Sign1 with its tag, and
//! without the tag of a CWT.
//!
//! Others write the key id in the unprotected header, as the draft's example does, and their maps in any
//! order.

use super::{Form, Parts, SEQUENCE, Token, TokenList, lst};
use crate::cbor::{ARRAY, Key, MAP, Reader, TAG, Writer};
use crate::secure::SecureError;
use crate::secure::cose::{Foreign, sig_structure};
use crate::status::{MAX_LIST_BYTES, MAX_URL_BYTES, StatusError};
use did_resolver::json::MAX_INTEGER;
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use std::time::Duration;

const TYP: &str = "application/statuslist+cwt";

/// The tag of COSE_Sign1.
const SIGN1: u64 = 18;

/// Header parameters: RFC 9052, section 3.1; RFC 9596.
const ALG: u64 = 1;
const KID: u64 = 4;
const TYPE: u64 = 16;

/// Claims: RFC 8392, section 4; the draft, section 5.2.
const ISS: u64 = 1;
const SUB: u64 = 2;
const EXP: u64 = 4;
const NBF: u64 = 5;
const IAT: u64 = 6;
const STATUS_LIST: u64 = 65_533;
const TTL: u64 = 65_534;

/// Longest issuer.
const MAX_ISSUER_BYTES: usize = 4_096;

pub(super) fn parts(list: &TokenList, key_id: &str, kind: KeyKind) -> Result<Parts, StatusError> {
    let alg = kind.cose_alg().filter(|_| kind != KeyKind::Secp256k1).ok_or(StatusError::Malformed)?;
    let header = Writer::default().head(MAP, 3).unsigned(ALG).integer(alg).unsigned(KID);
    let header = header.bytes(key_id.as_bytes()).unsigned(TYPE).text(TYP).into_bytes();
    let payload = claims(list)?;
    let signing_input = sig_structure(&header, &payload);
    Ok(Parts { algorithm: kind, key_id: key_id.to_owned(), header, payload, signing_input })
}

pub(super) fn join(parts: &Parts, signature: &[u8]) -> Vec<u8> {
    let message = Writer::default().head(TAG, SIGN1).head(ARRAY, 4).bytes(&parts.header).head(MAP, 0);
    message.bytes(&parts.payload).bytes(signature).into_bytes()
}

fn claims(list: &TokenList) -> Result<Vec<u8>, StatusError> {
    let optional = [
        list.issuer.is_some(),
        list.expires.is_some(),
        list.not_before.is_some(),
        list.ttl.is_some(),
        list.sequence.is_some(),
    ];
    let count = 3 + optional.iter().filter(|there| **there).count() as u64;
    let mut claims = Writer::default().head(MAP, count);
    if let Some(issuer) = &list.issuer {
        claims = claims.unsigned(ISS).text(issuer.as_str());
    }
    claims = claims.unsigned(SUB).text(&list.url);
    for (name, instant) in [(EXP, list.expires), (NBF, list.not_before), (IAT, Some(list.issued))] {
        if let Some(instant) = instant {
            claims = claims.unsigned(name).unsigned(instant.get());
        }
    }
    claims = lst::to_cbor(&list.bits, list.aggregation.as_deref(), claims.unsigned(STATUS_LIST))?;
    if let Some(ttl) = list.ttl {
        claims = claims.unsigned(TTL).unsigned(ttl.as_secs());
    }
    if let Some(sequence) = list.sequence {
        claims = claims.text(SEQUENCE).unsigned(sequence);
    }
    Ok(claims.into_bytes())
}

pub(super) fn parse(bytes: &[u8]) -> Result<Token, StatusError> {
    let message = Foreign::parse(bytes, MAX_LIST_BYTES).map_err(|error| match error {
        SecureError::Malformed => StatusError::Malformed,
        other => StatusError::Secured(other),
    })?;
    if message.typ != Some(TYP) {
        return Err(StatusError::Secured(SecureError::Type));
    }
    let key_id = message.key_id.and_then(|id| std::str::from_utf8(id).ok()).filter(|id| !id.is_empty());
    Ok(Token {
        form: Form::Cwt,
        list: read(message.payload)?,
        algorithm: message.algorithm,
        key_id: key_id.ok_or(StatusError::Secured(SecureError::KeyId))?.to_owned(),
        signed: message.signed,
        signature: message.signature.to_vec(),
        bytes: bytes.to_vec(),
    })
}

fn read(payload: &[u8]) -> Result<TokenList, StatusError> {
    let (mut url, mut issuer, mut sequence, mut ttl, mut structure) = (None, None, None, None, None);
    let (mut issued, mut not_before, mut expires) = (None, None, None);
    let number = |value: &mut Reader<'_>| {
        Some(value.unsigned()?).filter(|n| *n <= MAX_INTEGER).ok_or(StatusError::Malformed)
    };
    let mut reader = Reader::new(payload);
    reader.map::<StatusError>(true, |name, value| {
        match name {
            Key::Number(SUB) => url = Some(value.text(MAX_URL_BYTES)?.to_owned()),
            Key::Number(ISS) => issuer = Some(value.text(MAX_ISSUER_BYTES)?),
            Key::Number(EXP) => expires = Some(number(value)?),
            Key::Number(NBF) => not_before = Some(number(value)?),
            Key::Number(IAT) => issued = Some(number(value)?),
            Key::Number(TTL) => ttl = Some(number(value)?),
            Key::Text(SEQUENCE) => sequence = Some(number(value)?),
            Key::Number(STATUS_LIST) => structure = Some(lst::from_cbor(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    reader.end()?;
    let (Some(url), Some(issued), Some((bits, aggregation))) = (url, issued, structure) else {
        return Err(StatusError::Malformed);
    };
    Ok(TokenList {
        url,
        issuer: issuer.and_then(|iss| iss.parse().ok()),
        sequence,
        issued: UnixSeconds::new(issued),
        not_before: not_before.map(UnixSeconds::new),
        expires: expires.map(UnixSeconds::new),
        ttl: ttl.map(Duration::from_secs),
        aggregation,
        bits,
    })
}
