//! Places of statuses: random, used once, durable before anything that carries one leaves the node. Once a list
//! is full the next one is opened.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::clock::random;
use crate::ports::records::{Expect, StoreError, Table, Write};
use marque_rules::issuance::{LIST_ENTRIES, MAX_LISTS};
use serde_json::{Value, json};
use vc_schemas::code::Code;

/// How often another random index is tried before a list counts as full. At nine in ten entries
/// taken, sixty-four tries fail once in a thousand times.
const MAX_TRIES: usize = 64;

/// A place that is being given out: its write belongs into the batch of what carries it.
#[derive(Debug, Clone)]
pub(crate) struct Reserved {
    pub(crate) index: u32,
    pub(crate) write: Write,
}

pub(crate) fn key(index: u32) -> [u8; 4] {
    index.to_be_bytes()
}

impl Domain {
    /// Finds a free place for `purpose` on the newest list; `taken` are those of the same batch. It is reserved
    /// once the batch with its write is committed, and a conflict there means that somebody else was faster.
    pub(crate) async fn free_index(&self, purpose: &Value, taken: &[u32]) -> Result<Reserved, Error> {
        loop {
            let newest = self.newest_list().await?;
            for _ in 0..MAX_TRIES {
                let index = u32::from_be_bytes(random::<4>(self.entropy.as_ref())?) % LIST_ENTRIES;
                let index = newest * LIST_ENTRIES + index;
                if !taken.contains(&index) && self.records.get(Table::Indices, &key(index)).await?.is_none() {
                    let write = put(Table::Indices, key(index), purpose, Expect::Absent);
                    return Ok(Reserved { index, write });
                }
            }
            if newest + 1 >= MAX_LISTS {
                return Err(Error::refused(Code::Unavailable, "the status lists are full"));
            }
            self.open_lists(newest + 1).await?;
        }
    }

    /// Reserves a place, durably, for a link that `issuer` will sign.
    ///
    /// # Errors
    /// [`Error::Store`], or [`Error::Refused`] where the lists are full.
    pub(crate) async fn reserve_for_link(&self, issuer: &str) -> Result<u32, Error> {
        loop {
            let reserved = self.free_index(&json!({"for": "link", "issuer": issuer}), &[]).await?;
            match self.records.commit(vec![reserved.write]).await {
                Ok(()) => return Ok(reserved.index),
                Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What the place was reserved for, and the version of that record.
    pub(crate) async fn reserved_for(&self, index: u32) -> Result<Option<(Value, u64)>, Error> {
        self.json(Table::Indices, &key(index)).await
    }
}
