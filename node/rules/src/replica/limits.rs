//! Every bound of replication, with its reason (MESH.md D3, D4, D6, D10). Sizes are in bytes, times
//! in milliseconds where the name says so.

/// Longest envelope: gossipsub's limit of 65,536 is for the whole message, with topic and signature.
pub const MAX_ENVELOPE_BYTES: usize = 61_440;

/// Longest gossipsub message: the wire limit that the driver sets.
pub const MAX_GOSSIP_BYTES: usize = 65_536;

/// Longest payload that is pushed, witness proofs included; anything longer goes by head and is pulled
/// in pages.
pub const MAX_PAYLOAD_BYTES: usize = 49_152;

/// Longest DID log at every door.
pub const MAX_LOG_BYTES: usize = did_resolver::webvh::MAX_LOG_BYTES;

/// Longest witness proofs of a log at every door, of each witness the latest: some 120 witnesses, at
/// 380 bytes each. They stand beside the payload that announces the log, which where the log is long is
/// its head, and so they never have to be pulled.
pub const MAX_PROOFS_BYTES: usize = 46_080;

/// Longest sync request: 2,000 ids fit in it.
pub const MAX_SYNC_REQUEST_BYTES: usize = 65_536;

/// Longest sync response: a page and what stands around it, with room.
pub const MAX_SYNC_RESPONSE_BYTES: usize = 1_048_576;

/// Most payload in one sync response, so that one round moves no more than D6 allows.
pub const MAX_PAGE_BYTES: usize = 524_288;

/// Longest hello and hello answer: a domain log and its witness proofs at their caps, a credential, and
/// addresses.
pub const MAX_HELLO_BYTES: usize = 1_310_720;

/// Longest NodeMembershipCredential: the bound of any credential that a mandate carries.
pub const MAX_MEMBERSHIP_BYTES: usize = 65_536;

/// Longest membership epoch: two numbers of nine bytes, and the head of an array.
pub const MAX_EPOCH_BYTES: usize = 19;

/// Highest number of a membership epoch and of a statement: whatever reads it as JSON keeps it as it is.
pub const MAX_NUMBER: u64 = did_resolver::json::MAX_INTEGER;

/// Most domains of which one states whether it recognises them: a node recognises 96, and another implementation
/// may more.
pub const MAX_RECOGNISED: usize = 256;

/// Most resources for which one of them is recognised, as in a credential that states it.
pub const MAX_RESOURCES: usize = 64;

/// Longest of these: that of a text in a credential.
pub const MAX_RESOURCE_BYTES: usize = vc_schemas::object::MAX_TEXT_BYTES;

/// Longest subject of an envelope: a DID URL at its cap; list URLs are held to the same.
pub const MAX_SUBJECT_BYTES: usize = 2_048;

/// Longest text of one multiaddr; a relayed address with a DNS name has about 300.
pub const MAX_ADDRESS_BYTES: usize = 512;

/// Most addresses in a hello or a join token.
pub const MAX_ADDRESSES: usize = 8;

/// Longest versionId: the number, a hyphen and a 46-character hash, with room for another hash.
pub const MAX_VERSION_ID_BYTES: usize = 128;

/// Longest join token, text form.
pub const MAX_TOKEN_BYTES: usize = 4_096;

/// Most critical fields that an envelope may name before it is malformed.
pub const MAX_CRITICAL: usize = 16;

/// How far the clocks of two honest nodes may differ, in seconds.
pub const MAX_SKEW_SECONDS: u64 = 60;

/// Envelope ids remembered as already handled: several minutes of traffic at the origin rate.
pub const MAX_SEEN: usize = 4_096;

/// Item ids remembered as older than or the same as what is held, so that they are not pulled again.
pub const MAX_SETTLED: usize = 8_192;

/// How long they are remembered: what had no room beside others once may have it later, and what it revokes is
/// to get on to those who never heard of it.
pub const SETTLED_LIFE_MS: u64 = 300_000;

/// Envelopes waiting to be judged; at most 15 MiB of them.
pub const MAX_PENDING: usize = 256;

/// Places in the queue that pulled objects may take, so that a catch-up never shuts out gossip.
pub const MAX_PENDING_FROM_SYNC: usize = 128;

/// Envelopes at the judge or the store at once: two threads, each with one waiting and one written.
pub const MAX_JUDGING: usize = 8;

/// Connected peers: the driver's limit of established connections.
pub const MAX_PEERS: usize = 128;

/// Connected peers that hello has not admitted; they can only ask for public resolution.
pub const MAX_STRANGERS: usize = 32;

/// How long a peer may stay connected without being admitted.
pub const STRANGER_LIFE_MS: u64 = 60_000;

/// Hellos that may be waiting for their verification: each holds up to 1.25 MiB.
pub const MAX_HELLOS: usize = 16;

/// How often a hello is made anew, so that membership of at most 24 hours never runs out in use.
pub const HELLO_RENEW_MS: u64 = 3_600_000;

/// Domains that one node replicates: three topics each stay under the subscription filter's sum.
pub const MAX_DOMAINS: usize = 100;

/// Items held per domain: six times the goal of 10,000 DIDs.
pub const MAX_ITEMS_PER_DOMAIN: usize = 65_536;

/// Branches of a log that are held for coming first. Two prove misbehaviour; more add nothing but memory.
pub const RANKED_BRANCHES: usize = 4;

/// Most that is held of one subject: those branches and the longest, so that no log held becomes shorter.
pub const MAX_BRANCHES: usize = RANKED_BRANCHES + 1;

/// Signed contradictions kept as evidence of one subject, and forks by dead keys. Two prove misbehaviour.
pub const MAX_EVIDENCE: usize = 4;

/// Lists held of one URL: of an honest issuer one, and of one that restored a backup or lost its key a few. With
/// that many there may be more, and what they revoke is not known.
pub const MAX_LISTS: usize = 16;

/// Most items in one page; the byte bound of the page usually comes first.
pub const MAX_ITEMS_PER_PAGE: usize = 4_096;

/// Most ids in one request for objects: 32 bytes each, well within the request bound.
pub const MAX_IDS_PER_REQUEST: usize = 256;

/// Missing items that one pull collects before it fetches them; the next pull goes on from there.
pub const MAX_MISSING: usize = 4_096;

/// Ranges that one pull has still to compare, and to list. A thousand differences among all that a domain may
/// have are some thousand of each.
pub const MAX_RANGES: usize = 4_096;

/// Requests by which one pull compares ranges: seven levels, of eight requests each at [`MAX_RANGES`].
pub const MAX_COMPARISONS: usize = 56;

/// Pulls that wait for their turn, in all: each has some 200 KiB at its bounds.
pub const MAX_WAITING_PULLS: usize = 128;

/// Item ids remembered per peer that it announced and could not give as announced.
pub const MAX_UNUSABLE_PER_PEER: usize = 1_024;

/// How long they are remembered: what a peer could not give once, it may be able to give later.
pub const UNUSABLE_LIFE_MS: u64 = 600_000;

/// Requests in flight to one peer (D6); each domain that is pulled from it has one at most.
pub const MAX_PULLS_PER_PEER: usize = 2;

/// Long logs being pulled at once: at most 8 MiB of buffers.
pub const MAX_LOG_PULLS: usize = 8;

/// Long logs waiting for one of those places; beyond it the next period asks again.
pub const MAX_LOG_PULLS_WAITING: usize = 64;

/// How long a request may stay unanswered before its place is given away.
pub const REQUEST_TIMEOUT_MS: u64 = 20_000;

/// How long a judgement or a write may take before its place is given away.
pub const TICKET_TIMEOUT_MS: u64 = 60_000;

/// Anti-entropy period by default (D6); the jitter is half of it either way.
pub const DEFAULT_PERIOD_MS: u64 = 30_000;

/// Shortest period that a configuration can ask for; tests use short ones.
pub const MIN_PERIOD_MS: u64 = 100;

/// Gossip messages of one peer: burst, then a second's worth. Less than an origin's, so that one
/// peer with forged envelopes cannot use up what an origin may say.
pub const PEER_GOSSIP_BURST: u32 = 128;
/// See [`PEER_GOSSIP_BURST`].
pub const PEER_GOSSIP_PER_SECOND: u32 = 25;

/// Envelopes of one origin domain by gossip: burst, then a second's worth; the rest comes by pull.
pub const ORIGIN_GOSSIP_BURST: u32 = 512;
/// See [`ORIGIN_GOSSIP_BURST`].
pub const ORIGIN_GOSSIP_PER_SECOND: u32 = 50;

/// The same of an origin that was caught saying two things under one number, for the time below: it is
/// slowed and not shut out, since who did it may be a thief of its key, and all it says comes by pull.
pub const EQUIVOCATOR_GOSSIP_BURST: u32 = 4;
/// See [`EQUIVOCATOR_GOSSIP_BURST`].
pub const EQUIVOCATOR_GOSSIP_PER_SECOND: u32 = 1;
/// See [`EQUIVOCATOR_GOSSIP_BURST`].
pub const EQUIVOCATOR_MS: u64 = 3_600_000;

/// Sync requests of one admitted peer: burst, then a second's worth. A first sync of 10,000 items is
/// some 60 requests.
pub const PEER_SYNC_BURST: u32 = 256;
/// See [`PEER_SYNC_BURST`].
pub const PEER_SYNC_PER_SECOND: u32 = 32;

/// Resolution requests of one peer that is not admitted: burst, then a second's worth.
pub const STRANGER_SYNC_BURST: u32 = 8;
/// See [`STRANGER_SYNC_BURST`].
pub const STRANGER_SYNC_PER_SECOND: u32 = 2;

/// Hellos of one peer: burst; one comes back every minute.
pub const HELLO_BURST: u32 = 4;

/// Furthest that one accepted status list may run ahead of the last, so that a stolen key cannot
/// end the sequence numbers in one step.
pub const MAX_SEQUENCE_JUMP: u64 = 1 << 20;
