//! Which forks make a DID contested, which only raise an alarm, and what an operator settles.

use super::*;
use crate::replica::limits::{MAX_BRANCHES, RANKED_BRANCHES};
use std::time::Duration;

fn key(seed: u8) -> PublicKey {
    PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()).unwrap()
}

/// `log` with an entry by key `seed` that says `name`, and `to` whom the right to update passes.
fn next(log: &Log, name: &str, seed: u8, to: Option<u8>) -> Log {
    let mut document = log.head().document().json().clone();
    document["alsoKnownAs"] = json!([format!("did:web:{name}.example")]);
    let update_keys = to.map(|to| vec![key(to)]);
    let change = Change { document: Some(document), update_keys, ..Change::default() };
    let time = UnixSeconds::new(log.head().time.get() + 1);
    let draft = log.append(change, time, NOW).unwrap();
    let input = draft.signing_input(&key(seed)).unwrap();
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&input).to_bytes();
    let line = draft.attach(&key(seed), &signature).unwrap();
    log.then(&line, None, NOW).unwrap()
}

/// One node: what it holds of a DID, and since when.
#[derive(Default)]
struct Holder {
    held: Vec<Log>,
    floor: Option<LogFloor>,
    since: HeldSince,
    settled: Option<String>,
}

impl Holder {
    /// What becomes of `log` at `now`; it is kept as a node keeps it.
    fn hears(&mut self, log: &Log, now: UnixSeconds) -> LogDecision {
        let known = Known {
            held: &self.held,
            floor: self.floor.as_ref(),
            since: Some(&self.since),
            settled: self.settled.as_deref(),
        };
        let decision = decide_log(log.did(), known, log.bytes().into(), now);
        match &decision {
            LogDecision::Accept(log) => {
                self.since = self.since.noting(log.head().number, now);
                self.floor = Some(LogFloor::of(log));
                self.held = vec![log.clone()];
            }
            LogDecision::Contested { branches, .. } => self.held.clone_from(branches),
            _ => {}
        }
        decision
    }
}

fn later(seconds: u64) -> UnixSeconds {
    NOW.plus(Duration::from_secs(seconds))
}

const WAIT: u64 = RETIREMENT_WAIT.as_secs();

/// A log whose key 1 was retired by version 2, and a fork of it by key 1.
fn rotated_and_fork() -> (Log, Log, Log) {
    let one = first();
    (one.clone(), next(&one, "a", 1, Some(2)), next(&one, "thief", 1, Some(9)))
}

//
#[test]
fn a_fork_by_a_key_that_was_dead_for_a_day_raises_an_alarm_and_no_more() {
    let (_, honest, fork) = rotated_and_fork();
    for (heard, dead) in [(WAIT - 1, false), (WAIT, true)] {
        let mut node = Holder::default();
        node.hears(&honest, NOW);
        let decision = node.hears(&fork, later(heard));
        if dead {
            assert_eq!(decision, LogDecision::DeadKey { at: 2, branch: fork.clone() });
            assert_eq!(node.held, std::slice::from_ref(&honest));
        } else {
            assert!(matches!(decision, LogDecision::Contested { at: 2, .. }), "{decision:?}");
        }
    }
}

#[test]
fn a_fork_at_the_tip_or_by_a_key_that_is_listed_again_is_contested_however_late() {
    let (one, honest, fork) = rotated_and_fork();
    let mut node = Holder::default();
    node.hears(&honest, NOW);
    node.hears(&next(&honest, "b", 2, Some(1)), later(1));
    assert!(matches!(node.hears(&fork, later(9 * WAIT)), LogDecision::Contested { at: 2, .. }));
    let mut node = Holder::default();
    node.hears(&next(&one, "a", 1, None), NOW);
    assert!(matches!(node.hears(&fork, later(9 * WAIT)), LogDecision::Contested { at: 2, .. }));
}

#[test]
fn how_long_a_rotation_was_held_counts_from_when_it_came_and_not_from_the_log() {
    let (one, honest, fork) = rotated_and_fork();
    let mut node = Holder::default();
    node.hears(&one, NOW);
    node.hears(&honest, later(WAIT));
    assert!(matches!(node.hears(&fork, later(2 * WAIT - 1)), LogDecision::Contested { .. }));
    // A clock that went back has seen nothing for long.
    let mut node = Holder::default();
    node.hears(&honest, later(2 * WAIT));
    assert!(matches!(node.hears(&fork, NOW), LogDecision::Contested { .. }));
}

#[test]
fn a_settled_did_has_one_branch_that_counts_until_it_forks_again() {
    let (one, honest, fork) = rotated_and_fork();
    let mut node = Holder::default();
    node.hears(&honest, NOW);
    node.hears(&fork, later(1));
    assert_eq!(chosen(&node.held, None), None);
    node.settled = Some(honest.head().id.clone());
    assert_eq!(chosen(&node.held, node.settled.as_deref()), Some(&honest));
    // What both have tells them apart no more than nothing does.
    assert_eq!(chosen(&node.held, Some(&one.head().id)), None);
    let longer = next(&honest, "b", 2, None);
    node.hears(&next(&fork, "thief-2", 9, None), later(2));
    node.hears(&longer, later(3));
    assert_eq!(chosen(&node.held, node.settled.as_deref()), Some(&longer));
    node.hears(&next(&honest, "c", 2, None), later(4));
    assert_eq!(chosen(&node.held, node.settled.as_deref()), None);
}

#[test]
fn the_settled_branch_stays_however_many_others_there_are() {
    let one = first();
    let mut node = Holder::default();
    let honest = next(&one, "honest", 1, None);
    node.hears(&honest, NOW);
    node.hears(&next(&one, "0", 1, None), later(1));
    node.settled = Some(honest.head().id.clone());
    for name in 1..40 {
        node.hears(&next(&one, &name.to_string(), 1, None), later(2));
        assert!(node.held.len() <= MAX_BRANCHES);
        assert_eq!(chosen(&node.held, node.settled.as_deref()), Some(&honest));
    }
    // All are of one length.
    assert_eq!(node.held.len(), RANKED_BRANCHES);
}

// MESH.md D7: found by the simulator. Whoever heard of few branches kept a longer one, and nobody else took it.
#[test]
fn of_many_branches_the_longest_is_kept_whoever_hears_of_it_when() {
    let one = first();
    let mut all: Vec<Log> = (0..6).map(|name| next(&one, &name.to_string(), 1, None)).collect();
    all.sort_by_key(|log| log.head().id.clone());
    let last = all.pop().unwrap();
    let longest = next(&last, "longer", 1, None);
    let first_heard = [&longest].into_iter().chain(&all).collect::<Vec<_>>();
    let last_heard = all.iter().chain([&last, &longest]).collect::<Vec<_>>();
    for heard in [first_heard, last_heard] {
        let mut node = Holder::default();
        heard.iter().for_each(|log| drop(node.hears(log, NOW)));
        let mut kept: Vec<&Log> = all.iter().take(RANKED_BRANCHES).collect();
        kept.push(&longest);
        assert_eq!(node.held.iter().collect::<Vec<_>>(), kept);
        // One of the first grows beyond it, and then none is kept for its length.
        let grown = next(&next(&all[1], "a", 1, None), "b", 1, None);
        node.hears(&grown, NOW);
        assert_eq!(node.held.len(), RANKED_BRANCHES);
        assert!(node.held.contains(&grown) && !node.held.contains(&longest));
    }
}

proptest! {
    // MESH.md D7: with the current key and a rotation at once, a thief makes nobody believe his branch
    // alone, whoever hears which first, as long as both are heard within the wait.
    #[test]
    fn a_thief_who_rotates_at_once_cannot_make_the_honest_branch_look_dead(
        heard in proptest::collection::vec((any::<bool>(), 0..WAIT, 0..WAIT), 1..8),
    ) {
        let one = first();
        let theft = next(&next(&one, "thief", 1, Some(9)), "thief-2", 9, None);
        let honest = next(&next(&one, "honest", 1, Some(2)), "honest-2", 2, None);
        for (thief_first, gap, later_by) in heard {
            let mut node = Holder::default();
            node.hears(&one, NOW);
            let order = if thief_first { [&theft, &honest] } else { [&honest, &theft] };
            node.hears(order[0], later(later_by));
            node.hears(order[1], later(later_by + gap));
            prop_assert_eq!(chosen(&node.held, None), None);
            prop_assert!(node.held.contains(&theft) && node.held.contains(&honest));
        }
    }

    #[test]
    fn what_is_kept_of_times_answers_as_all_of_them_would(
        steps in proptest::collection::vec(0..2 * WAIT, 1..12), asked in 0..3 * WAIT,
    ) {
        let (mut kept, mut all, mut now) = (HeldSince::default(), Vec::new(), 0);
        for (number, step) in (1..).zip(steps) {
            now += step;
            kept = kept.noting(number, later(now));
            all.push((number, later(now)));
        }
        let at = later(now + asked);
        let long = |pairs: &[(u32, UnixSeconds)]| {
            pairs.iter().filter(|(_, since)| at.since(*since) >= RETIREMENT_WAIT).map(|(n, _)| *n).max()
        };
        prop_assert_eq!(long(kept.pairs()), long(&all));
        prop_assert_eq!(HeldSince::new(kept.pairs().to_vec()), kept);
    }
}

proptest! {
    // Every case signs and verifies dozens of logs.
    #![proptest_config(ProptestConfig::with_cases(32))]

    // MESH.md D4, D7: of more branches than are kept every replica keeps the same, whichever it hears of first and
    // however short they are when it does.
    #[test]
    fn of_many_branches_every_replica_ends_with_the_same(
        forks in proptest::collection::vec((0..8_usize, any::<bool>()), MAX_BRANCHES..10),
        heard in proptest::collection::vec(proptest::collection::vec(any::<prop::sample::Index>(), 0..24), 2..4),
    ) {
        // A tree of logs: each goes on from one that is there.
        let mut logs = vec![first()];
        for (n, (from, is_long)) in forks.iter().enumerate() {
            let mut log = next(&logs[from % logs.len()], &format!("fork{n}"), 1, None);
            if *is_long {
                logs.push(log.clone());
                log = next(&log, &format!("long{n}"), 1, None);
            }
            logs.push(log);
        }
        let mut kept = Vec::new();
        for heard in heard {
            let mut node = Holder::default();
            // The first version, so that all are of one floor; then any; then all of them, the newest first or last.
            node.hears(&logs[0], NOW);
            let all: Vec<_> = heard.iter().map(|index| index.get(&logs)).collect();
            let rest: Vec<_> = match heard.len() % 2 {
                0 => logs.iter().collect(),
                _ => logs.iter().rev().collect(),
            };
            for log in all.into_iter().chain(rest) {
                node.hears(log, NOW);
            }
            kept.push(node.held.iter().map(|log| log.head().id.clone()).collect::<Vec<_>>());
        }
        prop_assert!(kept.windows(2).all(|pair| pair[0] == pair[1]), "{kept:?}");
    }
}
