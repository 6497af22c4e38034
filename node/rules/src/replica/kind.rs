//! What an envelope may carry, in one table: its number, its bounds, its topics and how it travels
//! (MESH.md D2, D3).
//!
//! A number that was given once never means anything else. What has no row is not read: a node of a
//! later release may send it, so that it is neither forwarded nor held against anybody.

use crate::replica::limits::{MAX_EPOCH_BYTES, MAX_PAYLOAD_BYTES};
use crate::replica::topic::Lane;
use crate::replica::view::ItemKind;
use std::collections::BTreeSet;
use vc_schemas::status::delta::MAX_DELTA_BYTES;

/// What the payload of an envelope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A whole DID log, verbatim; the subject is its DID, `seq` its last version number.
    Log,
    /// A [`LogHead`](crate::replica::LogHead), for a log that is too long to be pushed.
    LogHead,
    /// A signed status list, verbatim; the subject is its URL, `seq` its sequence number.
    StatusList,
    /// What changed between two states of a list ([`Delta`](vc_schemas::status::delta::Delta)); the subject
    /// is its URL, `seq` the number that it leads to. The signature is that of the envelope.
    StatusDelta,
    /// Two valid histories of a DID, in the document that proves itself
    /// ([`DuplicityProof`](did_resolver::webvh::DuplicityProof)), shown by the origin; the subject is the DID,
    /// `seq` the first number at which they differ.
    DuplicityProof,
    /// A [`MembershipEpoch`](crate::replica::MembershipEpoch): memberships from before it admit nobody; the
    /// subject is the origin itself, `seq` the number of the epoch. The signature is that of the envelope.
    Membership,
    /// [`Recognitions`](crate::replica::Recognitions): whom the origin recognises, where it says so; the subject is
    /// the origin itself, `seq` the number of the statement. The signature is that of the envelope.
    Recognitions,
}

/// Who may have signed what is carried. The envelope itself is always signed by its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signer {
    /// Whoever controls the subject, by the rules of did:webvh: the log says itself who that is.
    Controller,
    /// The origin domain alone.
    Origin,
    /// Nobody: it proves itself, whoever shows it.
    Anybody,
}

/// How an object gets to who has not got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Travel {
    /// Pushed when it is new, held as an item, and pulled by whoever missed it.
    Held,
    /// Pushed and never held: whoever missed it pulls the item that it is about.
    Passing,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Which kind.
    pub kind: Kind,
    /// Its number on the wire.
    pub number: u64,
    /// Its name in metrics.
    pub name: &'static str,
    /// What it is once it is held, or what it is about. One subject is judged once at a time.
    pub about: ItemKind,
    /// How it travels.
    pub travel: Travel,
    /// The topics on which it may come; the first is the ordinary one.
    pub lanes: &'static [Lane],
    /// Longest payload, witness proofs included, at most [`MAX_PAYLOAD_BYTES`].
    pub max_payload: usize,
    /// Whether witness proofs may stand beside it.
    pub witnessed: bool,
    /// Who may have signed the payload.
    pub signer: Signer,
    /// Whether it goes before what is not, in every queue here.
    pub urgent: bool,
}

const LOG: Rule = Rule {
    kind: Kind::Log,
    number: 1,
    name: "log",
    about: ItemKind::Log,
    travel: Travel::Held,
    lanes: &[Lane::Did],
    max_payload: MAX_PAYLOAD_BYTES,
    witnessed: true,
    signer: Signer::Controller,
    urgent: false,
};

const LOG_HEAD: Rule = Rule { kind: Kind::LogHead, number: 2, name: "log-head", ..LOG };

const STATUS_LIST: Rule = Rule {
    kind: Kind::StatusList,
    number: 3,
    name: "status-list",
    about: ItemKind::StatusList,
    travel: Travel::Held,
    lanes: &[Lane::Status, Lane::Ctl],
    max_payload: MAX_PAYLOAD_BYTES,
    witnessed: false,
    signer: Signer::Origin,
    urgent: true,
};

const STATUS_DELTA: Rule = Rule {
    kind: Kind::StatusDelta,
    number: 4,
    name: "status-delta",
    travel: Travel::Passing,
    lanes: &[Lane::Ctl],
    max_payload: MAX_DELTA_BYTES,
    ..STATUS_LIST
};

const DUPLICITY_PROOF: Rule = Rule {
    kind: Kind::DuplicityProof,
    number: 5,
    name: "duplicity-proof",
    about: ItemKind::DuplicityProof,
    travel: Travel::Held,
    lanes: &[Lane::Ctl],
    max_payload: MAX_PAYLOAD_BYTES,
    witnessed: false,
    signer: Signer::Anybody,
    urgent: true,
};

const MEMBERSHIP: Rule = Rule {
    kind: Kind::Membership,
    number: 6,
    name: "membership",
    about: ItemKind::Membership,
    max_payload: MAX_EPOCH_BYTES,
    signer: Signer::Origin,
    ..DUPLICITY_PROOF
};

const RECOGNITIONS: Rule = Rule {
    kind: Kind::Recognitions,
    number: 7,
    name: "recognitions",
    about: ItemKind::Recognitions,
    witnessed: false,
    signer: Signer::Origin,
    ..LOG
};

impl Kind {
    /// Every kind that is handled.
    pub const ALL: [Self; 7] = [
        Self::Log,
        Self::LogHead,
        Self::StatusList,
        Self::StatusDelta,
        Self::DuplicityProof,
        Self::Membership,
        Self::Recognitions,
    ];

    /// Its row.
    #[must_use]
    pub const fn rule(self) -> &'static Rule {
        match self {
            Self::Log => &LOG,
            Self::LogHead => &LOG_HEAD,
            Self::StatusList => &STATUS_LIST,
            Self::StatusDelta => &STATUS_DELTA,
            Self::DuplicityProof => &DUPLICITY_PROOF,
            Self::Membership => &MEMBERSHIP,
            Self::Recognitions => &RECOGNITIONS,
        }
    }

    /// The kind of this number, where it is one that is handled.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.rule().number == number)
    }

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.rule().name
    }

    /// What it is once it is held, or what it is about.
    #[must_use]
    pub const fn item_kind(self) -> ItemKind {
        self.rule().about
    }

    /// The topics on which it may come; the first is the ordinary one.
    #[must_use]
    pub const fn lanes(self) -> &'static [Lane] {
        self.rule().lanes
    }

    /// Whether it is held as an item, and so can be pulled.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self.rule().travel, Travel::Held)
    }
}

/// The kinds that a replica takes. Those of an earlier release are fewer: what it does not take is to it
/// what a later kind is to this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<Kind>);

impl Default for Kinds {
    fn default() -> Self {
        Self(BTreeSet::from(Kind::ALL))
    }
}

impl Kinds {
    /// Only these.
    #[must_use]
    pub fn only(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self(kinds.into_iter().collect())
    }

    /// Whether envelopes of this kind are taken.
    #[must_use]
    pub fn take(&self, kind: Kind) -> bool {
        self.0.contains(&kind)
    }

    /// Whether items of this kind are wanted: one of the kinds that carry them is taken.
    #[must_use]
    pub fn want(&self, item: ItemKind) -> bool {
        self.0.iter().any(|kind| kind.is_held() && kind.item_kind() == item)
    }
}

#[cfg(test)]
mod tests;
