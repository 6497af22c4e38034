//! The store of a node that is down: looked at, verified, its index made anew.

use crate::process::Domain;
use std::path::PathBuf;

/// The segments of a node's log, in order.
fn segments(domain: &Domain) -> Vec<PathBuf> {
    let log = std::fs::read_dir(domain.data().join("store/log")).unwrap();
    let paths = log.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "seg")).collect();
    paths.sort();
    paths
}

//
#[test]
fn an_operator_looks_at_a_store_verifies_it_and_makes_its_index_anew() {
    let mut alpha = Domain::init("alpha.test");
    let elsewhere = alpha
        .command(&["store", "stats", "--json"])
        .env("MARQUE_STORE__ENGINE", "postgres")
        .env("MARQUE_STORE__POSTGRES_URL", "postgres://db.example/marque?sslmode=verify-full")
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&elsewhere.stdout).contains("PostgreSQL"), "{elsewhere:?}");
    let none = alpha.run(&["store", "stats"]);
    assert_eq!((none.exit, none.json["error"]["code"].as_str()), (2, Some("usage")), "{}", none.json);
    alpha.up();
    alpha.done(&["owner", "create", "alice"]);
    for command in ["stats", "verify", "rebuild", "compact"] {
        let held = alpha.run(&["store", command]);
        assert_eq!(
            (held.exit, held.json["error"]["code"].as_str()),
            (8, Some("state-conflict")),
            "{command}: {}",
            held.json
        );
    }
    alpha.stop();

    let stats = alpha.done(&["store", "stats"]).json;
    let owners = stats["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "owners").unwrap();
    assert_eq!(owners["live"], 2, "the organisation and alice: {stats}");
    assert!(stats["bytes"].as_u64() > stats["bytesLive"].as_u64());
    let whole = alpha.done(&["store", "verify"]).json;
    assert_eq!(whole["records"], stats["records"]["live"], "{whole}");
    assert_eq!((&whole["index"], &whole["problems"]), (&"fits the log".into(), &serde_json::json!([])));
    assert_eq!(alpha.done(&["store", "rebuild"]).json["batches"], whole["batches"]);
    assert!(alpha.data().join("store/index.damaged-1").exists());
    let compacted = alpha.done(&["store", "compact"]).json;
    let number = |name: &str| compacted[name].as_u64().unwrap();
    assert_eq!(number("replaced").saturating_sub(number("written")), number("freed"), "{compacted}");
    let stats = alpha.done(&["store", "stats"]).json;
    assert_eq!(
        (&stats["records"]["dead"], &stats["records"]["live"]),
        (&0.into(), &whole["records"]),
        "{stats}"
    );
    assert_eq!(alpha.done(&["store", "verify"]).json["records"], whole["records"]);
    alpha.up();
    assert_eq!(alpha.done(&["owner", "ls"]).json["owners"].as_array().unwrap().len(), 2);
    alpha.stop();

    let segment = segments(&alpha).remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let damaged = alpha.run(&["store", "verify"]);
    assert_eq!(
        (damaged.exit, damaged.json["error"]["code"].as_str()),
        (1, Some("store-damaged")),
        "{}",
        damaged.json
    );
    let problem = &damaged.json["problems"][0];
    assert_eq!((problem["file"].as_str(), &problem["offset"]), (segment.to_str(), &76.into()), "{problem}");
    assert!(problem["action"].as_str().unwrap().contains("Restore"), "{problem}");
}

//
#[test]
fn a_node_keeps_its_index_in_redb_where_it_is_told_to_and_comes_to_it_with_what_it_has() {
    let redb = [("MARQUE_STORE__INDEX", "redb")];
    let mut alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.stop();
    alpha.up_with(&redb);
    alpha.done(&["owner", "create", "bob"]);
    alpha.kill();
    alpha.up_with(&redb);
    assert_eq!(alpha.done(&["owner", "ls"]).json["owners"].as_array().unwrap().len(), 3);
    assert!(alpha.data().join("store/index/index.redb").exists());
    alpha.stop();
    let other = alpha.command(&["store", "verify", "--json"]).envs(redb).output().unwrap();
    assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stdout));
}
