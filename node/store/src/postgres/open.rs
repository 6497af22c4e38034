//! Connecting, within limits, to a server that keeps what it acknowledges.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{Postgres as Server, SqlSafeStr};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

/// Most connections of one node: twice the hundred that a server allows as it comes would leave none for a second
/// node, and a statement here takes less than a millisecond.
pub const MAX_CONNECTIONS: u32 = 64;

/// Longest name of a schema, in bytes: what PostgreSQL itself cuts names at.
pub const MAX_SCHEMA_BYTES: usize = 63;

/// How long a caller waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(10);

/// What a session asks of the server. A statement here is short, and who is gone holds no lock for longer than
/// this; an answer says that what was written is on disk.
const SESSION: [(&str, &str); 6] = [
    ("statement_timeout", "30s"),
    ("lock_timeout", "10s"),
    ("idle_in_transaction_session_timeout", "15s"),
    ("synchronous_commit", "on"),
    ("default_transaction_isolation", "read committed"),
    ("tcp_user_timeout", "15s"),
];

/// Settings of the server without which it may lose what it acknowledged.
const NEEDED: [&str; 2] = ["fsync", "full_page_writes"];

const RECORDS: &str = include_str!("../../migrations/0001_records.sql");

/// Where the records of a domain are.
#[derive(Clone)]
pub struct Options {
    /// A connection URI (`postgres://user@host:port/database?sslmode=verify-full`). A password may stand in it;
    /// better, it stands in the file that `PGPASSFILE` names.
    pub url: String,
    /// The schema, which belongs to one domain: lower-case letters, digits and `_`, made where it is missing.
    pub schema: String,
    /// Most connections at once, from 1 to [`MAX_CONNECTIONS`].
    pub connections: u32,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = (&self.schema, self.connections);
        f.debug_struct("Options").field("schema, connections", &fields).finish_non_exhaustive()
    }
}

/// Why the engine does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresError {
    /// An option cannot be what it is; the text names it and never quotes the URI.
    Option(&'static str),
    /// The server is not on this machine, and what is said to it could be read or changed on the way.
    Plain {
        /// The host.
        host: String,
    },
    /// The server does not answer, or says no.
    Unavailable(String),
    /// The server may lose what it acknowledges.
    Unsafe {
        /// The setting that is off.
        setting: &'static str,
    },
    /// The schema cannot be brought up to date, or is that of a later release.
    Schema(String),
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(what) => write!(f, "PostgreSQL: {what}"),
            Self::Plain { host } => {
                write!(f, "PostgreSQL at {host} would be spoken to in the clear: add sslmode=verify-full")
            }
            Self::Unavailable(why) => write!(f, "PostgreSQL does not answer: {why}"),
            Self::Unsafe { setting } => {
                write!(f, "PostgreSQL has {setting} = off and may lose what it acknowledged: turn it on")
            }
            Self::Schema(why) => write!(f, "the schema in PostgreSQL cannot be used: {why}"),
        }
    }
}

impl std::error::Error for PostgresError {}

pub(super) async fn open(options: &Options) -> Result<PgPool, PostgresError> {
    let connect = checked(options)?;
    let unavailable = |e: sqlx::Error| PostgresError::Unavailable(e.to_string());
    let pool = PgPoolOptions::new().max_connections(options.connections).acquire_timeout(ACQUIRE);
    let pool = pool.connect_with(connect).await.map_err(unavailable)?;
    for setting in NEEDED {
        let query = sqlx::query_scalar::<Server, String>("SELECT current_setting($1)").bind(setting);
        let value: String = query.fetch_one(&pool).await.map_err(unavailable)?;
        if value != "on" {
            return Err(PostgresError::Unsafe { setting });
        }
    }
    let of_schema = |e: &dyn fmt::Display| PostgresError::Schema(e.to_string());
    let records =
        Migration::new(1, Cow::Borrowed("records"), MigrationType::Simple, RECORDS.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![records]);
    migrator.create_schema(options.schema.clone());
    migrator.run(&pool).await.map_err(|e| of_schema(&e))?;
    Ok(pool)
}

/// The options of a connection, where they are within limits and no one on the way can read along.
fn checked(options: &Options) -> Result<PgConnectOptions, PostgresError> {
    if !(1..=MAX_CONNECTIONS).contains(&options.connections) {
        return Err(PostgresError::Option("connections: from 1 to 64"));
    }
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let name = options.schema.as_bytes();
    let begins = name.first().is_some_and(|first| first.is_ascii_lowercase());
    if !begins
        || name.len() > MAX_SCHEMA_BYTES
        || !name.iter().copied().all(is_plain)
        || options.schema.starts_with("pg_")
    {
        return Err(PostgresError::Option("schema: a letter, then letters, digits and _, in lower case"));
    }
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(|_| PostgresError::Option("url: not a connection URI (postgres://user@host/database)"))?;
    let host = connect.get_host();
    let is_here = connect.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if !is_here && !matches!(connect.get_ssl_mode(), PgSslMode::VerifyFull) {
        return Err(PostgresError::Plain { host: host.to_owned() });
    }
    let session = SESSION.into_iter().chain([("search_path", options.schema.as_str())]);
    Ok(connect.application_name("marque").options(session))
}

#[cfg(test)]
mod tests;
