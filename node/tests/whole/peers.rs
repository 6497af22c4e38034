//! How domains meet without a token: by configuration and trust on both sides.

use crate::process::Domain;

//
#[test]
fn a_configured_peer_is_heard_once_both_sides_recognise_each_other_and_not_before() {
    let alpha = Domain::start("alpha.test");
    let mut bravo = Domain::init("bravo.test");
    let address = alpha.about()["p2p"][0].as_str().unwrap().to_owned();
    bravo.up_with(&[("MARQUE_MESH__PEERS", &format!("[\"{address}\"]"))]);
    bravo.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    let did = {
        alpha.done(&["owner", "create", "alice"]);
        alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]).text("did")
    };
    // Alpha does not know bravo, so nothing flows, whatever bravo thinks of alpha.
    let peers = bravo.done(&["peer", "ls"]);
    assert!(peers.json["peers"].as_array().unwrap().iter().all(|peer| peer["state"] != "connected"));
    alpha.done(&["trust", "add", &bravo.did]);
    bravo.until(&["resolve", &did], |answer| answer.exit == 0);
    bravo.verifies_until(&alpha, "bot", 0);
}
