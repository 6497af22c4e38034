//! Nodes on hosts of their own: the program itself, in network namespaces that are cut from each other and
//! healed. Needs root, iproute2 and nftables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod network;
#[path = "../whole/process.rs"]
#[expect(dead_code, reason = "the tests of whole nodes need more of it")]
mod process;

use network::Network;
use process::Domain;
use std::io::Write;
use std::time::Instant;

const NAMES: [&str; 5] = ["alpha.test", "bravo.test", "charlie.test", "delta.test", "echo.test"];

const AGENT: &str = "bot";

/// Nodes that know each other's addresses and recognise each other, of which the first has an agent.
struct Nodes {
    nodes: Vec<Domain>,
    network: Network,
}

impl Nodes {
    /// `None` where this machine allows no namespaces. `before` is done to the network before a node is up.
    fn start(count: usize, before: impl FnOnce(&Network)) -> Option<Self> {
        let network = Network::of(count)?;
        before(&network);
        let on =
            |number: usize| Domain::init_on(NAMES[number], Some(network.host(number)), Network::p2p(number));
        let nodes = (0..count).map(on).collect();
        let mut it = Self { nodes, network };
        for number in 0..count {
            it.up(number);
        }
        for one in &it.nodes {
            for other in it.nodes.iter().filter(|other| other.did != one.did) {
                one.done(&["trust", "add", &other.did]);
            }
        }
        let alpha = &it.nodes[0];
        alpha.done(&["owner", "create", "alice"]);
        alpha.done(&["agent", "create", AGENT, "--owner", "alice", "--cap", "calendar:read"]);
        for other in &it.nodes[1..] {
            other.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
        }
        it.all_say(1..count, 0);
        Some(it)
    }

    fn up(&mut self, number: usize) {
        let others = (0..self.nodes.len()).filter(|other| *other != number);
        let peers: Vec<String> = others.map(|other| format!("{:?}", Network::p2p(other))).collect();
        self.nodes[number].up_with(&[("MARQUE_MESH__PEERS", &format!("[{}]", peers.join(",")))]);
    }

    /// Revokes the link on which the agent's authority rests.
    fn revoke(&self) -> Instant {
        let alpha = &self.nodes[0];
        let held = alpha.done(&["credential", "ls"]);
        let held = held.json["credentials"].as_array().unwrap();
        let is_link = |c: &&serde_json::Value| c["type"] == "DelegationCredential" && c["state"] != "revoked";
        let id = held.iter().find(is_link).unwrap()["id"].as_str().unwrap();
        alpha.done(&["credential", "revoke", id]);
        Instant::now()
    }

    /// Delegates anew.
    fn delegate(&self) {
        self.nodes[0].done(&["delegate", "alice", AGENT, "--cap", "calendar:read"]);
    }

    /// The exit code of a verification at a node, now.
    fn says(&self, number: usize) -> i32 {
        self.nodes[number].verifies(&self.nodes[0], AGENT).exit
    }

    /// Waits until the verifications at these nodes end so.
    fn all_say(&self, numbers: impl IntoIterator<Item = usize>, exit: i32) {
        for number in numbers {
            let answer = self.nodes[number].verifies_until(&self.nodes[0], AGENT, exit);
            if exit == 4 {
                assert_eq!(answer.json["code"], "credential-revoked");
            }
        }
    }

    /// Whether two nodes have admitted each other, as each of them says.
    fn connected(&self, number: usize, other: usize) -> bool {
        let admitted = |here: &Domain, there: &Domain| {
            let peers = here.done(&["peer", "ls"]);
            let peers = peers.json["peers"].as_array().unwrap().clone();
            peers.iter().any(|peer| peer["did"] == there.did.as_str() && peer["state"] == "connected")
        };
        admitted(&self.nodes[number], &self.nodes[other]) || admitted(&self.nodes[other], &self.nodes[number])
    }
}

/// Told whoever watches, and no claim.
fn took(what: &str, since: Instant) {
    say(&format!("{what}: {:.1} s\n", since.elapsed().as_secs_f64()));
}

/// Says it aloud: the macros of printing are the test harness's, which keeps what it gets to itself.
fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

// R-343 R-346
#[test]
fn a_node_that_was_cut_off_or_killed_refuses_what_was_revoked_meanwhile() {
    let Some(mut nodes) = Nodes::start(5, |_| {}) else { return };
    let (delta, echo) = (3, 4);
    nodes.network.cut(echo);
    let revoked = nodes.revoke();
    nodes.all_say(1..=delta, 4);
    took("revoked, and refused by three nodes", revoked);
    assert_eq!(nodes.says(echo), 0, "who is cut off cannot know");
    nodes.network.heal(echo);
    let healed = Instant::now();
    nodes.all_say([echo], 4);
    took("healed, and refused by who had been cut off", healed);

    nodes.delegate();
    nodes.all_say(1..=echo, 0);
    nodes.nodes[delta].kill();
    nodes.revoke();
    nodes.all_say([1, 2, echo], 4);
    nodes.up(delta);
    let up = Instant::now();
    nodes.all_say([delta], 4);
    took("started again, and refused by who had been killed", up);
}

//
#[test]
fn two_nodes_whose_direct_path_is_blocked_converge_through_a_third() {
    let (alpha, bravo, charlie) = (0, 1, 2);
    let Some(nodes) = Nodes::start(3, |network| network.cut_between(bravo, alpha)) else { return };
    assert!(nodes.connected(alpha, charlie) && nodes.connected(bravo, charlie));
    assert!(!nodes.connected(alpha, bravo), "the path is blocked");
    let revoked = nodes.revoke();
    nodes.all_say([bravo], 4);
    took("revoked, and refused beyond the blocked path", revoked);
    assert!(!nodes.connected(alpha, bravo), "it was blocked all the while");
}

//
#[test]
fn what_is_revoked_is_refused_though_a_fifth_of_all_packets_is_lost() {
    let lossy = |network: &Network| (0..3).for_each(|number| network.lose(number, 20));
    let Some(nodes) = Nodes::start(3, lossy) else { return };
    let revoked = nodes.revoke();
    nodes.all_say(1..3, 4);
    took("revoked, and refused by two nodes that lose a fifth of their packets", revoked);
}
