//! The store port: small records in tables, written in batches that are durable and atomic.
//!
//! Contract, in words; `store::contract` is the same as a test suite and runs on every engine:
//!
//! * **Durable.** When [`Records::commit`] resolves `Ok`, the batch survives `kill -9` and loss of
//!   power. What was not acknowledged may be there after a crash, whole, or not be there; never half.
//! * **Atomic.** Every write of a batch takes effect or none does, also for a concurrent reader of
//!   one record. If one expectation fails, nothing is written.
//! * **Compare-and-swap.** [`Expect::Absent`] and [`Expect::Version`] are tested against the state
//!   that all earlier commits left, so of two racing commits with one expectation one fails.
//! * **Ordered.** [`Records::scan`] answers in byte order of the key.
//! * **Bounded.** Keys, values and batches have the limits below; more is refused before any effect.

use futures::future::BoxFuture;
use std::fmt;

/// Longest key, in bytes: a DID URL at its cap (2,048 bytes) with a prefix.
pub const MAX_KEY_BYTES: usize = 2_304;

/// Longest value, in bytes: a DID log at its cap (1 MiB) with what stands around it.
pub const MAX_VALUE_BYTES: usize = 1_310_720;

/// Most writes in one batch: one act of the node touches a dozen records; bulk intake splits.
pub const MAX_BATCH: usize = 1_024;

/// Most rows that one scan answers; a caller goes on after the last key.
pub const MAX_SCAN: usize = 1_024;

/// What a record is about. The number stands in the object log, so it is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// DID logs as received and verified, by DID: an entry a line, and on a last line the witness proofs
    /// where there are any.
    Logs = 1,
    /// Signed status lists as received and verified, by list URL.
    Lists = 2,
    /// Signed envelopes that carried what is held, by domain, kind and subject.
    Envelopes = 3,
    /// Floors that never fall (MESH.md D7), by kind and subject.
    Floors = 4,
    /// Indices ever seen revoked, by list URL.
    RevokedEver = 5,
    /// Owners of this domain, by name.
    Owners = 6,
    /// Agents of this domain, by name.
    Agents = 7,
    /// Credentials that this domain issued or registered, by credential id.
    Credentials = 8,
    /// Status indices given out, by index.
    Indices = 9,
    /// The state of this domain's own lists (bits, sequence number), by list name.
    ListStates = 10,
    /// Decision entries, by their number.
    Decisions = 11,
    /// Domains that this node recognises, and what they may root, by SCID.
    Trust = 12,
    /// Domains admitted to the mesh and the addresses of their nodes, by SCID.
    Peers = 13,
    /// Join tokens given out, by the hash of their secret.
    Invites = 14,
    /// One-time claims (nonces, token ids), by what was claimed.
    Claims = 15,
    /// Facts about this node itself (high-water time, fencing epoch), by name.
    Node = 16,
    /// What proves misbehaviour: equivocations and forks, by subject.
    Evidence = 17,
    /// DIDs that have two valid histories, and which of them counts here, by DID.
    Forks = 18,
    /// What signed changes of a status list led to, beyond the newest whole one, by list URL.
    Ahead = 19,
    /// Peers that are not let in, each until a time, by PeerId.
    Bans = 20,
    /// Verdicts that rest on old lists and are not confirmed yet, by when they were given.
    Deferred = 21,
}

impl Table {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::Logs,
        Self::Lists,
        Self::Envelopes,
        Self::Floors,
        Self::RevokedEver,
        Self::Owners,
        Self::Agents,
        Self::Credentials,
        Self::Indices,
        Self::ListStates,
        Self::Decisions,
        Self::Trust,
        Self::Peers,
        Self::Invites,
        Self::Claims,
        Self::Node,
        Self::Evidence,
        Self::Forks,
        Self::Ahead,
        Self::Bans,
        Self::Deferred,
    ];

    /// What an operator reads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Lists => "lists",
            Self::Envelopes => "envelopes",
            Self::Floors => "floors",
            Self::RevokedEver => "revoked-ever",
            Self::Owners => "owners",
            Self::Agents => "agents",
            Self::Credentials => "credentials",
            Self::Indices => "indices",
            Self::ListStates => "list-states",
            Self::Decisions => "decisions",
            Self::Trust => "trust",
            Self::Peers => "peers",
            Self::Invites => "invites",
            Self::Claims => "claims",
            Self::Node => "node",
            Self::Evidence => "evidence",
            Self::Forks => "forks",
            Self::Ahead => "ahead",
            Self::Bans => "bans",
            Self::Deferred => "deferred",
        }
    }
}

/// A value and the version that a compare-and-swap names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The bytes as committed.
    pub value: Vec<u8>,
    /// Grows with every commit of this record; says nothing across records.
    pub version: u64,
}

/// One record of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key.
    pub key: Vec<u8>,
    /// The value and its version.
    pub stored: Stored,
}

/// What must hold of a record for the batch to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Any,
    /// There is no such record.
    Absent,
    /// The record is there with this version.
    Version(u64),
}

/// One write of a batch. A batch names each record at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which table.
    pub table: Table,
    /// Which record; 1 to [`MAX_KEY_BYTES`] bytes.
    pub key: Vec<u8>,
    /// The new value of at most [`MAX_VALUE_BYTES`], or `None` to delete.
    pub value: Option<Vec<u8>>,
    /// What must hold.
    pub expect: Expect,
}

/// What was written to a table, by whoever, since a mark.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Keys of records that were put, each at least once, in no order.
    pub keys: Vec<Vec<u8>>,
    /// The mark to ask from next.
    pub mark: u64,
}

/// Where durable records live. Implemented by `marque-store`.
pub trait Records: Send + Sync + fmt::Debug {
    /// Whether other processes write here as well.
    fn is_shared(&self) -> bool {
        false
    }

    /// What was put into a table under keys that begin with `prefix`, by any process, since a mark that an earlier
    /// call gave; without one, nothing but the mark as it is now. Everything that was not committed when the mark
    /// was given is told from it on, in whatever order it was committed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], also where the engine is not shared.
    fn changes<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        since: Option<u64>,
    ) -> BoxFuture<'a, Result<Changes, StoreError>> {
        let _ = (table, prefix, since);
        let why = "an engine of one process keeps no marks";
        Box::pin(std::future::ready(Err(StoreError::Unavailable(why.to_owned()))))
    }

    /// A number that is another one once a commit that touches the record is acknowledged; `None` where the engine
    /// keeps none. Who asks for it before the record is read may keep what it read for as long as it is the same.
    fn stamp(&self, table: Table, key: &[u8]) -> Option<u64> {
        let _ = (table, key);
        None
    }

    /// One record, as the last commit left it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Damaged`].
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;

    /// Up to `limit` records (at most [`MAX_SCAN`]) whose key begins with `prefix` and is greater
    /// than `after`, in byte order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Damaged`].
    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Commits all writes or none, durably.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] names the first write whose expectation failed;
    /// [`StoreError::TooLarge`] a batch over the limits, an empty or a doubled key; in both cases
    /// nothing was written. [`StoreError::Unavailable`]: the outcome is unknown. An engine on files
    /// refuses further commits then until it is opened again; one on a server goes on with what that has.
    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The expectation of the write at this place in the batch failed. Read again and decide anew.
    Conflict(usize),
    /// Over a limit of this module; the text names it.
    TooLarge(&'static str),
    /// The engine cannot answer (disk full, gone, closed). The text is for the log, not for a caller.
    Unavailable(String),
    /// A record that was acknowledged does not read back as written. The text is for the log.
    Damaged(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(at) => write!(f, "write {at} of the batch expected another version"),
            Self::TooLarge(what) => write!(f, "over the limit: {what}"),
            Self::Unavailable(why) => write!(f, "store unavailable: {why}"),
            Self::Damaged(why) => write!(f, "store damaged: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}
