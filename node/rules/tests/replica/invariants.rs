//! What must hold of honest nodes at every step (I1 to I8 of THREATS.md, part C).

use crate::disk::{Key, Subject, key_of, own_key};
use crate::library::LIBRARY;
use crate::world::{Message, World, scid};
use did_resolver::codec::{Sha256Digest, sha256};
use marque_rules::replica::floor::is_revoked;
use marque_rules::replica::limits::*;
use marque_rules::replica::{Envelope, Item, ItemKind, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What an honest node was once seen to hold of a subject.
#[derive(Debug, Default)]
struct Past {
    /// Indices that it once said are revoked.
    revoked: BTreeSet<u32>,
    /// The highest number of a log that it showed to others.
    shown: u64,
    /// Whether it held two histories.
    is_contested: bool,
}

/// What the world remembers of its honest nodes.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    past: BTreeMap<(usize, Key), Past>,
    /// DIDs of which some honest node held two histories.
    contested: BTreeSet<Key>,
    /// When all that should be equal was first so.
    equal_at: Option<u64>,
    /// Items that some honest node held, and when the last of them came.
    met: BTreeSet<Sha256Digest>,
    met_at: u64,
}

impl World {
    fn past(&mut self, node: usize, key: &Key) -> &mut Past {
        self.oracle.past.entry((node, key.clone())).or_default()
    }

    /// Whether a node holds two histories of the log of this domain.
    fn is_contested(&self, node: usize, domain: usize) -> bool {
        let stories = &LIBRARY.domains[domain];
        let held = self.nodes[node].disk.get(&own_key(&stories.scid, &stories.did));
        held.is_some_and(|subject| subject.objects.len() > 1)
    }

    /// I1, I2, I4 and I8 for what is about to be durable.
    pub(crate) fn check_commit(&mut self, node: usize, key: &Key, subject: &Subject) {
        if !self.nodes[node].is_honest() {
            return;
        }
        for item in subject.items() {
            if self.oracle.met.insert(item.id()) {
                self.oracle.met_at = self.now_ms;
            }
        }
        let before = self.nodes[node].disk.get(key).cloned().unwrap_or_default();
        match key.1 {
            ItemKind::StatusList => {
                self.no_revocation_is_lifted(node, key, subject);
                assert!(subject.list_floor >= before.list_floor, "I2: node {node}: the floor of a list fell");
            }
            ItemKind::Log => {
                no_log_falls(node, &before, subject);
                self.forks_contest(node, key, &before, subject);
            }
            ItemKind::Recognitions => statement_falls_not(node, &before, subject),
            ItemKind::DuplicityProof | ItemKind::Membership | ItemKind::Later(_) => {}
        }
    }

    /// I1: what was once revoked is revoked, by the list or by what is kept beside it.
    fn no_revocation_is_lifted(&mut self, node: usize, key: &Key, subject: &Subject) {
        let nothing = crate::disk::no_bits();
        let list = subject.list().unwrap_or(&nothing);
        let ever = subject.revoked_ever.as_ref();
        let past = self.past(node, key);
        for index in &past.revoked {
            assert_eq!(is_revoked(list, ever, *index), Some(true), "I1: node {node}: {index} is not revoked");
        }
        past.revoked.extend(list.indices_set());
        past.revoked.extend(ever.iter().flat_map(|bits| bits.indices_set()));
    }

    /// I4, I8: two histories are both there from then on, and none of them counts.
    fn forks_contest(&mut self, node: usize, key: &Key, before: &Subject, subject: &Subject) {
        if subject.objects.len() > 1 {
            assert!(subject.chosen().is_none(), "I8: node {node}: a contested log counts");
            self.past(node, key).is_contested = true;
            if self.oracle.contested.insert(key.clone()) {
                self.tally.count("DIDs contested");
            }
        }
        let is_contested = before.objects.len() > 1;
        assert!(!is_contested || subject.objects.len() > 1, "I4: node {node}: a fork was forgotten");
    }

    /// I8: nothing is accepted by the word of a domain that is contested here, but its own log.
    pub(crate) fn check_verdict(&self, node: usize, envelope: &Envelope, verdict: &Verdict) {
        if let Verdict::Accept { .. } | Verdict::Beside(..) = verdict {
            let domain = self.nodes.iter().map(|n| n.domain).find(|d| scid(*d) == &envelope.body().domain);
            let is_own_log = envelope.body().subject == envelope.domain_did().as_str();
            let domain = domain.unwrap_or_else(|| panic!("I5: of no domain"));
            assert!(is_own_log || !self.is_contested(node, domain), "I8: node {node} believed the contested");
        }
    }

    /// I5: what is forwarded was judged good here, was current when it came, and is durable.
    pub(crate) fn check_forward(&mut self, node: usize, message: &Message) {
        if !self.nodes[node].is_honest() {
            return;
        }
        let envelope = Envelope::decode(&message.bytes).unwrap();
        let (n, id) = (&self.nodes[node], envelope.id());
        assert!(n.judged.contains(&id), "I5: node {node} forwarded what it did not verify");
        assert!(n.durable.contains(&id), "I5: node {node} forwarded what is not durable");
        assert!(envelope.belongs_on(&message.topic), "I5: node {node} forwarded on another topic");
        assert_eq!(envelope.current(message.came), Ok(()), "I5: node {node} forwarded out of time");
        self.acknowledge(node, &envelope);
    }

    /// I5: what is published is durable.
    pub(crate) fn check_publish(&mut self, node: usize, bytes: &[u8]) {
        let is_durable = self.nodes[node].durable.contains(&sha256(bytes));
        assert!(is_durable, "I5: node {node} published before it was durable");
        self.acknowledge(node, &Envelope::decode(bytes).unwrap());
    }

    fn acknowledge(&mut self, node: usize, envelope: &Envelope) {
        let (key, seq) = (key_of(envelope), envelope.body().seq);
        let past = self.past(node, &key);
        past.shown = past.shown.max(seq);
    }

    /// I2, I6: what the replica shows of a subject is what is durable, and not less than it showed.
    pub(crate) fn check_view(&mut self, node: usize, key: &Key) {
        let Some(state) = self.nodes[node].state.as_ref() else { return };
        let of_subject = |item: &&Item| item.kind == key.1 && item.subject == key.2;
        let mut shown: Vec<_> = state.items(&key.0).filter(of_subject).cloned().collect();
        let mut held = self.nodes[node].disk.items(key);
        shown.sort();
        held.sort();
        assert_eq!(shown, held, "I6: node {node} shows what is not durable, or hides what is");
        let highest = held.iter().map(|item| item.seq).max().unwrap_or(0);
        let past = self.past(node, key);
        if key.1 == ItemKind::Log {
            assert!(highest >= past.shown, "I2, I6: node {node}: a number fell");
            past.shown = highest;
        }
    }

    /// I1, I2, I6 after a crash: all that was acknowledged is there again.
    pub(crate) fn check_boot(&mut self, node: usize) {
        let domains: BTreeSet<_> = self.nodes[node].replicates().map(|d| scid(d).clone()).collect();
        let keys: Vec<Key> =
            self.nodes[node].disk.0.keys().filter(|key| domains.contains(&key.0)).cloned().collect();
        for key in keys {
            self.check_view(node, &key);
            let subject = self.nodes[node].disk.get(&key).cloned().unwrap_or_default();
            self.check_commit(node, &key, &subject);
        }
    }

    /// I7: whatever grows has a bound.
    pub(crate) fn check_bounds(&mut self, node: usize) {
        let Some(state) = self.nodes[node].state.as_ref() else { return };
        let gauges = state.gauges();
        assert!(gauges.peers <= MAX_PEERS && gauges.hellos <= MAX_HELLOS, "I7: {gauges:?}");
        assert!(gauges.pending <= MAX_PENDING, "I7: {gauges:?}");
        assert!(gauges.pending_pulled <= MAX_PENDING_FROM_SYNC, "I7: {gauges:?}");
        assert!(gauges.judging <= MAX_JUDGING && gauges.log_pulls <= MAX_LOG_PULLS, "I7: {gauges:?}");
        assert!(gauges.most_pulls_of_a_peer <= MAX_PULLS_PER_PEER, "I7: {gauges:?}");
        assert!(gauges.seen <= MAX_SEEN && gauges.settled <= MAX_SETTLED, "I7: {gauges:?}");
    }

    /// What an honest node holds of a domain that all of them must come to hold alike: everything, unless
    /// a member of the domain went bad. Then it is the logs and whom it recognises; and of a domain that is
    /// contested its own log.
    fn common(&mut self, node: usize, domain: usize, is_contested: bool) -> Option<Sha256Digest> {
        let is_compromised = self.is_compromised(domain);
        let state = self.nodes[node].state.as_mut()?;
        if !is_compromised {
            return state.root(scid(domain));
        }
        let own = LIBRARY.domains[domain].did.as_str();
        let is_common = |item: &&Item| match item.kind {
            ItemKind::Log => !is_contested || item.subject == own,
            kind => kind == ItemKind::Recognitions && !is_contested,
        };
        let ids: Vec<_> = state.items(scid(domain)).filter(is_common).map(Item::id).collect();
        Some(sha256(ids.as_flattened()))
    }

    /// The honest nodes that replicate a domain.
    pub(crate) fn followers(&self, domain: usize) -> Vec<usize> {
        let follows = |node: &usize| self.nodes[*node].replicates().any(|d| d == domain);
        (0..self.plan.nodes).filter(|node| self.nodes[*node].is_honest()).filter(follows).collect()
    }

    /// I3: domains of which honest nodes do not hold the same.
    fn unequal(&mut self) -> Vec<usize> {
        let mut unequal = Vec::new();
        for domain in 0..self.plan.domains {
            let followers = self.followers(domain);
            let is_contested = followers.iter().any(|node| self.is_contested(*node, domain));
            let roots: BTreeSet<_> =
                followers.into_iter().map(|node| self.common(node, domain, is_contested)).collect();
            let lacks = !is_contested && self.lacks_revocations(domain);
            if roots.len() > 1 || roots.contains(&None) || lacks {
                unequal.push(domain);
            }
        }
        unequal
    }

    /// I1, I3: whether something is revoked for one honest node and good for another.
    fn lacks_revocations(&self, domain: usize) -> bool {
        let followers = self.followers(domain);
        let held = |node: &usize| {
            let of_domain = |(key, _): &(&Key, &Rc<Subject>)| key.0 == *scid(domain);
            self.nodes[*node].disk.0.iter().filter(of_domain)
        };
        let mut revoked: BTreeMap<&Key, BTreeSet<u32>> = BTreeMap::new();
        for (key, subject) in followers.iter().flat_map(held) {
            revoked.entry(key).or_default().extend(subject.revoked());
        }
        let has_all = |node: &usize| {
            revoked.iter().all(|(key, indices)| {
                let held = self.nodes[*node].disk.get(key);
                held.is_some_and(|held| held.is_past_knowing() || held.revoked().is_superset(indices))
                    || indices.is_empty()
            })
        };
        !followers.iter().all(has_all)
    }

    /// Whether all that should be equal is, and was a period ago.
    pub(crate) fn look(&mut self) -> bool {
        let unequal = self.unequal();
        let is_equal = unequal.is_empty();
        let Some(at) = self.oracle.equal_at else {
            self.oracle.equal_at = is_equal.then_some(self.now_ms);
            return false;
        };
        // A hostile node may show now what it kept back till now.
        if !is_equal && self.oracle.met_at > at {
            self.oracle.equal_at = None;
            self.tally.count("kept back till all was equal");
            return false;
        }
        if !is_equal {
            self.explain(&unequal);
            panic!("I3: what was equal is not any more: domains {unequal:?}");
        }
        self.now_ms - at >= self.plan.period_ms
    }

    /// I3 and I4, once it is calm.
    pub(crate) fn check_end(&mut self) {
        let Some(at) = self.oracle.equal_at else {
            let unequal = self.unequal();
            self.explain(&unequal);
            panic!("I3: no equal digests at the end: domains {unequal:?}");
        };
        let periods = (at - self.plan.calm_ms).div_ceil(self.plan.period_ms);
        *self.tally.periods.entry(periods).or_default() += 1;
        for key in self.oracle.contested.clone() {
            let domain = (0..self.plan.domains).find(|d| scid(*d) == &key.0).unwrap();
            // Who believes nothing of a domain hears of no forks of its agents either.
            let followers = self.followers(domain);
            let is_own = key.2 == LIBRARY.domains[domain].did.as_str();
            if !is_own && followers.iter().any(|node| self.is_contested(*node, domain)) {
                continue;
            }
            for node in followers {
                let held = self.nodes[node].disk.items(&key).len();
                assert!(held > 1, "I4: {} is contested elsewhere and not on node {node}", key.2);
            }
        }
    }

    /// What differs, for whoever looks for the reason.
    fn explain(&self, unequal: &[usize]) {
        for (at, node) in self.nodes.iter().enumerate().filter(|(_, node)| !node.is_honest()) {
            println!("node {at} of domain {} is hostile: {:?}", node.domain, node.malice);
        }
        for domain in unequal {
            let followers = self.followers(*domain);
            for node in &followers {
                let n = &self.nodes[*node];
                let near: Vec<_> = n.neighbours.iter().filter(|at| followers.contains(at)).collect();
                let admitted: Vec<_> =
                    n.state.iter().flat_map(|s| s.admitted()).map(|(p, _)| p.0[0]).collect();
                println!(
                    "node {node} of domain {}: {near:?} of {:?}, admitted {admitted:?}",
                    n.domain, n.neighbours
                );
            }
            let of_domain = |key: &&Key| key.0 == *scid(*domain);
            let keys: BTreeSet<_> =
                followers.iter().flat_map(|node| self.nodes[*node].disk.0.keys()).filter(of_domain).collect();
            for key in keys {
                let mut holders: BTreeMap<Vec<Item>, Vec<usize>> = BTreeMap::new();
                for node in &followers {
                    let mut items = self.nodes[*node].disk.items(key);
                    items.sort();
                    holders.entry(items).or_default().push(*node);
                }
                for (items, nodes) in holders.iter().filter(|_| holders.len() > 1) {
                    let items: Vec<_> =
                        items.iter().map(|item| format!("{}:{:02x}", item.seq, item.digest[0])).collect();
                    println!("{:?} {}: {items:?} on {nodes:?}", key.1, key.2);
                }
            }
        }
    }
}

/// I2: what a domain states is overtaken by a later statement alone, or by one of the same number and a lower digest.
fn statement_falls_not(node: usize, before: &Subject, subject: &Subject) {
    let place = |subject: &Subject| {
        subject.statement_floor.map(|at| (at.issuer_version, at.number, std::cmp::Reverse(at.digest)))
    };
    assert!(place(subject) >= place(before), "I2: node {node}: what a domain states fell");
    assert!(subject.objects.len() == 1, "node {node}: one statement of a domain is held");
}

/// I2: the floor of a log stays or rises, and each history held goes on.
fn no_log_falls(node: usize, before: &Subject, after: &Subject) {
    let number = |subject: &Subject| subject.log_floor.as_ref().map(|floor| floor.number);
    assert!(number(after) >= number(before), "I2: node {node}: the floor of a log fell");
    if after.objects.len() < RANKED_BRANCHES {
        for branch in before.branches() {
            let goes_on =
                after.branches().iter().any(|after| after.log.bytes().starts_with(branch.log.bytes()));
            assert!(goes_on, "I2: node {node}: a history was lost");
        }
    }
}
