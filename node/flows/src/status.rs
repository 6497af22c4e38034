//! This domain's own status lists: bits are set and cleared, and every change is a new signed list
//! with the next sequence number, durable in one batch with the decision that made it. Each is signed
//! three times, as a Bitstring Status List and as a Status List Token in both forms, and every signing
//! has a number of its own.
//!
//! One writer: a lock is held from reading the state to committing the list, and the commit compares
//! the state's version, so that one sequence number never has two lists, whichever process signs. What is
//! signed and not committed never leaves the process; where nodes share a store, it is signed anew.

use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::ports::keys::{KeyRole, KeysError, Signed as Use};
use crate::ports::mesh::Publication;
use crate::ports::records::{Expect, StoreError, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::time::UnixSeconds;
use marque_rules::issuance::{LIST_ENTRIES, MAX_LISTS, OwnList};
use marque_rules::replica::Lane;
use marque_rules::replica::floor::ListFloor;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::facts::{ListFact, ListKey};
use vc_schemas::secure::Envelope;
use vc_schemas::status::bitstring::{Bits, MAX_ENTRIES};
use vc_schemas::status::token_list::{Form, TokenDraft, TokenList, array_for};
use vc_schemas::status::{ListDraft, Purpose, StatusList, VerifiedList};

/// How long a list is valid. Verifiers ask for much fresher ones; this bounds what a verifier without
/// a policy would take.
const LIST_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// How often a list is signed anew where another node of this domain was first: each time that one's change is done,
/// and as many nodes as share a store do not come to this.
const MAX_TRIES: usize = 32;

/// Both purposes, each with its list.
pub const PURPOSES: [Purpose; 2] = [Purpose::Revocation, Purpose::Suspension];

/// One bit to be set or cleared, at a place of a list of its purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flip {
    pub(crate) purpose: Purpose,
    pub(crate) index: u32,
    pub(crate) set: bool,
}

/// What of a list that was signed goes to everybody without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Push {
    /// The list.
    Whole,
    /// What changed.
    Change,
}

/// A list that was signed, what makes it durable, and itself to be published after that.
struct Signed {
    writes: Vec<Write>,
    list: VerifiedList,
    publication: Publication,
}

fn token_key(list: OwnList, form: Form) -> String {
    format!("{}\n{}", list.name(), form.media_type())
}

struct State {
    sequence: u64,
    bits: Bits,
    /// When the list was last pushed whole.
    pushed: UnixSeconds,
    expect: Expect,
    overlay: Expect,
}

impl Domain {
    /// The key of this domain's own list.
    #[must_use]
    pub fn own_list(&self, list: impl Into<OwnList>) -> ListKey {
        ListKey { issuer: self.home.did.clone(), url: self.home.list_url(list) }
    }

    /// This domain's own lists, those of one purpose after those of the other. The first of each is there always,
    /// a further one once those before it are full.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn own_lists(&self) -> Result<Vec<OwnList>, Error> {
        let newest = self.newest_list().await?;
        let of = |purpose| (0..=newest).map(move |number| OwnList { purpose, number });
        Ok(PURPOSES.into_iter().flat_map(of).collect())
    }

    /// The number of the newest list of each purpose.
    pub(crate) async fn newest_list(&self) -> Result<u32, Error> {
        for number in 1..MAX_LISTS {
            let list = OwnList { purpose: Purpose::Revocation, number };
            if self.records.get(Table::ListStates, list.name().as_bytes()).await?.is_none() {
                return Ok(number - 1);
            }
        }
        Ok(MAX_LISTS - 1)
    }

    /// Opens the list with this number for each purpose, unless somebody else did: signed and durable before
    /// anything can stand on it.
    pub(crate) async fn open_lists(&self, number: u32) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        if self.newest_list().await? >= number {
            return Ok(());
        }
        let (mut batch, mut publications) = (Vec::new(), Vec::new());
        for purpose in PURPOSES {
            let list = OwnList { purpose, number };
            let state = self.list_state(list).await?;
            let signed = self.sign_list(list, state, Push::Whole).await?;
            batch.extend(signed.writes);
            publications.push(signed.publication);
        }
        batch.push(self.entry(Decision::new(Kind::Status, number.to_string(), "list-opened"))?);
        match self.records.commit(batch).await {
            // Another node of this domain did so.
            Err(StoreError::Conflict(_)) if self.records.is_shared() => return Ok(()),
            outcome => outcome?,
        }
        self.publish(publications).await;
        Ok(())
    }

    /// This domain's own list as it is held.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn held_own_list(&self, list: impl Into<OwnList>) -> Result<Option<ListFact>, Error> {
        self.held_list(&self.own_list(list)).await
    }

    /// This domain's own list as a Status List Token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn own_token(&self, list: impl Into<OwnList>, form: Form) -> Result<Option<Vec<u8>>, Error> {
        let key = token_key(list.into(), form);
        let stored = self.records.get(Table::ListStates, key.as_bytes()).await?;
        Ok(stored.map(|stored| stored.value))
    }

    async fn holds_tokens(&self, list: OwnList) -> Result<bool, Error> {
        for form in Form::ALL {
            if self.own_token(list, form).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Flips bits, signs the lists that they stand on, and commits all that together with `writes`,
    /// which are the decision and whatever else changes with it. Publishes after that.
    ///
    /// What is set goes out as a change of some hundred bytes, which counts at once for who has the list
    /// before. The whole list is for who asks: it is pushed at half of its ttl, whether its bits changed in
    /// between or not. What is cleared counts nowhere without a whole list, so that this one is pushed.
    pub(crate) async fn flip(&self, flips: &[Flip], writes: Vec<Write>) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        let own = writes.len();
        for _ in 0..MAX_TRIES {
            let (signed, publications) = self.flipped(flips).await?;
            let batch = writes.iter().cloned().chain(signed).collect();
            match self.records.commit(batch).await {
                // Another node of this domain signed a list meanwhile. This one never left the process.
                Err(StoreError::Conflict(at)) if at >= own && self.records.is_shared() => {}
                outcome => {
                    outcome?;
                    self.publish(publications).await;
                    return Ok(());
                }
            }
        }
        Err(Error::refused(Code::Unavailable, "other nodes of this domain changed the list all the time"))
    }

    /// The lists with these bits flipped, signed: what makes them durable, and what is published after that.
    async fn flipped(&self, flips: &[Flip]) -> Result<(Vec<Write>, Vec<Publication>), Error> {
        let (mut batch, mut publications) = (Vec::new(), Vec::new());
        let lists: BTreeSet<_> = flips.iter().map(|flip| OwnList::of(flip.purpose, flip.index)).collect();
        for list in lists {
            let mut state = self.list_state(list).await?;
            for flip in flips.iter().filter(|flip| OwnList::of(flip.purpose, flip.index) == list) {
                let index = flip.index % LIST_ENTRIES;
                let done = if flip.set { state.bits.set(index) } else { state.bits.clear(index) };
                done.map_err(|_| Error::refused(Code::StateConflict, "the index lies beyond the list"))?;
            }
            let clears = flips.iter().any(|flip| !flip.set);
            let before = if clears { None } else { self.held_own_list(list).await? };
            let push = if before.is_some() { Push::Change } else { Push::Whole };
            let signed = self.sign_list(list, state, push).await?;
            batch.extend(signed.writes);
            let change = match before {
                Some(before) => self.announce_change(&before.list, &signed.list).await?,
                None => None,
            };
            let lane = Lane::Ctl;
            publications.push(change.unwrap_or(Publication { lane, ..signed.publication }));
        }
        Ok((batch, publications))
    }

    /// Signs again every list that was last pushed whole half of its ttl ago, that another key signed than the one in
    /// force, or that is not there yet.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn refresh_lists(&self) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        for list in self.own_lists().await? {
            let held = self.held_own_list(list).await?;
            let state = self.list_state(list).await?;
            // A shorter one of the operator holds at once.
            let ttl = |fact: ListFact| fact.list.ttl.min(self.policy().list_ttl);
            let (key, _) = self.keys.public(KeyRole::Assertion);
            let is_by = |fact: &ListFact| *fact.list.key() == key;
            let due =
                held.is_none_or(|fact| !is_by(&fact) || self.now().since(state.pushed) >= ttl(fact) / 2);
            if due || !self.holds_tokens(list).await? {
                let signed = self.sign_list(list, state, Push::Whole).await?;
                match self.records.commit(signed.writes).await {
                    // Another node of this domain did so.
                    Err(StoreError::Conflict(_)) if self.records.is_shared() => continue,
                    outcome => outcome?,
                }
                self.publish(vec![signed.publication]).await;
            }
        }
        Ok(())
    }

    /// Signs every list with a number that is greater by `leap`, and pushes it whole.
    pub(crate) async fn leap_lists(&self, leap: u64) -> Result<(), Error> {
        let _one_writer = self.lists.lock().await;
        for list in self.own_lists().await? {
            let mut state = self.list_state(list).await?;
            let beyond = self.list_floor(&self.own_list(list)).await?.0.map_or(0, |floor| floor.sequence);
            state.sequence = state.sequence.max(beyond).saturating_add(leap);
            let signed = self.sign_list(list, state, Push::Whole).await?;
            self.records.commit(signed.writes).await?;
            self.publish(vec![signed.publication]).await;
        }
        Ok(())
    }

    async fn list_state(&self, list: OwnList) -> Result<State, Error> {
        let stored = self.json(Table::ListStates, list.name().as_bytes()).await?;
        let mut state = match stored {
            None => State {
                sequence: 0,
                bits: Bits::new(LIST_ENTRIES).map_err(|_| Error::Record("a list state"))?,
                pushed: UnixSeconds::new(0),
                expect: Expect::Absent,
                overlay: Expect::Any,
            },
            Some((json, version)) => {
                let sequence = json.get("sequence").and_then(Value::as_u64);
                let bits =
                    json.get("bits").and_then(Value::as_str).map(|text| Bits::decode(text, MAX_ENTRIES));
                let pushed = UnixSeconds::new(json.get("pushed").and_then(Value::as_u64).unwrap_or(0));
                let (expect, overlay) = (Expect::Version(version), Expect::Any);
                match (sequence, bits) {
                    (Some(sequence), Some(Ok(bits))) => State { sequence, bits, pushed, expect, overlay },
                    _ => return Err(Error::Record("a list state")),
                }
            }
        };
        // A newer list of this domain came from elsewhere: this state is one that came back from a backup.
        if let Some(newer) =
            self.held_own_list(list).await?.filter(|held| held.list.sequence > state.sequence)
        {
            state.bits = newer.list.bits.clone();
        }
        // What was ever seen revoked stays so, also where an older state came back from a backup.
        if list.purpose == Purpose::Revocation {
            let (ever, expect) = self.overlay(&self.own_list(list)).await?;
            state.overlay = expect;
            if let Some(ever) = ever {
                state.bits = state.bits.union(&ever);
            }
        }
        Ok(state)
    }

    async fn sign_list(&self, own: OwnList, state: State, push: Push) -> Result<Signed, Error> {
        let (key, purpose) = (self.own_list(own), own.purpose);
        let (floor, expect) = self.list_floor(&key).await?;
        let document = self.active_document(&self.home.did).await?;
        let (document, _) = document.ok_or(Error::Record("the domain's own document"))?;
        let beyond = floor.map_or(0, |floor| floor.sequence);
        // The tokens first: the floor, which outlives a restored state, then lies above every number.
        let mut sequence = state.sequence.max(beyond);
        let mut tokens = Vec::new();
        for form in Form::ALL {
            sequence = sequence.saturating_add(1);
            let token = self.sign_token(own, sequence, &state.bits, form).await?;
            tokens.push(put_bytes(Table::ListStates, token_key(own, form), token, Expect::Any));
        }
        sequence = sequence.saturating_add(1);
        let payload = self.list_payload(&key, purpose, sequence, state.bits.clone(), self.now())?;
        let secured = self.secure_payload(payload, Envelope::Jwt, Use::StatusList).await?;
        let list = StatusList::verified(secured, &document, self.now())
            .map_err(|_| Error::Record("a list that does not read back"))?;
        let issuer_version = self.era(&self.home.did, list.key()).await?;
        let at = ListFloor { issuer_version, sequence };
        // Another node of this domain has replaced the keys: no floor falls by that this one has not heard of it.
        if floor.is_some_and(|floor| at < floor) {
            return Err(KeysError("the domain's log has another key by now".to_owned()).into());
        }
        let overlay = (purpose == Purpose::Revocation).then_some((&state.bits, state.overlay));
        let mut writes = Self::list_writes(&list, at, overlay, expect)?;
        writes.extend(tokens);
        let bits = state.bits.encode().map_err(|_| Error::Record("a list state"))?;
        let pushed = match push {
            Push::Whole => self.now(),
            Push::Change => state.pushed,
        };
        let json = json!({"sequence": sequence, "bits": bits, "pushed": pushed.get()});
        writes.push(put(Table::ListStates, own.name(), &json, state.expect));
        let (more, publication) = self.announce_list(&list).await?;
        writes.extend(more);
        Ok(Signed { writes, list, publication })
    }

    async fn sign_token(
        &self,
        own: OwnList,
        sequence: u64,
        bits: &Bits,
        form: Form,
    ) -> Result<Vec<u8>, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let now = self.now();
        let list = TokenList {
            url: self.home.list_url(own),
            issuer: Some(self.home.did.clone()),
            sequence: Some(sequence),
            issued: now,
            not_before: None,
            expires: Some(now.plus(LIST_LIFE)),
            // Whole seconds, and not none.
            ttl: Some(Duration::from_secs(self.policy().list_ttl.as_secs().max(1))),
            aggregation: Some(self.home.aggregation_url()),
            bits: array_for(own.purpose, bits).map_err(|_| Error::Record("a list state"))?,
        };
        let malformed = |_| Error::Record("a list that cannot be written");
        let draft = TokenDraft::new(&list, form, &key_id, key.kind()).map_err(malformed)?;
        let signature = self.keys.sign(KeyRole::Assertion, Use::StatusList, draft.signing_input()).await?;
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
            ttl: self.policy().list_ttl,
            bits,
        };
        draft.payload().map_err(|_| Error::Record("a list that cannot be written"))
    }
}
