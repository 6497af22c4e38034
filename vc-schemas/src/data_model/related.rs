//! Related resources and their digests (VC Data Model 2.0, section 5.3).

use super::problem::{Kind, Problem};
use super::values::{id, objects};
use crate::refusal::Path;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use did_resolver::codec;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::collections::BTreeSet;

/// Most digests that one resource may have.
const MAX_DIGESTS: usize = 8;

/// A resource that the issuer fixed by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Its URL, once in a document.
    pub id: String,
    /// Its media type.
    pub media_type: Option<String>,
    /// Each of these digests must fit; of one list, any of its strongest algorithm.
    digests: Vec<Vec<Digest>>,
    path: Path,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Digest {
    algorithm: Algorithm,
    value: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Related {
    /// Whether `bytes` are the resource.
    ///
    /// # Errors
    /// [`Kind::CryptographicSecurity`] where a digest does not fit.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Problem> {
        let fits = |list: &Vec<Digest>| {
            let strongest = list.iter().map(|digest| digest.algorithm).max();
            let mut counted = list.iter().filter(|digest| Some(digest.algorithm) == strongest);
            counted.any(|digest| digest.algorithm.of(bytes) == digest.value)
        };
        if self.digests.iter().all(fits) {
            return Ok(());
        }
        let detail = "the resource has another digest";
        Err(Problem { kind: Kind::CryptographicSecurity, path: self.path.clone(), detail })
    }
}

/// Reads `relatedResource`.
pub(super) fn read(members: &Map<String, Value>, path: &Path) -> Result<Vec<Related>, Problem> {
    let mut seen = BTreeSet::new();
    let mut resources = Vec::new();
    for (path, members) in objects(members, "relatedResource", path)? {
        let wrong = |member, detail| Problem::malformed(path.clone().then(member), detail);
        let id = id(members, &path)?.ok_or_else(|| wrong("id", "missing"))?;
        if !seen.insert(id.clone()) {
            return Err(wrong("id", "there twice"));
        }
        let text = |member: &'static str| match members.get(member) {
            None => Ok(None),
            Some(json) => json.as_str().map(Some).ok_or_else(|| wrong(member, "not a text")),
        };
        let sri = text("digestSRI")?.map(|t| sri(t).ok_or_else(|| wrong("digestSRI", "not a digest")));
        let multi = text("digestMultibase")?;
        let multi = multi.map(|t| multibase(t).ok_or_else(|| wrong("digestMultibase", "not a digest")));
        let digests: Vec<_> = [sri.transpose()?, multi.transpose()?].into_iter().flatten().collect();
        if digests.is_empty() {
            return Err(Problem::malformed(path, "a related resource without a digest"));
        }
        let media_type = text("mediaType")?.map(str::to_owned);
        resources.push(Related { id, media_type, digests, path });
    }
    Ok(resources)
}

/// Reads integrity metadata (Subresource Integrity): digests with white space between them. Either
/// alphabet of base64 is read, for both are in use.
fn sri(text: &str) -> Option<Vec<Digest>> {
    let digests = text.split_ascii_whitespace().take(MAX_DIGESTS + 1).map(|item| {
        let (algorithm, value) = item.split_once('-')?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        };
        let decoded =
            [BASE64, BASE64_NOPAD, BASE64URL_NOPAD].into_iter().find_map(|e| e.decode(value.as_bytes()).ok());
        let value = decoded.filter(|value| value.len() == algorithm.length())?;
        Some(Digest { algorithm, value })
    });
    let digests = digests.collect::<Option<Vec<_>>>()?;
    (1..=MAX_DIGESTS).contains(&digests.len()).then_some(digests)
}

/// Reads a multihash in base64url (`u`) or base58btc (`z`); or, as W3C's own test suite writes it, SHA-256 on its
/// own, which is shorter than any multihash that is read here.
fn multibase(text: &str) -> Option<Vec<Digest>> {
    let bytes = match text.strip_prefix('u') {
        Some(encoded) => codec::from_base64url(encoded).ok()?,
        None => codec::from_multibase_z(text).ok()?,
    };
    if bytes.len() == Algorithm::Sha256.length() {
        return Some(vec![Digest { algorithm: Algorithm::Sha256, value: bytes }]);
    }
    let (head, value) = bytes.split_at_checked(2)?;
    let algorithm = match head {
        [0x12, 0x20] => Algorithm::Sha256,
        [0x20, 0x30] => Algorithm::Sha384,
        [0x13, 0x40] => Algorithm::Sha512,
        _ => return None,
    };
    let value = value.to_vec();
    (value.len() == algorithm.length()).then(|| vec![Digest { algorithm, value }])
}
