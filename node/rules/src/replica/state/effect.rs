//! What comes out of the state machine, for the caller to do.

use super::io::{About, ChannelId, Peer, RequestId, Ticket, Via};
use super::metrics::Metric;
#[cfg(doc)]
use super::{Input, Verdict};
use crate::replica::now::MonoMillis;
use crate::replica::{Envelope, Hello, Kind, Refusal, Request, Response, Scid, Topic};

/// What gossipsub is told about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Report {
    /// Forward it.
    Accept,
    /// Do not forward it.
    Ignore,
    /// Do not forward it, and charge P4.
    Reject,
}

/// What to do. Effects are carried out in order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Say hello to a peer, then hand in its answer as [`Input::HelloReceived`] or
    /// [`Input::HelloRefused`].
    SendHello {
        /// To whom.
        peer: Peer,
    },
    /// Verify a hello, then hand in [`Input::HelloVerified`] or [`Input::HelloRefused`]. A domain that
    /// joins by its secret is handed in as [`Input::JoinedDomains`] before that.
    VerifyHello {
        /// Whose.
        peer: Peer,
        /// To be handed back.
        channel: Option<ChannelId>,
        /// What it says.
        hello: Box<Hello>,
    },
    /// Answer a hello: with this node's own, or with a refusal.
    AnswerHello {
        /// To whom.
        peer: Peer,
        /// Where.
        channel: ChannelId,
        /// `None` admits.
        refusal: Option<Refusal>,
    },
    /// From here on gossip flows with this peer.
    Admit {
        /// Who.
        peer: Peer,
        /// Its domain.
        domain: Scid,
    },
    /// Look at what an admitted peer showed again, by what is held now; where it admits no more, hand in
    /// [`Input::MembershipEnded`].
    Review {
        /// Who.
        peer: Peer,
    },
    /// Close every connection to a peer; no gossip flows from here on.
    Disconnect {
        /// Who.
        peer: Peer,
        /// Why.
        reason: Refusal,
    },
    /// Subscribe to a topic.
    Subscribe {
        /// Which.
        topic: Topic,
    },
    /// Leave a topic.
    Unsubscribe {
        /// Which.
        topic: Topic,
    },
    /// Verify an envelope and what it carries, then hand in [`Input::Judged`].
    Judge {
        /// To be handed back.
        ticket: Ticket,
        /// Who passed it on.
        peer: Peer,
        /// How it came.
        via: Via,
        /// The envelope, decoded and not verified.
        envelope: Box<Envelope>,
        /// The log, where the envelope is a head that was judged [`Verdict::NeedLog`]; its length and
        /// digest are those of the head.
        log: Option<Vec<u8>>,
    },
    /// Make durable what [`Verdict::Accept`] stands for, the envelope included, then hand in
    /// [`Input::Persisted`] or [`Input::PersistFailed`].
    Persist {
        /// To be handed back.
        ticket: Ticket,
    },
    /// Tell gossipsub what became of a message.
    Report {
        /// Who passed it on.
        peer: Peer,
        /// As in [`Input::Gossip`].
        message_id: Vec<u8>,
        /// What became of it.
        report: Report,
    },
    /// Publish a message of this node's own.
    Publish {
        /// On which topic.
        topic: Topic,
        /// Its data.
        bytes: Vec<u8>,
    },
    /// Ask a peer, then hand in [`Input::SyncResponse`] or [`Input::SyncFailed`].
    Request {
        /// Whom.
        peer: Peer,
        /// To be handed back.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// Answer a request.
    Answer {
        /// Whom.
        peer: Peer,
        /// Where.
        channel: ChannelId,
        /// What.
        response: Response,
    },
    /// Answer a request from the store, within the bounds of [`Response`]; never more than
    /// [`MAX_PAGE_BYTES`](crate::replica::limits::MAX_PAGE_BYTES) of payload.
    Lookup {
        /// Whom.
        peer: Peer,
        /// Where.
        channel: ChannelId,
        /// What.
        request: Request,
    },
    /// What became of something that a peer brought, for whoever watches.
    Settled {
        /// Who.
        peer: Peer,
        /// How.
        via: Via,
        /// What it is about, where that was readable.
        about: Option<Box<About>>,
        /// Whether it is held now.
        outcome: Result<(), Refusal>,
    },
    /// Something to count.
    Count {
        /// What.
        metric: Metric,
        /// Of which kind of envelope, where it is about one that was readable.
        kind: Option<Kind>,
        /// Why, where it was not taken.
        reason: Option<Refusal>,
    },
    /// Hand in [`Input::Tick`] at this instant; it takes the place of the one asked for before.
    WakeAt(MonoMillis),
}
