//! What was acknowledged is there after `kill -9`, is served, and reaches the others.

use crate::process::{Answer, Domain};
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use marque_store::{Options, Store};

// R-346 R-343
#[test]
fn a_revocation_survives_kill_9_right_after_it_was_acknowledged_and_reaches_who_was_away() {
    let mut alpha = Domain::start("alpha.test");
    let mut bravo = Domain::start("bravo.test");
    bravo.meets(&alpha, "calendar:read");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    bravo.verifies_until(&alpha, "bot", 0);
    let id = alpha.done(&["credential", "ls"]).json["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["type"] == "DelegationCredential")
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Nobody is there to hear of it.
    bravo.kill();
    alpha.done(&["credential", "revoke", &id]);
    alpha.kill();

    alpha.up();
    assert_eq!(alpha.done(&["credential", "show", &id]).json["state"], "revoked");
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    assert_eq!(alpha.verifies(&alpha, "bot").json["code"], "credential-revoked");
    bravo.up();
    assert_eq!(bravo.verifies_until(&alpha, "bot", 4).json["code"], "credential-revoked");
}

//
#[test]
fn whatever_was_acknowledged_before_kill_9_is_there_after_each_of_several() {
    let mut alpha = Domain::start("alpha.test");
    for round in 0..3 {
        let name = format!("owner-{round}");
        alpha.done(&["owner", "create", &name]);
        alpha.kill();
        alpha.up();
        let owners = alpha.done(&["owner", "ls"]).json["owners"].as_array().unwrap().len();
        assert_eq!(owners, round + 2, "the organisation, and one a round");
    }
}

//
#[test]
fn a_store_that_lacks_what_was_acknowledged_is_not_served_before_its_operator_has_seen_it() {
    let mut alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.stop();
    let log = alpha.data().join("store/log");
    let newest = std::fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path());
    let newest = newest.filter(|path| path.extension().is_some_and(|ext| ext == "seg")).max().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(&newest).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    let ports = ["--p2p", "/ip4/127.0.0.1/tcp/0", "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    // The index is made anew by the first start; that is no reason for the second to forget.
    for _ in 0..2 {
        let up = [&["up", "--health", "127.0.0.1:0"], &ports[..]].concat();
        let refused = alpha.run(&up);
        assert_eq!(
            (refused.exit, refused.json["error"]["code"].as_str()),
            (1, Some("file")),
            "{}",
            refused.json
        );
        assert!(
            refused.json["error"]["action"].as_str().unwrap().contains("--after-loss"),
            "{}",
            refused.json
        );
    }
    alpha.up_saying(&["--after-loss"], &[]);
    assert_eq!(alpha.done(&["status"]).json["domain"], "alpha.test");
    alpha.stop();
    alpha.up();
    assert_eq!(alpha.done(&["status"]).json["domain"], "alpha.test");
}

//
#[test]
fn a_node_whose_clock_is_behind_what_it_saw_does_not_start_before_its_operator_has_seen_it() {
    let mut alpha = Domain::start("alpha.test");
    alpha.stop();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&alpha.data().join("store"), Options::default()).unwrap();
        let kept = store.get(Table::Node, b"high-water-time").await.unwrap().unwrap();
        let later = u64::from_be_bytes(kept.value.try_into().unwrap()) + 3_600;
        let (value, expect) = (Some(later.to_be_bytes().to_vec()), Expect::Version(kept.version));
        let write = Write { table: Table::Node, key: b"high-water-time".to_vec(), value, expect };
        store.commit(vec![write]).await.unwrap();
        store.close().await;
    });
    let ports = ["--p2p", "/ip4/127.0.0.1/tcp/0", "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    // A process that a test beside this one starts holds the store's lock with this one until it has begun.
    let is_locked = |answer: &Answer| answer.json["error"]["code"] == "state-conflict";
    let refused =
        alpha.until(&[&["up", "--health", "127.0.0.1:0"], &ports[..]].concat(), |answer| !is_locked(answer));
    assert_eq!(
        (refused.exit, refused.json["error"]["code"].as_str()),
        (1, Some("clock")),
        "{}",
        refused.json
    );
    alpha.up_saying(&["--clock-is-right"], &[]);
    alpha.done(&["owner", "create", "alice"]);
    alpha.kill();
    alpha.up();
}
