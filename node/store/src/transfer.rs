//! All records of one engine taken over by another: a domain that outgrew one node goes on where several share its
//! records. Nobody may write to either meanwhile.
//!
//! The target says by a note that it does not have all of them yet, from before the first until after each was read
//! back, so that no node starts on a part. What was interrupted is done again.

use marque_flows::ports::records::{Expect, MAX_BATCH, Records, Row, StoreError, Table, Write};
use std::fmt;

/// The record that is the note.
const NOTE: (Table, &[u8]) = (Table::Node, b"transfer");

/// Records that are read at once: in memory they take 80 MiB at most, and usually some kilobytes.
const PAGE: usize = 64;

/// Bytes of values at which a batch is committed.
const BATCH_BYTES: usize = 1024 * 1024;

/// Why the target does not have all records. It keeps its note where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferError {
    /// There are other records in it.
    Occupied,
    /// What records are taken over from.
    From(StoreError),
    /// What takes them over.
    To(StoreError),
    /// What was written reads back otherwise.
    Differs(Table),
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupied => f.write_str("it has records of its own already"),
            Self::From(error) => write!(f, "what is taken over: {error}"),
            Self::To(error) => write!(f, "what takes over: {error}"),
            Self::Differs(table) => {
                write!(f, "{} read back otherwise than they were written", table.as_str())
            }
        }
    }
}

impl std::error::Error for TransferError {}

/// Whether records are there, and not all of them.
///
/// # Errors
/// [`StoreError`].
pub async fn is_under_way(to: &dyn Records) -> Result<bool, StoreError> {
    Ok(to.get(NOTE.0, NOTE.1).await?.is_some())
}

/// Has `to` take over all records of `from`, which belong to the domain `of`, and reads each back. Answers how many
/// there are; `progress` hears how many it has come to, twice each. Until [`finish`] the note stands.
///
/// # Errors
/// [`TransferError`]. The next call goes on, where it is about the same domain.
pub async fn transfer(
    from: &dyn Records,
    to: &dyn Records,
    of: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, TransferError> {
    begin(to, of).await?;
    let mut moved = 0;
    for table in Table::ALL {
        let mut after = None;
        while let Some(rows) = page(from, table, &mut after).await.map_err(TransferError::From)? {
            moved += rows.len() as u64;
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for Row { key, stored } in rows {
                bytes += stored.value.len();
                batch.push(Write { table, key, value: Some(stored.value), expect: Expect::Any });
                if bytes >= BATCH_BYTES || batch.len() >= MAX_BATCH {
                    to.commit(std::mem::take(&mut batch)).await.map_err(TransferError::To)?;
                    bytes = 0;
                }
            }
            to.commit(batch).await.map_err(TransferError::To)?;
            progress(moved);
        }
    }
    let mut there = 0;
    for table in Table::ALL {
        let mut after = None;
        while let Some(rows) = page(to, table, &mut after).await.map_err(TransferError::To)? {
            let mut gone = Vec::new();
            for Row { key, stored } in rows {
                match from.get(table, &key).await.map_err(TransferError::From)? {
                    Some(kept) if kept.value == stored.value => there += 1,
                    Some(_) => return Err(TransferError::Differs(table)),
                    // Of an earlier try, and deleted since.
                    None => {
                        gone.push(Write { table, key, value: None, expect: Expect::Version(stored.version) })
                    }
                }
            }
            to.commit(gone).await.map_err(TransferError::To)?;
            progress(moved + there);
        }
    }
    if there == moved { Ok(moved) } else { Err(TransferError::Differs(Table::Node)) }
}

/// Takes the note away: what took the records over has them now.
///
/// # Errors
/// [`StoreError`].
pub async fn finish(to: &dyn Records) -> Result<(), StoreError> {
    let (table, key) = NOTE;
    to.commit(vec![Write { table, key: key.to_vec(), value: None, expect: Expect::Any }]).await
}

/// Puts the note into what has no records, or finds it there.
async fn begin(to: &dyn Records, of: &str) -> Result<(), TransferError> {
    let (table, key) = NOTE;
    match to.get(table, key).await.map_err(TransferError::To)? {
        Some(note) if note.value == of.as_bytes() => return Ok(()),
        Some(_) => return Err(TransferError::Occupied),
        None => {}
    }
    for table in Table::ALL {
        if !to.scan(table, b"", None, 1).await.map_err(TransferError::To)?.is_empty() {
            return Err(TransferError::Occupied);
        }
    }
    let note = Write { table, key: key.to_vec(), value: Some(of.into()), expect: Expect::Absent };
    to.commit(vec![note]).await.map_err(|error| match error {
        StoreError::Conflict(_) => TransferError::Occupied,
        error => TransferError::To(error),
    })
}

/// The records behind `after`, but for the note; `None` where there are none.
async fn page(
    records: &dyn Records,
    table: Table,
    after: &mut Option<Vec<u8>>,
) -> Result<Option<Vec<Row>>, StoreError> {
    let mut rows = records.scan(table, b"", after.as_deref(), PAGE).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    *after = Some(last.key.clone());
    rows.retain(|row| (table, row.key.as_slice()) != NOTE);
    Ok(Some(rows))
}

#[cfg(test)]
mod tests;
