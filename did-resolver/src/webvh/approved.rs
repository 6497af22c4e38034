//! Approvals that come beside a log that is held: by more witnesses, or all of them again.

use crate::webvh::witness_proofs::Approvals;
use crate::webvh::{Log, LogError};

impl Log {
    /// This log with the approvals that `witness`, a `did-witness.json`, adds to it: so that it ends
    /// as the log that came with all proofs at once. `None` where it adds none; the file is not read
    /// where the log has no witnesses.
    ///
    /// # Errors
    /// [`LogError::WitnessProofs`] where the file cannot be read, or would be too long with what is
    /// known already.
    pub fn with_approvals(&self, witness: &[u8]) -> Result<Option<Self>, LogError> {
        let grown = self.approvals().grown(&self.versions().collect::<Vec<_>>(), witness)?;
        if grown == *self.approvals() { Ok(None) } else { Ok(Some(self.approved_by(grown))) }
    }

    /// Checks that `witness` alone has every approval that this log needs, so that whoever gets both
    /// can verify them without knowing anything else.
    ///
    /// # Errors
    /// As [`Self::verify_with`].
    pub fn check_approvals(&self, witness: Option<&[u8]>) -> Result<(), LogError> {
        Approvals::default().follow(&self.versions().collect::<Vec<_>>(), 0, witness).map(drop)
    }

    /// The `did-witness.json` to be published before [`Self::bytes`]: of each witness the latest proof.
    /// `None` where nobody needed to approve.
    #[must_use]
    pub fn witness_file(&self) -> Option<Vec<u8>> {
        let proofs = self.witness_proofs();
        if proofs.is_empty() { None } else { Some(proofs.to_bytes()) }
    }
}
