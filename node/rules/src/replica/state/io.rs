//! What goes into the state machine.

#[cfg(doc)]
use super::Effect;
use crate::replica::view::Item;
use crate::replica::{Envelope, Hello, Kind, Lane, Refusal, Request, Response, Scid, Topic};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeSet;

/// A peer: the bytes of its libp2p PeerId.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(pub Vec<u8>);

/// Names one judgement from [`Effect::Judge`] until it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Names one request that this node sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a place where an answer is waited for; the driver gives it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u64);

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// What the store held of a domain at the start, or when it came to be trusted. In as many parts
    /// as the driver likes; the branches of one subject stand in one part.
    Loaded {
        /// A domain that is replicated; for another it is passed over.
        domain: Scid,
        /// Its items.
        items: Vec<Item>,
    },
    /// All domains that are trusted now, beside the own one. These are replicated.
    TrustChanged {
        /// At most [`MAX_DOMAINS`](crate::replica::limits::MAX_DOMAINS); what is over it is left out.
        domains: BTreeSet<Scid>,
    },
    /// All domains that joined by token: their nodes are admitted, nothing of theirs is replicated.
    JoinedDomains {
        /// The domains.
        domains: BTreeSet<Scid>,
    },
    /// The first connection to a peer.
    PeerConnected {
        /// Who.
        peer: Peer,
        /// Whether this node dialled. The one that dials says hello.
        outbound: bool,
    },
    /// The last connection to a peer is gone.
    PeerDisconnected {
        /// Who.
        peer: Peer,
    },
    /// A hello came, either as a request (with the channel on which to answer) or inside
    /// [`HelloAnswer::Admitted`](crate::replica::HelloAnswer::Admitted) (without).
    HelloReceived {
        /// From whom.
        peer: Peer,
        /// Where to answer.
        channel: Option<ChannelId>,
        /// What it says.
        hello: Box<Hello>,
    },
    /// The outcome of [`Effect::VerifyHello`]: log, membership, binding to the PeerId, and secret if
    /// one was shown, are good.
    HelloVerified {
        /// Who.
        peer: Peer,
        /// As in [`Effect::VerifyHello`].
        channel: Option<ChannelId>,
        /// The domain that it belongs to.
        domain: Scid,
        /// When its membership ends.
        until: UnixSeconds,
    },
    /// The outcome of [`Effect::VerifyHello`]: it is not good. Also, without a channel, that the peer
    /// refused ours or did not answer.
    HelloRefused {
        /// Who.
        peer: Peer,
        /// As in [`Effect::VerifyHello`].
        channel: Option<ChannelId>,
        /// Why.
        reason: Refusal,
    },
    /// The outcome of [`Effect::Review`], where it is not good: what the peer was admitted by admits no more.
    MembershipEnded {
        /// Who.
        peer: Peer,
        /// Why.
        reason: Refusal,
    },
    /// A gossip message that waits for its validation.
    Gossip {
        /// Who passed it on to this node.
        peer: Peer,
        /// On which topic.
        topic: Topic,
        /// Gossipsub's id of the message, given back in [`Effect::Report`].
        message_id: Vec<u8>,
        /// Its data.
        bytes: Vec<u8>,
    },
    /// The outcome of [`Effect::Judge`].
    Judged {
        /// As in the effect.
        ticket: Ticket,
        /// The outcome.
        verdict: Verdict,
    },
    /// What [`Effect::Persist`] asked for is durable.
    Persisted {
        /// As in the effect.
        ticket: Ticket,
    },
    /// What [`Effect::Persist`] asked for was not done.
    PersistFailed {
        /// As in the effect.
        ticket: Ticket,
    },
    /// This node itself publishes something. It is durable already.
    Local {
        /// The signed envelope.
        envelope: Box<Envelope>,
        /// All that is held of its subject now, in whatever envelope that is.
        held: Vec<Item>,
        /// The topic; one that the kind may not use becomes the kind's ordinary one.
        lane: Lane,
    },
    /// A peer asks.
    SyncRequest {
        /// Who.
        peer: Peer,
        /// Where to answer.
        channel: ChannelId,
        /// What.
        request: Request,
    },
    /// A peer answers a request of [`Effect::Request`].
    SyncResponse {
        /// Who.
        peer: Peer,
        /// As in the effect.
        id: RequestId,
        /// What.
        response: Response,
    },
    /// A request of [`Effect::Request`] will not be answered.
    SyncFailed {
        /// Who.
        peer: Peer,
        /// As in the effect.
        id: RequestId,
    },
    /// Time has passed: the instant of [`Effect::WakeAt`] has come.
    Tick,
}

/// What the judge found: signature under the origin's newest document, then the object itself,
/// against what is held and its floors.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// New, and good or worth keeping as evidence. Once persisted, `held` is all that is held of the
    /// subject: one item, or every branch of a contested one.
    Accept {
        /// All items of the subject after the write; none for a kind that is never held.
        held: Vec<Item>,
    },
    /// Held, to be passed on, though its issuer contradicts itself by it: all items of the subject, and how. It
    /// stands beside what counts, or in the place of what it contradicts.
    Beside(Vec<Item>, Refusal),
    /// Exactly what is held already, also where this state machine did not know of it.
    Same {
        /// All items of the subject, durable.
        held: Vec<Item>,
    },
    /// Good, and behind what is held.
    Older {
        /// What the envelope stands for; it is not pulled again.
        item: Item,
        /// All items of the subject, durable.
        held: Vec<Item>,
    },
    /// Not taken, and nobody's fault who passed it on.
    Ignore(Refusal),
    /// Not taken. What the peer is charged is [`penalty`](crate::replica::penalty::penalty)'s to say,
    /// so that a semantic refusal never becomes a penalty by accident.
    Reject(Refusal),
    /// A good [`LogHead`](crate::replica::LogHead) of a log that is wanted: the next
    /// [`Effect::Judge`] of this ticket has the log.
    NeedLog,
    /// The origin's document here may be too old. An envelope that carries the log of its own origin
    /// is verified under the last version of that log, where it extends what is held, or no domain
    /// could ever announce a new key.
    NeedDomain {
        /// The did:webvh of the origin.
        did: Did,
    },
}

/// What an envelope is about, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its kind.
    pub kind: Kind,
    /// Its origin.
    pub domain: Scid,
    /// Its subject.
    pub subject: String,
    /// Its number.
    pub seq: u64,
    /// When its origin signed, by the clock of that.
    pub issued_at: UnixSeconds,
}

impl About {
    pub(super) fn of(envelope: &Envelope) -> Self {
        let body = envelope.body();
        let (domain, subject) = (body.domain.clone(), body.subject.clone());
        Self { kind: body.kind, domain, subject, seq: body.seq, issued_at: body.issued_at }
    }
}

/// How an envelope came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// Pushed. Its expiry has been checked.
    Gossip,
    /// Pulled. Its expiry does not matter.
    Sync,
}

impl Via {
    /// Its name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gossip => "gossip",
            Self::Sync => "sync",
        }
    }
}
