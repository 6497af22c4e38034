//! What is done to an owner, an agent, a credential or a recognition means the same on every node (docs/lifecycle.md).

use crate::process::{Answer, Domain, PATIENCE};
use crate::resolver::ask;
use serde_json::Value;
use std::time::Instant;

fn cases() -> Vec<Value> {
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/lifecycle/verdicts.json");
    let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    json["cases"].as_array().unwrap().clone()
}

/// A presentation of `agent` of `holder`, for the node of `verifier`.
fn presentation(holder: &Domain, agent: &str, verifier: &Domain) -> String {
    let nonce = verifier.done(&["verify", "--new-nonce"]);
    let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
    holder.done(&["present", "--agent", agent, "--nonce", &nonce, "--aud", &audience]).text("presentation")
}

/// Waits until `other` holds the lists of `domain` as they are.
fn caught_up(other: &Domain, domain: &Domain) {
    let lists = domain.done(&["status"]).json["lists"].as_array().unwrap().clone();
    let holds = |answer: &Answer, list: &Value| {
        let held = answer.json["mesh"]["lists"].as_array().into_iter().flatten();
        held.filter(|held| held["url"] == list["url"])
            .any(|held| held["sequence"].as_u64() >= list["sequence"].as_u64())
    };
    other.until(&["status"], |answer| lists.iter().all(|list| holds(answer, list)));
}

/// Waits until `other` has heard of a DID, so that what it says of it does not rest on what peers answer just then.
fn heard_of(other: &Domain, did: &str) {
    let door = other.about()["public"].as_str().unwrap().parse().unwrap();
    let line = format!("GET /1.0/identifiers/{did}");
    let deadline = Instant::now() + PATIENCE;
    while ask(door, &line, &[], "").status != 200 {
        assert!(Instant::now() < deadline, "{did} is not heard of");
    }
}

/// The credential of a type that is about `subject`.
fn credential(domain: &Domain, kind: &str, subject: &str) -> String {
    let all = domain.done(&["credential", "ls"]).json["credentials"].as_array().unwrap().clone();
    let mut of_it = all.iter().filter(|one| one["type"] == kind && one["subject"] == subject);
    of_it.next().unwrap()["id"].as_str().unwrap().to_owned()
}

//
#[test]
fn what_is_done_to_an_identity_or_a_credential_means_the_same_on_every_node() {
    let (alpha, bravo) = (Domain::start("alpha.test"), Domain::start("bravo.test"));
    alpha.meets(&bravo, "calendar:read");
    bravo.done(&["trust", "add", &bravo.did, "--cap", "calendar:read"]);
    let cases = cases();
    for (n, case) in cases.iter().enumerate() {
        let (owner, agent) = (format!("owner{n}"), format!("agent{n}"));
        let of_owner = bravo.done(&["owner", "create", &owner]).text("did");
        let did =
            bravo.done(&["agent", "create", &agent, "--owner", &owner, "--cap", "calendar:read"]).text("did");
        heard_of(&alpha, &of_owner);
        heard_of(&alpha, &did);
        let (own, others) = (presentation(&bravo, &agent, &bravo), presentation(&bravo, &agent, &alpha));
        let mut of_verifier = false;
        for act in case["acts"].as_array().unwrap() {
            let word = |at: usize| act[at].as_str().unwrap();
            let credential = |kind| credential(&bravo, kind, &did);
            let answer = match word(0) {
                "owner" => bravo.run(&["owner", word(1), &owner]),
                "agent" => bravo.run(&["agent", word(1), &agent]),
                "delegation" => bravo.run(&["credential", word(1), &credential("DelegationCredential")]),
                "identity" => bravo.run(&["credential", word(1), &credential("AgentCredential")]),
                "domain" => {
                    of_verifier = true;
                    alpha.run(&["trust", word(1), &bravo.did])
                }
                other => panic!("{other}"),
            };
            let refused = answer.json["error"]["code"].as_str();
            assert_eq!(refused, act.get(2).and_then(Value::as_str), "{}: {act}", case["name"]);
        }
        if !of_verifier {
            caught_up(&alpha, &bravo);
        }
        let says = |verifier: &Domain, presentation: &str| {
            let answer = verifier.pipe(&["verify", "-"], presentation.as_bytes());
            if answer.exit == 0 { "verified".to_owned() } else { answer.text("code") }
        };
        let wanted = case["says"].as_str().unwrap();
        assert_eq!(says(&alpha, &others), wanted, "{}, at another domain's node", case["name"]);
        let own_wanted = if of_verifier { "verified" } else { wanted };
        assert_eq!(says(&bravo, &own), own_wanted, "{}, at the domain's own node", case["name"]);
        if of_verifier {
            // The next case begins with a domain that is recognised, where that is to be had.
            alpha.run(&["trust", "resume", &bravo.did]);
        }
    }
    println!("{} vectors on two nodes", cases.len());
}

//
#[test]
fn what_was_issued_and_every_rotation_stay_on_record() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    let did =
        alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]).text("did");
    let first = credential(&alpha, "AgentCredential", &did);
    alpha.done(&["agent", "rotate", "bot"]);
    alpha.done(&["credential", "revoke", &first]);
    alpha.done(&["agent", "revoke", "bot"]);
    let history = alpha.done(&["agent", "show", "bot"]).json["history"].as_array().unwrap().clone();
    let events: Vec<_> = history.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["registered", "log updated", "revoked"]);
    assert!(history.iter().all(|event| event["time"].as_str().is_some()));
    let all = alpha.done(&["credential", "ls"]).json["credentials"].as_array().unwrap().clone();
    let of_bot: Vec<_> = all.iter().filter(|one| one["subject"] == did.as_str()).collect();
    let kinds = |kind: &str| of_bot.iter().filter(|one| one["type"] == kind).count();
    assert!(kinds("AgentCredential") >= 1 && kinds("DelegationCredential") >= 1, "{of_bot:?}");
    assert!(of_bot.iter().any(|one| one["id"] == first.as_str() && one["state"] == "revoked"), "{of_bot:?}");
}
