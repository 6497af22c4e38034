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
    // Bravo is told so, and its operator finds out.
    let refuses = |answer: &crate::process::Answer, why: &str| answer.json["nodes"][0]["refuses"] == why;
    bravo.until(&["peer", "ls"], |answer| refuses(answer, "unknown-domain"));
    let doctor = bravo.run(&["doctor"]).json;
    let told = |about: &serde_json::Value| {
        about["reason"].as_str().unwrap().contains("unknown-domain")
            && about["action"].as_str().unwrap().contains(&format!("marque trust add {}", bravo.did))
    };
    assert!(doctor["findings"].as_array().unwrap().iter().any(told), "{doctor}");
    alpha.done(&["trust", "add", &bravo.did]);
    bravo.until(&["resolve", &did], |answer| answer.exit == 0);
    bravo.verifies_until(&alpha, "bot", 0);
    bravo.until(&["peer", "ls"], |answer| {
        let node = &answer.json["nodes"][0];
        node["scid"].is_string() && node["refuses"].is_null()
    });
}

//
#[test]
fn a_domain_sees_who_says_that_it_is_recognised_and_for_what() {
    let mut alpha = Domain::init("alpha.test");
    let mut bravo = Domain::init("bravo.test");
    alpha.up_with(&[("MARQUE_TRUST__PUBLISH", "true")]);
    let address = alpha.about()["p2p"][0].as_str().unwrap().to_owned();
    bravo.up_with(&[("MARQUE_MESH__PEERS", &format!("[\"{address}\"]"))]);
    alpha.done(&["trust", "add", &bravo.did, "--cap", "calendar:read"]);
    bravo.done(&["trust", "add", &alpha.did]);
    let by = |answer: &crate::process::Answer| answer.json["recognisedBy"][0].clone();
    bravo.until(&["trust", "ls"], |answer| by(answer)["did"] == alpha.did.as_str());
    let seen = by(&bravo.done(&["trust", "ls"]));
    assert_eq!((&seen["capabilities"][0], &seen["suspended"]), (&"calendar:read".into(), &false.into()));
    let of_alpha = bravo.done(&["trust", "ls", "--of", &alpha.did]);
    assert_eq!(of_alpha.json["recognises"][0]["did"], bravo.did.as_str());
    // Bravo's operator lets nothing be told.
    assert!(alpha.done(&["trust", "ls"]).json["recognisedBy"].as_array().unwrap().is_empty());
    let untold = alpha.run(&["trust", "ls", "--of", &bravo.did]);
    assert_eq!(untold.json["error"]["code"], "not-found", "{:?}", untold.json);
    alpha.done(&["trust", "add", &bravo.did]);
    bravo.until(&["trust", "ls"], |answer| by(answer)["capabilities"].as_array().is_some_and(Vec::is_empty));
}
