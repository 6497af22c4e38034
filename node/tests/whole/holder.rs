//! The holder's side: credentials issued offline, shown in part, bound to a verifier, and presented under a DID
//! that one verifier alone knows.

use crate::process::Domain;
use did_resolver::codec;
use serde_json::{Value, json};
use std::path::Path;

fn payload(jwt: &str) -> Value {
    serde_json::from_slice(&codec::from_base64url(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A domain that has an owner and an agent with a wide ceiling, which it lets itself root.
fn domain() -> Domain {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    let wide = "calendar:read,calendar:write,mail:send";
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", wide, "--max-depth", "2"]);
    alpha.done(&["delegate", "alice", "bot", "--cap", "calendar:read", "--max-depth", "1"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", wide]);
    alpha
}

fn presented(alpha: &Domain, more: &[&str]) -> (String, crate::process::Answer) {
    let nonce = alpha.done(&["verify", "--new-nonce"]);
    let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
    let base = ["present", "--agent", "bot", "--nonce", &nonce, "--aud", &audience];
    let presentation = alpha.done(&[&base[..], more].concat());
    let verdict = alpha.pipe(&["verify", "-"], presentation.text("presentation").as_bytes());
    (presentation.text("presentation"), verdict)
}

// R-323
#[test]
fn a_mandate_is_presented_with_no_more_of_the_ceiling_than_it_needs() {
    let alpha = domain();
    let (plain, verdict) = presented(&alpha, &[]);
    assert_eq!(verdict.exit, 0, "{}", verdict.json);
    let (minimal, verdict) = presented(&alpha, &["--minimal"]);
    assert_eq!(verdict.exit, 0, "{}", verdict.json);
    assert_eq!(verdict.json["capabilities"], json!(["calendar:read"]));
    let own = |presentation: &str| {
        let held = payload(presentation)["verifiableCredential"].clone();
        held.as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
    };
    assert!(own(&plain).starts_with("data:application/vc+jwt,"));
    let own = own(&minimal);
    assert!(own.starts_with("data:application/vc+sd-jwt,") && own.ends_with('~'));
    let disclosures: Vec<&str> = own.trim_end_matches('~').split('~').skip(1).collect();
    let shown: Vec<Value> = disclosures
        .iter()
        .map(|text| serde_json::from_slice(&codec::from_base64url(text).unwrap()).unwrap())
        .collect();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0][1], "calendar:read");
}

// R-323
#[test]
fn each_verifier_knows_an_agent_by_a_did_of_its_own() {
    let alpha = domain();
    let did = |audience: &str| {
        let asked = ["present", "--agent", "bot", "--aud", audience, "--pairwise", "--did-only"];
        alpha.done(&asked).text("holder")
    };
    let (here, there) = (did(&alpha.did), did("did:web:elsewhere.example"));
    assert!(here.starts_with("did:key:z6Mk") && there.starts_with("did:key:z6Mk"));
    assert_ne!(here, there);
    let (presentation, verdict) = presented(&alpha, &["--pairwise"]);
    assert_eq!(verdict.exit, 0, "{}", verdict.json);
    assert_eq!(verdict.json["holder"], here.as_str());
    assert_eq!(verdict.json["constraints"]["audience"], json!([alpha.did]));
    assert_eq!(payload(&presentation)["holder"], here.as_str());
    assert_eq!(did(&alpha.did), here, "and it stays");
}

// R-323 R-040
#[test]
fn of_a_chosen_credential_the_chosen_claims_are_shown_to_one_verifier() {
    let alpha = domain();
    let folder = alpha.folder.path();
    let agent = alpha.done(&["agent", "show", "bot"]).text("did");
    let claims = json!({"id": agent, "name": "Ada", "clearance": "high", "roles": ["auditor", "engineer"]});
    let claims = write(folder, "claims.json", &claims.to_string());
    let keys = folder.join("issuer-keys.json").to_str().unwrap().to_owned();
    let hide = ["--hide", "/credentialSubject/name", "--hide", "/credentialSubject/clearance"];
    let issue = ["issue", &claims, "--type", "StaffCredential", "--key-file", &keys, "--format", "vc+sd-jwt"];
    let refused = alpha.run(&[&issue[..], &hide].concat());
    assert_ne!(refused.exit, 0, "there is no such key file");
    let issued = alpha.done(&[&issue[..], &hide, &["--make-key"]].concat());
    assert!(issued.text("issuer").starts_with("did:key:z6Mk"));
    let file = write(folder, "staff.txt", &issued.text("credential"));

    let verifier = ["--aud", "did:web:verifier.example", "--nonce", "n-1"];
    let present = ["present", "--agent", "bot", "--credential", &file];
    let name = ["--disclose", "/credentialSubject/name"];
    let answer = alpha.done(&[&present[..], &verifier, &name].concat());
    let told = payload(&answer.text("presentation"));
    assert_eq!((&told["nonce"], &told["holder"]), (&json!("n-1"), &json!(agent)));
    let shown = told["verifiableCredential"][0]["id"].as_str().unwrap();
    assert_eq!(shown.matches('~').count(), 2, "one disclosure");
    let inspected = alpha.done(&["inspect", shown]);
    assert_eq!(inspected.json["disclosed"], json!(["/credentialSubject/name"]));
    assert_eq!(inspected.json["document"]["credentialSubject"].get("clearance"), None);

    let bound = alpha.done(&[&present[..], &verifier, &name, &["--bound"]].concat());
    let inspected = alpha.done(&["inspect", &bound.text("presentation")]);
    assert_eq!(inspected.json["binding"]["audience"], "did:web:verifier.example");
    assert_eq!(inspected.json["binding"]["nonce"], "n-1");
    let nothing = [&present[..], &verifier, &["--disclose", "/credentialSubject/salary"]].concat();
    assert_eq!(alpha.run(&nothing).exit, 2);
}

// R-042 R-047 R-049
#[test]
fn a_credential_is_issued_offline_in_every_envelope_and_a_bad_one_in_none() {
    let alpha = Domain::init("alpha.test");
    let folder = alpha.folder.path();
    let keys = folder.join("keys.json").to_str().unwrap().to_owned();
    let claims = write(folder, "claims.json", r#"{"id":"did:web:bot.example","name":"Ada"}"#);
    let base = ["issue", &claims, "--type", "StaffCredential", "--key-file", &keys, "--make-key"];
    for format in ["vc+jwt", "vc+cose", "vc", "vc+sd-jwt", "vnd.marque.vc+cose"] {
        for key in ["assertion", "p256"] {
            let issued = alpha.done(&[&base[..], &["--format", format, "--key", key]].concat());
            let file = write(folder, "issued", &issued.text("credential"));
            let read = alpha.done(&["inspect", &file]).json;
            let document = &read["document"];
            assert_eq!((&read["format"], &document["issuer"]), (&json!(format), &issued.json["issuer"]));
            assert_eq!(document["credentialSubject"], json!({"id": "did:web:bot.example", "name": "Ada"}));
            assert!(document["validUntil"].is_string(), "an end is always said");
        }
    }
    let whole = |text: Value| write(folder, "whole.json", &text.to_string());
    let good = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential",
        "credentialSubject": {"id": "did:web:bot.example"},
    });
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    let issue = |file: &str| alpha.run(&["issue", file, "--key-file", &keys]);
    assert_eq!(issue(&whole(good.clone())).exit, 0);
    for bad in [
        with("issuer", json!("did:web:other.example")),
        with("validUntil", json!("2020-01-01T00:00:00Z")),
        with("@context", json!(["https://www.w3.org/2018/credentials/v1"])),
        with("credentialSubject", json!("Ada")),
        with("type", json!(["VerifiableCredential", "AgentCredential"])),
    ] {
        let answer = issue(&whole(bad.clone()));
        assert_eq!(answer.exit, 2, "{bad}: {}", answer.json);
    }
    assert_eq!(issue("/nowhere").exit, 2);
}

// R-045 R-074
#[test]
fn a_verdict_is_explained_link_by_link_and_says_what_would_mend_it() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    let explained = || {
        let nonce = alpha.done(&["verify", "--new-nonce"]).text("nonce");
        let present = ["present", "--agent", "bot", "--nonce", &nonce, "--aud", &alpha.did];
        let presentation = alpha.done(&present).text("presentation");
        alpha.pipe(&["verify", "-", "--explain"], presentation.as_bytes())
    };
    let refused = explained();
    assert_eq!((refused.exit, &refused.json["code"]), (3, &json!("root-not-anchored")));
    let link = &refused.json["explanation"][0];
    assert_eq!(link["fails"]["code"], "root-not-anchored");
    assert!(link["fails"]["mend"].as_str().unwrap().contains("marque trust add"));
    assert!(link["findings"].as_array().unwrap().iter().all(|finding| finding["holds"] == true), "{link}");
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    let verified = explained();
    assert_eq!(verified.exit, 0, "{}", verified.json);
    let link = &verified.json["explanation"][0];
    assert_eq!((&link["left"], link.get("fails")), (&json!(["calendar:read"]), None));
}

// R-312 R-314
#[test]
fn one_use_is_approved_by_its_owner_once_and_can_be_taken_back_before() {
    let alpha = domain();
    let mandate = ["delegate", "alice", "bot", "--cap", "mail:send", "--needs-approval", "mail:send"];
    alpha.done(&mandate);
    let used = |approval: Option<&str>, to: &str| {
        let nonce = alpha.done(&["verify", "--new-nonce"]).text("nonce");
        let mut present = vec!["present", "--agent", "bot", "--nonce", &nonce, "--aud", &alpha.did];
        present.extend(approval.into_iter().flat_map(|file| ["--approval", file]));
        let presentation = alpha.done(&present).text("presentation");
        let asked = ["verify", "-", "--capability", "mail:send", "--argument", to, "--amount", "5EUR"];
        let verdict = alpha.pipe(&asked, presentation.as_bytes());
        (verdict.exit, verdict.text("code"))
    };
    let refused = |exit, code: &str| (exit, code.to_owned());
    assert_eq!(used(None, "to=bob"), refused(6, "approval-required"));
    let approve = |more: &[&str]| {
        let base = ["approve", "alice", "bot", "--capability", "mail:send", "--aud", &alpha.did];
        alpha.run(&[&base[..], &["--argument", "to=bob", "--amount", "5EUR"], more].concat())
    };
    let approval = approve(&[]);
    assert_eq!(approval.exit, 0, "{}", approval.json);
    assert_eq!(approval.json["action"]["arguments"], json!({"to": "bob"}));
    let file = write(alpha.folder.path(), "approval", &approval.text("approval"));
    assert_eq!(used(Some(&file), "to=eve"), refused(3, "approval-mismatch"));
    assert_eq!(used(Some(&file), "to=bob"), refused(0, ""));
    assert_eq!(used(Some(&file), "to=bob"), refused(3, "approval-used"));

    let second = alpha.folder.path().join("second").to_str().unwrap().to_owned();
    let approval = approve(&["--out", &second, "--format", "vnd.marque.vc+cose"]);
    alpha.done(&["credential", "revoke", &approval.text("id")]);
    assert_eq!(used(Some(&second), "to=bob"), refused(4, "credential-revoked"));

    // What no approval is needed of, or nobody gave, is not approved; nor by anybody but the principal.
    let wrong =
        |line: &[&str]| alpha.run(&[&["approve"], line, &["--aud", "did:web:a.example"]].concat()).exit;
    assert_eq!(wrong(&["alice", "bot", "--capability", "calendar:read"]), 2);
    assert_eq!(wrong(&["alice", "bot", "--capability", "payments:send"]), 2);
    alpha.done(&["owner", "create", "carol"]);
    assert_eq!(wrong(&["carol", "bot", "--capability", "mail:send"]), 3);
    assert_eq!(wrong(&["alice", "nobody", "--capability", "mail:send"]), 5);
    // A newer mandate is another link.
    alpha.done(&mandate);
    alpha.done(&["delegate", "alice", "bot", "--cap", "calendar:read"]);
    let third = write(alpha.folder.path(), "third", &approve(&[]).text("approval"));
    assert_eq!(used(Some(&third), "to=bob"), refused(0, ""));
}
