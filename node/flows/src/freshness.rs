//! How old what is held of the own and the recognised domains is.

use crate::domain::Domain;
use crate::error::Error;
use crate::forks::MAX_LISTED;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::{ItemKind, Scid};
use std::collections::BTreeSet;
use vc_schemas::facts::ListKey;

/// Most lists of one domain whose age is told: those that a domain of this release can have.
const MAX_LISTS: usize = 64;

/// Items of one domain among which its lists are looked for.
const MAX_LOOKED_AT: usize = 1_024;

/// A status list that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAge {
    /// Its issuer and URL.
    pub key: ListKey,
    /// When it was issued, and its sequence number; `None` where it does not count, because the key that
    /// signed it was retired or its issuer authorises nothing.
    pub issued: Option<(UnixSeconds, u64)>,
}

/// The newest version of a domain's log that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadAge {
    /// The domain.
    pub did: Did,
    /// Its versionId and versionTime; `None` where nothing is held, or two histories and neither counts.
    pub head: Option<(String, UnixSeconds)>,
}

impl Domain {
    /// The lists and log heads of this domain and of those that are recognised.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn freshness(&self) -> Result<(Vec<ListAge>, Vec<HeadAge>), Error> {
        let recognised = self.trusted().await?.into_iter().map(|domain| domain.did);
        let dids: BTreeSet<Did> = recognised.chain([self.home.did.clone()]).collect();
        let (mut lists, mut heads) = (Vec::new(), Vec::new());
        for did in dids {
            if let Some(scid) = Scid::of(&did) {
                lists.extend(self.lists_of(&did, &scid).await?);
            }
            let held = self.held_log(&did).await?;
            let head = held.log().map(|log| (log.head().id.clone(), log.head().time));
            heads.push(HeadAge { did, head });
        }
        Ok((lists, heads))
    }

    /// How many DIDs have two valid histories here of which none counts.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn contested(&self) -> Result<usize, Error> {
        let forks = self.forks(None, MAX_LISTED).await?;
        Ok(forks.iter().filter(|fork| fork.held.is_contested()).count())
    }

    async fn lists_of(&self, did: &Did, scid: &Scid) -> Result<Vec<ListAge>, Error> {
        let announced = self.announced_of_kind(scid, ItemKind::StatusList, MAX_LOOKED_AT).await?;
        let urls: BTreeSet<String> = announced.into_iter().map(|item| item.subject).collect();
        let mut lists = Vec::new();
        for url in urls.into_iter().take(MAX_LISTS) {
            let key = ListKey { issuer: did.clone(), url };
            let fact = self.held_list(&key).await?;
            lists.push(ListAge { issued: fact.map(|fact| (fact.list.issued, fact.list.sequence)), key });
        }
        Ok(lists)
    }
}
