//! The bounds of every fetch, each with its reason.

use std::time::Duration;

/// Fetches that are under way, those that wait for their turn included; a further one is refused. Each
/// that waits costs a URL and a timer.
pub const MAX_UNDER_WAY: usize = 256;

/// Connections at once. Each holds up to [`MAX_BYTES`] and the buffers of TLS, so 70 MiB together.
pub const MAX_OPEN: usize = 32;

/// Connections to one host at once: no caller makes this node a burden to a host.
pub const MAX_PER_HOST: usize = 4;

/// Connections to one address at once, however many names lead there.
pub const MAX_PER_ADDRESS: usize = 8;

/// Names that are looked up at once. Each takes a thread, and one that nobody waits for any more goes
/// on until the system's resolver gives up.
pub const MAX_LOOKUPS: usize = 16;

/// Addresses of a host that are tried, in the order of the system's resolver.
pub const MAX_ADDRESSES: usize = 4;

/// Addresses of a host that are looked at. A host with more is no ordinary one.
pub(crate) const MAX_LISTED: usize = 64;

/// How long one address may take to accept a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a fetch may take, whatever the caller says: a log of 1 MiB at 0.3 Mbit/s.
pub const MAX_TIME: Duration = Duration::from_secs(30);

/// Longest body, whatever the caller says: twice a DID log at its cap.
pub const MAX_BYTES: usize = 2 << 20;

/// Longest head of an answer, in bytes. Usual ones have one KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 16 << 10;

/// Most headers of an answer.
pub(crate) const MAX_HEADERS: usize = 64;

/// Longest path and query of a URL. Sixteen path segments of 64 bytes are half of it.
pub(crate) const MAX_REQUEST_BYTES: usize = 2_048;
