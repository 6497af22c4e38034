//! Join tokens: how two domains that have never met find each other (MESH.md D1).
//!
//! A token admits to the mesh. It makes no credential count: trust is an act of its own.
//! Text form: `mqj1.` and base64url of a CBOR array `[domain DID, versionId of its log head,
//! [addresses], secret, expiry]`.

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES, MAX_TOKEN_BYTES, MAX_VERSION_ID_BYTES};
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::{Did, MAX_DID_BYTES};
use did_resolver::time::UnixSeconds;
use std::fmt;

/// What every token begins with.
const PREFIX: &str = "mqj1.";

/// Length of the one-time secret, in bytes.
pub const SECRET_BYTES: usize = 32;

/// The one-time secret of a token. It travels in the token and, once, in a hello over Noise.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret([u8; SECRET_BYTES]);

impl JoinSecret {
    /// From random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its hash, by which the node that gave it out looks it up; the secret itself is not stored.
    #[must_use]
    pub fn hash(&self) -> Sha256Digest {
        codec::sha256(&self.0)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinSecret(..)")
    }
}

/// A join token. It is shown with its secret by [`JoinToken::encode`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// The domain that invites.
    pub domain: Did,
    /// The versionId of its log when the token was made: a log that lacks it is not that domain's.
    pub version_id: String,
    /// Multiaddrs of its nodes, at most [`MAX_ADDRESSES`].
    pub addresses: Vec<String>,
    /// The one-time secret.
    pub secret: JoinSecret,
    /// From this instant on it admits nobody.
    pub expires_at: UnixSeconds,
}

impl JoinToken {
    /// The text form. It holds the secret.
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{PREFIX}{}", codec::to_base64url(&self.write()))
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] above [`MAX_TOKEN_BYTES`] or a bound inside, [`Refusal::Malformed`],
    /// [`Refusal::UnknownDomain`] where the DID is not a did:webvh, [`Refusal::TokenExpired`].
    pub fn parse(text: &str, now: UnixSeconds) -> Result<Self, Refusal> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Refusal::TooLarge);
        }
        let encoded = text.strip_prefix(PREFIX).ok_or(Refusal::Malformed)?;
        let bytes = codec::from_base64url(encoded).map_err(|_| Refusal::Malformed)?;
        let token = decode_exactly(&bytes, MAX_TOKEN_BYTES, Self::read, Self::write)?;
        if super::Scid::of(&token.domain).is_none() {
            return Err(Refusal::UnknownDomain);
        }
        if token.expires_at <= now {
            return Err(Refusal::TokenExpired);
        }
        Ok(token)
    }

    fn write(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.array(5).text(self.domain.as_str()).text(&self.version_id);
        write_addresses(&mut w, &self.addresses);
        w.bytes(self.secret.as_bytes()).uint(self.expires_at.get()).finish()
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        r.exactly(5)?;
        Ok(Self {
            domain: r.text(MAX_DID_BYTES)?.parse().map_err(|_| Refusal::Malformed)?,
            version_id: r.text(MAX_VERSION_ID_BYTES)?.to_owned(),
            addresses: read_addresses(r)?,
            secret: JoinSecret(r.array_of()?),
            expires_at: UnixSeconds::new(r.uint()?),
        })
    }
}

pub(super) fn write_addresses(w: &mut Writer, addresses: &[String]) {
    w.array(addresses.len());
    for address in addresses {
        w.text(address);
    }
}

pub(super) fn read_addresses(r: &mut Reader<'_>) -> Result<Vec<String>, Refusal> {
    let len = r.array(MAX_ADDRESSES)?;
    (0..len).map(|_| r.text(MAX_ADDRESS_BYTES).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests;
