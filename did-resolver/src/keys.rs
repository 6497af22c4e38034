//! Public keys and the signatures that they verify: Ed25519 and P-256, as Multikey and as JWK.
//!
//! The key fixes the algorithm; no message does. Multikey: W3C Controlled Identifiers, section 2.2.2.
//! JWK: RFC 7517, RFC 8037. Secret keys never come into this crate.

mod backend;
pub mod batch;

use crate::codec::{self, Sha256Digest};
use serde_json::{Value, json};
use std::fmt;

/// Multicodec prefixes, as varints.
const ED25519_PREFIX: [u8; 2] = [0xed, 0x01];
const P256_PREFIX: [u8; 2] = [0x80, 0x24];

/// Every signature that is read here has this many bytes: R and S.
pub const SIGNATURE_BYTES: usize = 64;

/// Which kind of key, and so which signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Ed25519 (RFC 8032): JOSE `EdDSA`, COSE -8. Verified by the strict rule: small-order keys and
    /// R are refused, the equation is without the cofactor.
    Ed25519,
    /// ECDSA over P-256 with SHA-256, fixed-length R and S: JOSE `ES256`, COSE -7.
    P256,
}

/// A public key that is known to be a point of its curve, and not one of small order.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey {
    kind: KeyKind,
    /// Ed25519: 32 bytes. P-256: 33 bytes, SEC 1 compressed.
    bytes: Vec<u8>,
}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] where they are no point, not the one spelling of it, or of small order.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, KeyError> {
        backend::admit_ed25519(bytes)?;
        Ok(Self { kind: KeyKind::Ed25519, bytes: bytes.to_vec() })
    }

    /// A P-256 key from its SEC 1 form, compressed or not.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] where the bytes are no point of the curve.
    pub fn p256(sec1: &[u8]) -> Result<Self, KeyError> {
        let bytes = backend::compress_p256(&backend::expand_p256(sec1)?)?;
        Ok(Self { kind: KeyKind::P256, bytes })
    }

    /// Reads `publicKeyMultibase`: `z6Mk...` for Ed25519, `zDn...` for P-256.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another kind of key, [`KeyError::NotAKey`] for none.
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let bytes = codec::from_multibase_z(text).map_err(|_| KeyError::NotAKey)?;
        if let Some(point) = bytes.strip_prefix(&ED25519_PREFIX) {
            return Self::ed25519(point);
        }
        match bytes.strip_prefix(&P256_PREFIX) {
            Some(point) if point.len() == 33 => Self::p256(point),
            Some(_) => Err(KeyError::NotAKey),
            None => Err(KeyError::Unsupported),
        }
    }

    /// Writes `publicKeyMultibase`.
    #[must_use]
    pub fn to_multikey(&self) -> String {
        let prefix = match self.kind {
            KeyKind::Ed25519 => ED25519_PREFIX,
            KeyKind::P256 => P256_PREFIX,
        };
        codec::to_multibase_z(&[&prefix[..], &self.bytes].concat())
    }

    /// Reads `publicKeyJwk`. A private member (`d`) or an `alg` that is not the key's own is refused.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for another kind of key, [`KeyError::NotAKey`] for none.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let coordinate = |name: &str| {
            let bytes = text(name).and_then(|t| codec::from_base64url(t).ok()).ok_or(KeyError::NotAKey)?;
            if bytes.len() == 32 { Ok(bytes) } else { Err(KeyError::NotAKey) }
        };
        if !jwk.is_object() || jwk.get("d").is_some() {
            return Err(KeyError::NotAKey);
        }
        let key = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) => Self::ed25519(&coordinate("x")?)?,
            (Some("EC"), Some("P-256")) => {
                Self::p256(&[vec![4], coordinate("x")?, coordinate("y")?].concat())?
            }
            _ => return Err(KeyError::Unsupported),
        };
        match jwk.get("alg") {
            None => Ok(key),
            Some(alg) if alg == key.kind.jose_alg() || alg == "Ed25519" && key.kind == KeyKind::Ed25519 => {
                Ok(key)
            }
            Some(_) => Err(KeyError::Unsupported),
        }
    }

    /// Writes `publicKeyJwk`, with the members that its kind requires and no other.
    ///
    /// # Errors
    /// None for a key that was admitted; the type says so because expanding a point may fail.
    pub fn to_jwk(&self) -> Result<Value, KeyError> {
        match self.kind {
            KeyKind::Ed25519 => {
                Ok(json!({"kty": "OKP", "crv": "Ed25519", "x": codec::to_base64url(&self.bytes)}))
            }
            KeyKind::P256 => {
                let point = backend::expand_p256(&self.bytes)?;
                let (x, y) = point.get(1..).ok_or(KeyError::NotAKey)?.split_at(32);
                Ok(
                    json!({"kty": "EC", "crv": "P-256", "x": codec::to_base64url(x), "y": codec::to_base64url(y)}),
                )
            }
        }
    }

    /// Which kind of key.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The point: 32 bytes for Ed25519, 33 (SEC 1 compressed) for P-256.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of kind and point: a name for the key in caches.
    #[must_use]
    pub fn fingerprint(&self) -> Sha256Digest {
        codec::sha256(self.to_multikey().as_bytes())
    }

    /// Verifies a signature of [`SIGNATURE_BYTES`] over `message`, by the one rule of the key's kind.
    ///
    /// # Errors
    /// [`KeyError::BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        if signature.len() != SIGNATURE_BYTES {
            return Err(KeyError::BadSignature);
        }
        match self.kind {
            KeyKind::Ed25519 => backend::verify_ed25519(&self.bytes, message, signature),
            KeyKind::P256 => backend::verify_p256(&self.bytes, message, signature),
        }
    }
}

impl KeyKind {
    /// The JOSE `alg` of signatures by such a key.
    #[must_use]
    pub const fn jose_alg(self) -> &'static str {
        match self {
            Self::Ed25519 => "EdDSA",
            Self::P256 => "ES256",
        }
    }

    /// The COSE algorithm number of signatures by such a key.
    #[must_use]
    pub const fn cose_alg(self) -> i64 {
        match self {
            Self::Ed25519 => -8,
            Self::P256 => -7,
        }
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
    /// A kind of key that is not spoken here.
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
