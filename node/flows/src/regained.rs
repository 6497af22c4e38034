//! What a domain does that lost records of its own, and has others that hold what it signed.

use crate::domain::Domain;
use crate::error::Error;
use crate::status::PURPOSES;
use marque_rules::issuance::{MAX_LISTS, OwnList};

/// More numbers than a list takes in between a backup and the next, with three for each change; a sixteenth of what
/// others take for too far ahead.
const LEAP: u64 = 65_536;

impl Domain {
    /// Signs the lists anew with numbers that nobody can have seen, also where a peer was told of a change only and
    /// could not give back the list. Then opens lists with a number above that of any that this domain is known to have signed, so that no status index
    /// is given out twice. Where there can be no more of them, indices go on in the last.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn begin_new_lists(&self) -> Result<(), Error> {
        self.leap_lists(LEAP).await?;
        let newest = self.newest_list().await?;
        let mut signed = newest;
        for number in newest..MAX_LISTS {
            for purpose in PURPOSES {
                if self.list_floor(&self.own_list(OwnList { purpose, number })).await?.0.is_some() {
                    signed = number;
                }
            }
        }
        if signed + 1 >= MAX_LISTS {
            tracing::warn!(
                "there can be no new status lists: an index of what was issued may be given out again"
            );
        }
        for number in newest + 1..=(signed + 1).min(MAX_LISTS - 1) {
            self.open_lists(number).await?;
        }
        Ok(())
    }

    /// The newest of what is held that this domain signed: the bytes of its log, and the number of each of its lists.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn held_of_itself(&self) -> Result<Vec<(String, u64)>, Error> {
        let log = self.held_log(&self.home.did).await?;
        let bytes = log.log().map_or(0, |log| log.bytes().len() as u64);
        let mut held = vec![(self.home.did.to_string(), bytes)];
        for number in 0..MAX_LISTS {
            for purpose in PURPOSES {
                let key = self.own_list(OwnList { purpose, number });
                if let Some(floor) = self.list_floor(&key).await?.0 {
                    held.push((key.url, floor.sequence));
                }
            }
        }
        Ok(held)
    }
}
