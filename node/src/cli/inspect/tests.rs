//! Tests of what is recognised, what is said of it, and what never is.

use super::*;
use crate::exit::Exit;
use did_resolver::codec::multihash_base58btc;
use did_resolver::did::Did;
use did_resolver::keys::KeyKind;
use did_resolver::methods::{key_did, key_id};
use marque_rules::replica::token::{JoinSecret, JoinToken, SECRET_BYTES};
use marque_store::secret::SecretKey;
use proptest::prelude::*;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use vc_schemas::context;
use vc_schemas::disclosure::Pointer;
use vc_schemas::secure::sd_jwt::{Profile, SdJwtDraft};
use vc_schemas::secure::{Content, Draft, Envelope, Secured};
use vc_schemas::status::array::{Bits, MIN_ENTRIES, Width};
use vc_schemas::status::token_list::{Form, TokenDraft, TokenList};
use vc_schemas::status::{ListDraft, Purpose};

const NOW: UnixSeconds = UnixSeconds::new(1_780_000_000);
const LIST: &str = "https://acme.example/status/1";

fn of(bytes: impl Into<Vec<u8>>) -> Option<Result<Answer, Failure>> {
    inspected(&Thing::new(bytes.into(), None, NOW))
}

fn said(bytes: impl Into<Vec<u8>>) -> Answer {
    of(bytes).expect("recognised").expect("well made")
}

fn refused(bytes: impl Into<Vec<u8>>) -> Failure {
    of(bytes).expect("recognised").expect_err("not well made")
}

fn kind(answer: &Answer) -> (&str, bool) {
    (answer.document["kind"].as_str().unwrap(), answer.document["verified"].as_bool().unwrap())
}

fn secret() -> SecretKey {
    SecretKey::from_bytes(KeyKind::Ed25519, &[7; 32]).unwrap()
}

fn did() -> Did {
    key_did(secret().public()).unwrap()
}

fn secured(content: Content, envelope: Envelope, payload: Value) -> Secured {
    let key = secret();
    let id = key_id(key.public()).unwrap();
    let draft = Draft::new(content, envelope, payload, id, KeyKind::Ed25519).unwrap();
    let signature = key.sign(draft.signing_input()).unwrap();
    draft.attach(key.public(), &signature).unwrap()
}

fn credential() -> Value {
    json!({
        "@context": context::own(),
        "id": "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd",
        "type": ["VerifiableCredential", "AgentCredential"],
        "issuer": did().as_str(),
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2026-01-02T00:00:00Z",
        "credentialStatus": {
            "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
            "statusListIndex": "94567", "statusListCredential": LIST,
        },
        "credentialSubject": {"id": "did:web:acme.example:agents:travel-bot", "capabilities": ["calendar:read"]},
    })
}

fn held(credential: &Secured) -> Value {
    credential.to_embedded().unwrap_or_else(|| {
        json!({"@context": [context::CREDENTIALS_V2], "type": "EnvelopedVerifiableCredential",
               "id": credential.to_data_url()})
    })
}

fn presentation(credentials: &[Value]) -> Value {
    json!({
        "@context": [context::CREDENTIALS_V2], "type": ["VerifiablePresentation"], "holder": did().as_str(),
        "verifiableCredential": credentials, "aud": "did:web:verifier.example", "nonce": "n-1",
        "iat": 1_779_999_900, "exp": 1_779_999_960,
    })
}

fn token() -> JoinToken {
    JoinToken {
        domain: format!("did:webvh:{}:acme.example", multihash_base58btc(b"acme")).parse().unwrap(),
        version_id: format!("1-{}", multihash_base58btc(b"entry")),
        addresses: vec!["/dns4/node.acme.example/tcp/4001".to_owned()],
        secret: JoinSecret::new([0xab; SECRET_BYTES]),
        expires_at: NOW.plus(Duration::from_secs(600)),
    }
}

#[test]
fn a_did_says_where_it_is_published_or_which_keys_it_is() {
    let scid = multihash_base58btc(b"acme");
    let answer = said(format!("did:webvh:{scid}:acme.example%3A8443:agents:bot\n"));
    assert_eq!(kind(&answer), ("did", false));
    assert_eq!(answer.document["logUrl"], "https://acme.example:8443/agents/bot/did.jsonl");
    assert!(answer.human.contains("bot@acme.example"), "{}", answer.human);
    assert!(answer.human.contains(NOT_VERIFIED));

    let answer = said(format!("did:scid:vh:1:{scid}?src=acme.example/bot"));
    assert_eq!(answer.document["sameAs"], format!("did:webvh:{scid}:acme.example:bot"));
    assert_eq!(answer.document["logUrl"], "https://acme.example/bot/did.jsonl");

    let answer = said("did:web:acme.example#key-1");
    assert_eq!(answer.document["documentUrl"], "https://acme.example/.well-known/did.json");
    assert_eq!(answer.document["fragment"], "key-1");
    assert_eq!(answer.document["is"], "a DID URL");

    let answer = said(did().as_str());
    assert_eq!(kind(&answer), ("did", false));
    assert_eq!(answer.document["keys"][0]["multikey"], secret().public().to_multikey());
    assert!(answer.human.contains("Ed25519"), "{}", answer.human);

    assert!(said("did:example:123").human.contains("not spoken here"));
    assert_eq!(refused("did:webvh:acme.example").exit, Exit::Usage);
    assert_eq!(refused("did:key:z6Mk").code, "did-malformed");
}

#[test]
fn a_did_document_says_its_keys_and_what_they_are_for() {
    let document = did_resolver::methods::resolve(&did()).unwrap().json().clone();
    for whole in [document.clone(), json!({"didDocument": document, "didResolutionMetadata": {}})] {
        let answer = said(whole.to_string());
        assert_eq!(kind(&answer), ("did-document", false));
        assert!(answer.document["keys"][0]["uses"].as_str().unwrap().contains("assertionMethod"));
    }
    assert_eq!(refused(r#"{"id": "did:web:a.test", "verificationMethod": 1}"#).exit, Exit::Usage);
}

/// Keys that OpenSSL made: their PEM, and their compressed points.
const PEM: [(KeyKind, &str, &str); 5] = [
    (
        KeyKind::Ed25519,
        "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
        "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    ),
    (
        KeyKind::X25519,
        "MCowBQYDK2VuAyEA/wPdQgryLhB/7ZBJlcaHkpdAwXNKK5mgMa2OeOuTKFo=",
        "ff03dd420af22e107fed904995c687929740c1734a2b99a031ad8e78eb93285a",
    ),
    (
        KeyKind::P256,
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEfSWfMLOMQGr7JNDcCpEBO2LVzVA0\n\
         Ln2EU85V6hfT/OWz914PLyvMS+W7pBM1UplaWn963f6z8eWivXpWaz76nw==",
        "037d259f30b38c406afb24d0dc0a91013b62d5cd50342e7d8453ce55ea17d3fce5",
    ),
    (
        KeyKind::P384,
        "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEX749iAkqbYS121DTJX91QgqE5XDHEHx6\n\
         l/jniR+/Mf/6R+Kg1EW/ztPxURorAB28AFzyban01VEYJf0i1DG4gQ56kiKqg9I5\n\
         bZv+ZJtq39nOhnYBc/pJEaZtK3CVPAMH",
        "035fbe3d88092a6d84b5db50d3257f75420a84e570c7107c7a97f8e7891fbf31fffa47e2a0d445bfced3f1511a2b001dbc",
    ),
    (
        KeyKind::Secp256k1,
        "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEguoQnJSEmySVeq7hAMZN2VWXAYxh/5VN\n\
         lN+a5jBOMwSVH123kkXYXWGMwyZos+25SYu650t37IMAeobPV2pK0A==",
        "0282ea109c94849b24957aaee100c64dd95597018c61ff954d94df9ae6304e3304",
    ),
];

#[test]
fn a_key_is_the_same_key_in_each_of_its_forms() {
    for (key_kind, body, point) in PEM {
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
        let answer = said(pem.clone());
        assert_eq!(answer.document["kind"], "key");
        let multikey = answer.document["multikey"].as_str().unwrap().to_owned();
        let key = did_resolver::keys::PublicKey::from_multikey(&multikey).unwrap();
        assert_eq!((key.kind(), codec::to_hex(key.as_bytes()).as_str()), (key_kind, point));
        for form in [multikey.clone(), answer.document["jwk"].to_string()] {
            let other = said(form);
            assert_eq!(other.document["multikey"], multikey);
            assert!(other.human.contains(&multikey));
        }
        let by_did = said(answer.document["did"].as_str().unwrap());
        assert_eq!(by_did.document["keys"][0]["multikey"], multikey);
        let cut = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", &body[4..]);
        assert_eq!(refused(cut).exit, Exit::Usage);
    }
    assert_eq!(refused(r#"{"kty": "RSA", "n": "AQ", "e": "AQAB"}"#).exit, Exit::Usage);
}

#[test]
fn a_secret_key_is_refused_and_nothing_of_it_is_shown() {
    let secret = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "d": secret,
                     "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----");
    for given in [jwk.to_string(), pem, json!({"kty": "oct", "k": secret}).to_string()] {
        let failure = refused(given);
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.to_string().contains(secret) && !failure.to_json().to_string().contains(secret));
    }
}

fn vector(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/webvh"));
    std::fs::read(folder.join(name)).unwrap()
}

#[test]
fn a_log_has_a_line_for_each_version_and_an_index_of_its_keys() {
    let answer = said(vector("key-rotation.ts.jsonl"));
    assert_eq!(kind(&answer), ("did-log", true));
    let versions = answer.document["versions"].as_array().unwrap();
    assert_eq!(
        versions.len(),
        vector("key-rotation.ts.jsonl").split(|b| *b == b'\n').filter(|l| !l.is_empty()).count()
    );
    for version in versions {
        let (id, time) = (version["versionId"].as_str().unwrap(), version["versionTime"].as_str().unwrap());
        assert!(answer.human.contains(time), "{id}");
        assert!(!version["changes"].as_array().unwrap().is_empty());
    }
    let keys = answer.document["keys"].as_array().unwrap();
    assert!(!keys.is_empty());
    for key in keys {
        assert!(answer.human.contains(key["multikey"].as_str().unwrap()));
        assert!(key["listed"][0]["versionNumber"].as_u64().unwrap() >= 1);
    }
    assert_eq!(log::ranges(&[1, 2, 3, 5, 7, 8]), "1-3, 5, 7-8");
    assert_eq!(log::ranges(&[]), "");
}

#[test]
fn a_log_that_breaks_a_rule_or_lacks_its_witnesses_is_refused() {
    let tampered = String::from_utf8(vector("multi-update.ts.jsonl")).unwrap().replacen(
        "\"state\":{",
        "\"state\":{\"x\":1,",
        1,
    );
    assert_eq!(refused(tampered).code, "log-refused");
    let (log, witness) = (vector("witness-threshold.ts.jsonl"), vector("witness-threshold.ts.witness.json"));
    assert!(refused(log.clone()).action.contains("--witness"));
    let answer = inspected(&Thing::new(log, Some(witness), NOW)).unwrap().unwrap();
    assert_eq!(answer.document["versions"][0]["approvals"], json!({"given": 1, "needed": 1, "witnesses": 1}));
}

#[test]
fn a_credential_says_the_same_in_each_envelope_and_is_not_called_verified() {
    for envelope in Envelope::ALL {
        let secured = secured(Content::Credential, envelope, credential());
        let mut forms = vec![
            secured.bytes().to_vec(),
            secured.to_text().as_bytes().to_vec(),
            held(&secured).to_string().into_bytes(),
        ];
        if envelope != Envelope::DataIntegrity {
            forms.push(secured.to_data_url().into_bytes());
        }
        for form in forms {
            let answer = said(form);
            assert_eq!(kind(&answer), ("credential", false), "{envelope:?}");
            assert_eq!(answer.document["document"], credential(), "{envelope:?}");
            assert_eq!(answer.document["keyId"], secured.key_id().as_str());
            assert_eq!(answer.document["format"], envelope.format(Content::Credential));
            for part in [
                "AgentCredential",
                "travel-bot",
                "calendar:read",
                "revocation #94567",
                "(over)",
                NOT_VERIFIED,
            ] {
                assert!(answer.human.contains(part), "{part}: {}", answer.human);
            }
        }
        // A signature that is not good is not noticed, and so nothing is said to be verified.
        let mut bytes = secured.bytes().to_vec();
        if !envelope.is_text() {
            *bytes.last_mut().unwrap() ^= 1;
            assert_eq!(kind(&said(bytes)), ("credential", false));
        }
    }
}

#[test]
fn what_nothing_secures_is_said_to_be_so() {
    let answer = said(credential().to_string());
    assert!(answer.human.starts_with("a credential that nothing secures"), "{}", answer.human);
    assert_eq!(answer.document["secured"], false);
    assert_eq!(kind(&answer), ("credential", false));
    assert_eq!(said(presentation(&[]).to_string()).document["kind"], "presentation");
}

#[test]
fn an_sd_jwt_says_what_is_disclosed() {
    let (key, id) = (secret(), key_id(secret().public()).unwrap());
    let hidden: Vec<Pointer> = vec!["/credentialSubject/capabilities".parse().unwrap()];
    let draft =
        SdJwtDraft::new(Profile::Vc, &credential(), (&hidden, 2, &[3; 32]), &id, KeyKind::Ed25519).unwrap();
    let signature = key.sign(draft.signing_input()).unwrap();
    let whole = draft.attach(key.public(), &signature).unwrap();
    let answer = said(whole.to_text());
    assert_eq!(kind(&answer), ("credential", false));
    assert_eq!(answer.document["disclosed"], json!(["/credentialSubject/capabilities"]));
    let closed = said(whole.present(&[]).unwrap().to_text());
    assert_eq!(closed.document["disclosed"], json!([]));
    assert!(!closed.human.contains("calendar:read"));
}

#[test]
fn a_presentation_lists_its_credentials_also_those_that_cannot_be_read() {
    let credentials: Vec<Value> =
        Envelope::ALL.map(|envelope| held(&secured(Content::Credential, envelope, credential()))).to_vec();
    let bad = json!({"type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,e30"});
    let all = [credentials, vec![bad]].concat();
    let presents = |envelope: &Envelope| envelope.secures(Content::Presentation);
    for envelope in Envelope::ALL.into_iter().filter(presents) {
        let secured = secured(Content::Presentation, envelope, presentation(&all));
        for form in
            [secured.bytes().to_vec(), json!({"presentation": secured.to_text()}).to_string().into_bytes()]
        {
            let answer = said(form);
            assert_eq!(kind(&answer), ("presentation", false), "{envelope:?}");
            for at in 0..Envelope::ALL.len() {
                assert_eq!(answer.document["credentials"][at]["document"], credential(), "{envelope:?}");
            }
            assert!(answer.document["credentials"][Envelope::ALL.len()]["error"].is_string());
            for part in ["did:web:verifier.example", "n-1", "cannot be read", "vc+cose", "(over)"] {
                assert!(answer.human.contains(part), "{part}: {}", answer.human);
            }
        }
    }
}

#[test]
fn a_status_list_says_which_entries_are_set_in_each_of_its_forms() {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    bits.set(3).unwrap();
    bits.set(94_567).unwrap();
    let draft = ListDraft {
        url: LIST.to_owned(),
        issuer: did(),
        purpose: Purpose::Revocation,
        sequence: 9,
        issued: NOW,
        valid_until: NOW.plus(Duration::from_secs(600)),
        ttl: Duration::from_secs(300),
        bits,
    };
    for envelope in [Envelope::Jwt, Envelope::Cose, Envelope::DataIntegrity] {
        let list = secured(Content::Credential, envelope, draft.payload().unwrap());
        let answer = said(list.bytes());
        assert_eq!(kind(&answer), ("status-list", false), "{envelope:?}");
        assert_eq!(answer.document["set"], json!([{"index": 3, "value": 1}, {"index": 94_567, "value": 1}]));
        assert!(answer.human.contains("2: #3, #94567"), "{}", answer.human);
    }
    let mut bits = Bits::wide(1_000, Width::Two).unwrap();
    bits.put(8, 2).unwrap();
    let list = TokenList {
        url: LIST.to_owned(),
        issuer: Some(did()),
        sequence: Some(4),
        issued: NOW,
        not_before: None,
        expires: Some(NOW.plus(Duration::from_secs(600))),
        ttl: None,
        aggregation: None,
        bits,
    };
    for form in Form::ALL {
        let key = secret();
        let draft = TokenDraft::new(&list, form, &key_id(key.public()).unwrap(), KeyKind::Ed25519).unwrap();
        let signature = key.sign(draft.signing_input()).unwrap();
        let token = draft.attach(key.public(), &signature).unwrap();
        for bytes in [token.bytes().to_vec(), codec::to_base64url(token.bytes()).into_bytes()] {
            if form == Form::Jwt && bytes != token.bytes() {
                continue;
            }
            let answer = said(bytes);
            assert_eq!(kind(&answer), ("status-list", false), "{form:?}");
            assert_eq!(answer.document["set"], json!([{"index": 8, "value": 2}]));
            assert!(answer.human.contains("#8 = 2"), "{}", answer.human);
        }
    }
}

#[test]
fn a_join_token_says_whom_it_is_of_and_never_its_secret() {
    // R-065
    let text = token().encode();
    let answer = said(format!("{text}\n"));
    assert_eq!(kind(&answer), ("join-token", false));
    assert_eq!(answer.document["addresses"], json!(token().addresses));
    let shown = format!("{}{}", answer.human, answer.document);
    let secret = [0xab; SECRET_BYTES];
    let hidden = [
        codec::to_base64url(&secret),
        codec::to_hex(&secret),
        codec::to_hex(&token().secret.hash()),
        text.clone(),
    ];
    for secret in hidden {
        assert!(!shown.contains(&secret), "{shown}");
    }
    for bad in [&text[..text.len() - 4], &text.replace("mqj1.", "mqj1.AAAA")] {
        let failure = refused(bad);
        assert_eq!(failure.code, "token-malformed");
        assert!(!failure.to_json().to_string().contains(&bad[10..]));
    }
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    for unknown in ["", "hello", "z", "{}", "[]", "null", "a.b.c", "e30.e30.e30", "~", "data:,x", "mqj"] {
        assert!(of(unknown).is_none(), "{unknown}");
        if !unknown.is_empty() {
            let asked = Inspect { thing: unknown.to_owned(), witness: None };
            assert_eq!(asked.run().unwrap_err().exit, Exit::Usage);
        }
    }
    assert!(of([0xd2, 0x84, 0xff]).is_none());
    assert_eq!(refused(r#"{"type": ["VerifiableCredential"], "proof": {}}"#).exit, Exit::Denied);
}

proptest! {
    #[test]
    fn nothing_that_is_inspected_panics(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(of(text.clone()));
        drop(of(bytes));
        for prefix in ["did:", "did:key:z", "mqj1.", "{\"kty\":\"OKP\",", "-----BEGIN PUBLIC KEY-----", "z6Mk"] {
            drop(of(format!("{prefix}{text}")));
        }
    }

    #[test]
    fn nothing_that_is_cut_or_flipped_panics(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<bool>()) {
        for envelope in Envelope::ALL {
            let mut bytes = secured(Content::Credential, envelope, credential()).bytes().to_vec();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            if let Some(Ok(answer)) = of(bytes) {
                prop_assert_eq!(answer.document["verified"].as_bool(), Some(false));
            }
        }
    }
}
