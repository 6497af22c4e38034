//! What a new operator does by hand, in two folders.

use crate::process::{Domain, marque};
use std::io::Write;
use std::process::Stdio;

// R-011 R-035 R-060 R-074
#[test]
fn two_domains_join_delegate_verify_over_a_pipe_and_revoke() {
    let alpha = Domain::start("alpha.test");
    let bravo = Domain::start("bravo.test");
    bravo.meets(&alpha, "calendar:read,calendar:write");
    alpha.done(&["owner", "create", "alice"]);
    let made = ["agent", "create", "travel-bot", "--owner", "alice", "--cap", "calendar:read,calendar:write"];
    let travel = alpha.done(&made).text("did");
    alpha.done(&["agent", "create", "calendar-bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["delegate", "travel-bot", "calendar-bot", "--cap", "calendar:read", "--ttl", "30m"]);

    let resolved = bravo.until(&["resolve", &travel], |answer| answer.exit == 0);
    let log = std::fs::read_to_string(alpha.data().join("wallet/agents/travel-bot.json")).unwrap();
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    let state = log["log"].as_str().unwrap().lines().next().unwrap().to_owned();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let methods = &resolved.json["didDocument"]["verificationMethod"];
    assert_eq!(
        methods, &state["state"]["verificationMethod"],
        "what bravo resolves is what the agent signed"
    );

    let verdict = bravo.verifies_until(&alpha, "calendar-bot", 0);
    assert_eq!(verdict.json["chain"].as_array().unwrap().len(), 2);
    assert_eq!(verdict.json["capabilities"], serde_json::json!(["calendar:read"]));

    alpha.done(&["agent", "create", "other-bot", "--owner", "alice", "--cap", "calendar:write"]);
    let refused = alpha.run(&["delegate", "calendar-bot", "other-bot", "--cap", "calendar:write"]);
    assert_eq!((refused.exit, refused.json["error"]["code"].as_str()), (3, Some("AID-009")));

    let id = alpha.done(&["credential", "ls"]).json["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["type"] == "DelegationCredential" && c["subject"] == travel.as_str())
        .unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    alpha.done(&["credential", "revoke", &id]);
    let revoked = bravo.verifies_until(&alpha, "calendar-bot", 4);
    assert_eq!(revoked.json["code"], "credential-revoked");
    assert_eq!(revoked.json["verified"], false);
    assert!(revoked.json["path"].is_array() && revoked.json["reason"].is_string());
}

#[test]
fn one_domain_alone_verifies_what_it_lets_itself_root_and_nothing_else() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    assert_eq!(alpha.verifies(&alpha, "bot").json["code"], "root-not-anchored");
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    assert_eq!(alpha.verifies(&alpha, "bot").exit, 0);
    alpha.done(&["agent", "suspend", "bot"]);
    let nonce = alpha.done(&["verify", "--new-nonce"]);
    let present = ["present", "--agent", "bot", "--nonce", &nonce.text("nonce"), "--aud", &alpha.did];
    assert_eq!(alpha.run(&present).exit, 4, "a suspended agent gets no credential to present");
    alpha.done(&["agent", "resume", "bot"]);
    assert_eq!(alpha.verifies(&alpha, "bot").exit, 0);
    alpha.done(&["trust", "remove", &alpha.did, "--dry-run"]);
    assert_eq!(alpha.done(&["trust", "show", &alpha.did]).json["capabilities"][0], "calendar:read");
    alpha.done(&["trust", "remove", &alpha.did]);
    assert_eq!(alpha.verifies(&alpha, "bot").json["code"], "root-not-anchored");
    for gone in ["show", "remove"] {
        assert_eq!(alpha.run(&["trust", gone, &alpha.did]).exit, 5);
    }
}

#[test]
fn nothing_is_delegated_to_or_by_an_agent_that_is_revoked_and_a_suspended_one_is_warned_of() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    let made = ["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"];
    let did = alpha.done(&made).text("did");
    alpha.done(&["agent", "create", "other", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["agent", "suspend", "bot"]);
    let mut command = alpha.command(&["delegate", "alice", "bot", "--cap", "calendar:read"]);
    let warned = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(warned.stderr).unwrap();
    assert!(warned.status.success() && said.contains("Warning: bot@alpha.test is suspended."), "{said}");
    alpha.done(&["agent", "revoke", "bot"]);
    let before = alpha.done(&["credential", "ls"]).json;
    for (from, to) in [("alice", "bot"), ("alice", did.as_str()), ("other", "bot"), ("bot", "other")] {
        let refused = alpha.run(&["delegate", from, to, "--cap", "calendar:read"]);
        let code = refused.json["error"]["code"].as_str();
        assert_eq!((refused.exit, code), (4, Some("AID-003")), "{from} to {to}: {}", refused.json);
    }
    assert_eq!(alpha.done(&["credential", "ls"]).json, before);
}

//
#[test]
fn a_rotated_agent_presents_with_its_new_key_and_its_did_stays() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    let did =
        alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]).text("did");
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    for rotate in [&["agent", "rotate", "bot"][..], &["agent", "rotate", "bot", "--compromised"]] {
        alpha.done(rotate);
        assert_eq!(alpha.verifies(&alpha, "bot").exit, 0);
    }
    let resolved = alpha.done(&["resolve", &did]);
    assert!(resolved.json["didDocumentMetadata"]["versionId"].as_str().unwrap().starts_with("3-"));
    let first = alpha.done(&["resolve", &did, "--version-number", "1"]);
    assert!(first.json["didDocumentMetadata"]["versionId"].as_str().unwrap().starts_with("1-"));
}

#[test]
fn wrong_input_on_the_command_line_is_refused_with_a_code_and_changes_nothing() {
    let alpha = Domain::start("alpha.test");
    let before = alpha.done(&["status"]).json["agents"].clone();
    let long = "x".repeat(5_000);
    let deep = "[".repeat(50_000);
    let cases: [(&[&str], &[u8], i32); 12] = [
        (&["verify", "-"], b"", 2),
        (&["verify", "-"], b"garbage", 3),
        (&["verify", "-"], &[0xff, 0xfe, 0x00], 3),
        (&["verify", "-"], deep.as_bytes(), 3),
        (&["peer", "join", "-"], b"mqj1.AAAA", 2),
        (&["peer", "join", "-"], long.as_bytes(), 2),
        (&["resolve", "did:nothing"], b"", 2),
        (&["resolve", "did:example:123"], b"", 2),
        (&["agent", "create", "Bad Name", "--owner", "alice", "--cap", "a:b"], b"", 2),
        (&["agent", "create", "bot", "--owner", "nobody", "--cap", "a:b"], b"", 5),
        (&["delegate", "nobody", "bot", "--cap", "a:b"], b"", 5),
        (&["trust", "add", "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"], b"", 2),
    ];
    for (arguments, input, exit) in cases {
        let answer = alpha.pipe(arguments, input);
        let code = answer.json["code"].as_str().or(answer.json["error"]["code"].as_str());
        assert!(code.is_some(), "{arguments:?}: {}", answer.json);
        assert_eq!(answer.exit, exit, "{arguments:?}: {}", answer.json);
    }
    assert_eq!(alpha.done(&["status"]).json["agents"], before);
}

#[test]
fn init_refuses_a_folder_that_has_a_node_and_a_name_that_is_none() {
    let alpha = Domain::init("alpha.test");
    assert_eq!(alpha.run(&["init", "--domain", "other.test"]).exit, 2);
    let fresh = tempfile::tempdir().unwrap();
    for name in ["localhost", "127.0.0.1", "", "a b.test", "-.test"] {
        let mut command = marque();
        command.args(["init", "--domain", name, "--data"]).arg(fresh.path().join("data"));
        command.env("MARQUE_PASSPHRASE_FILE", alpha.folder.path().join("passphrase"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name:?}");
        assert!(!fresh.path().join("data/keys").exists(), "{name:?}");
    }
}

#[test]
fn a_second_node_on_one_folder_is_refused_and_a_wrong_passphrase_opens_nothing() {
    let alpha = Domain::start("alpha.test");
    let free = ["--admin", "127.0.0.1:0", "--health", "127.0.0.1:0", "--no-public"];
    let second = alpha.command(&["up", "--json"]).args(free).stdin(Stdio::null()).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&second.stdout).unwrap();
    assert_eq!((second.status.code(), &document["error"]["code"]), (Some(8), &"state-conflict".into()));
    let wrong = alpha.folder.path().join("wrong");
    std::fs::File::create(&wrong).unwrap().write_all(b"another passphrase").unwrap();
    let mut create = alpha.command(&["owner", "create", "alice", "--json"]);
    let output = create.env("MARQUE_PASSPHRASE_FILE", &wrong).stdin(Stdio::null()).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &document["error"]["code"]), (Some(2), &"passphrase".into()));
    assert_eq!(alpha.done(&["owner", "ls"]).json["owners"].as_array().unwrap().len(), 1, "the organisation");
}

#[test]
fn a_domain_that_is_suspended_is_let_go_though_it_joined_and_comes_back_when_it_is_added() {
    let alpha = Domain::start("alpha.test");
    let bravo = Domain::start("bravo.test");
    bravo.meets(&alpha, "calendar:read");
    let state = |answer: &crate::process::Answer| {
        answer.json["peers"][0]["state"].as_str().unwrap_or_default().to_owned()
    };
    alpha.until(&["peer", "ls"], |answer| state(answer) == "connected");
    alpha.done(&["trust", "suspend", &bravo.did]);
    alpha.until(&["peer", "ls"], |answer| state(answer) == "known");
    alpha.done(&["trust", "add", &bravo.did]);
    alpha.until(&["peer", "ls"], |answer| state(answer) == "connected");
}

// R-034 R-045
#[test]
fn a_bundle_is_verified_without_a_node_and_says_how_old_it_is() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    let nonce = alpha.done(&["verify", "--new-nonce"]).text("nonce");
    let presented = alpha.done(&["present", "--agent", "bot", "--nonce", &nonce, "--aud", &alpha.did]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (vp, bundle) = (path("vp.jwt"), path("bot.bundle"));
    std::fs::write(&vp, presented.text("presentation")).unwrap();
    let exported = alpha.done(&["export", "bundle", &vp, "--out", &bundle]);
    assert_eq!(exported.text("by"), alpha.did);

    // Elsewhere: no node, no data folder, no home.
    let offline = |arguments: &[&str]| {
        let run =
            marque().env_clear().args(["verify", "--json", "--offline"]).args(arguments).output().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        (run.status.code().unwrap(), json)
    };
    let (exit, verdict) = offline(&[&bundle, "--by", &alpha.did]);
    assert_eq!((exit, &verdict["verified"]), (0, &serde_json::json!(true)), "{verdict}");
    assert_eq!(verdict["offline"]["made"], verdict["offline"]["asOf"]);
    assert!(verdict["offline"]["ageSeconds"].is_u64());
    assert!(!verdict["offline"]["lists"].as_array().unwrap().is_empty());
    assert_eq!(offline(&[&bundle, "--by", &alpha.did, "--capability", "calendar:write"]).0, 3);
    let (exit, unsaid) = offline(&[&bundle]);
    assert_eq!((exit, unsaid["error"]["code"].as_str()), (2, Some("usage")), "nobody says whose it must be");
    let (exit, other) =
        offline(&[&bundle, "--by", "did:webvh:QmQpcGZyTjDqphVBvUKQt1s7AShWqXBLjLaMEQFdWN7R4w:alpha.test"]);
    assert_eq!((exit, other["code"].as_str()), (3, Some("key-not-authorised")));

    // Beside its own presentation, one that answers a nonce of here.
    let (exit, verdict) = offline(&[&bundle, &vp, "--nonce", &nonce, "--by", &alpha.did]);
    assert_eq!(exit, 0, "{verdict}");
    let (exit, verdict) = offline(&[&bundle, &vp, "--nonce", "another", "--by", &alpha.did]);
    assert_eq!(
        (exit, verdict["code"].as_str(), verdict["offline"].is_object()),
        (3, Some("nonce-mismatch"), true)
    );

    // Explained as by a node, as of when the bundle was made.
    let (exit, told) = offline(&[&bundle, "--by", &alpha.did, "--explain"]);
    assert_eq!((exit, told["offline"].is_object()), (0, true));
    let link = &told["explanation"][0];
    assert_eq!((&link["left"], link.get("fails")), (&serde_json::json!(["calendar:read"]), None), "{told}");
    let (exit, told) = offline(&[&bundle, "--by", &alpha.did, "--explain", "--capability", "calendar:write"]);
    assert_eq!((exit, told["offline"].is_object()), (3, true));
    assert_eq!(told["explanation"][0]["fails"]["code"], told["code"], "{told}");
}
