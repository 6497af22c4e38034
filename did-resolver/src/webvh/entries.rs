//! Entries one after the other: every rule of each, and its signature with those of many others.
//!
//! The error is that of the first entry that breaks a rule, as if each had been verified in its turn;
//! of one entry, the signature comes last.

use crate::codec::Sha256Digest;
use crate::document::Document;
use crate::keys::batch::{self, Signed};
use crate::keys::{KeyError, PublicKey};
use crate::proof::ProofError;
use crate::time::UnixSeconds;
use crate::webvh::entry::Entry;
use crate::webvh::proof::Claim;
use crate::webvh::{EntryError, LogError, MAX_AHEAD, Parameters, Version, WebvhId};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Entries of which every rule was checked but their signatures, up to the first that breaks one.
#[derive(Debug)]
pub(crate) struct Unverified {
    versions: Vec<Version>,
    /// One for each version.
    claims: Vec<Claim>,
    end: Result<(), LogError>,
}

impl Unverified {
    /// Reads `lines` as what follows `previous`.
    pub(crate) fn read(previous: Option<&Version>, lines: &[&[u8]], now: UnixSeconds) -> Self {
        let mut read = Self { versions: Vec::with_capacity(lines.len()), claims: Vec::new(), end: Ok(()) };
        let mut number = previous.map_or(0, |version| version.number);
        for line in lines {
            number = number.saturating_add(1);
            match read_line(line, read.versions.last().or(previous), now) {
                Ok((version, claim)) => {
                    read.versions.push(version);
                    read.claims.push(claim);
                }
                Err(why) => {
                    read.end = Err(why.at(number));
                    break;
                }
            }
        }
        read
    }

    /// The signatures that are to be verified.
    pub(crate) fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        self.claims.iter().map(Claim::signed)
    }

    /// The versions, by the verdicts on [`Self::signed`].
    pub(crate) fn settle(
        self,
        verdicts: impl IntoIterator<Item = Result<(), KeyError>>,
    ) -> Result<Vec<Version>, LogError> {
        for (version, verdict) in self.versions.iter().zip(verdicts) {
            verdict.map_err(|_| EntryError::from(ProofError::BadSignature).at(version.number))?;
        }
        self.end.map(|()| self.versions)
    }
}

/// Verifies `lines` as what follows `previous`, the approval of their witnesses excepted.
pub(crate) fn follow(
    previous: Option<&Version>,
    lines: &[&[u8]],
    now: UnixSeconds,
) -> Result<Vec<Version>, LogError> {
    let read = Unverified::read(previous, lines, now);
    let verdicts = batch::verify(&read.signed().collect::<Vec<_>>());
    read.settle(verdicts)
}

/// Verifies one entry, the approval of its witnesses excepted.
pub(crate) fn verify_line(
    line: &[u8],
    previous: Option<&Version>,
    now: UnixSeconds,
) -> Result<Version, EntryError> {
    let (version, claim) = read_line(line, previous, now)?;
    claim.verify()?;
    Ok(version)
}

/// The key whose proof an entry carries, of an entry that was verified before.
pub(crate) fn signer_of(line: &[u8], previous: Option<&Version>, now: UnixSeconds) -> Option<PublicKey> {
    read_line(line, previous, now).ok().map(|(_, claim)| claim.into_key())
}

fn read_line(
    line: &[u8],
    previous: Option<&Version>,
    now: UnixSeconds,
) -> Result<(Version, Claim), EntryError> {
    let (entry, proof) = Entry::parse(line)?;
    let (version, digest) = admit(entry, previous, now)?;
    let signers = version.parameters().signers(previous.map(Version::parameters))?;
    let claim = proof.claim(&digest, signers)?;
    Ok((version, claim))
}

/// Every rule but that of the proof, and the digest that the proof covers. What costs more comes later.
pub(crate) fn admit(
    entry: Entry<'_>,
    previous: Option<&Version>,
    now: UnixSeconds,
) -> Result<(Version, Sha256Digest), EntryError> {
    if entry.number != previous.map_or(1, |p| p.number.saturating_add(1)) {
        return Err(EntryError::OutOfSequence);
    }
    if previous.is_some_and(|p| entry.time.since(p.time) < Duration::from_secs(1)) {
        return Err(EntryError::NotLater);
    }
    if entry.time > now.plus(MAX_AHEAD) {
        return Err(EntryError::InFuture);
    }
    let (scid, parameters) = match previous {
        None => Parameters::first(&entry.parameters)?,
        Some(p) => (p.webvh.scid().to_owned(), p.parameters.next(&entry.parameters)?),
    };
    parameters.signers(previous.map(|p| &*p.parameters))?;
    let id = entry.state.get("id").and_then(Value::as_str).unwrap_or_default();
    let webvh = match previous {
        Some(p) if p.webvh.did().as_str() == id => Arc::clone(&p.webvh),
        _ => Arc::new(id.parse::<WebvhId>().map_err(EntryError::StateId)?),
    };
    if webvh.scid() != scid {
        return Err(EntryError::StateScid);
    }
    match previous {
        None => entry.check_scid(&scid)?,
        Some(p) => check_move(&p.webvh, &webvh, &entry.state, &parameters)?,
    }
    entry.check_hash(previous.map_or(scid.as_str(), |p| p.id.as_str()))?;
    let digest = entry.digest();
    let document = Document::parse_after(entry.state, previous.map(|p| &p.document))?;
    let parameters = Arc::new(parameters);
    let version =
        Version { number: entry.number, id: entry.version_id, time: entry.time, webvh, document, parameters };
    Ok((version, digest))
}

/// Specification, "DID Portability".
fn check_move(
    from: &WebvhId,
    to: &WebvhId,
    state: &Value,
    parameters: &Parameters,
) -> Result<(), EntryError> {
    if from.did() == to.did() {
        return Ok(());
    }
    if !parameters.portable() {
        return Err(EntryError::NotPortable);
    }
    let names = state.get("alsoKnownAs").and_then(Value::as_array);
    let announced = names.is_some_and(|names| names.iter().any(|name| name == from.did().as_str()));
    if announced { Ok(()) } else { Err(EntryError::MoveUnannounced) }
}
