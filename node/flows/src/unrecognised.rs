//! A bound on what is kept of domains that this node does not recognise: a search takes answers from
//! whoever is connected (MESH.md D7), so that strangers could fill the store with their DIDs. What is
//! fetched from the web has an allowance of its own: anybody can make a node fetch, and must not use up
//! what the mesh needs.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::records::{Expect, Table, Write};
use marque_rules::replica::{Refusal, Scid};
use serde_json::{Value, json};

/// Most bytes that are ever written of domains that are not recognised, over all starts: some ten
/// thousand usual logs. Beyond it their DIDs are not taken in.
const MAX_BYTES: u64 = 64 << 20;

/// Whose allowance it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// Of what the mesh brings, or an operator.
    Brought,
    /// Of what is fetched.
    Fetched,
}

impl Allowance {
    /// The name of the record that says how much was written.
    const fn record(self) -> &'static [u8] {
        match self {
            Self::Brought => b"unrecognised",
            Self::Fetched => b"unrecognised-fetched",
        }
    }
}

impl Domain {
    /// The writes that an object of `origin` stands for, and where `origin` is not recognised the one
    /// that counts them.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`] beyond the bound; [`Refusal::StoreFailed`].
    pub(crate) async fn charged(
        &self,
        origin: &Scid,
        mut writes: Vec<Write>,
        allowance: Allowance,
    ) -> Result<Vec<Write>, Refusal> {
        let failed = |error: Error| {
            tracing::error!(%error, "the store failed the mesh");
            Refusal::StoreFailed
        };
        if writes.is_empty() || self.is_known(origin).await.map_err(failed)? {
            return Ok(writes);
        }
        let (written, expect) = match self.json(Table::Node, allowance.record()).await.map_err(failed)? {
            None => (0, Expect::Absent),
            Some((json, version)) => {
                let bytes = json.get("bytes").and_then(Value::as_u64);
                (bytes.unwrap_or(MAX_BYTES), Expect::Version(version))
            }
        };
        let size = |write: &Write| write.key.len() + write.value.as_ref().map_or(0, Vec::len);
        let bytes = writes.iter().map(|write| size(write) as u64).fold(written, u64::saturating_add);
        if bytes > MAX_BYTES {
            return Err(Refusal::Overloaded);
        }
        writes.push(put(Table::Node, allowance.record(), &json!({"bytes": bytes}), expect));
        Ok(writes)
    }
}
