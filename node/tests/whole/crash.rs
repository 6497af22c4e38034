//! What was acknowledged is there after `kill -9`, is served, and reaches the others.

use crate::process::Domain;

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
