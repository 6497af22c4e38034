//! The VC-API of a running node.

use crate::process::Domain;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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
