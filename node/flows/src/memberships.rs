//! The membership epoch: from one act on, the nodes of a domain come in by new memberships only, here and
//! everywhere.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::records::{Expect, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::MembershipEpoch;
use serde_json::{Value, json};

fn epoch_key(domain: &Did) -> String {
    format!("membership\n{domain}")
}

impl Domain {
    /// The membership epoch of a domain, where it ever had one, and what to expect of its record.
    pub(crate) async fn membership_epoch(
        &self,
        domain: &Did,
    ) -> Result<(Option<MembershipEpoch>, Expect), Error> {
        let Some((json, version)) = self.json(Table::Floors, epoch_key(domain).as_bytes()).await? else {
            return Ok((None, Expect::Absent));
        };
        let number = |name| json.get(name).and_then(Value::as_u64);
        let (Some(epoch), Some(not_before)) = (number("epoch"), number("notBefore")) else {
            return Err(Error::Record("a membership epoch"));
        };
        let held = MembershipEpoch { epoch, not_before: UnixSeconds::new(not_before) };
        Ok((Some(held), Expect::Version(version)))
    }

    /// Whether a membership of `domain` that is valid from `valid_from` on may admit its node.
    pub(crate) async fn admits_from(&self, domain: &Did, valid_from: UnixSeconds) -> Result<bool, Error> {
        let (epoch, _) = self.membership_epoch(domain).await?;
        Ok(epoch.is_none_or(|epoch| epoch.admits(valid_from)))
    }

    pub(crate) fn epoch_write(domain: &Did, epoch: MembershipEpoch, expect: Expect) -> Write {
        let value = json!({"epoch": epoch.epoch, "notBefore": epoch.not_before.get()});
        put(Table::Floors, epoch_key(domain), &value, expect)
    }

    /// What [`Domain::revoke_memberships`] does; its refusal is not on record yet.
    pub(crate) async fn try_revoke_memberships(&self) -> Result<MembershipEpoch, Error> {
        let own = &self.home.did;
        let (held, expect) = self.membership_epoch(own).await?;
        let number = held.map_or(0, |held| held.epoch).saturating_add(1);
        // A clock that went back lets nobody in again.
        let not_before = held.map_or(self.now(), |held| held.not_before.max(self.now()));
        let epoch = MembershipEpoch { epoch: number, not_before };
        let (mut batch, publication) = self.announce_epoch(epoch).await?;
        batch.push(Self::epoch_write(own, epoch, expect));
        let decision = Decision::new(Kind::Status, own.as_str(), "memberships-revoked");
        batch.push(self.entry(decision.with(json!({"epoch": number})))?);
        self.records.commit(batch).await?;
        self.publish(vec![publication]).await;
        Ok(epoch)
    }
}
