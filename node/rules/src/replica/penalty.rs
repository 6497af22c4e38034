//! What a peer is charged for what it sent (MESH.md D4, D5).
//!
//! Only what an honest peer can never forward is charged: it checked size, encoding, topic and
//! signature before it passed the message on. What depends on what a node happens to know is not.

use crate::replica::refusal::Refusal;

/// The charge, which is also how gossipsub is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Penalty {
    /// Ordinary traffic: nothing is charged and nothing is wrong; not forwarded.
    None,
    /// Not forwarded, not charged; counted as something to look at.
    Ignore,
    /// Not forwarded, and P4 is charged.
    Reject,
}

/// The charge for `refusal`.
#[must_use]
pub const fn penalty(refusal: Refusal) -> Penalty {
    match refusal {
        Refusal::TooLarge | Refusal::Malformed | Refusal::WrongTopic | Refusal::BadSignature => {
            Penalty::Reject
        }
        Refusal::Known | Refusal::Older | Refusal::DeadKey | Refusal::NotFound | Refusal::Withdrawn => {
            Penalty::None
        }
        Refusal::UnknownVersion
        | Refusal::UnknownCritical
        | Refusal::UnknownKind
        | Refusal::NotSubscribed
        | Refusal::Expired
        | Refusal::FromFuture
        | Refusal::RateLimited
        | Refusal::Overloaded
        | Refusal::NotAdmitted
        | Refusal::UnknownDomain
        | Refusal::BadDomainLog
        | Refusal::BadMembership
        | Refusal::MembershipExpired
        | Refusal::BadToken
        | Refusal::TokenExpired
        | Refusal::TooManyPeers
        | Refusal::UnknownKey
        | Refusal::KeyNotAuthorised
        | Refusal::Inconsistent
        | Refusal::BadLog
        | Refusal::BadList
        | Refusal::BadProof
        | Refusal::Contested
        | Refusal::Unrevokes
        | Refusal::Equivocation
        | Refusal::TooFarAhead
        | Refusal::TooManyLists
        | Refusal::UnknownParent
        | Refusal::NotAsAnnounced
        | Refusal::TimedOut
        | Refusal::Banned
        | Refusal::UnexpectedAnswer
        | Refusal::UnknownReason
        | Refusal::StoreFailed => Penalty::Ignore,
    }
}

#[cfg(test)]
mod tests;
