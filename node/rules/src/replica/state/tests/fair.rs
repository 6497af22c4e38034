//! What one domain has to tell keeps no other waiting (MESH.md D6).

use super::*;
use crate::replica::limits::{MAX_PAGE_BYTES, MAX_PENDING_FROM_SYNC, MAX_PULLS_PER_PEER, MAX_WAITING_PULLS};
use crate::replica::view::DomainDigest;
use crate::replica::view::range::{Prefix, around};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// What is held of a domain somewhere, by id.
type Told = BTreeMap<[u8; 32], Item>;

fn told(domain: u8, count: usize) -> Told {
    let items = (0..count).map(|n| item(&format!("did:example:{domain}:{n}"), 1));
    items.map(|item| (item.id(), item)).collect()
}

/// Peers that all hold the same of some domains, and a replica that has nothing of them yet.
struct Net {
    state: State,
    told: BTreeMap<Scid, (u8, Told)>,
    coming: VecDeque<Input>,
    judged: BTreeSet<String>,
    /// How often something came that was held.
    twice: usize,
    /// Of which domain each object is that was taken, in order.
    taken: Vec<u8>,
    asked: BTreeMap<Peer, usize>,
    clock: u64,
}

impl Net {
    fn new(counts: &[usize], peers: u8) -> Self {
        let domains: BTreeSet<_> = (1..=counts.len()).map(|n| scid(u8::try_from(n).unwrap())).collect();
        let mut state = state();
        state.handle(Input::TrustChanged { domains }, now(0));
        let told = (1..).zip(counts).map(|(n, count)| (scid(n), (n, told(n, *count)))).collect();
        let (coming, taken, asked) = (VecDeque::new(), Vec::new(), BTreeMap::new());
        let judged = BTreeSet::new();
        let mut net = Self { state, told, coming, judged, twice: 0, taken, asked, clock: 1 };
        for n in 1..=peers {
            let effects = admit(&mut net.state, n);
            net.obey(effects);
        }
        net
    }

    /// Lets one thing happen; the same things in the same order each time.
    fn step(&mut self) -> bool {
        let Some(input) = self.coming.pop_front() else { return false };
        if let Input::SyncResponse { peer, .. } = &input {
            *self.asked.get_mut(peer).unwrap() -= 1;
        }
        self.clock += 1;
        let effects = self.state.handle(input, now(self.clock));
        self.obey(effects);
        true
    }

    fn obey(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Request { peer, id, request } => {
                    let asked = self.asked.entry(peer.clone()).or_default();
                    *asked += 1;
                    assert!(*asked <= MAX_PULLS_PER_PEER);
                    let response = self.answer(request);
                    self.coming.push_back(Input::SyncResponse { peer, id, response });
                }
                Effect::Judge { ticket, envelope, .. } => {
                    let held = vec![item(&envelope.body().subject, 1)];
                    let first = self.judged.insert(envelope.body().subject.clone());
                    let verdict = if first { Verdict::Accept { held } } else { Verdict::Same { held } };
                    self.coming.push_back(Input::Judged { ticket, verdict });
                }
                Effect::Persist { ticket } => self.coming.push_back(Input::Persisted { ticket }),
                Effect::Settled { about: Some(about), outcome: Ok(()), .. } => {
                    self.taken.push(self.told[&about.domain].0);
                }
                Effect::Settled { outcome, .. } => {
                    assert_eq!(outcome, Err(Refusal::Known));
                    self.twice += 1;
                }
                _ => {}
            }
        }
        let gauges = self.state.gauges();
        assert!(gauges.waiting_pulls <= MAX_WAITING_PULLS && gauges.pending_pulled <= MAX_PENDING_FROM_SYNC);
    }

    fn answer(&self, request: Request) -> Response {
        let nothing = Told::new();
        let of = |domain: &Scid| self.told.get(domain).map_or(&nothing, |(_, told)| told);
        match request {
            Request::Digest { domain, .. } if of(&domain).is_empty() => {
                Response::Digest(View::default().digest())
            }
            Request::Digest { .. } => {
                Response::Digest(DomainDigest { root: [1; 32], buckets: vec![[1; 4]; 256] })
            }
            Request::Ranges { domain, prefixes } => {
                let tails = |prefix: &Prefix| {
                    let ids = of(&domain).range(prefix.ids()).take(32);
                    view::range::Part::Ids(ids.map(|(id, _)| prefix.tail(id)).collect())
                };
                Response::Ranges(prefixes.iter().map(tails).collect())
            }
            Request::Items { domain, prefixes, after } => {
                let behind = |id: &[u8; 32]| after.is_none_or(|after| *id > after);
                let wanted = |(id, _): &(&[u8; 32], &Item)| behind(id) && around(&prefixes, id).is_some();
                let mut items: Vec<Item> =
                    of(&domain).iter().filter(wanted).map(|(_, item)| item.clone()).take(3_001).collect();
                let more = items.len() > 3_000;
                items.truncate(3_000);
                Response::Items { items, more }
            }
            Request::Objects { domain, ids } => {
                let number = self.told[&domain].0;
                let found = |id: [u8; 32]| {
                    let subject = &of(&domain)[&id].subject;
                    (id, envelope(number, Kind::Log, subject, 1).bytes().to_vec())
                };
                Response::Objects(ids.into_iter().map(found).collect())
            }
            other => panic!("{other:?}"),
        }
    }
}

//
#[test]
fn a_domain_with_a_hundred_thousand_missing_objects_keeps_one_with_a_single_one_waiting_for_less_than_a_queue()
 {
    let mut net = Net::new(&[100_000, 100_000, 1], 1);
    while !net.taken.contains(&3) {
        assert!(net.step(), "it never came");
    }
    let before = net.taken.len() - 1;
    println!("{before} objects of the large domains came before the only one of the small");
    assert!(before <= MAX_PENDING_FROM_SYNC, "{before}");
    // The two large ones go on, side by side.
    while net.taken.len() < 1_000 {
        assert!(net.step());
    }
    let of = |n| net.taken.iter().filter(|domain| **domain == n).count();
    assert!(of(1).abs_diff(of(2)) <= MAX_PENDING_FROM_SYNC, "{} and {}", of(1), of(2));
}

#[test]
fn a_domain_alone_has_the_whole_queue() {
    let mut net = Net::new(&[4 * MAX_PENDING_FROM_SYNC], 3);
    let mut most = 0;
    while net.step() {
        most = most.max(net.state.gauges().pending_pulled);
    }
    assert_eq!(net.taken.len(), 4 * MAX_PENDING_FROM_SYNC);
    assert!(most > MAX_PENDING_FROM_SYNC / 2, "{most}");
    // Only the last are asked of several, in case that one does not answer.
    println!("{} of {} came twice", net.twice, net.taken.len());
    assert!(net.twice <= 2 * MAX_PENDING_FROM_SYNC, "{}", net.twice);
}

#[test]
fn an_answer_of_more_than_a_page_ends_the_pull() {
    let mut net = Net::new(&[3], 1);
    loop {
        if let Some(Input::SyncResponse { response: Response::Objects(found), .. }) = net.coming.front_mut() {
            let long = vec![0; MAX_PAGE_BYTES / 2];
            found.iter_mut().for_each(|(_, bytes)| bytes.clone_from(&long));
            break;
        }
        assert!(net.step());
    }
    let effects = net.state.handle(net.coming.pop_front().unwrap(), now(net.clock));
    assert_eq!(reasons(&effects), [Refusal::UnexpectedAnswer]);
    assert_eq!((net.state.gauges().requests, net.state.gauges().pending), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    //
    #[test]
    fn every_domain_gets_its_share_and_all_of_it_in_the_end(
        counts in proptest::collection::vec(0_usize..300, 1..6), peers in 1_u8..4,
    ) {
        let mut net = Net::new(&counts, peers);
        while net.step() {}
        let of = |n: u8| net.taken.iter().filter(|domain| **domain == n).count();
        for (n, count) in (1..).zip(&counts) {
            prop_assert_eq!(of(n), *count);
        }
        // As long as two have something left, neither is a queue and its share of the other's ahead.
        let fewest = counts.iter().copied().filter(|count| *count > 0).min().unwrap_or(0);
        let mut so_far = BTreeMap::<u8, usize>::new();
        for domain in &net.taken {
            *so_far.entry(*domain).or_default() += 1;
            let behind = (1..).zip(&counts).filter(|(_, count)| **count > 0);
            let least = behind.map(|(n, _)| so_far.get(&n).copied().unwrap_or(0)).min().unwrap_or(0);
            if least < fewest {
                let most = so_far.values().copied().max().unwrap_or(0);
                prop_assert!(most - least <= 2 * MAX_PENDING_FROM_SYNC, "{:?}", so_far);
            }
        }
    }
}
