//! A Status List Token as a CWT (draft-ietf-oauth-status-list, section 5.2): COSE_Sign1 with its tag, and
//! without the tag of a CWT.
//!
//! The reader is wider than that of [`crate::secure::cose`]: there is no content type, others write the
//! key id in the unprotected header, as the draft's example does, and their maps in any order. Nothing
//! but the key id may stand unprotected: it only says which of the issuer's keys to try.

use super::{Form, Parts, SEQUENCE, Token, TokenList, lst};
use crate::secure::SecureError;
use crate::status::cbor::{ARRAY, Key, MAP, Reader, TAG, Writer};
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
const CONTENT_TYPE: u64 = 3;
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

/// Longest header, protected or not: a key id of the greatest length and two media types fit.
const MAX_HEADER_BYTES: usize = crate::secure::cose::MAX_PROTECTED_BYTES;

/// Longest signature: that of P-384.
const MAX_SIGNATURE_BYTES: usize = 96;

/// The algorithms, by their numbers: RFC 9053 leaves the curve to the key, RFC 9864 names it.
const ALGORITHMS: [(i64, KeyKind); 6] = [
    (-7, KeyKind::P256),
    (-8, KeyKind::Ed25519),
    (-9, KeyKind::P256),
    (-19, KeyKind::Ed25519),
    (-35, KeyKind::P384),
    (-51, KeyKind::P384),
];

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

/// RFC 9052, section 4.4, with no external data.
fn sig_structure(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let structure = Writer::default().head(ARRAY, 4).text("Signature1").bytes(header);
    structure.bytes(&[]).bytes(payload).into_bytes()
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
    if bytes.len() > MAX_LIST_BYTES {
        return Err(StatusError::Secured(SecureError::TooLong));
    }
    let mut reader = Reader::new(bytes);
    // A MAC (tag 17) says nothing to a third party, and the tag of a CWT (61) must not be there.
    reader.expect(TAG, SIGN1)?;
    reader.expect(ARRAY, 4)?;
    let protected = reader.bytes(MAX_HEADER_BYTES)?;
    let header = Header::parse(protected, &mut reader)?;
    let payload = reader.bytes(MAX_LIST_BYTES)?;
    let signature = reader.bytes(MAX_SIGNATURE_BYTES)?.to_vec();
    reader.end()?;
    Ok(Token {
        form: Form::Cwt,
        list: read(payload)?,
        algorithm: header.algorithm,
        key_id: header.key_id,
        signed: sig_structure(protected, payload),
        signature,
        bytes: bytes.to_vec(),
    })
}

struct Header {
    algorithm: KeyKind,
    key_id: String,
}

impl Header {
    /// Reads the protected header, and the unprotected one that comes next in `reader`.
    fn parse(protected: &[u8], reader: &mut Reader<'_>) -> Result<Self, StatusError> {
        let refused = |error| Err(StatusError::Secured(error));
        let (mut algorithm, mut typ, mut key_id, mut other) = (None, None, None, false);
        let mut header = Reader::new(protected);
        header.map(true, |name, value| {
            match name {
                Key::Number(ALG) => algorithm = Some(value.integer()?),
                Key::Number(TYPE) => typ = Some(value.text(MAX_HEADER_BYTES)?),
                Key::Number(KID) => key_id = Some(value.bytes(MAX_HEADER_BYTES)?),
                // The media type of the claims, which the type of the whole has said.
                Key::Number(CONTENT_TYPE) => return Ok(false),
                _ => {
                    other = true;
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        header.end()?;
        let mut twice = false;
        reader.map(true, |name, value| {
            if name != Key::Number(KID) {
                other = true;
                return Ok(false);
            }
            let unprotected = value.bytes(MAX_HEADER_BYTES)?;
            twice = key_id.replace(unprotected).is_some_and(|protected| protected != unprotected);
            Ok(true)
        })?;
        if other || twice {
            return refused(SecureError::Header);
        }
        if typ != Some(TYP) {
            return refused(SecureError::Type);
        }
        let kind =
            ALGORITHMS.into_iter().find(|(number, _)| Some(*number) == algorithm).map(|(_, kind)| kind);
        let key_id = key_id.and_then(|id| std::str::from_utf8(id).ok()).filter(|id| !id.is_empty());
        match (kind, key_id) {
            (None, _) => refused(SecureError::Algorithm),
            (_, None) => refused(SecureError::KeyId),
            (Some(algorithm), Some(key_id)) => Ok(Self { algorithm, key_id: key_id.to_owned() }),
        }
    }
}

fn read(payload: &[u8]) -> Result<TokenList, StatusError> {
    let (mut url, mut issuer, mut sequence, mut ttl, mut structure) = (None, None, None, None, None);
    let (mut issued, mut not_before, mut expires) = (None, None, None);
    let number = |value: &mut Reader<'_>| {
        Some(value.unsigned()?).filter(|n| *n <= MAX_INTEGER).ok_or(StatusError::Malformed)
    };
    let mut reader = Reader::new(payload);
    reader.map(true, |name, value| {
        match name {
            Key::Number(SUB) => url = Some(value.text(MAX_URL_BYTES)?.to_owned()),
            Key::Number(ISS) => issuer = Some(value.text(MAX_HEADER_BYTES)?),
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
