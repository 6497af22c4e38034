//! Status lists: what is held where that is young enough for the policy, else peers, else, where the operator lets
//! hosts be asked, the list's own URL; under one deadline, and each list once at a time.

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::mesh::MeshError;
use marque_rules::replica::Scid;
use tokio::time::{Instant, timeout, timeout_at};
use vc_schemas::facts::{ListFact, ListKey};

impl Domain {
    /// A list, after asking others where none is held that is young enough. Where nobody has a younger one it is
    /// what is held, be it too old to be relied on. Of a list that is past knowing it is none.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]. That nobody knows is no error.
    pub async fn find_list(&self, key: &ListKey) -> Result<Option<ListFact>, Error> {
        match self.list_of_anybody(key).await? {
            Some(fact) => self.if_known_good(key, fact).await,
            None => Ok(None),
        }
    }

    async fn list_of_anybody(&self, key: &ListKey) -> Result<Option<ListFact>, Error> {
        let held = self.held_list(key).await?;
        let asks = self.mesh().is_some() || self.web().is_some();
        // Its own lists are made here.
        if self.is_young(held.as_ref()) || !asks || key.issuer == self.home.did {
            return Ok(held);
        }
        let deadline = Instant::now() + self.policy().resolve_deadline;
        if self.lookups.list_was_vain(key, self.now()) {
            return Ok(held);
        }
        let Ok(_alone) = timeout_at(deadline, self.lookups.alone_with(key)).await else { return Ok(held) };
        // Somebody else may have looked meanwhile.
        let held = self.held_list(key).await?;
        if self.is_young(held.as_ref()) || self.lookups.list_was_vain(key, self.now()) {
            return Ok(held);
        }
        let Some(_place) = self.lookups.leave(self.now()) else { return Ok(held) };
        let found = self.list_from_outside(key, deadline).await?;
        if !self.is_young(found.as_ref()) {
            self.lookups.nobody_has(key, self.now());
        }
        Ok(found)
    }

    async fn list_from_outside(&self, key: &ListKey, deadline: Instant) -> Result<Option<ListFact>, Error> {
        if let Some(mesh) = self.mesh() {
            let left = deadline.saturating_duration_since(Instant::now());
            // What is left is for the web.
            let within = if self.web().is_some() { left / 2 } else { left };
            let asked = mesh.list(Scid::of(&key.issuer), key.url.clone(), within);
            // The port keeps to its time; this holds whatever it does.
            let asked = timeout(within, asked).await.unwrap_or(Err(MeshError::Unreachable));
            tracing::debug!(url = key.url, ?asked, "peers were asked for a list");
        }
        let held = self.held_list(key).await?;
        let Some(web) = self.web().filter(|_| !self.is_young(held.as_ref())) else { return Ok(held) };
        let outcome = self.list_from_host(web.as_ref(), key, deadline).await?;
        tracing::debug!(url = key.url, outcome, "a list was asked for at its URL");
        self.held_list(key).await
    }

    /// Whether a list is one that the policy lets a verdict rest on, by its age.
    fn is_young(&self, held: Option<&ListFact>) -> bool {
        let (now, policy) = (self.now(), self.policy());
        held.is_some_and(|fact| {
            now.since(fact.list.issued) <= policy.status_max_age.saturating_add(policy.skew)
                && fact.list.valid_until > now.minus(policy.skew)
        })
    }
}
