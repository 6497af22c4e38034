//! Whom a domain tells the others that it recognises, where its operator lets it, and what others told of theirs.
//! None of it counts for a verdict.

use crate::announce::{Announcement, recognitions_item};
use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::keys::KeyRole;
use crate::ports::mesh::Publication;
use crate::ports::records::{Expect, Table, Write};
use did_resolver::codec;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship};
use did_resolver::time::UnixSeconds;
use marque_rules::replica::limits::MAX_DOMAINS;
use marque_rules::replica::recognitions::StatementFloor;
use marque_rules::replica::{Envelope, ItemKind, Recognitions, Scid};
use marque_rules::trust::{TrustedDomain, domain_scid};
use serde_json::{Value, json};

fn floor_key(domain: &Did) -> String {
    format!("recognitions\n{domain}")
}

/// What a domain stated, as it is held.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The domain.
    pub domain: Did,
    /// When it signed it, by its own clock.
    pub issued: UnixSeconds,
    /// Whom it recognises.
    pub recognitions: Recognitions,
    key_id: DidUrl,
}

/// A domain that states that it recognises another, and how.
#[derive(Debug, Clone)]
pub struct RecognisedBy {
    /// The domain that states it.
    pub domain: Did,
    /// When it signed it, by its own clock.
    pub issued: UnixSeconds,
    /// What it states of the other.
    pub stated: TrustedDomain,
}

impl Domain {
    /// Where the statement stands that is held of a domain, and what to expect of its record.
    pub(crate) async fn statement_floor(
        &self,
        domain: &Did,
    ) -> Result<(Option<StatementFloor>, Expect), Error> {
        let Some((json, version)) = self.json(Table::Floors, floor_key(domain).as_bytes()).await? else {
            return Ok((None, Expect::Absent));
        };
        let read = || {
            let number = |name| json.get(name).and_then(Value::as_u64);
            let digest = codec::from_base64url(json.get("digest")?.as_str()?).ok()?.try_into().ok()?;
            Some(StatementFloor {
                issuer_version: number("issuerVersion")?,
                number: number("number")?,
                digest,
            })
        };
        let floor = read().ok_or(Error::Record("the floor of recognitions"))?;
        Ok((Some(floor), Expect::Version(version)))
    }

    pub(crate) fn statement_write(domain: &Did, at: StatementFloor, expect: Expect) -> Write {
        let digest = codec::to_base64url(&at.digest);
        let value = json!({"issuerVersion": at.issuer_version, "number": at.number, "digest": digest});
        put(Table::Floors, floor_key(domain), &value, expect)
    }

    /// Since which version of its log a domain has listed the key of this id, which `document` lists. Zero where it
    /// does not.
    pub(crate) async fn era_of(
        &self,
        domain: &Did,
        document: &Document,
        key_id: &DidUrl,
    ) -> Result<u64, Error> {
        let mut listed = document.listed(Relationship::AssertionMethod);
        let key = listed.find(|method| method.id == *key_id).and_then(|method| method.key.clone());
        match key {
            Some(key) => self.era(domain, &key).await,
            None => Ok(0),
        }
    }

    /// What a domain that is followed here stated last, where it states anything.
    async fn statement_of(&self, scid: &Scid, domain: &str) -> Result<Option<Statement>, Error> {
        let announced = self.announced(scid, ItemKind::Recognitions, domain).await?;
        let Some((_, bytes)) = announced.first() else { return Ok(None) };
        let damaged = |_| Error::Record("a statement of whom a domain recognises");
        let envelope = Envelope::decode(bytes).map_err(damaged)?;
        Ok(Some(Statement {
            domain: envelope.domain_did().clone(),
            issued: envelope.body().issued_at,
            recognitions: Recognitions::of(envelope.body()).map_err(damaged)?,
            key_id: envelope.key_id().clone(),
        }))
    }

    /// What a domain stated last of whom it recognises, as far as it is held here.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn recognitions_of(&self, scid: &str) -> Result<Option<Statement>, Error> {
        let stated = self.statements().await?;
        Ok(stated.into_iter().find(|said| domain_scid(&said.domain).is_ok_and(|of| of == scid)))
    }

    /// What every domain stated that is followed here, and this one.
    async fn statements(&self) -> Result<Vec<Statement>, Error> {
        let prefix = format!("d/{}/", ItemKind::Recognitions.number());
        // One of each domain that is replicated, this one, and those that were and are not any more.
        let rows = self.records.scan(Table::Envelopes, prefix.as_bytes(), None, 2 * MAX_DOMAINS).await?;
        let mut found = Vec::new();
        for row in rows {
            let key = String::from_utf8_lossy(&row.key).into_owned();
            let subject = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('\n'));
            let named = subject.and_then(|(did, scid)| Some((did, Scid::parse(scid)?)));
            let (did, scid) = named.ok_or(Error::Record("the origin of a statement"))?;
            found.extend(self.statement_of(&scid, did).await?);
        }
        Ok(found)
    }

    /// Which of the domains that are followed here state that they recognise this one. It is what they say, and
    /// grants nothing.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn recognised_by(&self) -> Result<Vec<RecognisedBy>, Error> {
        let own = self.scid()?;
        let of_this = |said: Statement| {
            let stated = said.recognitions.of_domain(&own)?.clone();
            Some(RecognisedBy { domain: said.domain, issued: said.issued, stated })
        };
        Ok(self.statements().await?.into_iter().filter_map(of_this).collect())
    }

    /// What makes it known that these are recognised, if the operator lets it be and it is not known yet. Where the
    /// operator does not, that nothing is stated any more takes the place of what was.
    pub(crate) async fn restate_recognitions(
        &self,
        recognised: Vec<TrustedDomain>,
    ) -> Result<Option<Announcement>, Error> {
        let (own, scid) = (&self.home.did, self.scid()?);
        let publishes = self.policy().publish_recognitions;
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let held = self.statement_of(&scid, own.as_str()).await?;
        let said = |number| match publishes {
            true => Recognitions::new(number, &scid, recognised.iter().cloned()),
            false => Recognitions::nothing(number),
        };
        let is_said = match &held {
            // A statement by a key that was changed reaches nobody who has not got it yet.
            Some(held) => held.recognitions.says_what(&said(0)) && held.key_id == key_id,
            None => !publishes,
        };
        if is_said {
            return Ok(None);
        }
        let (floor, expect) = self.statement_floor(own).await?;
        let issuer_version = self.era(own, &key).await?;
        let last = floor.filter(|floor| floor.issuer_version >= issuer_version).map(|floor| floor.number);
        let Some(number) = Recognitions::next_number(last, self.now()) else {
            tracing::warn!("whom this domain recognises cannot be stated before its key is changed");
            return Ok(None);
        };
        let said = said(number);
        if publishes && !said.is_whole {
            tracing::warn!("not every domain that is recognised has room in the statement of them");
        }
        let digest = recognitions_item(own, number, &said.encode()).digest;
        let (mut writes, publication) = self.announce_recognitions(&said).await?;
        writes.push(Self::statement_write(own, StatementFloor { issuer_version, number, digest }, expect));
        Ok(Some((writes, publication)))
    }

    /// Sees to it that what is known of whom this domain recognises is so: as after the operator changed whether it
    /// is made known, the domain its key, or an old store was restored.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn state_recognitions(&self) -> Result<(), Error> {
        let _one_writer = self.stating.lock().await;
        let Some((writes, publication)) = self.restate_recognitions(self.trusted().await?).await? else {
            return Ok(());
        };
        self.records.commit(writes).await?;
        self.publish(vec![publication]).await;
        Ok(())
    }

    /// What makes a change of one recognition known, in the commit that changes it.
    pub(crate) async fn restate_changed(
        &self,
        scid: &str,
        changed: Option<TrustedDomain>,
    ) -> Result<(Vec<Write>, Vec<Publication>), Error> {
        let mut recognised = self.trusted().await?;
        recognised.retain(|domain| domain.scid().is_ok_and(|named| named != scid));
        recognised.extend(changed);
        let stated = self.restate_recognitions(recognised).await?;
        Ok(stated.map_or_else(Default::default, |(writes, publication)| (writes, vec![publication])))
    }
}
