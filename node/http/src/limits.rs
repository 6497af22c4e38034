//! The bounds of every face, each with its reason.

use std::time::Duration;

/// Connections of one listener at once. Each costs a task and a read buffer of [`MAX_HEAD_BYTES`]
/// at most, so 32 MiB together; further ones wait in the kernel's queue.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Requests with a body that one listener works on at once. Each holds up to
/// [`MAX_VERIFY_BYTES`], so 384 MiB together; a further one is told to come back.
pub const MAX_BODIES: u32 = 256;

/// How long the head of a request may take, the wait for it on an open connection included.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a body may take: 1.5 MiB at 1.2 Mbit/s.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an answer may take, its body's reading included. The longest flow waits for peers three
/// times, 5 s each.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one connection is kept for further requests. It bounds also whoever reads slowly.
pub const CONNECTION_LIFE: Duration = Duration::from_secs(300);

/// Who may watch what happens, at once: each may be a thousand events behind, and holds a connection.
pub const MAX_WATCHERS: usize = 16;

/// How long a stream of events goes on: a little less than its connection.
pub const EVENTS_LIFE: Duration = Duration::from_secs(290);

/// How long such a stream is silent before it says that it is there.
pub const EVENTS_ALIVE: Duration = Duration::from_secs(15);

/// How long open requests may go on at the end of a connection's life, and at shutdown.
pub const DRAIN: Duration = Duration::from_secs(5);

/// Most bytes of a request's head. A DID in a path takes 3 KiB at its cap, percent-encoded.
pub const MAX_HEAD_BYTES: usize = 32 * 1_024;

/// Most headers of a request. Browsers send twenty.
pub const MAX_HEADERS: usize = 64;

/// Most bytes of a request's path and query: a DID at its cap, percent-encoded twice, and some room.
pub const MAX_TARGET_BYTES: usize = 8_192;

/// Most bytes of a body. A DID log has 1 MiB at its cap, so the largest comes over the
/// mesh or by import only.
pub const MAX_BODY_BYTES: usize = 1_024 * 1_024;

/// Most bytes of a body of `/v1/verify`: a presentation of 1 MiB, in base64url, and some room.
pub const MAX_VERIFY_BYTES: usize = 1_536 * 1_024;

/// Most bytes of a body of `/v1/webvh/import`: a DID log and a witness file at their caps of 1 MiB each,
/// and some room for white space.
pub const MAX_IMPORT_BYTES: usize = 2_304 * 1_024;

/// Most bytes of the options of a resolution: a handful of short texts, and a DID URL's worth of each.
pub const MAX_OPTIONS_BYTES: usize = 16 * 1_024;

/// Most media ranges of an `Accept` header that are looked at. Browsers send eight.
pub const MAX_MEDIA_RANGES: usize = 32;

/// Decision entries of one answer, unless fewer are asked for; an entry has some 400 bytes.
pub const MAX_DECISIONS: usize = 1_000;

/// Decision entries of one answer where nothing is asked for.
pub const DEFAULT_DECISIONS: usize = 100;
