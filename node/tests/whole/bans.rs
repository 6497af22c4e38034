//! `marque peer ban` and `unban`: who is put out stays out, also after a restart, until the ban is over.

use crate::process::{Answer, Domain};
use serde_json::Value;

fn connected(answer: &Answer, peer: &str) -> bool {
    answer.json["nodes"].as_array().unwrap().iter().any(|node| node["peerId"] == peer)
}

fn admitted(answer: &Answer, peer: &str) -> bool {
    let nodes = answer.json["nodes"].as_array().unwrap();
    nodes.iter().any(|node| node["peerId"] == peer && node["scid"].is_string())
}

fn peer_id(domain: &Domain) -> String {
    let address = domain.about()["p2p"][0].as_str().unwrap().to_owned();
    address.rsplit('/').next().unwrap().to_owned()
}

/// Two nodes that have admitted each other, on both sides: the one that bans, and the other.
fn pair() -> (Domain, Domain) {
    let (alpha, bravo) = (Domain::start("alpha.test"), Domain::start("bravo.test"));
    bravo.meets(&alpha, "calendar:read");
    for (one, other) in [(&alpha, &bravo), (&bravo, &alpha)] {
        one.until(&["peer", "ls"], |answer| admitted(answer, &peer_id(other)));
    }
    (alpha, bravo)
}

//
#[test]
fn a_banned_node_is_put_out_and_stays_out_over_a_restart_until_it_is_let_in_again() {
    let (mut alpha, bravo) = pair();
    let peer = peer_id(&bravo);
    let until = alpha.done(&["peer", "ban", &peer, "--for", "1h"]).text("until");
    alpha.until(&["peer", "ls"], |answer| !connected(answer, &peer));
    let shown = alpha.done(&["peer", "show", &peer]);
    assert_eq!(
        (&shown.json["ban"]["until"], &shown.json["ban"]["by"]),
        (&Value::from(until), &"operator".into())
    );
    let stays_out = |alpha: &Domain, name: &str| {
        // Bravo dials all the while, for as long as another takes to come in and to be heard.
        let other = Domain::start(name);
        other.meets(alpha, "calendar:read");
        let did = other.done(&["owner", "create", "olga"]).text("did");
        alpha.until(&["resolve", &did], |answer| answer.exit == 0);
        let peers = alpha.done(&["peer", "ls"]);
        assert!(!admitted(&peers, &peer) && admitted(&peers, &peer_id(&other)), "{}", peers.json);
        assert_eq!(peers.json["bans"].as_array().unwrap().len(), 1);
        assert!(!admitted(&bravo.done(&["peer", "ls"]), &peer_id(alpha)));
    };
    stays_out(&alpha, "charlie.test");
    alpha.kill();
    alpha.up();
    stays_out(&alpha, "delta.test");
    // Its own commands are answered all the same, and its domain is recognised as before.
    assert_eq!(alpha.run(&["trust", "show", &bravo.did]).exit, 0);

    alpha.done(&["peer", "unban", &peer]);
    alpha.until(&["peer", "ls"], |answer| admitted(answer, &peer));
    assert!(alpha.done(&["peer", "ls"]).json["bans"].as_array().unwrap().is_empty());
    assert_eq!(alpha.run(&["peer", "unban", &peer]).exit, 5);
    let logged = alpha.done(&["peer", "show", &peer]);
    assert!(logged.json.get("ban").is_none_or(Value::is_null), "{}", logged.json);
}

//
#[test]
fn a_ban_ends_by_itself() {
    let (alpha, bravo) = pair();
    let peer = peer_id(&bravo);
    alpha.done(&["peer", "ban", &peer, "--for", "3s"]);
    alpha.until(&["peer", "ls"], |answer| answer.json["bans"].as_array().unwrap().is_empty());
    alpha.until(&["peer", "ls"], |answer| admitted(answer, &peer));
    bravo.until(&["peer", "ls"], |answer| admitted(answer, &peer_id(&alpha)));
}
