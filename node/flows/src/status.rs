//! This domain's own status lists: bits are set and cleared, and every change is a new signed list
//! with the next sequence number, durable in one batch with the decision that made it. Each is signed
//! three times, as a Bitstring Status List and as a Status List Token in both forms, and every signing
//! has a number of its own.
//!
//! One writer: a lock is held from reading the state to committing the list, and the commit compares
//! the state's version, so that one sequence number never has two lists. What is signed and not
//! committed never leaves the process.

use crate::announce::Announcement;
use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::indices::ENTRIES;
use crate::ports::keys::KeyRole;
use crate::ports::records::{Expect, Table, Write};
use did_resolver::time::UnixSeconds;
use marque_rules::replica::Lane;
use marque_rules::replica::floor::ListFloor;
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::facts::{ListFact, ListKey};
use vc_schemas::secure::Envelope;
use vc_schemas::status::bitstring::{Bits, MAX_ENTRIES};
use vc_schemas::status::token_list::{Form, TokenDraft, TokenList, array_for};
use vc_schemas::status::{ListDraft, Purpose, StatusList};

/// How long a list is valid. Verifiers ask for much fresher ones; this bounds what a verifier without
/// a policy would take.
const LIST_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Both purposes, each with its list.
pub const PURPOSES: [Purpose; 2] = [Purpose::Revocation, Purpose::Suspension];

/// One bit to be set or cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flip {
    pub(crate) purpose: Purpose,
    pub(crate) index: u32,
    pub(crate) set: bool,
}

fn token_key(purpose: Purpose, form: Form) -> String {
    format!("{}\n{}", purpose.as_str(), form.media_type())
}

struct State {
    sequence: u64,
    bits: Bits,
    expect: Expect,
    overlay: Expect,
}

impl Domain {
    /// The key of this domain's own list.
    #[must_use]
    pub fn own_list(&self, purpose: Purpose) -> ListKey {
        ListKey { issuer: self.home.did.clone(), url: self.home.list_url(purpose) }
    }

    /// This domain's own list as it is held.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn held_own_list(&self, purpose: Purpose) -> Result<Option<ListFact>, Error> {
        self.held_list(&self.own_list(purpose)).await
    }

    /// This domain's own list as a Status List Token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn own_token(&self, purpose: Purpose, form: Form) -> Result<Option<Vec<u8>>, Error> {
        let stored = self.records.get(Table::ListStates, token_key(purpose, form).as_bytes()).await?;
        Ok(stored.map(|stored| stored.value))
    }

    async fn holds_tokens(&self, purpose: Purpose) -> Result<bool, Error> {
        for form in Form::ALL {
            if self.own_token(purpose, form).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Flips bits, signs the lists that they stand on, and commits all that together with `writes`,
    /// which are the decision and whatever else changes with it. Publishes after that.
    pub(crate) async fn flip(&self, flips: &[Flip], writes: Vec<Write>) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        let (mut batch, mut publications) = (writes, Vec::new());
        for purpose in PURPOSES {
            let own: Vec<_> = flips.iter().filter(|flip| flip.purpose == purpose).collect();
            if own.is_empty() {
                continue;
            }
            let mut state = self.list_state(purpose).await?;
            for flip in own {
                let done = if flip.set { state.bits.set(flip.index) } else { state.bits.clear(flip.index) };
                done.map_err(|_| Error::refused(Code::StateConflict, "the index lies beyond the list"))?;
            }
            let (more, publication) = self.sign_list(purpose, state, Lane::Ctl).await?;
            batch.extend(more);
            publications.push(publication);
        }
        self.records.commit(batch).await?;
        self.publish(publications).await;
        Ok(())
    }

    /// Signs again every list that is older than half of its ttl, or that is not there yet.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn refresh_lists(&self) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        for purpose in PURPOSES {
            let held = self.held_own_list(purpose).await?;
            let due = held.is_none_or(|fact| self.now().since(fact.list.issued) >= fact.list.ttl / 2);
            if due || !self.holds_tokens(purpose).await? {
                let state = self.list_state(purpose).await?;
                let (batch, publication) = self.sign_list(purpose, state, Lane::Status).await?;
                self.records.commit(batch).await?;
                self.publish(vec![publication]).await;
            }
        }
        Ok(())
    }

    async fn list_state(&self, purpose: Purpose) -> Result<State, Error> {
        let stored = self.json(Table::ListStates, purpose.as_str().as_bytes()).await?;
        let mut state = match stored {
            None => State {
                sequence: 0,
                bits: Bits::new(ENTRIES).map_err(|_| Error::Record("a list state"))?,
                expect: Expect::Absent,
                overlay: Expect::Any,
            },
            Some((json, version)) => {
                let sequence = json.get("sequence").and_then(Value::as_u64);
                let bits =
                    json.get("bits").and_then(Value::as_str).map(|text| Bits::decode(text, MAX_ENTRIES));
                match (sequence, bits) {
                    (Some(sequence), Some(Ok(bits))) => {
                        State { sequence, bits, expect: Expect::Version(version), overlay: Expect::Any }
                    }
                    _ => return Err(Error::Record("a list state")),
                }
            }
        };
        // What was ever seen revoked stays so, also where an older state came back from a backup.
        if purpose == Purpose::Revocation {
            let (ever, expect) = self.overlay(&self.own_list(purpose)).await?;
            state.overlay = expect;
            if let Some(ever) = ever {
                state.bits = state.bits.union(&ever);
            }
        }
        Ok(state)
    }

    async fn sign_list(&self, purpose: Purpose, state: State, lane: Lane) -> Result<Announcement, Error> {
        let key = self.own_list(purpose);
        let (floor, expect) = self.list_floor(&key).await?;
        let document = self.active_document(&self.home.did).await?;
        let (document, version) = document.ok_or(Error::Record("the domain's own document"))?;
        let beyond = floor.map_or(0, |floor| floor.sequence);
        // The tokens first: the floor, which outlives a restored state, then lies above every number.
        let mut sequence = state.sequence.max(beyond);
        let mut tokens = Vec::new();
        for form in Form::ALL {
            sequence = sequence.saturating_add(1);
            let token = self.sign_token(purpose, sequence, &state.bits, form).await?;
            tokens.push(put_bytes(Table::ListStates, token_key(purpose, form), token, Expect::Any));
        }
        sequence = sequence.saturating_add(1);
        let payload = self.list_payload(&key, purpose, sequence, state.bits.clone(), self.now())?;
        let secured = self.secure_payload(payload, Envelope::Jwt).await?;
        let list = StatusList::verified(secured, &document, self.now())
            .map_err(|_| Error::Record("a list that does not read back"))?;
        let at = ListFloor { issuer_version: u64::from(version), sequence };
        let overlay = (purpose == Purpose::Revocation).then_some((&state.bits, state.overlay));
        let mut writes = Self::list_writes(&list, at, overlay, expect)?;
        writes.extend(tokens);
        let bits = state.bits.encode().map_err(|_| Error::Record("a list state"))?;
        let json = json!({"sequence": sequence, "bits": bits});
        writes.push(put(Table::ListStates, purpose.as_str(), &json, state.expect));
        let (more, publication) = self.announce_list(&list, lane).await?;
        writes.extend(more);
        Ok((writes, publication))
    }

    async fn sign_token(
        &self,
        purpose: Purpose,
        sequence: u64,
        bits: &Bits,
        form: Form,
    ) -> Result<Vec<u8>, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let now = self.now();
        let list = TokenList {
            url: self.home.list_url(purpose),
            issuer: Some(self.home.did.clone()),
            sequence: Some(sequence),
            issued: now,
            not_before: None,
            expires: Some(now.plus(LIST_LIFE)),
            // Whole seconds, and not none.
            ttl: Some(Duration::from_secs(self.policy.list_ttl.as_secs().max(1))),
            aggregation: Some(self.home.aggregation_url()),
            bits: array_for(purpose, bits).map_err(|_| Error::Record("a list state"))?,
        };
        let malformed = |_| Error::Record("a list that cannot be written");
        let draft = TokenDraft::new(&list, form, &key_id, key.kind()).map_err(malformed)?;
        let signature = self.keys.sign(KeyRole::Assertion, draft.signing_input()).await?;
        Ok(draft.attach(&key, &signature).map_err(malformed)?.bytes().to_vec())
    }

    fn list_payload(
        &self,
        key: &ListKey,
        purpose: Purpose,
        sequence: u64,
        bits: Bits,
        now: UnixSeconds,
    ) -> Result<Value, Error> {
        let draft = ListDraft {
            url: key.url.clone(),
            issuer: key.issuer.clone(),
            purpose,
            sequence,
            issued: now,
            valid_until: now.plus(LIST_LIFE),
            ttl: self.policy.list_ttl,
            bits,
        };
        draft.payload().map_err(|_| Error::Record("a list that cannot be written"))
    }
}
