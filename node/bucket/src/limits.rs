//! The bounds of every request, each with its reason.

use std::time::Duration;

/// How long the store may take to accept a connection, TLS not included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may take, all of it: a log of 1 MiB at 0.5 Mbit/s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Longest object that is read: a log at its cap, four times.
pub const MAX_OBJECT_BYTES: usize = 4 << 20;

/// Longest head of an answer, in bytes. Usual ones have one KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 16 << 10;

/// Most headers of an answer.
pub(crate) const MAX_HEADERS: usize = 64;

/// Connections that wait for their next request: as many as there are requests at once.
pub(crate) const MAX_IDLE: usize = 8;

/// How long one waits. Stores close theirs after a minute or so.
pub(crate) const IDLE: Duration = Duration::from_secs(20);

/// Longest file of credentials: two keys and a session token of 2 KiB, with room.
pub const MAX_CREDENTIALS_BYTES: usize = 16 << 10;

/// Longest file of certification authorities: all that Mozilla trusts have 250 KiB.
pub const MAX_ROOTS_BYTES: usize = 1 << 20;

/// Longest reason that a store gives which is passed on, in letters.
pub(crate) const MAX_REASON: usize = 200;
