//! Public keys and the signatures that they verify, as Multikey and as JWK: Ed25519, P-256, P-384,
//! secp256k1, and X25519, which signs nothing.
//!
//! The key fixes the algorithm; no message does. Multikey: W3C Controlled Identifiers, section 2.2.2.
//! JWK: RFC 7517, RFC 7518, section 6.2, RFC 8037, RFC 8812. Secret keys never come into this crate.

mod backend;
pub mod batch;

use crate::codec::{self, Sha256Digest};
use backend::Curve;
use curve25519_dalek::edwards::EdwardsPoint;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Bytes of a signature by an Ed25519, P-256 or secp256k1 key. Those of P-384 have
/// [`KeyKind::signature_bytes`].
pub const SIGNATURE_BYTES: usize = 64;

/// Which kind of key, and so which signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032): JOSE `EdDSA`, COSE -8. Verified by the strict rule: small-order keys and
    /// R are refused, the equation is without the cofactor.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, fixed-length R and S: JOSE `ES256`, COSE -7.
    P256,
    /// ECDSA over P-384 with SHA-384, fixed-length R and S: JOSE `ES384`, COSE -35.
    P384,
    /// ECDSA over secp256k1 with SHA-256, fixed-length R and S: JOSE `ES256K`, COSE -47. Both S and
    /// its negative verify, as RFC 8812 has it; a chain's rule of the low S is not applied.
    Secp256k1,
    /// Key agreement (RFC 7748). It verifies no signature.
    X25519,
}

/// A public key that is known to be a point of its curve, and not one of small order. Clones share it.
#[derive(Clone)]
pub struct PublicKey(Arc<Admitted>);

struct Admitted {
    kind: KeyKind,
    /// Ed25519 and X25519: 32 bytes. The others: SEC 1 compressed, 33 bytes or 49.
    bytes: Vec<u8>,
    /// Of an Ed25519 key what the bytes say: admitting it took a square root, which a batch need not
    /// take again.
    point: Option<EdwardsPoint>,
}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] where they are no point, not the one spelling of it, or of small order.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        let point = backend::admit_ed25519(bytes)?;
        Ok(Self::admitted(KeyKind::Ed25519, bytes.to_vec(), Some(point)))
    }

    /// An X25519 key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] where they are not the one spelling of a coordinate, or of a point of
    /// small order, with which everybody agrees on the same secret.
    pub fn x25519(bytes: &[u8]) -> Result<Self, KeyError> {
        backend::admit_x25519(bytes)?;
        Ok(Self::admitted(KeyKind::X25519, bytes.to_vec(), None))
    }

    /// A P-256 key from its SEC 1 form, compressed or not.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] where the bytes are no point of the curve.
    pub fn p256(sec1: &[u8]) -> Result<Self, KeyError> {
        Self::sec1(KeyKind::P256, Curve::P256, sec1)
    }

    /// A P-384 key from its SEC 1 form, compressed or not.
    ///
    /// # Errors
    /// As [`Self::p256`].
    pub fn p384(sec1: &[u8]) -> Result<Self, KeyError> {
        Self::sec1(KeyKind::P384, Curve::P384, sec1)
    }

    /// A secp256k1 key from its SEC 1 form, compressed or not.
    ///
    /// # Errors
    /// As [`Self::p256`].
    pub fn secp256k1(sec1: &[u8]) -> Result<Self, KeyError> {
        Self::sec1(KeyKind::Secp256k1, Curve::Secp256k1, sec1)
    }

    fn sec1(kind: KeyKind, curve: Curve, sec1: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::admitted(kind, curve.compress(&curve.expand(sec1)?)?, None))
    }

    fn admitted(kind: KeyKind, bytes: Vec<u8>, point: Option<EdwardsPoint>) -> Self {
        Self(Arc::new(Admitted { kind, bytes, point }))
    }

    /// Reads `publicKeyMultibase`: `z6Mk...` for Ed25519, `zDn...` for P-256, `z82...` for P-384,
    /// `zQ3s...` for secp256k1, `z6LS...` for X25519.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another kind of key, [`KeyError::NotAKey`] for none.
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let bytes = codec::from_multibase_z(text).map_err(|_| KeyError::NotAKey)?;
        let (prefix, point) = bytes.split_at_checked(2).ok_or(KeyError::NotAKey)?;
        let kind = KeyKind::ALL.into_iter().find(|kind| kind.multicodec() == prefix);
        let kind = kind.ok_or(KeyError::Unsupported)?;
        match kind.curve() {
            None if kind == KeyKind::Ed25519 => Self::ed25519(point),
            None => Self::x25519(point),
            Some(curve) if point.len() == 1 + curve.coordinate_bytes() => Self::sec1(kind, curve, point),
            Some(_) => Err(KeyError::NotAKey),
        }
    }

    /// Writes `publicKeyMultibase`.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        codec::to_multibase_z(&[&self.kind().multicodec()[..], self.as_bytes()].concat())
    }

    /// Reads `publicKeyJwk`. A private member (`d`), an `alg` that is not the key's own, and a key that can
    /// sign but says by `use` or `key_ops` that it is for something else (RFC 7517, sections 4.2 and 4.3)
    /// are refused.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another kind of key or use, [`KeyError::NotAKey`] for none.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let key = Self::from_jwk_of_any_use(jwk)?;
        let used = jwk.get("use").is_none_or(|usage| usage == "sig");
        let verifies =
            |operations: &Value| operations.as_array().is_some_and(|o| o.contains(&json!("verify")));
        let signs = used && jwk.get("key_ops").is_none_or(verifies);
        if signs || key.kind().jose_alg().is_none() { Ok(key) } else { Err(KeyError::Unsupported) }
    }

    /// As [`Self::from_jwk`], whatever it says that the key is for: that is for the caller to heed.
    pub(crate) fn from_jwk_of_any_use(jwk: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if !jwk.is_object() || jwk.get("d").is_some() {
            return Err(KeyError::NotAKey);
        }
        let named = |kind: &KeyKind| Some(kind.jwk_names()) == text("kty").zip(text("crv"));
        let kind = KeyKind::ALL.into_iter().find(named).ok_or(KeyError::Unsupported)?;
        let coordinate = |name: &str, length: usize| {
            let bytes = text(name).and_then(|t| codec::from_base64url(t).ok());
            bytes.filter(|bytes| bytes.len() == length).ok_or(KeyError::NotAKey)
        };
        let key = match kind.curve() {
            None if kind == KeyKind::Ed25519 => Self::ed25519(&coordinate("x", 32)?)?,
            None => Self::x25519(&coordinate("x", 32)?)?,
            Some(curve) => {
                let length = curve.coordinate_bytes();
                let point = [vec![4], coordinate("x", length)?, coordinate("y", length)?].concat();
                Self::sec1(kind, curve, &point)?
            }
        };
        match jwk.get("alg").map(|alg| alg.as_str().is_some_and(|alg| kind.has_alg(alg))) {
            None | Some(true) => Ok(key),
            Some(false) => Err(KeyError::Unsupported),
        }
    }

    /// Writes `publicKeyJwk`, with the members that its kind requires and no other.
    ///
    /// # Errors
    /// None for a key that was admitted; the type says so because expanding a point may fail.
    pub fn to_jwk(&self) -> Result<Value, KeyError> {
        let (kty, crv) = self.kind().jwk_names();
        let mut members = Map::from_iter([("kty".to_owned(), json!(kty)), ("crv".to_owned(), json!(crv))]);
        let mut add = |name: &str, bytes: &[u8]| {
            members.insert(name.to_owned(), Value::String(codec::to_base64url(bytes)));
        };
        match self.kind().curve() {
            None => add("x", self.as_bytes()),
            Some(curve) => {
                let point = curve.expand(self.as_bytes())?;
                let point = point.get(1..).and_then(|xy| xy.split_at_checked(curve.coordinate_bytes()));
                let (x, y) = point.ok_or(KeyError::NotAKey)?;
                add("x", x);
                add("y", y);
            }
        }
        Ok(Value::Object(members))
    }

    /// Which kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.0.kind
    }

    /// The point: 32 bytes for Ed25519 and X25519; SEC 1 compressed, 33 bytes or 49, for the others.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The point of an Ed25519 key.
    fn point(&self) -> Option<&EdwardsPoint> {
        self.0.point.as_ref()
    }

    /// SHA-256 of kind and point: a name for the key in caches.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256Digest {
        codec::sha256(self.to_multikey().as_bytes())
    }

    /// Verifies a signature of [`KeyKind::signature_bytes`] over `message`, by the one rule of the
    /// key's kind.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`]; [`KeyError::Unsupported`] where the kind does not sign.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let length = self.kind().signature_bytes().ok_or(KeyError::Unsupported)?;
        if signature.len() != length {
            return Err(KeyError::BadSignature);
        }
        match self.kind().curve() {
            None => backend::verify_ed25519(self.as_bytes(), message, signature),
            Some(curve) => curve.verify(self.as_bytes(), message, signature),
        }
    }
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ed25519, Self::P256, Self::P384, Self::Secp256k1, Self::X25519];

    /// The JOSE `alg` of signatures by such a key; `None` where it does not sign.
    #[must_use]
    pub const fn jose_alg(self) -> Option<&'static str> {
        match self {
            Self::Ed25519 => Some("EdDSA"),
            Self::P256 => Some("ES256"),
            Self::P384 => Some("ES384"),
            Self::Secp256k1 => Some("ES256K"),
            Self::X25519 => None,
        }
    }

    /// The COSE algorithm number of signatures by such a key; `None` where it does not sign.
    #[must_use]
    pub const fn cose_alg(self) -> Option<i64> {
        match self {
            Self::Ed25519 => Some(-8),
            Self::P256 => Some(-7),
            Self::P384 => Some(-35),
            Self::Secp256k1 => Some(-47),
            Self::X25519 => None,
        }
    }

    /// How many bytes a signature by such a key has; `None` where it does not sign.
    #[must_use]
    pub const fn signature_bytes(self) -> Option<usize> {
        match self {
            Self::Ed25519 | Self::P256 | Self::Secp256k1 => Some(SIGNATURE_BYTES),
            Self::P384 => Some(96),
            Self::X25519 => None,
        }
    }

    /// Whether such a key can agree on a secret. Ed25519 cannot: another curve is needed.
    #[must_use]
    pub const fn agrees(self) -> bool {
        !matches!(self, Self::Ed25519)
    }

    /// The multicodec prefix, a varint.
    const fn multicodec(self) -> [u8; 2] {
        match self {
            Self::Ed25519 => [0xed, 0x01],
            Self::P256 => [0x80, 0x24],
            Self::P384 => [0x81, 0x24],
            Self::Secp256k1 => [0xe7, 0x01],
            Self::X25519 => [0xec, 0x01],
        }
    }

    /// `kty` and `crv`.
    const fn jwk_names(self) -> (&'static str, &'static str) {
        match self {
            Self::Ed25519 => ("OKP", "Ed25519"),
            Self::P256 => ("EC", "P-256"),
            Self::P384 => ("EC", "P-384"),
            Self::Secp256k1 => ("EC", "secp256k1"),
            Self::X25519 => ("OKP", "X25519"),
        }
    }

    /// Whether a JWK of this kind may name `alg`.
    fn has_alg(self, alg: &str) -> bool {
        match self {
            // RFC 9864 names the curve; RFC 8037 left it to the key.
            Self::Ed25519 => matches!(alg, "EdDSA" | "Ed25519"),
            Self::X25519 => alg == "ECDH-ES" || alg.starts_with("ECDH-ES+A"),
            Self::P256 | Self::P384 | Self::Secp256k1 => self.jose_alg() == Some(alg),
        }
    }

    const fn curve(self) -> Option<Curve> {
        match self {
            Self::P256 => Some(Curve::P256),
            Self::P384 => Some(Curve::P384),
            Self::Secp256k1 => Some(Curve::Secp256k1),
            Self::Ed25519 | Self::X25519 => None,
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.kind(), self.as_bytes()).cmp(&(other.kind(), other.as_bytes()))
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.kind(), self.as_bytes()).hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_multikey())
    }
}

/// Why a key or a signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// A kind of key that is not spoken here, or one that does not sign.
    Unsupported,
    /// The bytes or members are not a public key of their kind, or one that anybody can sign for.
    NotAKey,
    /// The signature does not verify under this key.
    BadSignature,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "kind of key is not supported",
            Self::NotAKey => "not a public key",
            Self::BadSignature => "signature does not verify",
        })
    }
}

impl std::error::Error for KeyError {}

#[cfg(test)]
mod tests;
