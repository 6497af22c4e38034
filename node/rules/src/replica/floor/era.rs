//! Since when an issuer signs with a key: what the sequence numbers of its lists belong to.

use did_resolver::document::Relationship;
use did_resolver::keys::PublicKey;
use did_resolver::webvh::Log;

/// The number of the version since which `key` has stood in `log` for assertions, without a gap up to the
/// newest version. `None` for a key that the newest version does not list.
///
/// It does not depend on when the log was read, as long as it lists the key: a list that was signed long
/// ago stands where it stood, whatever versions have come since, and every replica says so alike. An
/// issuer that changed its key begins its numbers anew.
#[must_use]
pub fn era(log: &Log, key: &PublicKey) -> Option<u32> {
    let lists = |document: &did_resolver::document::Document| {
        document.listed(Relationship::AssertionMethod).any(|method| method.key.as_ref() == Some(key))
    };
    log.versions().rev().take_while(|version| lists(version.document())).last().map(|version| version.number)
}
