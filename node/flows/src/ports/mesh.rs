//! The mesh ports (MESH.md D1 to D7): [`Intake`] is what the mesh asks of the node, implemented over
//! flows; [`Mesh`] is what flows ask of the mesh, implemented by `marque-p2p`.
//!
//! Contract, in words:
//!
//! * The mesh verifies nothing and stores nothing. What a peer says is handed to [`Intake`] undecided.
//! * [`Intake::judge`] writes nothing. The write that it prepared runs only when the mesh asks for it,
//!   at most once, and resolves `Ok` only when everything in it is durable. A message is forwarded
//!   after that.
//! * Every future may be dropped before it resolves, at shutdown; a store stays whole then.
//! * At most two judgements or admissions run at once; they may compute for long.

pub use crate::ports::events::{Events, MeshEvent, What};

use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use futures::future::BoxFuture;
use marque_rules::replica::state::Via;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Envelope, Hello, Item, Lane, Refusal, Request, Response, Scid, Verdict};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What a node says of itself in every hello, without the parts that the mesh knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The NodeMembershipCredential (`vc+cose`) for the PeerId of this node, not expired.
    pub membership: Vec<u8>,
    /// The domain that issued it.
    pub domain: Did,
    /// That domain's log, whole.
    pub domain_log: Vec<u8>,
    /// The `did-witness.json` of that log, where it has witnesses.
    pub domain_witness: Option<Vec<u8>>,
}

/// A hello to be decided on.
#[derive(Debug, Clone)]
pub struct Knock {
    /// The PeerId that the connection proved, as text (base58btc).
    pub peer: String,
    /// What it says. It may show the secret of a token that this node gave out.
    pub hello: Hello,
    /// The token by which this node is joining just the domain that the hello names. It stands for the
    /// operator's will to admit that domain, where the domain's log contains the token's versionId.
    pub joining: Option<JoinToken>,
}

/// The decision to admit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// The domain that the peer belongs to: own, trusted or joined.
    pub domain: Scid,
    /// When its membership ends.
    pub until: UnixSeconds,
    /// Whether the domain joined by this hello. That is durable already.
    pub joined: bool,
}

/// By what a peer was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its PeerId, as text.
    pub peer: String,
    /// Its domain.
    pub domain: Did,
    /// The NodeMembershipCredential of that domain.
    pub membership: Vec<u8>,
}

/// An envelope to be judged.
#[derive(Debug, Clone)]
pub struct Submission {
    /// How it came.
    pub via: Via,
    /// The envelope, decoded and not verified.
    pub envelope: Envelope,
    /// The log, where an earlier judgement of this envelope was [`Verdict::NeedLog`].
    pub log: Option<Vec<u8>>,
}

/// A prepared write: it does nothing before it is polled. The reason of a failure goes to metrics.
pub type Write = BoxFuture<'static, Result<(), Refusal>>;

/// The outcome of a judgement.
pub struct Judgement {
    /// What was found.
    pub verdict: Verdict,
    /// The write that [`Verdict::Accept`] stands for, the envelope included; with another verdict it
    /// is dropped.
    pub write: Option<Write>,
}

impl fmt::Debug for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, write } = self;
        f.debug_struct("Judgement").field("verdict", verdict).field("writes", &write.is_some()).finish()
    }
}

/// The domains of a node, as its operator has set them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domains {
    /// The own one.
    pub own: Scid,
    /// Those that are trusted: replicated, and their nodes admitted.
    pub trusted: BTreeSet<Scid>,
    /// Those that joined by token: their nodes are admitted.
    pub joined: BTreeSet<Scid>,
    /// Multiaddrs of nodes that may be dialled, best first, beside the configured ones.
    pub addresses: Vec<String>,
}

/// What the mesh asks of the node.
pub trait Intake: Send + Sync + fmt::Debug {
    /// What this node says of itself, valid now. Asked for with every hello.
    ///
    /// # Errors
    /// Where there is no membership credential to show; no hello is made then.
    fn standing(&self) -> BoxFuture<'_, Result<Standing, Refusal>>;

    /// Decides on a hello: the domain log verifies and extends what is held, the membership verifies
    /// under it and names this PeerId, and the domain is own, trusted or joined, or joins now by the
    /// secret that the hello shows or by the token of [`Knock::joining`].
    ///
    /// # Errors
    /// Why not; the peer is told.
    fn admit(&self, knock: Knock) -> BoxFuture<'_, Result<Admission, Refusal>>;

    /// Looks again at what a peer was admitted by: the membership stands by what is held now of its domain.
    ///
    /// # Errors
    /// Why it admits no more; the peer is let go. What could not be looked at stands.
    fn review(&self, shown: Arc<Shown>) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Judges an envelope against what is held. Writes nothing.
    fn judge(&self, submission: Submission) -> BoxFuture<'_, Judgement>;

    /// Answers [`Request::Objects`], [`Request::Log`], [`Request::Resolve`] and [`Request::List`] from
    /// the store; whether the peer may ask has been decided.
    fn lookup(&self, request: Request) -> BoxFuture<'_, Response>;

    /// Everything that is held of a domain.
    ///
    /// # Errors
    /// [`Refusal::StoreFailed`].
    fn items(&self, domain: Scid) -> BoxFuture<'_, Result<Vec<Item>, Refusal>>;

    /// The domains as they are now. Asked for at the start and after [`Mesh::domains_changed`].
    ///
    /// # Errors
    /// [`Refusal::StoreFailed`].
    fn domains(&self) -> BoxFuture<'_, Result<Domains, Refusal>>;

    /// The bans that are not over. Asked for at the start.
    ///
    /// # Errors
    /// [`Refusal::StoreFailed`].
    fn bans(&self) -> BoxFuture<'_, Result<Vec<Ban>, Refusal>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// The mesh itself banned a peer. To be remembered for the next start.
    fn banned(&self, ban: Ban) -> BoxFuture<'_, ()> {
        let _ = ban;
        Box::pin(std::future::ready(()))
    }

    /// A peer of `domain` was admitted and says that it may be dialled under `addresses`, each with
    /// its PeerId. To be remembered as a hint for the next start, or not.
    fn met(&self, domain: Scid, peer: String, addresses: Vec<String>) -> BoxFuture<'_, ()> {
        let _ = (domain, peer, addresses);
        Box::pin(std::future::ready(()))
    }
}

/// Something of this node's own to be published.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The signed envelope, durable already.
    pub envelope: Envelope,
    /// All that is held of its subject now.
    pub held: Vec<Item>,
    /// The topic; one that the kind may not use becomes the kind's ordinary one.
    pub lane: Lane,
}

/// What asking peers came to. What was found is in the store, judged and durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Peers that gave something that was new, known already, or older.
    pub answers: usize,
    /// From how many domains they were; peers that are not admitted count as none.
    pub domains: usize,
    /// Whether something was stored by this.
    pub stored: bool,
}

/// The other side of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// Its domain.
    pub domain: Scid,
    /// The node that answered.
    pub peer: String,
}

/// One connected peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// Its PeerId, as text.
    pub peer: String,
    /// Its domain, where it is admitted.
    pub domain: Option<Scid>,
    /// The address of the connection.
    pub address: String,
    /// Whether this node dialled.
    pub outbound: bool,
    /// Why it does not let this node in, as it last said.
    pub refuses: Option<Refusal>,
    /// When its membership ends, where it is admitted.
    pub admitted_until: Option<UnixSeconds>,
    /// Its score, rounded, where it is admitted: below -500 no gossip is exchanged with it.
    pub score: Option<i64>,
    /// Requests to it in flight, and pulls from it that wait.
    pub pulls: usize,
    /// Bytes that came from it, since it was first seen.
    pub received: u64,
    /// Bytes that went to it.
    pub sent: u64,
    /// When it last answered a request for what it holds.
    pub synced: Option<UnixSeconds>,
    /// When it last said what it holds of this node's own domain.
    pub compared: Option<UnixSeconds>,
}

/// Who banned a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BannedBy {
    /// The mesh, because the peer's score fell below the graylist.
    Score,
    /// The operator.
    Operator,
}

impl BannedBy {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Operator => "operator",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Score, Self::Operator].into_iter().find(|by| by.as_str() == name)
    }
}

/// A peer that is not let in until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Its PeerId, as text.
    pub peer: String,
    /// Until when.
    pub until: UnixSeconds,
    /// Who banned it.
    pub by: BannedBy,
}

/// What flows ask of the mesh.
pub trait Mesh: Send + Sync + fmt::Debug {
    /// Publishes; resolves when the message is handed to gossip, whoever may be connected. A peer that
    /// is not gets it by anti-entropy.
    ///
    /// # Errors
    /// [`MeshError::Closed`], [`MeshError::Busy`].
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<(), MeshError>>;

    /// Asks up to three peers, of different domains as far as there are, for the log of a DID.
    ///
    /// # Errors
    /// [`MeshError::Closed`], [`MeshError::Busy`]. That nobody knew is no error.
    fn resolve(&self, did: Did, within: Duration) -> BoxFuture<'_, Result<Asked, MeshError>>;

    /// Asks up to three peers for the status list at `url`, nodes of its issuer's domain first.
    ///
    /// # Errors
    /// As [`Mesh::resolve`].
    fn list(
        &self,
        issuer: Option<Scid>,
        url: String,
        within: Duration,
    ) -> BoxFuture<'_, Result<Asked, MeshError>>;

    /// Joins the domain of a token: dials its addresses, of which only those that end in a PeerId are
    /// used, since the secret is shown to whoever answers.
    ///
    /// # Errors
    /// [`MeshError::Unreachable`], [`MeshError::Refused`], [`MeshError::Closed`], [`MeshError::Busy`].
    fn join(&self, token: JoinToken, within: Duration) -> BoxFuture<'_, Result<Joined, MeshError>>;

    /// Says that [`Intake::domains`] would answer differently now. Returns at once.
    fn domains_changed(&self);

    /// Says that this is now all that is held of a subject of a domain: another node of this domain put it into
    /// the store that they share.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    fn held(&self, domain: Scid, items: Vec<Item>) -> BoxFuture<'_, Result<(), MeshError>> {
        let _ = (domain, items);
        Box::pin(std::future::ready(Err(MeshError::Closed)))
    }

    /// The connected peers.
    ///
    /// # Errors
    /// [`MeshError::Closed`], [`MeshError::Busy`].
    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>>;

    /// Lets a peer in no more until a time, from now on; what is durable is the caller's to see to.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    fn ban(&self, ban: Ban) -> BoxFuture<'_, Result<(), MeshError>> {
        let _ = ban;
        Box::pin(std::future::ready(Err(MeshError::Closed)))
    }

    /// Lets a peer in again.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    fn unban(&self, peer: String) -> BoxFuture<'_, Result<(), MeshError>> {
        let _ = peer;
        Box::pin(std::future::ready(Err(MeshError::Closed)))
    }

    /// What happens from now on; `None` where the mesh is shut down.
    fn events(&self) -> Option<Events> {
        None
    }
}

/// Why the mesh did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeshError {
    /// The mesh has been shut down.
    Closed,
    /// As many commands or searches as are allowed are under way.
    Busy,
    /// No address answered in time, or none can be used.
    Unreachable,
    /// The other side, or this one, did not admit.
    Refused(Refusal),
}

impl fmt::Display for MeshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the mesh is shut down"),
            Self::Busy => f.write_str("the mesh is busy"),
            Self::Unreachable => f.write_str("no address answered"),
            Self::Refused(reason) => write!(f, "not admitted: {reason}"),
        }
    }
}

impl std::error::Error for MeshError {}
