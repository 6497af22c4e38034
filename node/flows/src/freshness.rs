//! How old what is held of the own and the recognised domains is.

use crate::domain::Domain;
use crate::error::Error;
use crate::forks::MAX_LISTED;
use crate::objects::list_key_of;
use crate::ports::records::Table;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::{ItemKind, Scid};
use std::collections::BTreeSet;
use vc_schemas::facts::ListKey;

/// Most lists of one domain whose age is told: those that a domain of this release can have.
const MAX_LISTS: usize = 64;

/// Items of one domain among which its lists are looked for, and lists among which those of others are.
const MAX_LOOKED_AT: usize = 1_024;

/// Lists that are read from the store at once: each may have some hundred KiB.
const PAGE: usize = 16;

/// A status list that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAge {
    /// Its issuer and URL.
    pub key: ListKey,
    /// Whether its domain's nodes announce it here, so that the mesh brings newer ones; what was only fetched from
    /// its URL becomes younger when somebody needs it again.
    pub is_announced: bool,
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
    /// The lists and log heads of this domain and of those that are recognised, by whatever way they came.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn freshness(&self) -> Result<(Vec<ListAge>, Vec<HeadAge>), Error> {
        let (mut lists, mut heads) = (Vec::new(), Vec::new());
        for did in self.followed().await? {
            lists.extend(self.lists_of(&did).await?);
            let held = self.held_log(&did).await?;
            let head = held.log().map(|log| (log.head().id.clone(), log.head().time));
            heads.push(HeadAge { did, head });
        }
        Ok((lists, heads))
    }

    /// The lists that were fetched of issuers which are not recognised, because a credential named them.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn lists_of_others(&self) -> Result<Vec<ListAge>, Error> {
        let followed = self.followed().await?;
        let is_other = |key: &ListKey| !followed.contains(&key.issuer);
        let keys = self.held_lists(&[], is_other).await?;
        let mut lists = Vec::new();
        for key in keys {
            lists.push(self.age_of(key, false).await?);
        }
        Ok(lists)
    }

    /// This domain and those that are recognised.
    async fn followed(&self) -> Result<BTreeSet<Did>, Error> {
        let recognised = self.trusted().await?.into_iter().map(|domain| domain.did);
        Ok(recognised.chain([self.home.did.clone()]).collect())
    }

    /// How many DIDs have two valid histories here of which none counts.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn contested(&self) -> Result<usize, Error> {
        let forks = self.forks(None, MAX_LISTED).await?;
        Ok(forks.iter().filter(|fork| fork.held.is_contested()).count())
    }

    async fn lists_of(&self, did: &Did) -> Result<Vec<ListAge>, Error> {
        let announced = match Scid::of(did) {
            Some(scid) => self.announced_of_kind(&scid, ItemKind::StatusList, MAX_LOOKED_AT).await?,
            None => Vec::new(),
        };
        let announced: BTreeSet<String> = announced.into_iter().map(|item| item.subject).collect();
        let held = self.held_lists(format!("{did}\n").as_bytes(), |_| true).await?;
        let urls: BTreeSet<String> = held.into_iter().map(|key| key.url).chain(announced.clone()).collect();
        let mut lists = Vec::new();
        for url in urls.into_iter().take(MAX_LISTS) {
            let is_announced = announced.contains(&url);
            lists.push(self.age_of(ListKey { issuer: did.clone(), url }, is_announced).await?);
        }
        Ok(lists)
    }

    async fn age_of(&self, key: ListKey, is_announced: bool) -> Result<ListAge, Error> {
        let fact = self.held_list(&key).await?;
        let issued = fact.map(|fact| (fact.list.issued, fact.list.sequence));
        Ok(ListAge { key, is_announced, issued })
    }

    /// The lists whose key in the store begins so that are `wanted`: at most [`MAX_LISTS`] of [`MAX_LOOKED_AT`].
    async fn held_lists(
        &self,
        prefix: &[u8],
        wanted: impl Fn(&ListKey) -> bool,
    ) -> Result<Vec<ListKey>, Error> {
        let (mut found, mut after): (Vec<ListKey>, Option<Vec<u8>>) = (Vec::new(), None);
        for _ in 0..MAX_LOOKED_AT / PAGE {
            let rows = self.records.scan(Table::Lists, prefix, after.as_deref(), PAGE).await?;
            for row in &rows {
                let key = list_key_of(&row.key).ok_or(Error::Record("a status list"))?;
                if wanted(&key) && found.len() < MAX_LISTS {
                    found.push(key);
                }
            }
            if rows.len() < PAGE || found.len() >= MAX_LISTS {
                break;
            }
            after = rows.into_iter().last().map(|row| row.key);
        }
        Ok(found)
    }
}
