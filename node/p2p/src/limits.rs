//! Bounds of the driver (MESH.md D5, D10). Those of the protocol are in `marque_rules::replica::limits`.

use std::num::NonZeroU32;
use std::time::Duration;

/// Established connections: each may hold up to 64 streams and their buffers.
pub const MAX_CONNECTIONS: u32 = 128;

/// Of those, connections that others dialled, so that some room is left for our own.
pub const MAX_CONNECTIONS_IN: u32 = 96;

/// Of those, connections that this node dialled.
pub const MAX_CONNECTIONS_OUT: u32 = 48;

/// Connections per peer: one, and one more while both dial at once.
pub const MAX_CONNECTIONS_PER_PEER: u32 = 2;

/// Handshakes under way that others began.
pub const MAX_PENDING_IN: u32 = 32;

/// Handshakes under way that this node began.
pub const MAX_PENDING_OUT: u32 = 16;

/// Streams per connection: yamux gives each its own window.
pub const MAX_STREAMS: usize = 64;

/// Hellos under way per connection, either way: one of each side, and one that is just over. Each may
/// hold 1.25 MiB of a peer that is nobody yet.
pub const MAX_HELLOS_PER_CONNECTION: usize = 3;

/// Sync requests under way per connection, either way.
pub const MAX_REQUESTS_PER_CONNECTION: usize = 8;

/// How long a connection without use stays; one to an admitted peer is always in use.
pub const IDLE: Duration = Duration::from_secs(60);

/// How long TCP, Noise and yamux may take to agree.
pub const HANDSHAKE: Duration = Duration::from_secs(10);

/// Addresses of one name that are dialled, one after the other, within that time.
pub const MAX_ADDRESSES_OF_A_NAME: usize = 4;

/// How long a hello may take: the other side verifies a log of up to 1 MiB.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests to one peer that may run into their timeout in a row before its connections are closed.
pub const MAX_TIMEOUTS: u32 = 2;

/// Judgements and admissions that compute at once (D4: one or two threads).
pub const MAX_COMPUTING: usize = 2;

/// Answers being looked up in the store; beyond it a peer is told to come back.
pub const MAX_LOOKUPS: usize = 64;

/// Sync requests that wait for the end of a hello, of all peers together.
pub const MAX_EARLY: usize = 64;

/// Commands that wait for the driver.
pub const MAX_COMMANDS: usize = 256;

/// Searches (resolve, list) of this node under way.
pub const MAX_SEARCHES: usize = 16;

/// Peers that one search asks: D7 wants three sources on first contact.
pub const MAX_SOURCES: usize = 3;

/// Joins under way; an operator makes one at a time.
pub const MAX_JOINS: usize = 8;

/// Gossip topics of one peer: three for each domain that it may replicate.
pub const MAX_TOPICS: usize = 3 * marque_rules::replica::limits::MAX_DOMAINS;

/// Bytes of an admitted peer: the two largest answers that may be under way at once, a hello, and a
/// burst of gossip.
pub const MEMBER_BYTES_BURST: u64 = 8 * 1_024 * 1_024;
/// And a second's worth: gossip at its rate and its cap is 1.5 MiB.
pub const MEMBER_BYTES_PER_SECOND: u64 = 2 * 1_024 * 1_024;

/// Bytes of any other peer: a hello at its cap, and room for what stands around it.
pub const STRANGER_BYTES_BURST: u64 = 2 * 1_024 * 1_024;
/// And a second's worth: two requests at their cap a second are no more.
pub const STRANGER_BYTES_PER_SECOND: u64 = 64 * 1_024;

/// Peers whose bytes are counted, those that went a moment ago included: 200 bytes each.
pub const MAX_METERS: usize = 1_024;

/// Milliseconds of judgement that one peer may cost for nothing: what is taken costs it nothing, so a
/// node that catches up is not slowed. The longest single judgement, a log at its cap, is half of it.
pub const VAIN_MS_BURST: u64 = 1_000;
/// And a second's worth: a fortieth of the two threads.
pub const VAIN_MS_PER_SECOND: u64 = 50;

/// How long a peer is banned whose score fell below the graylist: what it did is forgotten by then.
pub const BAN_FOR_SCORE: Duration = Duration::from_secs(3_600);

/// How often scores are looked at, and bans ended, though nothing happens.
pub const WATCH: Duration = Duration::from_secs(2);

/// Events that a watcher may be behind before it misses some: 400 bytes each.
pub const MAX_EVENTS: usize = 1_024;

/// Part of the memory that the node may use, in percent, beyond which it takes no more connections.
pub const MAX_MEMORY_PERCENT: u64 = 80;

/// Addresses to dial that were configured or given by the node, together.
pub const MAX_GIVEN_ADDRESSES: usize = 256;

/// Addresses to dial that peers gave of themselves (D8: the last 64).
pub const MAX_LEARNED_ADDRESSES: usize = 64;

/// Addresses to dial that mDNS found: a few nodes on one network, with a few addresses each.
pub const MAX_NEARBY_ADDRESSES: usize = 16;

/// First pause before an address is dialled again, in milliseconds; it doubles, with half of it as
/// jitter either way.
pub const FIRST_PAUSE_MS: u64 = 500;

/// Longest such pause before jitter: what a restarted anchor waits for its peers, at worst.
pub const LONGEST_PAUSE_MS: u64 = 60_000;

/// How often a peer is pinged: 64 bytes each way, within the half minute for which the strictest NATs and
/// firewalls keep a silent connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(25);

/// Members that may be reached through this node at once (D9).
pub const MAX_RESERVATIONS: usize = 16;

/// How long such a place is held without being renewed, which its peer does in time: who went leaves it
/// after two minutes at most.
pub const RESERVATION: Duration = Duration::from_secs(120);

/// Connections through this node at once: one for each place.
pub const MAX_CIRCUITS: usize = MAX_RESERVATIONS;

/// Of those, connections of one peer, either way.
pub const MAX_CIRCUITS_PER_PEER: usize = 4;

/// How long a connection through this node lasts: enough to find a direct path, or to compare all that is held.
pub const CIRCUIT: Duration = Duration::from_secs(120);

/// Bytes of a connection through this node, both ways together: two hellos and a log, each at its cap.
pub const CIRCUIT_BYTES: u64 = 4 * 1_024 * 1_024;

/// Connections through this node that one peer may ask for at once, and one more each [`CIRCUIT_PAUSE`].
pub const CIRCUIT_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);
/// A connection at its end is made anew at this pace.
pub const CIRCUIT_PAUSE: Duration = Duration::from_secs(30);

/// Relays at which a node that nobody can dial holds a place: when one goes, the other is there.
pub const MAX_RELAYS: usize = 2;

/// How long a relay that gave no place is not asked again, in milliseconds.
pub const RELAY_PAUSE_MS: u64 = 30_000;

/// How long after its first peer a node that listens takes itself for unreachable, if no peer could dial it
/// and none said that it could not, in milliseconds: a few tests, each of which may run into its timeout.
pub const UNPROVEN_MS: u64 = 20_000;

/// Addresses of this node that are tested for whether others can dial it: its listeners, as a few networks
/// see them. Only members are believed.
pub const MAX_CANDIDATES: usize = 16;

/// How long a connection that is one too many stays, in milliseconds: what is under way on it may end.
pub const SPARE_MS: u64 = 30_000;

/// And a connection through a relay, once there is a direct one.
pub const SPARE_CIRCUIT_MS: u64 = 2_000;

/// Bytes of one QUIC stream that may have come and not be read: an answer at its cap.
pub const QUIC_STREAM_BYTES: u32 = 1_024 * 1_024;

/// And of all streams of a QUIC connection together.
pub const QUIC_CONNECTION_BYTES: u32 = 2 * 1_024 * 1_024;

/// How long a hint of who holds a log lasts (D8).
pub const HINT_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// How often what is held is said again, in milliseconds: twice in the life of a hint.
pub const HINTS_AGAIN_MS: u64 = 12 * 3_600 * 1_000;

/// How often it is looked what is to be said again, in milliseconds; news is said at once.
pub const HINT_PERIOD_MS: u64 = 3_600 * 1_000;

/// Longest hint (D8).
pub const MAX_HINT_BYTES: usize = 1_024;

/// Addresses in a hint: a direct one and two through relays.
pub const MAX_HINT_ADDRESSES: usize = 3;

/// Hints that one peer may give to be kept, and the most that a node gives: its own domain's logs first.
pub const MAX_HINTS_OF_A_PEER: usize = 1_024;

/// Hints that are kept for others: 16 MiB at their cap.
pub const MAX_STORED_HINTS: usize = 16_384;

/// Hints that are being said at once; each asks and tells up to twenty members.
pub const MAX_HINTS_AT_ONCE: usize = 4;

/// Hints that wait to be said: all of them to a few members that came at once.
pub const MAX_QUEUED_HINTS: usize = 4 * MAX_HINTS_OF_A_PEER;

/// Searches by hints under way: each is one of [`MAX_SEARCHES`].
pub const MAX_QUESTS: usize = MAX_SEARCHES;

/// How long one question to the table may take.
pub const TABLE_TIMEOUT: Duration = Duration::from_secs(5);
