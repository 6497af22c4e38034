//! Secret signing keys and passphrases: held in memory that is cleared, printed nowhere.
//!
//! Ed25519 (RFC 8032), ECDSA over P-256 with SHA-256 and over P-384 with SHA-384, with fixed-length R and S
//! (FIPS 186-5).

use aws_lc_rs::agreement;
use aws_lc_rs::encoding::{AsBigEndian as _, EcPublicKeyUncompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use did_resolver::keys::{KeyKind, PublicKey};
use ed25519_dalek::{Signer as _, SigningKey};
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of an Ed25519 seed and of a P-256 scalar.
const SECRET_BYTES: usize = 32;

/// Bytes of the longest secret key, a P-384 scalar.
const MAX_SECRET_BYTES: usize = 48;

/// Longest passphrase, in bytes: far more than anybody types, and a bound for what is hashed.
pub const MAX_PASSPHRASE_BYTES: usize = 1_024;

/// A key that signs.
pub struct SecretKey {
    secret: Zeroizing<Vec<u8>>,
    public: PublicKey,
    pair: Pair,
}

enum Pair {
    Ed25519(Box<SigningKey>),
    Ecdsa(EcdsaKeyPair),
}

impl SecretKey {
    /// A new key from the random source of the operating system.
    ///
    /// # Errors
    /// [`SecretError::Entropy`] where that source fails; [`SecretError::Kind`] for another kind than
    /// Ed25519, P-256 and P-384.
    pub fn generate(kind: KeyKind) -> Result<Self, SecretError> {
        /// A random string is no P-256 scalar once in 2^32.
        const TRIES: usize = 8;
        let mut secret = Zeroizing::new([0; MAX_SECRET_BYTES]);
        for _ in 0..TRIES {
            getrandom::fill(secret.as_mut_slice()).map_err(|_| SecretError::Entropy)?;
            match Self::from_bytes(kind, secret.get(..secret_bytes(kind)?).unwrap_or_default()) {
                Err(SecretError::NotAKey) => {}
                made => return made,
            }
        }
        Err(SecretError::Entropy)
    }

    /// The key that has these secret bytes: an Ed25519 seed, or the scalar of a curve, big-endian and of its
    /// full length.
    ///
    /// # Errors
    /// [`SecretError::NotAKey`] where they are of another length, or no scalar of the curve;
    /// [`SecretError::Kind`] for another kind than Ed25519, P-256 and P-384.
    pub fn from_bytes(kind: KeyKind, secret: &[u8]) -> Result<Self, SecretError> {
        if secret.len() != secret_bytes(kind)? {
            return Err(SecretError::NotAKey);
        }
        let bytes = Zeroizing::new(secret.to_vec());
        let (pair, public) = match kind {
            KeyKind::Ed25519 => {
                let seed = bytes.first_chunk::<SECRET_BYTES>().ok_or(SecretError::NotAKey)?;
                let pair = Box::new(SigningKey::from_bytes(seed));
                let public = PublicKey::ed25519(pair.verifying_key().as_bytes());
                (Pair::Ed25519(pair), public)
            }
            KeyKind::P256 => {
                let (pair, point) = ecdsa(&agreement::ECDH_P256, &ECDSA_P256_SHA256_FIXED_SIGNING, &bytes)?;
                (pair, PublicKey::p256(&point))
            }
            KeyKind::P384 => {
                let (pair, point) = ecdsa(&agreement::ECDH_P384, &ECDSA_P384_SHA384_FIXED_SIGNING, &bytes)?;
                (pair, PublicKey::p384(&point))
            }
            KeyKind::Secp256k1 | KeyKind::X25519 => return Err(SecretError::Kind),
        };
        Ok(Self { secret: bytes, public: public.map_err(|_| SecretError::NotAKey)?, pair })
    }

    /// Which kind of key.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.public.kind()
    }

    /// What others verify with.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The secret bytes, for a library that signs by itself, as libp2p does with the node's key. The
    /// caller wipes what it copies.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.secret
    }

    /// The signature over `message`, 64 bytes, or 96 of P-384: as RFC 8032 writes it, or R and S.
    ///
    /// # Errors
    /// [`SecretError::Entropy`] where ECDSA has no randomness for its nonce; never for Ed25519.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SecretError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.sign(message).to_bytes().to_vec()),
            Pair::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SecretError::Entropy),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// What a person types to open a key file.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes `text` over and clears it when done.
    ///
    /// # Errors
    /// [`SecretError::Passphrase`] where it is empty or longer than [`MAX_PASSPHRASE_BYTES`].
    pub fn new(mut text: String) -> Result<Self, SecretError> {
        if text.is_empty() || text.len() > MAX_PASSPHRASE_BYTES {
            text.zeroize();
            return Err(SecretError::Passphrase);
        }
        Ok(Self(Zeroizing::new(text.into_bytes())))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

const fn secret_bytes(kind: KeyKind) -> Result<usize, SecretError> {
    match kind {
        KeyKind::Ed25519 | KeyKind::P256 => Ok(SECRET_BYTES),
        KeyKind::P384 => Ok(MAX_SECRET_BYTES),
        KeyKind::Secp256k1 | KeyKind::X25519 => Err(SecretError::Kind),
    }
}

/// A pair of a curve, and its public point, uncompressed.
fn ecdsa(
    curve: &'static agreement::Algorithm,
    algorithm: &'static EcdsaSigningAlgorithm,
    scalar: &[u8],
) -> Result<(Pair, Vec<u8>), SecretError> {
    let private = agreement::PrivateKey::from_private_key(curve, scalar).map_err(|_| SecretError::NotAKey)?;
    let public = private.compute_public_key().map_err(|_| SecretError::NotAKey)?;
    let point: EcPublicKeyUncompressedBin<'_> = public.as_be_bytes().map_err(|_| SecretError::NotAKey)?;
    let point = point.as_ref().to_vec();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, scalar, &point);
    Ok((Pair::Ecdsa(pair.map_err(|_| SecretError::NotAKey)?), point))
}

/// Why there is no key or no passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretError {
    /// The operating system has no randomness to give.
    Entropy,
    /// The bytes are no secret key of that kind.
    NotAKey,
    /// A kind of key that is verified with here, and not signed with.
    Kind,
    /// The passphrase is empty or too long.
    Passphrase,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entropy => f.write_str("no randomness"),
            Self::NotAKey => f.write_str("not a secret key"),
            Self::Kind => f.write_str("no secret keys of that kind are kept"),
            Self::Passphrase => write!(f, "a passphrase has 1 to {MAX_PASSPHRASE_BYTES} bytes"),
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests;
