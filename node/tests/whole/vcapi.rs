//! The VC-API of a running node.

use crate::process::Domain;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// Where others reach it, as its operator says; nobody asks by that name here.
const PUBLIC_URL: &str = "https://marque.alpha.test/base";

const VARIABLES: [(&str, &str); 2] = [
    ("MARQUE_ISSUE__DID_KEYS", "[\"ed25519\", \"p256\", \"p384\"]"),
    ("MARQUE_ISSUE__PUBLIC_URL", PUBLIC_URL),
];

/// One request with the admin token; the status and the JSON of the answer.
fn call(domain: &Domain, request: &str, body: &str) -> (u16, Value) {
    let about = domain.about();
    let token = std::fs::read_to_string(domain.data().join("admin.token")).unwrap();
    let mut stream = TcpStream::connect(about["admin"].as_str().unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")))
}

pub(crate) fn post(domain: &Domain, path: &str, body: &Value) -> (u16, Value) {
    call(domain, &format!("POST {path}"), &body.to_string())
}

fn issuers(domain: &Domain) -> Vec<(String, String)> {
    let node = call(domain, "GET /v1/node", "").1;
    let issuers = node["issuers"].as_array().unwrap().iter();
    let text = |issuer: &Value, name: &str| issuer[name].as_str().unwrap().to_owned();
    issuers.map(|issuer| (text(issuer, "verificationMethod"), text(issuer, "cryptosuite"))).collect()
}

#[test]
fn a_node_issues_with_each_of_its_keys_and_writes_its_own_url_whatever_it_is_called() {
    let mut alpha = Domain::init("alpha.test");
    alpha.up_with(&VARIABLES);
    let keys = issuers(&alpha);
    let suites: Vec<&str> = keys.iter().map(|(_, suite)| suite.as_str()).collect();
    let expected = ["eddsa-jcs-2022", "ecdsa-jcs-2019", "eddsa-jcs-2022", "ecdsa-jcs-2019", "ecdsa-jcs-2019"];
    assert_eq!(suites, expected);
    let mut issued = Vec::new();
    for (method, suite) in &keys {
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
            "issuer": method.split('#').next(), "credentialSubject": {"id": "did:example:pat"},
        });
        let body = json!({"credential": credential, "options": {"verificationMethod": method, "cryptosuite": suite}});
        let (status, answer) = post(&alpha, "/credentials/issue", &body);
        assert_eq!(status, 201, "{answer}");
        issued.push(answer["verifiableCredential"].clone());
    }
    // By both keys of the domain, of which each has its own suite.
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"],
        "issuer": alpha.did, "credentialSubject": {"id": "did:example:pat"},
    });
    for is_chain in [false, true] {
        let both = json!({"verificationMethod": [keys[0].0, keys[1].0], "proofChain": is_chain});
        let (status, answer) =
            post(&alpha, "/credentials/issue", &json!({"credential": credential, "options": both}));
        let proofs = &answer["verifiableCredential"]["proof"];
        assert_eq!((status, proofs.as_array().unwrap().len()), (201, 2), "{answer}");
        assert_eq!(proofs[1].get("previousProof"), is_chain.then(|| &proofs[0]["id"]));
        let suites = (&proofs[0]["cryptosuite"], &proofs[1]["cryptosuite"]);
        assert_eq!(suites, (&json!("eddsa-jcs-2022"), &json!("ecdsa-jcs-2019")));
        issued.push(answer["verifiableCredential"].clone());
    }
    let id = "urn:uuid:0fc754bc-fc32-46a0-aec1-a5ef385e7ea0";
    let credential = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "id": id,
        "issuer": alpha.did, "credentialSubject": {"id": "did:example:pat"},
    });
    let body = json!({"credential": credential, "options": {"statusPurposes": ["revocation"]}});
    let with_status = post(&alpha, "/credentials/issue", &body).1["verifiableCredential"].clone();
    let list = with_status["credentialStatus"][0]["statusListCredential"].as_str().unwrap();
    assert_eq!(list, format!("{PUBLIC_URL}/status/revocation"));
    issued.push(with_status.clone());

    // After a crash the keys are the same, and what was issued is known.
    alpha.kill();
    alpha.up_with(&VARIABLES);
    assert_eq!(issuers(&alpha), keys);
    for credential in &issued {
        let (status, answer) =
            post(&alpha, "/credentials/verify", &json!({"verifiableCredential": credential}));
        assert_eq!((status, &answer["verified"]), (200, &json!(true)), "{answer}");
    }
    alpha.done(&["credential", "revoke", id]);
    let (status, answer) = post(&alpha, "/credentials/verify", &json!({"verifiableCredential": with_status}));
    assert_eq!(
        (status, &answer["code"], &answer["verified"]),
        (400, &json!("credential-revoked"), &json!(false))
    );
    let presentation = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"],
        "verifiableCredential": issued[..5],
    });
    let (status, answer) = post(&alpha, "/presentations/verify", &json!({"presentation": presentation}));
    assert_eq!(status, 200, "{answer}");

    // Without the configuration there are no other issuers than the domain.
    alpha.kill();
    alpha.up();
    assert_eq!(issuers(&alpha).len(), 2);
}

fn enveloped(format: &str, text: &str) -> Value {
    let envelope = Envelope::of_format(Content::Credential, format).unwrap();
    let secured = Secured::from_text(Content::Credential, envelope, text, MAX_CREDENTIAL_BYTES).unwrap();
    json!({
        "@context": "https://www.w3.org/ns/credentials/v2", "type": "EnvelopedVerifiableCredential",
        "id": secured.to_data_url(),
    })
}

// R-047 R-043
#[test]
fn the_node_issues_for_the_command_line_what_it_verifies_and_can_revoke() {
    let mut alpha = Domain::start("alpha.test");
    let claims = alpha.folder.path().join("claims.json");
    std::fs::write(&claims, r#"{"id":"did:web:bot.example","name":"Ada","clearance":"high"}"#).unwrap();
    let issue = ["issue", claims.to_str().unwrap(), "--type", "StaffCredential"];
    let name = "/credentialSubject/name";
    for (format, key) in
        [("vc+jwt", "p256"), ("vc+cose", "assertion"), ("vc", "p256"), ("vc+sd-jwt", "assertion")]
    {
        let mut asked = [&issue[..], &["--format", format, "--key", key, "--status", "revocation"]].concat();
        if format == "vc+sd-jwt" {
            asked.extend(["--hide", name]);
        }
        let issued = alpha.done(&asked);
        let members: Vec<&String> = issued.json.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["credential", "format", "id", "issuer", "keyId", "validUntil"],
            "as without a node"
        );
        assert_eq!((issued.text("issuer"), issued.text("format")), (alpha.did.clone(), format.to_owned()));
        assert!(issued.text("keyId").starts_with(&alpha.did) && issued.json["validUntil"].is_string());
        let text = issued.text("credential");
        let file = alpha.folder.path().join("issued");
        std::fs::write(&file, &text).unwrap();
        let read = alpha.done(&["inspect", file.to_str().unwrap()]).json;
        assert_eq!(read["document"]["credentialSubject"]["name"], "Ada", "{read}");
        assert_eq!(
            text.contains('~').then(|| text.matches('~').count()),
            (format == "vc+sd-jwt").then_some(2)
        );
        let credential = match format {
            "vc" => serde_json::from_str(&text).unwrap(),
            format => enveloped(format, &text),
        };
        let verify = || post(&alpha, "/credentials/verify", &json!({"verifiableCredential": credential}));
        let (status, answer) = verify();
        assert_eq!(status, 200, "{format}: {answer}");
        alpha.done(&["credential", "revoke", &issued.text("id")]);
        assert_eq!(verify().1["code"], "credential-revoked", "{format}");
    }
    let refused = |more: &[&str]| {
        let answer = alpha.run(&[&issue[..], more].concat());
        (answer.exit, answer.json["error"]["code"].as_str().unwrap().to_owned())
    };
    let usage = (2, "usage".to_owned());
    assert_eq!(refused(&["--hide", name]), usage, "a JWT hides nothing");
    assert_eq!(refused(&["--hide", "/issuer", "--format", "vc+sd-jwt"]), usage);
    assert_eq!(refused(&["--key", "update"]), usage);
    assert_eq!(refused(&["--subject", "did:web:other.example"]), usage);
    let foreign = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": "VerifiableCredential",
        "issuer": "did:web:other.example", "credentialSubject": {"id": "did:web:bot.example"},
    });
    let answer = alpha.pipe(&["issue", "-"], foreign.to_string().as_bytes());
    assert_eq!(
        (answer.exit, &answer.json["error"]["path"]),
        (2, &json!(["credential", "issuer"])),
        "{}",
        answer.json
    );
    alpha.kill();
    let down = alpha.run(&issue);
    let action = down.json["error"]["action"].as_str().unwrap();
    assert_eq!((down.exit, &down.json["error"]["code"]), (7, &json!("node-unreachable")));
    assert!(action.contains("marque up") && action.contains("--key-file"), "{action}");
    let nowhere = alpha.folder.path().join("nowhere");
    let never = alpha.run(&[&issue[..], &["--data", nowhere.to_str().unwrap()]].concat());
    let action = never.json["error"]["action"].as_str().unwrap();
    assert!(never.exit == 2 && action.contains("marque init") && action.contains("--key-file"), "{action}");
}
