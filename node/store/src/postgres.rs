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
use crate::prefix::end_of;
use futures::future::BoxFuture;
use marque_flows::ports::records::{
    Changes, MAX_SCAN, Records, Row as Record, StoreError, Stored, Table, Write,
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

const GET: &str = "SELECT value, version FROM records WHERE tbl = $1 AND key = $2";

const SCAN: &str = "SELECT key, value, version FROM records \
     WHERE tbl = $1 AND key >= $2 AND ($3::bytea IS NULL OR key > $3) AND ($4::bytea IS NULL OR key < $4) \
     ORDER BY key LIMIT $5";

/// The oldest transaction that is under way: all before it are over, and seen.
const MARK: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS mark";

/// Keys with the transactions that wrote them, a page after another.
const CHANGES: &str = "SELECT key, written::text AS written FROM records \
     WHERE tbl = $1 AND (written, key) > ($2::text::xid8, $3) ORDER BY written, key LIMIT $4";

/// Rows of a page.
const PAGE: usize = 4_096;

/// Most pages of one call: some ten megabytes of keys. What is beyond them is told by the next.
const MAX_PAGES: usize = 16;

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
        // Before anything is read: whatever is not committed by now is at or behind it.
        let mut mark = now().await?;
        let Some(since) = since else { return Ok(Changes { keys: Vec::new(), mark }) };
        let (mut keys, mut after) = (Vec::new(), (since, Vec::new()));
        for page in 1..=MAX_PAGES {
            let most = i64::try_from(PAGE).unwrap_or(0);
            let query = sqlx::query::<Server>(CHANGES).bind(number(table)).bind(after.0.to_string());
            let query = query.bind(&after.1).bind(most);
            let rows = query.fetch_all(&self.pool).await.map_err(|e| unavailable(&e))?;
            for row in &rows {
                let key: Vec<u8> = row.try_get("key").map_err(|e| StoreError::Damaged(e.to_string()))?;
                after = (number_of(row, "written")?, key);
                if after.1.starts_with(prefix) {
                    keys.push(after.1.clone());
                }
            }
            if rows.len() < PAGE {
                break;
            }
            if page == MAX_PAGES {
                mark = mark.min(after.0);
            }
        }
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
