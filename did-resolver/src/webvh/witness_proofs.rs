//! `did-witness.json`: the proofs of witnesses, and what they approve.
//!
//! Specification, "The Witness Proofs File" and "Verifying Witness Proofs During Resolution". A
//! proof for one version approves all before it, so that the latest proof of each witness says all.
//! A proof counts for a version of this very log, once its signature was verified, and not before.

use crate::codec;
use crate::json::{self, JsonError};
use crate::keys::PublicKey;
use crate::webvh::proof::read;
use crate::webvh::witnesses::did_key;
use crate::webvh::{EntryError, LogError, Version, Witnesses};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Longest `did-witness.json`, in bytes: that of a log. A proof has 400, so this also bounds the
/// signatures that one file can make a reader verify.
pub const MAX_WITNESS_BYTES: usize = 1 << 20;

/// What a `did-witness.json` holds: versions, each with one proof at least. None of it is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WitnessProofs(Vec<(String, Vec<Value>)>);

impl WitnessProofs {
    /// Reads a file: `[{"versionId": "...", "proof": [...]}]`, with no other member. A record may be
    /// without proofs, and is then as if it were not there. What a proof is worth shows when a log is verified with it.
    ///
    /// # Errors
    /// [`WitnessProofsError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WitnessProofsError> {
        if bytes.len() > MAX_WITNESS_BYTES {
            return Err(WitnessProofsError::TooLong);
        }
        let Value::Array(records) = json::parse(bytes, MAX_WITNESS_BYTES)? else {
            return Err(WitnessProofsError::Shape);
        };
        let records: Option<Vec<_>> = records.into_iter().map(read_record).collect();
        let mut records = records.ok_or(WitnessProofsError::Shape)?;
        records.retain(|(_, proofs)| !proofs.is_empty());
        Ok(Self(records))
    }

    /// Adds what `other` holds and this does not.
    pub fn merge(&mut self, other: Self) {
        for (id, proofs) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == id) {
                Some((_, known)) => {
                    known.extend(proofs.into_iter().filter(|p| !known.contains(p)).collect::<Vec<_>>())
                }
                None => self.0.push((id, proofs)),
            }
        }
    }

    /// Whether there is no proof.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file, to be published before the log that needs it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let records: Value =
            self.0.iter().map(|(id, proofs)| json!({"versionId": id, "proof": proofs})).collect();
        records.to_string().into_bytes()
    }

    /// One proof for one version.
    pub(crate) fn one(version_id: String, proof: Value) -> Self {
        Self(vec![(version_id, vec![proof])])
    }
}

fn read_record(json: Value) -> Option<(String, Vec<Value>)> {
    let Value::Object(mut members) = json else { return None };
    let Some(Value::String(version_id)) = members.remove("versionId") else { return None };
    let proofs = match members.remove("proof") {
        None => Vec::new(),
        Some(Value::Array(proofs)) if proofs.iter().all(Value::is_object) => proofs,
        Some(_) => return None,
    };
    if members.is_empty() { Some((version_id, proofs)) } else { None }
}

/// For each witness the latest version of a log that it was verified to approve, with the proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Approvals(BTreeMap<PublicKey, Approval>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Approval {
    number: u32,
    version_id: String,
    proof: Value,
}

impl Approvals {
    /// Whether nobody was verified to approve anything.
    pub(crate) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether none of `versions`, which follow `previous`, needs an approval.
    pub(crate) fn needless(previous: Option<&Version>, versions: &[Version]) -> bool {
        needs(previous, versions.iter()).all(|(_, witnesses)| witnesses.is_none())
    }

    /// Checks that each version from position `from` on has the approvals that it needs; those
    /// before have theirs. `self` is what is known of a log that has the versions before.
    ///
    /// `file` is not read where no version needs it. A proof in it that does not verify, is of no
    /// witness or for no version of this log counts for nothing.
    ///
    /// # Errors
    /// [`EntryError::WitnessMissing`], by the first version that lacks approvals;
    /// [`LogError::WitnessProofs`] where the file cannot be read, or would be too long with what is
    /// known already.
    pub(crate) fn follow(
        &self,
        versions: &[&Version],
        from: usize,
        file: Option<&[u8]>,
    ) -> Result<Self, LogError> {
        let numbers = numbers(versions);
        let mut known = self.clone();
        known.0.retain(|_, approval| numbers.contains_key(approval.version_id.as_str()));
        let new: Vec<_> = needs(None, versions.iter().copied())
            .skip(from)
            .filter(|(_, witnesses)| !witnesses.is_none())
            .collect();
        if new.is_empty() {
            return Ok(known);
        }
        if let Some(file) = file {
            known = known.grown(versions, file)?;
        }
        for (number, witnesses) in new {
            let approves = |key: &&PublicKey| known.0.get(*key).is_some_and(|a| a.number >= number);
            if witnesses.keys().iter().filter(approves).count() < witnesses.threshold() {
                return Err(EntryError::WitnessMissing.at(number));
            }
        }
        known.within_bounds()
    }

    /// With the approvals of `versions` that `file` adds: also of those before what is new, so that a
    /// log has the same proofs whether it came at once or in parts.
    ///
    /// # Errors
    /// [`LogError::WitnessProofs`].
    pub(crate) fn grown(&self, versions: &[&Version], file: &[u8]) -> Result<Self, LogError> {
        let mut known = self.clone();
        let witnesses: HashSet<_> =
            needs(None, versions.iter().copied()).flat_map(|(_, witnesses)| witnesses.keys()).collect();
        if witnesses.is_empty() {
            return Ok(known);
        }
        let file = WitnessProofs::parse(file).map_err(LogError::WitnessProofs)?;
        known.add(&file, &numbers(versions), &witnesses);
        known.within_bounds()
    }

    fn within_bounds(self) -> Result<Self, LogError> {
        if self.to_proofs().to_bytes().len() > MAX_WITNESS_BYTES {
            Err(LogError::WitnessProofs(WitnessProofsError::TooLong))
        } else {
            Ok(self)
        }
    }

    /// Adds the latest proof of each witness that verifies.
    fn add(&mut self, file: &WitnessProofs, numbers: &HashMap<&str, u32>, witnesses: &HashSet<&PublicKey>) {
        let mut by_method: HashMap<&str, Vec<(u32, &str, &Value)>> = HashMap::new();
        for (id, proofs) in &file.0 {
            let Some(number) = numbers.get(id.as_str()) else { continue };
            for proof in proofs {
                let method = proof.get("verificationMethod").and_then(Value::as_str).unwrap_or_default();
                by_method.entry(method).or_default().push((*number, id, proof));
            }
        }
        for witness in witnesses {
            let method = format!("{}#{}", did_key(witness), witness.to_multikey());
            let Some(mut proofs) = by_method.remove(method.as_str()) else { continue };
            let known = self.0.get(*witness).map_or(0, |approval| approval.number);
            proofs.retain(|(number, ..)| *number > known);
            proofs.sort_by_key(|(number, ..)| std::cmp::Reverse(*number));
            let latest = proofs.into_iter().find(|(_, id, proof)| approves(id, proof, witness));
            if let Some((number, id, proof)) = latest {
                let approval = Approval { number, version_id: id.to_owned(), proof: proof.clone() };
                self.0.insert((*witness).clone(), approval);
            }
        }
    }

    /// As a file: the latest proof of each witness, by version.
    pub(crate) fn to_proofs(&self) -> WitnessProofs {
        let mut records: BTreeMap<u32, (String, Vec<Value>)> = BTreeMap::new();
        for approval in self.0.values() {
            let record = records.entry(approval.number);
            let (_, proofs) = record.or_insert_with(|| (approval.version_id.clone(), Vec::new()));
            proofs.push(approval.proof.clone());
        }
        WitnessProofs(records.into_values().collect())
    }
}

/// The number of each version after `previous`, and the witnesses whose approval it needs.
fn needs<'a>(
    mut previous: Option<&'a Version>,
    versions: impl Iterator<Item = &'a Version>,
) -> impl Iterator<Item = (u32, &'a Witnesses)> {
    versions.map(move |version| {
        let before = previous.replace(version).map(Version::parameters);
        (version.number, version.parameters().approvers(before))
    })
}

fn numbers<'a>(versions: &[&'a Version]) -> HashMap<&'a str, u32> {
    versions.iter().map(|version| (version.id.as_str(), version.number)).collect()
}

/// What a witness signs to approve a version: the document without the proof.
pub(crate) fn approval_document(version_id: &str) -> Value {
    json!({"versionId": version_id})
}

fn approves(version_id: &str, proof: &Value, witness: &PublicKey) -> bool {
    let digest = codec::sha256(approval_document(version_id).to_string().as_bytes());
    read(proof.clone(), &digest, std::slice::from_ref(witness)).and_then(|claim| claim.verify()).is_ok()
}

/// Why a `did-witness.json` cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WitnessProofsError {
    /// Over [`MAX_WITNESS_BYTES`].
    TooLong,
    /// Not acceptable JSON.
    Json(JsonError),
    /// Not an array of records of a `versionId` and a list of proofs.
    Shape,
}

impl fmt::Display for WitnessProofsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "witness proofs have more than {MAX_WITNESS_BYTES} bytes"),
            Self::Json(e) => write!(f, "witness proofs: {e}"),
            Self::Shape => f.write_str("witness proofs are not a list of versionIds with their proofs"),
        }
    }
}

impl std::error::Error for WitnessProofsError {}

impl From<JsonError> for WitnessProofsError {
    fn from(e: JsonError) -> Self {
        Self::Json(e)
    }
}

#[cfg(test)]
mod tests;
