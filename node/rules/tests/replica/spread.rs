//! How long a revocation takes to everybody, by gossip alone, where nothing is lost: what G12 is held
//! against. The delay is made of hops, and what each of them costs.

use crate::disk::Key;
use crate::node::{JUDGE_MS, WRITE_MS};
use crate::publish::list_url;
use crate::world::{Plan, World, scid};
use marque_rules::replica::ItemKind;
use marque_rules::replica::limits::DEFAULT_PERIOD_MS;
use std::collections::{BTreeMap, VecDeque};

/// One way, over every link.
const LATENCY_MS: u64 = 60;

/// Revocations, each by another node.
const REVOCATIONS: usize = 20;

/// Hello and first pulls are over by then.
const SETTLED_MS: u64 = 20_000;

/// Between one revocation and the next.
const PAUSE_MS: u64 = 5_000;

/// Steps from a node to each other one.
fn hops(world: &World, from: usize) -> BTreeMap<usize, u64> {
    let mut hops = BTreeMap::from([(from, 0)]);
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front() {
        let here = hops[&at];
        for other in &world.nodes[at].neighbours {
            if !hops.contains_key(other) {
                hops.insert(*other, here + 1);
                next.push_back(*other);
            }
        }
    }
    hops
}

fn spread(nodes: usize) {
    let mut world = World::new(
        nodes as u64,
        Plan {
            nodes,
            domains: 1,
            is_rough: false,
            latency_ms: (LATENCY_MS, LATENCY_MS),
            period_ms: DEFAULT_PERIOD_MS,
            calm_ms: 0,
            end_ms: u64::MAX,
        },
    );
    world.run_until(SETTLED_MS);
    let (mut delays, mut farthest) = (Vec::new(), 0);
    for n in 0..REVOCATIONS {
        let (writer, said_ms) = (n * nodes / REVOCATIONS, world.now_ms);
        world.publish_list(writer, true);
        let key: Key = (scid(0).clone(), ItemKind::StatusList, list_url(0, writer));
        let seq = world.nodes[writer].disk.get(&key).unwrap().highest();
        world.run_until(said_ms + PAUSE_MS);
        for (node, hops) in hops(&world, writer) {
            let came = world.arrived.get(&(node, key.clone(), seq));
            let delay = came.unwrap_or_else(|| panic!("node {node} of {nodes} lacks a revocation")) - said_ms;
            // On the way it is judged and written by each that forwards it, and by the last.
            assert!(delay <= hops * (LATENCY_MS + JUDGE_MS + WRITE_MS), "{delay} ms for {hops} hops");
            assert!(delay >= hops * LATENCY_MS);
            farthest = farthest.max(hops);
            delays.push(delay);
        }
    }
    delays.sort_unstable();
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    let (half, most, last) = (at(50), at(99), at(100));
    println!(
        "{nodes} nodes, {farthest} hops: revoked on half after {half} ms, on 99 % after {most}, on all after {last}"
    );
}

//
#[test]
fn a_revocation_is_everywhere_after_as_many_hops_as_there_are() {
    [10, 50, 200].into_iter().for_each(spread);
}
