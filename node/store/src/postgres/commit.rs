//! One batch as one transaction.

use super::{number, unavailable};
use marque_flows::ports::records::{Expect, StoreError, Write};
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Postgres as Server, Row};
use std::collections::BTreeMap;

/// How often a batch is tried where the server gave another one precedence. Of two that wait for each other the
/// server ends one, so that each try has seen another batch go through.
const MAX_TRIES: usize = 16;

/// Locks the rows that are there, in the order of their keys.
const LOCK: &str = "SELECT w.at, r.version \
     FROM unnest($1::smallint[], $2::bytea[]) WITH ORDINALITY AS w(tbl, key, at) \
     JOIN records r ON r.tbl = w.tbl AND r.key = w.key \
     ORDER BY r.tbl, r.key FOR UPDATE OF r";

/// Puts what was not there; what came meanwhile is left, and counted by the caller.
const PUT_NEW: &str = "INSERT INTO records (tbl, key, value, version) \
     SELECT tbl, key, value, nextval('versions') \
     FROM unnest($1::smallint[], $2::bytea[], $3::bytea[]) AS w(tbl, key, value) ORDER BY tbl, key \
     ON CONFLICT (tbl, key) DO NOTHING";

/// Puts whatever is there. The version is taken again where a row is there: once it is locked.
const PUT: &str = "INSERT INTO records (tbl, key, value, version) \
     SELECT tbl, key, value, nextval('versions') \
     FROM unnest($1::smallint[], $2::bytea[], $3::bytea[]) AS w(tbl, key, value) ORDER BY tbl, key \
     ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value, version = nextval('versions'), \
     written = pg_current_xact_id()";

const DELETE: &str = "DELETE FROM records r \
     USING unnest($1::smallint[], $2::bytea[]) AS w(tbl, key) WHERE r.tbl = w.tbl AND r.key = w.key";

/// Why one try ended without a commit.
enum Undone {
    /// Another batch went first: the next try sees what it left.
    Overtaken,
    /// It is over.
    Failed(StoreError),
}

impl From<sqlx::Error> for Undone {
    fn from(error: sqlx::Error) -> Self {
        // Serialisation failure, deadlock, lock timeout.
        let code = error.as_database_error().and_then(|e| e.code());
        match code.as_deref() {
            Some("40001" | "40P01" | "55P03") => Self::Overtaken,
            _ => Self::Failed(unavailable(&error)),
        }
    }
}

/// Commits a batch that is within the limits.
pub(super) async fn commit(pool: &PgPool, batch: &[Write]) -> Result<(), StoreError> {
    if batch.is_empty() {
        return Ok(());
    }
    for _ in 0..MAX_TRIES {
        let mut transaction = pool.begin().await.map_err(|e| unavailable(&e))?;
        match write(&mut transaction, batch).await {
            Ok(()) => return transaction.commit().await.map_err(|e| unavailable(&e)),
            Err(Undone::Failed(error)) => return Err(error),
            Err(Undone::Overtaken) => {}
        }
        // Dropped, it is rolled back before its connection is used again.
        drop(transaction);
    }
    Err(StoreError::Unavailable(format!("other batches went first {MAX_TRIES} times")))
}

async fn write(connection: &mut PgConnection, batch: &[Write]) -> Result<(), Undone> {
    let versions = lock(connection, batch).await?;
    for (at, write) in batch.iter().enumerate() {
        let version = versions.get(&at).copied();
        let holds = match write.expect {
            Expect::Any => true,
            Expect::Absent => version.is_none(),
            Expect::Version(wanted) => version == Some(wanted),
        };
        if !holds {
            return Err(Undone::Failed(StoreError::Conflict(at)));
        }
    }
    let is_put = |write: &&Write| write.value.is_some();
    let is_new = |write: &&Write| write.expect == Expect::Absent;
    let new: Vec<&Write> = batch.iter().filter(is_put).filter(is_new).collect();
    let rest: Vec<&Write> = batch.iter().filter(is_put).filter(|write| !is_new(write)).collect();
    let gone: Vec<&Write> = batch.iter().filter(|write| write.value.is_none()).collect();
    if put(connection, PUT_NEW, &new).await? < new.len() as u64 {
        return Err(Undone::Overtaken);
    }
    put(connection, PUT, &rest).await?;
    if !gone.is_empty() {
        let (tables, keys) = names(&gone);
        sqlx::query::<Server>(DELETE).bind(tables).bind(keys).execute(connection).await?;
    }
    Ok(())
}

/// The versions of the records of a batch that are there, by their place in it. They stay as they are until the
/// transaction ends.
async fn lock(connection: &mut PgConnection, batch: &[Write]) -> Result<BTreeMap<usize, u64>, Undone> {
    let all: Vec<&Write> = batch.iter().collect();
    let (tables, keys) = names(&all);
    let rows = sqlx::query::<Server>(LOCK).bind(tables).bind(keys).fetch_all(connection).await?;
    let mut versions = BTreeMap::new();
    for row in rows {
        let (at, version): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let place = usize::try_from(at).ok().and_then(|at| at.checked_sub(1));
        let (Some(place), Ok(version)) = (place, u64::try_from(version)) else {
            return Err(Undone::Failed(StoreError::Damaged("a negative version".to_owned())));
        };
        versions.insert(place, version);
    }
    Ok(versions)
}

/// Runs one of the statements that put, and answers how many rows it wrote.
async fn put(
    connection: &mut PgConnection,
    statement: &'static str,
    writes: &[&Write],
) -> Result<u64, Undone> {
    if writes.is_empty() {
        return Ok(0);
    }
    let (tables, keys) = names(writes);
    let values: Vec<&[u8]> = writes.iter().map(|write| write.value.as_deref().unwrap_or_default()).collect();
    let query = sqlx::query::<Server>(statement).bind(tables).bind(keys).bind(values);
    Ok(query.execute(connection).await?.rows_affected())
}

fn names<'a>(writes: &[&'a Write]) -> (Vec<i16>, Vec<&'a [u8]>) {
    writes.iter().map(|write| (number(write.table), write.key.as_slice())).unzip()
}
