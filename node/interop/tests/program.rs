//! The program itself, asked over its pipe.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use did_method_key::DIDKey;
use marque_interop::wire::{Answer, Ask, Hello, Question, Say, VERSION, read_frame, write_frame};
use serde_json::{Value, json};
use ssi::JWK;
use ssi::claims::jws::sign_bytes;
use ssi::jwk::Algorithm;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const MAX_BYTES: usize = 1024 * 1024;
const V2: &str = "https://www.w3.org/ns/credentials/v2";
const OWN: &str = "https://acme.example/contexts/v1";

/// Defines what the credentials of these tests say.
const CONTEXT: &str = r#"{"@context": {"@protected": true,
    "Badge": "https://acme.example/terms#Badge",
    "level": "https://acme.example/terms#level",
    "score": "https://acme.example/terms#score",
    "skills": "https://acme.example/terms#skills",
    "home": {"@id": "https://acme.example/terms#home", "@type": "@id"},
    "part": "https://acme.example/terms#part"}}"#;

struct Program {
    child: Child,
    questions: ChildStdin,
    answers: Option<ChildStdout>,
    asked: u64,
}

impl Program {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marque-interop"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, mut answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let hello = read_frame(&mut answers, MAX_BYTES).unwrap().unwrap();
        let hello: Hello = serde_json::from_slice(&hello).unwrap();
        assert_eq!(hello.version, VERSION);
        assert_eq!(hello.suites, ["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "Ed25519Signature2020"]);
        Self { child, questions, answers: Some(answers), asked: 0 }
    }

    fn ask(&mut self, ask: Ask) -> Say {
        self.asked += 1;
        let question = serde_json::to_vec(&Question { id: self.asked, ask }).unwrap();
        write_frame(&mut self.questions, &question).unwrap();
        let answer = read_frame(self.answers.as_mut().unwrap(), MAX_BYTES).unwrap().expect("an answer");
        let answer: Answer = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer.id, self.asked);
        answer.say
    }

    fn verify(&mut self, document: &Value, key: &str) -> Say {
        let (document, key) = (document.to_string(), key.to_owned());
        self.ask(Ask::Verify { document, key, contexts: contexts() })
    }

    fn holds(&mut self, document: &Value, key: &str) -> bool {
        matches!(self.verify(document, key), Say::Holds(_))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn contexts() -> BTreeMap<String, String> {
    BTreeMap::from([(OWN.to_owned(), CONTEXT.to_owned())])
}

/// A signer with its suite.
struct Signer {
    key: JWK,
    did: String,
    suite: &'static str,
    algorithm: Algorithm,
}

impl Signer {
    fn all() -> [Self; 4] {
        let of = |key: JWK, suite, algorithm| {
            let did = DIDKey::generate(&key).unwrap().to_string();
            Self { key, did, suite, algorithm }
        };
        [
            of(JWK::generate_ed25519().unwrap(), "eddsa-rdfc-2022", Algorithm::EdDSA),
            of(JWK::generate_ed25519().unwrap(), "Ed25519Signature2020", Algorithm::EdDSA),
            of(JWK::generate_p256(), "ecdsa-rdfc-2019", Algorithm::ES256),
            of(JWK::generate_p384(), "ecdsa-rdfc-2019", Algorithm::ES384),
        ]
    }

    fn multikey(&self) -> &str {
        self.did.strip_prefix("did:key:").unwrap()
    }

    fn proof(&self) -> Value {
        let mut proof = json!({
            "type": "DataIntegrityProof",
            "cryptosuite": self.suite,
            "created": "2026-11-01T00:00:00Z",
            "verificationMethod": format!("{}#{}", self.did, self.multikey()),
            "proofPurpose": "assertionMethod",
        });
        if self.suite == "Ed25519Signature2020" {
            let members = proof.as_object_mut().unwrap();
            members.remove("cryptosuite");
            members.insert("type".into(), json!(self.suite));
        }
        proof
    }

    fn credential(&self) -> Value {
        let mut contexts = vec![V2, OWN];
        if self.suite == "Ed25519Signature2020" {
            contexts.push("https://w3id.org/security/suites/ed25519-2020/v1");
        }
        json!({
            "@context": contexts,
            "id": "urn:uuid:6a8d5e0e-5b1c-4a0f-9a53-0c7f7d1b3a11",
            "type": ["VerifiableCredential", "Badge"],
            "issuer": {"id": self.did, "name": {"@value": "Acme", "@language": "en"}},
            "validUntil": "2030-01-01T00:00:00Z",
            "credentialStatus": {
                "id": "https://acme.example/status/1#7",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": "7",
                "statusListCredential": "https://acme.example/status/1",
            },
            "credentialSubject": {
                "id": "did:web:bot.example",
                "level": 3,
                "score": 1.5,
                "skills": ["read", "write"],
                "home": "https://bot.example/",
                "part": {"level": 1, "part": {"level": 2}},
            },
        })
    }

    /// Signs what the program says is to be signed; the program never has the key.
    fn sign(&self, program: &mut Program, mut credential: Value) -> Value {
        let mut proof = self.proof();
        let said = program.ask(Ask::Prepare {
            document: credential.to_string(),
            proof: proof.to_string(),
            key: self.multikey().to_owned(),
            contexts: contexts(),
        });
        let Say::Sign(bytes) = said else { panic!("{said:?}") };
        let signature = sign_bytes(self.algorithm, &from_hex(&bytes), &self.key).unwrap();
        proof["proofValue"] = json!(multibase::encode(multibase::Base::Base58Btc, signature));
        credential["proof"] = proof;
        credential
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Every value of a document with its pointer.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, value)| places(value, &format!("{pointer}/{}", escaped(name)), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| places(value, &format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

#[test]
fn the_vectors_of_the_recommendations_hold_over_the_hashes_that_they_name() {
    let mut program = Program::start();
    for (folder, signed, hash) in [
        ("di-eddsa", "signedDataInt.json", "combinedHashDataInt.txt"),
        ("di-eddsa", "signedEdSig.json", "combinedHashEdSig.txt"),
        ("di-ecdsa", "signedECDSAP256.json", "combinedHashECDSAP256.txt"),
        ("di-ecdsa", "signedECDSAP384.json", "combinedHashECDSAP384.txt"),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(folder);
        let read = |name| std::fs::read_to_string(folder.join(name)).unwrap();
        let document: Value = serde_json::from_str(&read(signed)).unwrap();
        let method = document["proof"]["verificationMethod"].as_str().unwrap();
        let key = method.split_once('#').unwrap().1;
        assert_eq!(program.verify(&document, key), Say::Holds(read(hash).trim().to_owned()), "{signed}");
        let mut forged = document.clone();
        forged["credentialSubject"]["alumniOf"] = json!("Another School");
        assert_eq!(program.verify(&forged, key), Say::Fails, "{signed}");
    }
}

#[test]
fn what_is_signed_by_what_it_prepares_holds_and_by_another_key_fails() {
    let mut program = Program::start();
    for signer in Signer::all() {
        let signed = signer.sign(&mut program, signer.credential());
        assert!(program.holds(&signed, signer.multikey()), "{}", signer.suite);
        for other in Signer::all() {
            assert!(!program.holds(&signed, other.multikey()), "{} as {}", signer.suite, other.suite);
        }
    }
}

#[test]
fn no_value_can_be_changed_or_taken_away() {
    let mut program = Program::start();
    for signer in Signer::all() {
        let signed = signer.sign(&mut program, signer.credential());
        let mut found = Vec::new();
        places(&signed, "", &mut found);
        let mut tried = 0;
        // The contexts say what terms mean; which are taken is for the node.
        for pointer in found.iter().filter(|p| !p.is_empty() && !p.starts_with("/@context")) {
            for change in [json!(null), json!("changed"), json!(8), json!({"id": "urn:changed"})] {
                let mut changed = signed.clone();
                *changed.pointer_mut(pointer).unwrap() = change.clone();
                tried += 1;
                assert!(
                    !program.holds(&changed, signer.multikey()),
                    "{pointer} as {change}: {}",
                    signer.suite
                );
            }
        }
        assert!(tried > 100, "{tried}");
    }
}

#[test]
fn nothing_can_be_added_that_nobody_signed() {
    let mut program = Program::start();
    for signer in Signer::all() {
        let signed = signer.sign(&mut program, signer.credential());
        for place in
            ["", "/issuer", "/credentialSubject", "/credentialSubject/part", "/credentialStatus", "/proof"]
        {
            for (name, value) in [
                ("admin", json!(true)),
                ("validFrom", json!("2020-01-01T00:00:00Z")),
                ("level", json!(9)),
                ("home", json!("https://evil.example/")),
                ("home", json!("no iri")),
                ("https://acme.example/terms#level", json!(9)),
                ("relative", json!("x")),
                ("termsOfUse", json!({"id": "no iri", "type": "Badge"})),
                ("credentialSchema", json!({"id": "https://a.example/s", "type": "JsonSchema"})),
            ] {
                let mut changed = signed.clone();
                let members = changed.pointer_mut(place).unwrap().as_object_mut().unwrap();
                if members.insert(name.to_owned(), value.clone()).as_ref() == Some(&value) {
                    continue;
                }
                let said = program.verify(&changed, signer.multikey());
                assert!(!matches!(said, Say::Holds(_)), "{name} {value} at {place}: {}", signer.suite);
            }
        }
    }
}

#[test]
fn contexts_are_embedded_or_given_and_never_fetched() {
    let mut program = Program::start();
    let [signer, ..] = Signer::all();
    let signed = signer.sign(&mut program, signer.credential());
    let without = Ask::Verify {
        document: signed.to_string(),
        key: signer.multikey().to_owned(),
        contexts: BTreeMap::new(),
    };
    assert!(matches!(program.ask(without), Say::Unprocessable(_)));
    let mut elsewhere = signed;
    elsewhere["@context"][1] = json!("http://127.0.0.1:1/context");
    assert!(matches!(program.verify(&elsewhere, signer.multikey()), Say::Unprocessable(_)));
}

#[test]
fn what_is_not_a_document_with_one_proof_of_a_suite_is_unprocessable() {
    let mut program = Program::start();
    let [signer, ..] = Signer::all();
    let signed = signer.sign(&mut program, signer.credential());
    let with = |pointer: &str, value: Value| {
        let mut document = signed.clone();
        *document.pointer_mut(pointer).unwrap() = value;
        document
    };
    for document in [
        json!(null),
        json!([]),
        json!({}),
        signer.credential(),
        with("/proof", json!([signed["proof"].clone(), signed["proof"].clone()])),
        with("/proof", json!("proof")),
        with("/proof/cryptosuite", json!("eddsa-jcs-2022")),
        with("/proof/cryptosuite", json!("bbs-2023")),
        with("/proof/type", json!("RsaSignature2018")),
        with("/proof/verificationMethod", json!({"id": "did:key:z6Mk#z6Mk", "type": "Multikey"})),
    ] {
        let said = program.verify(&document, signer.multikey());
        assert!(matches!(said, Say::Unprocessable(_)), "{document}: {said:?}");
    }
    for key in ["", "z6Mk", "did:key:z6Mk", "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"] {
        let said = program.verify(&signed, key);
        assert!(!matches!(said, Say::Holds(_)), "{key}");
    }
}

#[test]
fn dids_that_need_no_network_resolve() {
    let mut program = Program::start();
    let [signer, ..] = Signer::all();
    for (did, part) in [
        (signer.did.as_str(), signer.multikey()),
        (
            "did:pkh:eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a",
            "eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        ),
        (
            "did:ethr:0xb9c5714089478a327f09197987f16f9e5d936e8a",
            "eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a",
        ),
        (
            "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9",
            "zDnaepnC2eBkx4oZkNLGDnVK8ofKzoGk1Yui8fzC6FLoV1F1e",
        ),
    ] {
        let said = program.ask(Ask::Resolve { did: did.to_owned() });
        let Say::Document(text) = said else { panic!("{did}: {said:?}") };
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["id"], did);
        assert!(text.contains(part), "{text}");
    }
    for did in ["did:web:acme.example", "did:key:x", "did:tz:tz1", "nothing", ""] {
        let said = program.ask(Ask::Resolve { did: did.to_owned() });
        assert!(matches!(said, Say::Unprocessable(_)), "{did}: {said:?}");
    }
}

#[test]
fn what_is_no_question_ends_the_program() {
    for bytes in [&b"{}"[..], b"{\"id\":1}", b"\xff", b""] {
        let mut program = Program::start();
        write_frame(&mut program.questions, bytes).unwrap();
        assert_eq!(read_frame(program.answers.as_mut().unwrap(), MAX_BYTES).unwrap(), None);
        assert!(!program.child.wait().unwrap().success());
    }
    let mut program = Program::start();
    program.questions.write_all(&[0xff; 4]).unwrap();
    assert_eq!(read_frame(program.answers.as_mut().unwrap(), MAX_BYTES).unwrap(), None);
}

/// The same thing said of many nodes without a name, below two others of which the same is said:
/// canonicalisation tries their orders, of which there are twelve factorial. It is what the node's limits are for, and this shows that they are needed.
#[test]
fn a_credential_can_be_made_that_takes_longer_than_a_node_waits() {
    let mut program = Program::start();
    let [signer, ..] = Signer::all();
    let mut credential = signer.credential();
    credential["credentialSubject"]["part"] = json!(vec![json!({"part": vec![json!({"level": 1}); 12]}); 2]);
    credential["proof"] = signer.proof();
    credential["proof"]["proofValue"] = json!(format!("z{}", "1".repeat(64)));
    let ask = Ask::Verify {
        document: credential.to_string(),
        key: signer.multikey().to_owned(),
        contexts: contexts(),
    };
    let question = serde_json::to_vec(&Question { id: 1, ask }).unwrap();
    write_frame(&mut program.questions, &question).unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    let mut answers = program.answers.take().unwrap();
    let (answered, answer) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let _told = answered.send(read_frame(&mut answers, MAX_BYTES));
    });
    let answer = answer.recv_timeout(until.saturating_duration_since(Instant::now()));
    assert!(answer.is_err(), "{answer:?}");
}
