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

    /// Two nodes that nobody can dial, the first of which has an agent, and a third that is a member of both
    /// domains' meshes and holds nothing of theirs: it recognises neither. `None` as for [`Self::start`].
    fn around_a_relay() -> Option<Self> {
        let (alpha, bravo, charlie) = (0, 1, 2);
        let network = Network::of(3)?;
        network.hide(alpha, &[bravo]);
        network.hide(bravo, &[alpha]);
        let on =
            |number: usize| Domain::init_on(NAMES[number], Some(network.host(number)), Network::p2p(number));
        let nodes = (0..3).map(on).collect();
        let mut it = Self { nodes, network };
        it.nodes[charlie].up_with(&[("MARQUE_MESH__EXTERNAL", &format!("[{:?}]", Network::p2p(charlie)))]);
        it.up_to(alpha, &[]);
        it.up_to(bravo, &[alpha]);
        for number in [alpha, bravo] {
            let token = it.nodes[charlie].done(&["peer", "invite"]).text("token");
            let joined = it.nodes[number].pipe(&["peer", "join", "-"], token.as_bytes());
            assert_eq!(joined.exit, 0, "{}", joined.json);
        }
        it.nodes[alpha].done(&["trust", "add", &it.nodes[bravo].did]);
        it.nodes[alpha].done(&["owner", "create", "alice"]);
        it.nodes[alpha].done(&["agent", "create", AGENT, "--owner", "alice", "--cap", "calendar:read"]);
        it.nodes[bravo].done(&["trust", "add", &it.nodes[alpha].did, "--cap", "calendar:read"]);
        Some(it)
    }

    /// Starts a node that knows where others listen, and who they are.
    fn up_to(&mut self, number: usize, others: &[usize]) {
        let peer = |other: &usize| {
            let id = self.nodes[*other].about()["peerId"].as_str().unwrap().to_owned();
            format!("{:?}", format!("{}/p2p/{id}", Network::p2p(*other)))
        };
        let peers: Vec<String> = others.iter().map(peer).collect();
        self.nodes[number].up_with(&[("MARQUE_MESH__PEERS", &format!("[{}]", peers.join(",")))]);
    }

    /// The address at which a node is connected to an admitted other one.
    fn way(&self, number: usize, other: usize) -> Option<String> {
        let peers = self.nodes[number].done(&["peer", "ls"]).json;
        let nodes = peers["nodes"].as_array().unwrap().clone();
        let of_it =
            |node: &&serde_json::Value| self.nodes[other].did.contains(node["scid"].as_str().unwrap_or("-"));
        nodes.iter().find(of_it).map(|node| node["address"].as_str().unwrap().to_owned())
    }

    /// Waits until two nodes are connected in one way.
    fn meet(&self, number: usize, other: usize, wanted: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + 3 * process::PATIENCE;
        loop {
            let way = self.way(number, other);
            if way.as_deref().is_some_and(&wanted) {
                return;
            }
            assert!(Instant::now() < deadline, "the way is {way:?}");
            std::thread::yield_now();
        }
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
fn two_nodes_that_nobody_can_dial_meet_through_a_relay_and_directly_once_a_path_is_open() {
    let (alpha, bravo) = (0, 1);
    let began = Instant::now();
    let Some(nodes) = Nodes::around_a_relay() else { return };
    let is_circuit = |way: &str| way.contains("/p2p-circuit");
    nodes.meet(bravo, alpha, is_circuit);
    took("set up, and met through a relay", began);
    nodes.all_say([bravo], 0);
    let revoked = nodes.revoke();
    nodes.all_say([bravo], 4);
    took("revoked, and refused beyond a relay that holds nothing of it", revoked);
    assert!(
        nodes.way(bravo, alpha).as_deref().is_none_or(is_circuit),
        "the direct path was blocked all the while"
    );

    // Each still lets nobody in, so that both have to dial at once. Where the attempts of this connection through
    // the relay are over, those of the next one, two minutes later, find the path.
    nodes.network.hide(alpha, &[]);
    nodes.network.hide(bravo, &[]);
    let open = Instant::now();
    nodes.meet(bravo, alpha, |way| !is_circuit(way));
    took("a path was open, and they met directly", open);
}

// R-343 R-228
#[test]
fn two_nodes_on_one_network_that_know_no_address_meet_by_mdns_where_both_want_it() {
    let Some(network) = Network::of(3) else { return };
    let on = |number: usize| Domain::init_on(NAMES[number], Some(network.host(number)), Network::p2p(number));
    let mut nodes: Vec<Domain> = (0..3).map(on).collect();
    for (number, node) in nodes.iter_mut().enumerate() {
        node.up_with(&[("MARQUE_MESH__MDNS", if number < 2 { "true" } else { "false" })]);
    }
    for one in &nodes {
        for other in nodes.iter().filter(|other| other.did != one.did) {
            one.done(&["trust", "add", &other.did]);
        }
    }
    let up = Instant::now();
    let nodes = Nodes { nodes, network };
    nodes.meet(0, 1, |_| true);
    took("met by mDNS", up);
    assert_eq!((nodes.way(0, 2), nodes.way(1, 2)), (None, None), "it is off unless it is wanted");
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
