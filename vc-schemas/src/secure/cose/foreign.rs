//! COSE_Sign1 as others write it (RFC 9052, section 4.2).
//!
//! The reader is wider than that of [`super::Sign1`]: there need be no content type and no type of the
//! whole, the key id may stand in the unprotected header, as most examples have it, and maps are in any
//! order. Nothing but the key id may stand unprotected: it only says which of the signer's keys to try.

use super::{ALG, CONTENT_TYPE, KEY_ID, MAX_KEY_ID_BYTES, MAX_MEDIA_TYPE_BYTES, MAX_PROTECTED_BYTES};
use super::{SIGN1, TYP};
use crate::cbor::{ARRAY, Key, Reader, TAG, Writer};
use crate::secure::{MAX_SIGNATURE_BYTES, SecureError};
use did_resolver::keys::KeyKind;

/// The algorithms, by their numbers: RFC 9053 leaves the curve to the key, RFC 9864 names it.
const ALGORITHMS: [(i64, KeyKind); 6] = [
    (-7, KeyKind::P256),
    (-8, KeyKind::Ed25519),
    (-9, KeyKind::P256),
    (-19, KeyKind::Ed25519),
    (-35, KeyKind::P384),
    (-51, KeyKind::P384),
];

/// A COSE_Sign1 of anybody's that was read, and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Foreign<'a> {
    pub(crate) algorithm: KeyKind,
    pub(crate) key_id: Option<&'a [u8]>,
    pub(crate) typ: Option<&'a str>,
    pub(crate) payload: &'a [u8],
    /// The Sig_structure (RFC 9052, section 4.4), with no external data.
    pub(crate) signed: Vec<u8>,
    pub(crate) signature: &'a [u8],
}

impl<'a> Foreign<'a> {
    /// Reads a tagged COSE_Sign1 of at most `max_bytes`, and nothing after it. `alg` is protected; so are
    /// `typ` and a content type, if there are any; the key id stands in one header, or the same in both.
    ///
    /// # Errors
    /// [`SecureError::TooLong`], [`SecureError::Malformed`]; [`SecureError::SelfChosen`] for a parameter
    /// that is not known, or that nobody signed; [`SecureError::Algorithm`] where it is missing, or
    /// another than EdDSA, ES256 and ES384.
    pub(crate) fn parse(bytes: &'a [u8], max_bytes: usize) -> Result<Self, SecureError> {
        if bytes.len() > max_bytes {
            return Err(SecureError::TooLong);
        }
        let mut reader = Reader::new(bytes);
        // A MAC (tag 17) says nothing to a third party, and the tag of a CWT (61) must not be there.
        reader.expect(TAG, SIGN1)?;
        reader.expect(ARRAY, 4)?;
        let protected = reader.bytes(MAX_PROTECTED_BYTES)?;
        let header = Header::parse(protected, &mut reader)?;
        let algorithm = header.algorithm()?;
        let payload = reader.bytes(max_bytes)?;
        let signature = reader.bytes(MAX_SIGNATURE_BYTES)?;
        reader.end()?;
        if Some(signature.len()) != algorithm.signature_bytes() {
            return Err(SecureError::Malformed);
        }
        let signed = sig_structure(protected, payload);
        Ok(Self { algorithm, key_id: header.key_id, typ: header.typ, payload, signed, signature })
    }
}

/// RFC 9052, section 4.4, with no external data.
pub(crate) fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    // Its own bytes beside the two are 11 and three heads.
    let structure = Writer::with_capacity(protected.len() + payload.len() + 32)
        .head(ARRAY, 4)
        .text("Signature1")
        .bytes(protected);
    structure.bytes(&[]).bytes(payload).into_bytes()
}

#[derive(Default)]
struct Header<'a> {
    algorithm: Option<i64>,
    key_id: Option<&'a [u8]>,
    typ: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// Reads the protected header, and the unprotected one that comes next in `reader`.
    fn parse(protected: &'a [u8], reader: &mut Reader<'a>) -> Result<Self, SecureError> {
        let (mut found, mut unknown) = (Self::default(), false);
        // No bytes are an empty header (RFC 9052, section 3).
        if !protected.is_empty() {
            let mut header = Reader::new(protected);
            header.map::<SecureError>(true, |name, value| {
                match name {
                    Key::Number(ALG) => found.algorithm = Some(value.integer()?),
                    Key::Number(TYP) => found.typ = Some(value.text(MAX_MEDIA_TYPE_BYTES)?),
                    Key::Number(KEY_ID) => found.key_id = Some(value.bytes(MAX_KEY_ID_BYTES)?),
                    // A media type, or the number of one, of what the type of the whole has said.
                    Key::Number(CONTENT_TYPE) => return Ok(false),
                    _ => {
                        unknown = true;
                        return Ok(false);
                    }
                }
                Ok(true)
            })?;
            header.end()?;
        }
        reader.map::<SecureError>(true, |name, value| {
            if name != Key::Number(KEY_ID) {
                unknown = true;
                return Ok(false);
            }
            let unprotected = value.bytes(MAX_KEY_ID_BYTES)?;
            unknown |= found.key_id.replace(unprotected).is_some_and(|protected| protected != unprotected);
            Ok(true)
        })?;
        if unknown { Err(SecureError::SelfChosen) } else { Ok(found) }
    }

    fn algorithm(&self) -> Result<KeyKind, SecureError> {
        let named = ALGORITHMS.into_iter().find(|(number, _)| Some(*number) == self.algorithm);
        named.map(|(_, kind)| kind).ok_or(SecureError::Algorithm)
    }
}
