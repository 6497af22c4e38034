//! The approval of a witness, signed in two steps.
//!
//! Specification, "Witnessing a DID Version Update".

use crate::keys::PublicKey;
use crate::proof::{self, HashData, ProofError, Suite};
use crate::time::UnixSeconds;
use crate::webvh::entries::verify_line;
use crate::webvh::proof::options_for;
use crate::webvh::witness_proofs::approval_document;
use crate::webvh::{EntryError, Log, LogError, Version, WitnessProofs};
use serde_json::{Map, Value};

/// An approval that waits for its signature. The entry was verified as the next one, as the
/// specification asks of each witness; whether to approve it is for the witness to decide.
#[derive(Debug, Clone)]
pub struct WitnessDraft {
    version: Version,
    witness: PublicKey,
    options: Map<String, Value>,
    input: HashData,
}

impl WitnessDraft {
    /// Verifies `line`, with or without its line end, as the entry after the log that the witness
    /// `held`, or as the first of a new one.
    ///
    /// # Errors
    /// [`LogError`] names the rule that the entry breaks; [`EntryError::NotAWitness`] where the entry
    /// does not need the approval of `witness`.
    pub fn new(
        held: Option<&Log>,
        line: &[u8],
        witness: &PublicKey,
        now: UnixSeconds,
    ) -> Result<Self, LogError> {
        let head = held.map(Log::head);
        let number = head.map_or(1, |head| head.number.saturating_add(1));
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Self::prepare(head, line, witness, now).map_err(|why| why.at(number))
    }

    fn prepare(
        head: Option<&Version>,
        line: &[u8],
        witness: &PublicKey,
        now: UnixSeconds,
    ) -> Result<Self, EntryError> {
        let version = verify_line(line, head, now)?;
        let approvers = version.parameters().approvers(head.map(Version::parameters));
        if !approvers.keys().contains(witness) {
            return Err(EntryError::NotAWitness);
        }
        let options = options_for(witness, now).ok_or(EntryError::NotAWitness)?;
        let input = proof::hash_data(Suite::EddsaJcs2022, &approval_document(&version.id), &options)?;
        Ok(Self { version, witness: witness.clone(), options, input })
    }

    /// The version that is to be approved, and with it all before.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// The bytes that the witness must sign.
    #[must_use]
    pub const fn signing_input(&self) -> &HashData {
        &self.input
    }

    /// The proof, to be merged into the file.
    ///
    /// # Errors
    /// [`ProofError::BadSignature`] where the signature does not verify.
    pub fn attach(self, signature: &[u8]) -> Result<WitnessProofs, ProofError> {
        let proof = proof::finish(self.options, Suite::EddsaJcs2022, &self.input, &self.witness, signature)?;
        Ok(WitnessProofs::one(self.version.id, proof))
    }
}
