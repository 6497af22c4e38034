//! Why something that came from a peer was not taken. What a peer is charged for it is
//! [`crate::replica::penalty`]'s to say.

use std::fmt;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A reason, one per thing that can be wrong. Its text goes over the wire and into metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The kebab-case name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The sentence that a node was not let in, with the name.
            #[must_use]
            pub const fn not_admitted(self) -> &'static str {
                match self { $(Self::$name => concat!("not admitted: ", $text),)* }
            }
        }
    };
}

refusals! {
    /// Longer than the bound of its kind.
    TooLarge = "too-large",
    /// Not the one encoding of anything.
    Malformed = "malformed",
    /// A version of the wire that is not spoken here.
    UnknownVersion = "unknown-version",
    /// A field that must be understood and is not.
    UnknownCritical = "unknown-critical",
    /// A kind of envelope that is not taken here.
    UnknownKind = "unknown-kind",
    /// The topic is not that of the envelope's domain and kind.
    WrongTopic = "wrong-topic",
    /// The domain is not one that this node replicates.
    NotSubscribed = "not-subscribed",
    /// Its time in gossip is over.
    Expired = "expired",
    /// Issued in the future, by more than clocks may differ.
    FromFuture = "from-future",
    /// Handled before.
    Known = "known",
    /// Older than what is held.
    Older = "older",
    /// Over a token bucket.
    RateLimited = "rate-limited",
    /// A bounded queue is full.
    Overloaded = "overloaded",
    /// The peer has not been admitted by hello.
    NotAdmitted = "not-admitted",
    /// The domain is neither anchored, trusted nor joined here.
    UnknownDomain = "unknown-domain",
    /// The peer's domain log does not verify, or contradicts what is held.
    BadDomainLog = "bad-domain-log",
    /// The membership credential does not verify or is not for this peer.
    BadMembership = "bad-membership",
    /// The membership credential's time is over.
    MembershipExpired = "membership-expired",
    /// The join token or its secret is not one that was given out.
    BadToken = "bad-token",
    /// The join token's time is over.
    TokenExpired = "token-expired",
    /// No more peers fit.
    TooManyPeers = "too-many-peers",
    /// The document held here does not list the key; it may be older than the envelope.
    UnknownKey = "unknown-key",
    /// The document lists the key, but not for this or not any more.
    KeyNotAuthorised = "key-not-authorised",
    /// The signature fails under exactly the key that was named.
    BadSignature = "bad-signature",
    /// The payload is not what the envelope says that it is.
    Inconsistent = "inconsistent",
    /// The log does not verify.
    BadLog = "bad-log",
    /// The status list does not verify.
    BadList = "bad-list",
    /// What is said to prove two histories does not.
    BadProof = "bad-proof",
    /// Two valid branches exist: no branch authorises anything.
    Contested = "contested",
    /// A fork by a key that had been retired here for long: kept as evidence, and nothing more.
    DeadKey = "dead-key",
    /// The list clears an index that has been revoked.
    Unrevokes = "unrevokes",
    /// One sequence number, two arrays.
    Equivocation = "equivocation",
    /// The sequence number jumps too far.
    TooFarAhead = "too-far-ahead",
    /// As many lists of this URL are held as may be, each of which revokes something that the others do not.
    TooManyLists = "too-many-lists",
    /// What it builds on is not held here.
    UnknownParent = "unknown-parent",
    /// What was pulled is not what was announced; the source may have moved on.
    NotAsAnnounced = "not-as-announced",
    /// Nothing of that name is held.
    NotFound = "not-found",
    /// No answer in time.
    TimedOut = "timed-out",
    /// The answer does not fit the question.
    UnexpectedAnswer = "unexpected-answer",
    /// The store did not take it.
    StoreFailed = "store-failed",
    /// The peer is not let in for the time being.
    Banned = "banned",
    /// The operator ended it, or the domain is no longer trusted or joined.
    Withdrawn = "withdrawn",
    /// A peer gave a reason that is not in this list: one of a later release.
    UnknownReason = "unknown-reason",
}

impl Refusal {
    /// The reason of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.as_str() == name)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Refusal {}
