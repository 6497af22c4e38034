//! Who signed a version, and since when a key may sign no more.
//!
//! A fork by a key that was retired long ago is the work of whoever found that key; one by a key that
//! may still sign may be the controller's. What follows from that is for whoever keeps the logs.

use crate::keys::PublicKey;
use crate::webvh::entries::signer_of;
use crate::webvh::log::split;
use crate::webvh::{Log, Version};

impl Log {
    /// The key that signed version `number`, if there is such a version.
    #[must_use]
    pub fn signer(&self, number: u32) -> Option<PublicKey> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let line = split(self.bytes()).nth(place)?;
        let previous = place.checked_sub(1).map(|before| self.versions().nth(before));
        // There is always a version before one that is not the first.
        let previous: Option<&Version> = match previous {
            Some(None) => return None,
            previous => previous.flatten(),
        };
        signer_of(line, previous, self.head().time)
    }

    /// The first version, not before number `from`, after which `key` may sign nothing that comes next,
    /// up to the newest version. `None` for a key that may sign the entry that follows the newest.
    #[must_use]
    pub fn retired_at(&self, key: &PublicKey, from: u32) -> Option<u32> {
        let later = self.versions().rev().take_while(|version| version.number >= from);
        later.take_while(|version| !version.parameters().may_sign_next(key)).last().map(|v| v.number)
    }
}
