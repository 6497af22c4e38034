//! PostgreSQL as an engine, for a domain that several nodes serve: the same contract over one table.
//!
//! A batch is one transaction. The rows that it names are locked in the order of their keys, so that two
//! batches wait for each other in one direction; then what it expects is compared, and written. Versions come
//! from one sequence, taken while the row is locked: they grow, and none comes twice.
//!
//! Unlike the object log, an engine here goes on after a connection broke: whatever it does next is compared
//! with what the server has.

mod commit;
mod open;

use crate::batch;
use futures::future::BoxFuture;
use marque_flows::ports::records::{
    Changes, MAX_BATCH, MAX_SCAN, Records, Row as Record, StoreError, Stored, Table, Write,
};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Postgres as Server, Row};
use std::fmt;

pub use open::{MAX_CONNECTIONS, MAX_SCHEMA_BYTES, Options, PostgresError};

/// A pool of connections to the server that holds the records of one domain. Clones share it.
#[derive(Clone)]
pub struct Postgres {
    pool: PgPool,
}

impl Postgres {
    /// Connects, brings the schema up to date, and makes sure that the server keeps what it acknowledges.
    ///
    /// # Errors
    /// [`PostgresError`]; nothing but the schema was changed then.
    pub async fn open(options: &Options) -> Result<Self, PostgresError> {
        Ok(Self { pool: open::open(options).await? })
    }

    /// Closes all connections; waits for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, idle) = (self.pool.size(), self.pool.num_idle());
        f.debug_struct("Postgres").field("connections", &size).field("idle", &idle).finish_non_exhaustive()
    }
}

/// What did not work, for the log. The server's own words may hold keys of records, and no values.
fn unavailable(error: &sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn stored(row: &PgRow) -> Result<Stored, StoreError> {
    let damaged = |e: sqlx::Error| StoreError::Damaged(e.to_string());
    let version: i64 = row.try_get("version").map_err(damaged)?;
    let version = u64::try_from(version).map_err(|_| StoreError::Damaged("a negative version".to_owned()))?;
    Ok(Stored { value: row.try_get("value").map_err(damaged)?, version })
}

fn record(row: &PgRow) -> Result<Record, StoreError> {
    let key = row.try_get("key").map_err(|e| StoreError::Damaged(e.to_string()))?;
    Ok(Record { key, stored: stored(row)? })
}

/// The number of a table, as the column has it.
fn number(table: Table) -> i16 {
    i16::from(table as u8)
}

/// The first key that is greater than each that begins with `prefix`; `None` where there is none.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    let byte = end.last_mut()?;
    *byte = byte.saturating_add(1);
    Some(end)
}

const GET: &str = "SELECT value, version FROM records WHERE tbl = $1 AND key = $2";

const SCAN: &str = "SELECT key, value, version FROM records \
     WHERE tbl = $1 AND key >= $2 AND ($3::bytea IS NULL OR key > $3) AND ($4::bytea IS NULL OR key < $4) \
     ORDER BY key LIMIT $5";

/// The oldest transaction that is under way: all before it are over, and seen.
const MARK: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark";

/// Keys with the transactions that wrote them, and what [`MARK`] tells of the same snapshot.
const CHANGES: &str = "SELECT key, written::text AS written, pg_snapshot_xmin(pg_current_snapshot())::text AS mark \
     FROM records WHERE tbl = $1 AND written >= $2::text::xid8 ORDER BY written LIMIT $3";

/// Most rows that are looked at for changes at once: above [`MAX_BATCH`], so that it goes on behind any transaction.
const MAX_CHANGES: usize = 4 * MAX_BATCH;

impl Postgres {
    async fn changes(&self, table: Table, prefix: &[u8], since: Option<u64>) -> Result<Changes, StoreError> {
        let number_of = |row: &PgRow, column| {
            let text: String = row.try_get(column).map_err(|e| StoreError::Damaged(e.to_string()))?;
            text.parse::<u64>().map_err(|_| StoreError::Damaged("no transaction number".to_owned()))
        };
        let now = async || {
            let row = sqlx::query::<Server>(MARK).fetch_one(&self.pool).await.map_err(|e| unavailable(&e))?;
            number_of(&row, "mark")
        };
        let Some(since) = since else { return Ok(Changes { keys: Vec::new(), mark: now().await? }) };
        // Before, so that nothing falls between where there is no row.
        let quiet = now().await?;
        let most = i64::try_from(MAX_CHANGES).unwrap_or(0);
        let query = sqlx::query::<Server>(CHANGES).bind(number(table)).bind(since.to_string()).bind(most);
        let rows = query.fetch_all(&self.pool).await.map_err(|e| unavailable(&e))?;
        let mark = match rows.last() {
            None => quiet,
            Some(last) if rows.len() == MAX_CHANGES => number_of(last, "written")?,
            Some(last) => number_of(last, "mark")?,
        };
        let keys = rows.iter().map(|row| row.try_get::<Vec<u8>, _>("key"));
        let keys: Vec<_> = keys.collect::<Result<_, _>>().map_err(|e| StoreError::Damaged(e.to_string()))?;
        let keys = keys.into_iter().filter(|key| key.starts_with(prefix)).collect();
        Ok(Changes { keys, mark: mark.max(since) })
    }
}

impl Records for Postgres {
    fn is_shared(&self) -> bool {
        true
    }

    fn changes<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        since: Option<u64>,
    ) -> BoxFuture<'a, Result<Changes, StoreError>> {
        Box::pin(self.changes(table, prefix, since))
    }

    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            let query = sqlx::query::<Server>(GET).bind(number(table)).bind(key);
            let row = query.fetch_optional(&self.pool).await.map_err(|e| unavailable(&e))?;
            row.as_ref().map(stored).transpose()
        })
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Record>, StoreError>> {
        Box::pin(async move {
            let limit = i64::try_from(limit.min(MAX_SCAN)).unwrap_or(0);
            let query = sqlx::query::<Server>(SCAN).bind(number(table)).bind(prefix);
            let query = query.bind(after).bind(end_of(prefix)).bind(limit);
            let rows = query.fetch_all(&self.pool).await.map_err(|e| unavailable(&e))?;
            rows.iter().map(record).collect()
        })
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            batch::check(&batch)?;
            commit::commit(&self.pool, &batch).await
        })
    }
}

#[cfg(test)]
mod tests;
