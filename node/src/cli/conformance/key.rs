//! The keys that the suite hands out. They are public, secrets and all, and so are kept as they come.

use super::{MAX_INPUT_BYTES, Outcome, Why};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair,
};
use did_resolver::codec;
use did_resolver::json;
use did_resolver::keys::{KeyError, KeyKind, PublicKey};
use serde_json::Value;

/// A verification method, and its secret key where it is there.
pub(super) struct Method {
    pub(super) id: String,
    pub(super) public: PublicKey,
    secret: Option<Value>,
}

impl Method {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Outcome> {
        let error = |why: &str| Outcome::Error(why.to_owned());
        let json = json::parse(bytes.trim_ascii(), MAX_INPUT_BYTES);
        let json = json.map_err(|_| error("the verification method is not JSON"))?;
        let id = json.get("id").and_then(Value::as_str).ok_or_else(|| error("the method has no id"))?;
        let jwk = json.get("publicKeyJwk").ok_or_else(|| error("the method has no publicKeyJwk"))?;
        let public = PublicKey::from_jwk(jwk).map_err(|why| match why {
            KeyError::Unsupported => Outcome::Indeterminate("unsupported: its kind of key".to_owned()),
            why => Outcome::Error(why.to_string()),
        })?;
        Ok(Self { id: id.to_owned(), public, secret: json.get("secretKeyJwk").cloned() })
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Why> {
        const NO_KEY: Why = Why::Other("the secret key is not there, or not that of the public one");
        let secret = self.secret.as_ref().ok_or(NO_KEY)?;
        let member = |name: &str| {
            let text = secret.get(name).and_then(Value::as_str).ok_or(NO_KEY)?;
            codec::from_base64url(text).map_err(|_| NO_KEY)
        };
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
            let point = [vec![4], member("x")?, member("y")?].concat();
            let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &member("d")?, &point);
            let signature = pair.map_err(|_| NO_KEY)?.sign(&SystemRandom::new(), message);
            Ok(signature.map_err(|_| NO_KEY)?.as_ref().to_vec())
        };
        match self.public.kind() {
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&member("d")?, self.public.as_bytes());
                Ok(pair.map_err(|_| NO_KEY)?.sign(message).as_ref().to_vec())
            }
            KeyKind::P256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            KeyKind::P384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            KeyKind::Secp256k1 | KeyKind::X25519 => Err(Why::Other("its key does not sign credentials")),
        }
    }
}
