//! What honest nodes say: the next version of a log, a list with more revoked, the same list signed anew.
//! One node writes for each log and each list.

use crate::disk::{Content, Key, Object, Subject, head_of, list_payload, no_bits, own_key};
use crate::library::{AGENTS, DomainStories, LIBRARY, Story, Telling};
use crate::memo::{self, Branch};
use crate::world::{World, scid};
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::floor::LogFloor;
use marque_rules::replica::{Body, Envelope, Input, ItemKind, Kind, Lane, Recognitions};
use marque_rules::trust::TrustedDomain;
use std::time::Duration;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::status::bitstring::Bits;

/// How long gossip passes an envelope on.
pub(crate) const LIFE: Duration = Duration::from_secs(3_600);

/// What an envelope says of a log.
pub(crate) struct Said<'a> {
    pub(crate) story: &'a Story,
    pub(crate) telling: &'a Telling,
    pub(crate) witness: Option<&'a [u8]>,
    /// Whether the log is pulled in pages.
    pub(crate) is_head: bool,
}

pub(crate) fn list_url(domain: usize, writer: usize) -> String {
    format!("https://d{domain}.example/lists/{writer}")
}

impl World {
    /// The nodes of a domain.
    pub(crate) fn members(&self, domain: usize) -> Vec<usize> {
        (0..self.plan.nodes).filter(|node| self.nodes[*node].domain == domain).collect()
    }

    /// Who writes the log of a domain (0) or of one of its agents.
    fn writer(&self, domain: usize, story: usize) -> usize {
        let members = self.members(domain);
        members[story % members.len()]
    }

    /// Every node knows its own domain, and the writer of an agent's log that log, before anything is said.
    pub(crate) fn provision(&mut self) {
        for node in 0..self.plan.nodes {
            let domain = self.nodes[node].domain;
            self.hold_own(node, 0);
            for story in (1..=AGENTS).filter(|story| self.writer(domain, *story) == node).collect::<Vec<_>>()
            {
                self.hold_own(node, story);
            }
        }
    }

    fn hold_own(&mut self, node: usize, story: usize) {
        let domain = self.nodes[node].domain;
        let story = &LIBRARY.domains[domain].stories[story];
        let telling = &story.trunk[0];
        let witness = telling.approvals.first().map(Vec::as_slice);
        let said = Said { story, telling, witness, is_head: false };
        let envelope = self.say_log(node, 1, &said);
        self.keep_log(node, &envelope, story, telling, None);
    }

    /// Writes the telling of a log as what its writer holds, and answers with the subject's items.
    fn keep_log(
        &mut self,
        node: usize,
        envelope: &Envelope,
        story: &Story,
        telling: &Telling,
        witness: Option<&[u8]>,
    ) -> Vec<marque_rules::replica::Item> {
        let key = own_key(scid(self.nodes[node].domain), &story.did);
        let before = self.nodes[node].disk.get(&key).cloned().unwrap_or_default();
        let mut log = telling.log.clone();
        for file in witness.into_iter().chain(telling.approvals.first().map(Vec::as_slice)) {
            log = log.with_approvals(file).unwrap().unwrap_or(log);
        }
        let floor = LogFloor::of(&log);
        let object = Object {
            item: telling.item.clone(),
            envelope: envelope.bytes().into(),
            content: Content::Log(Branch::new(log)),
        };
        let subject = Subject {
            objects: vec![object],
            since: before.since.noting(floor.number, self.unix(node)),
            log_floor: Some(floor),
            ..before.as_ref().clone()
        };
        let held = subject.items();
        self.commit(node, Some(envelope), key, subject);
        held
    }

    /// When `node` signs something: a minute has one time, so that worlds have much in common.
    pub(crate) fn issued(&self, node: usize) -> UnixSeconds {
        let now = self.unix(node).get();
        UnixSeconds::new(now - now % 60)
    }

    /// An envelope about a log, by the key of version `number` of the domain of `node`.
    pub(crate) fn say_log(&self, node: usize, number: u32, said: &Said<'_>) -> Envelope {
        let domain = self.nodes[node].domain;
        let log = &said.telling.log;
        let head = || head_of(&said.story.did, log.bytes(), &said.telling.item, &log.head().id).encode();
        let (kind, payload) =
            if said.is_head { (Kind::LogHead, head()) } else { (Kind::Log, log.bytes().to_vec()) };
        let issued_at = self.issued(node);
        let body = Body {
            kind,
            domain: scid(domain).clone(),
            subject: said.story.did.as_str().to_owned(),
            seq: said.telling.item.seq,
            prev: None,
            issued_at,
            expires_at: issued_at.plus(LIFE),
            payload,
            witness: said.witness.map(<[u8]>::to_vec),
        };
        memo::sign(domain, &LIBRARY.domains[domain].did, number, body)
    }

    /// An envelope about a list of the domain of `node`.
    pub(crate) fn say_list(
        &self,
        node: usize,
        number: u32,
        url: &str,
        (seq, bits): (u64, &Bits),
        (issued_at, expires_at): (UnixSeconds, UnixSeconds),
    ) -> Envelope {
        let domain = self.nodes[node].domain;
        let body = Body {
            kind: Kind::StatusList,
            domain: scid(domain).clone(),
            subject: url.to_owned(),
            seq,
            prev: None,
            issued_at,
            expires_at,
            payload: list_payload(seq, bits),
            witness: None,
        };
        memo::sign(domain, &LIBRARY.domains[domain].did, number, body)
    }

    /// An envelope that states whom the domain of `node` recognises: those of the other domains whose bit is set in
    /// `which`.
    pub(crate) fn say_recognitions(&self, node: usize, number: u32, (seq, which): (u64, u64)) -> Envelope {
        let domain = self.nodes[node].domain;
        let recognised = |(of, stories): (usize, &DomainStories)| TrustedDomain {
            did: stories.did.clone(),
            suspended: (which >> 8 >> of) & 1 == 1,
            capabilities: Scope::default(),
            resources: None,
        };
        let all = LIBRARY.domains.iter().enumerate().filter(|(of, _)| (which >> of) & 1 == 1);
        let said = Recognitions::new(seq, scid(domain), all.map(recognised));
        let issued_at = self.issued(node);
        let body = Body {
            kind: Kind::Recognitions,
            domain: scid(domain).clone(),
            subject: LIBRARY.domains[domain].did.as_str().to_owned(),
            seq,
            prev: None,
            issued_at,
            expires_at: issued_at.plus(LIFE),
            payload: said.encode(),
            witness: None,
        };
        memo::sign(domain, &LIBRARY.domains[domain].did, number, body)
    }

    pub(crate) fn statement_key(&self, node: usize) -> Key {
        let domain = self.nodes[node].domain;
        let did = LIBRARY.domains[domain].did.as_str().to_owned();
        (scid(domain).clone(), ItemKind::Recognitions, did)
    }

    /// States anew whom the domain of `node` recognises.
    fn publish_recognitions(&mut self, node: usize) {
        let Some(number) = self.own_version(node) else { return };
        let key = self.statement_key(node);
        let before = self.nodes[node].disk.get(&key).cloned().unwrap_or_default();
        let held = before.statement_floor.map(|at| at.number);
        // By a new key the numbers begin anew: those that somebody ran to their end are overtaken.
        let Some(seq) = Recognitions::next_number(held, self.unix(node)).or(Some(1)) else { return };
        let which = self.random.number();
        let envelope = self.say_recognitions(node, number, (seq, which));
        let (found, subject) = self.nodes[node].disk.judge(&envelope, None, self.unix(node));
        let Some(subject) =
            subject.filter(|_| matches!(found, marque_rules::replica::Verdict::Accept { .. }))
        else {
            return self.tally.count("statements that cannot be made");
        };
        self.tally.count("statements");
        let held = subject.items();
        self.commit(node, Some(&envelope), key, subject);
        self.handle(node, Input::Local { envelope: Box::new(envelope), held, lane: Lane::Did });
    }

    /// The version of its own domain that brought the key by which a node signs; `None` while that domain
    /// is contested.
    pub(crate) fn own_version(&self, node: usize) -> Option<u32> {
        let stories: &DomainStories = &LIBRARY.domains[self.nodes[node].domain];
        let subject = self.nodes[node].disk.get(&own_key(&stories.scid, &stories.did))?;
        let branch = subject.chosen()?;
        let listed = branch.log.head().document().listed(Relationship::AssertionMethod).count();
        Some(2 * listed as u32 - 1)
    }

    /// An honest node publishes something that is its to write.
    pub(crate) fn publish(&mut self, node: usize) {
        if !self.nodes[node].is_up() || !self.nodes[node].is_honest() {
            return;
        }
        let domain = self.nodes[node].domain;
        if self.writer(domain, 0) == node && self.random.one_in(3) {
            return self.publish_recognitions(node);
        }
        let mine: Vec<_> = (0..=AGENTS).filter(|story| self.writer(domain, *story) == node).collect();
        match self.random.among(&mine).filter(|_| self.random.one_in(2)) {
            Some(story) => self.publish_log(node, story),
            None => self.publish_list(node, true),
        }
    }

    /// A list is signed anew, with the next number, before it is too old.
    pub(crate) fn resign(&mut self, node: usize) {
        if !self.nodes[node].is_up() || !self.nodes[node].is_honest() {
            return;
        }
        // Where a member of the domain went bad, its operator changes the key first.
        let domain = self.nodes[node].domain;
        if self.writer(domain, 0) == node && self.is_compromised(domain) {
            self.publish_log(node, 0);
        }
        self.publish_list(node, false);
    }

    pub(crate) fn is_compromised(&self, domain: usize) -> bool {
        self.nodes.iter().any(|node| node.domain == domain && !node.is_honest())
    }

    pub(crate) fn publish_log(&mut self, node: usize, story: usize) {
        let Some(number) = self.own_version(node) else { return };
        let domain = self.nodes[node].domain;
        let stories: &'static DomainStories = &LIBRARY.domains[domain];
        let story = &stories.stories[story];
        let key: Key = own_key(&stories.scid, &story.did);
        let Some(subject) = self.nodes[node].disk.get(&key) else { return };
        let Some(held) = subject.chosen() else { return };
        let at = held.log.head().number as usize;
        // Nobody continues a history that is another's.
        if story.trunk.get(at - 1).is_none_or(|telling| telling.log.head().id != held.log.head().id) {
            return;
        }
        let is_later = story.is_witnessed && self.random.one_in(3);
        let next = if is_later { at - 1 } else { at };
        let Some(telling) = story.trunk.get(next) else { return };
        if story.is_witnessed && self.random.one_in(4) && !is_later {
            return self.publish_unapproved(node, number, story, telling);
        }
        let which = if is_later { 2 } else { self.random.index(2) };
        let witness = telling.approvals.get(which).map(Vec::as_slice);
        let is_head = self.random.one_in(3);
        // A log is announced by the key that stood before it, or its followers could not know the key.
        let envelope = self.say_log(node, number, &Said { story, telling, witness, is_head });
        self.tally.count(if is_later { "approved later" } else { "versions published" });
        let held = self.keep_log(node, &envelope, story, telling, witness);
        self.handle(node, Input::Local { envelope: Box::new(envelope), held, lane: Lane::Did });
    }

    /// Says a version that one witness too few approves, by the domain's own key.
    fn publish_unapproved(&mut self, node: usize, number: u32, story: &Story, telling: &Telling) {
        let witness = telling.too_few.as_deref().filter(|_| self.random.one_in(2));
        let envelope = self.say_log(node, number, &Said { story, telling, witness, is_head: false });
        let topic = marque_rules::replica::Topic::new(scid(self.nodes[node].domain), Lane::Did);
        self.tally.count("published without approval");
        self.flood(node, None, &topic, &envelope.bytes().into());
    }

    pub(crate) fn publish_list(&mut self, node: usize, is_revoking: bool) {
        let Some(number) = self.own_version(node) else { return };
        let domain = self.nodes[node].domain;
        let url = list_url(domain, node);
        let key = (scid(domain).clone(), ItemKind::StatusList, url.clone());
        let before = self.nodes[node].disk.get(&key).cloned().unwrap_or_default();
        // Whatever was ever revoked stays in it.
        let mut bits = before.revoked_ever.clone().unwrap_or_else(no_bits);
        let seq = before.list_floor.map_or(0, |floor| floor.sequence).saturating_add(1);
        if is_revoking {
            let next =
                (0_u32..).map(|n| (node as u32 * 7 + n * 3) % 256).find(|n| bits.get(*n) != Some(true));
            bits.set(next.unwrap()).unwrap();
            self.tally.count("revocations");
        } else if before.objects.is_empty() {
            return;
        }
        let issued = self.issued(node);
        let envelope = self.say_list(node, number, &url, (seq, &bits), (issued, issued.plus(LIFE)));
        let (found, subject) = self.nodes[node].disk.judge(&envelope, None, self.unix(node));
        let Some(subject) =
            subject.filter(|_| matches!(found, marque_rules::replica::Verdict::Accept { .. }))
        else {
            return self.tally.count("lists that cannot be written");
        };
        let held = subject.items();
        self.commit(node, Some(&envelope), key, subject);
        self.handle(node, Input::Local { envelope: Box::new(envelope), held, lane: Lane::Status });
    }
}
