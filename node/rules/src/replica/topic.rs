//! Gossip topics, three per trust domain (MESH.md D2).

use did_resolver::codec;
use did_resolver::did::Did;
use std::fmt;

/// What every topic of this protocol begins with.
const PREFIX: &str = "/marque/1/";

/// Characters of the domain's hash in a topic: 80 bits, enough that nobody finds a second SCID.
const HASH_CHARACTERS: usize = 16;

/// Length of a SCID, in bytes.
pub const SCID_BYTES: usize = 46;

/// The self-certifying identifier of a trust domain: the SCID of its did:webvh.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scid(String);

impl Scid {
    /// Takes a text that is a SHA-256 multihash in base58btc, as every did:webvh SCID is.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == SCID_BYTES && codec::is_multihash_base58btc(text)).then(|| Self(text.to_owned()))
    }

    /// The SCID that a did:webvh names; `None` for another method.
    #[must_use]
    pub fn of(did: &Did) -> Option<Self> {
        if did.method() != "webvh" {
            return None;
        }
        Self::parse(did.method_specific_id().split(':').next()?)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of a domain's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Logs and log heads.
    Did,
    /// Status lists.
    Status,
    /// What cannot wait: revocations, of memberships too, and proofs of two
    /// histories. It goes before everything else in our queues.
    Ctl,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Did, Self::Status, Self::Ctl];

    /// The last segment of the topic.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Did => "did",
            Self::Status => "status",
            Self::Ctl => "ctl",
        }
    }
}

/// The name of a topic: `/marque/1/<first 16 characters of base32(sha256(SCID)), lower case>/<lane>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(String);

impl Topic {
    /// The topic of `domain` for `lane`.
    #[must_use]
    pub fn new(domain: &Scid, lane: Lane) -> Self {
        let mut hash = data_encoding::BASE32_NOPAD.encode(&codec::sha256(domain.as_str().as_bytes()));
        hash.truncate(HASH_CHARACTERS);
        Self(format!("{PREFIX}{}/{}", hash.to_ascii_lowercase(), lane.as_str()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
