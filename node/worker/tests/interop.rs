//! The real worker, by this side and by its own limits; and ssi's DID documents beside Marque's.
//!
//! `MARQUE_INTEROP` names the program, which its own workspace builds; without it nothing is run here, and
//! each test says so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::methods;
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer as _, SigningKey};
use marque_flows::ports::suites::{Judged, Proven, Suites, SuitesError};
use marque_worker::{Contexts, DEADLINE, Worker};
use serde_json::{Value, json};
use std::future::pending;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use vc_schemas::secure::MAX_CREDENTIAL_BYTES;
use vc_schemas::secure::linked_data::{LinkedData, signs_all};

const V2: &str = "https://www.w3.org/ns/credentials/v2";
const OWN: &str = "https://acme.example/contexts/v1";
const SKEW: Duration = Duration::from_secs(60);
const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn contexts() -> Value {
    json!({OWN: {"@context": {
        "@protected": true,
        "Badge": "https://acme.example/terms#Badge",
        "level": "https://acme.example/terms#level",
        "part": "https://acme.example/terms#part",
        "home": {"@id": "https://acme.example/terms#home", "@type": "@id"},
    }}})
}

/// The program, if there is one.
fn program(test: &str) -> Option<PathBuf> {
    let program = std::env::var_os("MARQUE_INTEROP").map(PathBuf::from);
    println!("{test}: {}", if program.is_some() { "run" } else { "0 run, MARQUE_INTEROP is not set" });
    program
}

fn worker(program: PathBuf) -> Worker {
    let contexts = Contexts::read(contexts().to_string().as_bytes(), signs_all).unwrap();
    marque_worker::spawn(program, contexts, pending()).0
}

/// The program asked directly, for what a node does not ask it.
struct Direct {
    child: Child,
    asked: u64,
}

impl Direct {
    fn start(program: &PathBuf) -> Self {
        let mut command = Command::new(program);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut direct = Self { child, asked: 0 };
        assert_eq!(direct.read()["version"], 1);
        direct
    }

    fn read(&mut self) -> Value {
        let answers = self.child.stdout.as_mut().unwrap();
        let mut length = [0; 4];
        answers.read_exact(&mut length).unwrap();
        let mut bytes = vec![0; u32::from_be_bytes(length).try_into().unwrap()];
        answers.read_exact(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn ask(&mut self, ask: &Value) -> Value {
        self.asked += 1;
        let question = json!({"id": self.asked, "ask": ask}).to_string();
        let questions = self.child.stdin.as_mut().unwrap();
        questions.write_all(&u32::try_from(question.len()).unwrap().to_be_bytes()).unwrap();
        questions.write_all(question.as_bytes()).unwrap();
        questions.flush().unwrap();
        self.read()["say"].take()
    }

    /// The document of a DID, as ssi has it.
    fn resolve(&mut self, did: &str) -> Option<Value> {
        let said = self.ask(&json!({"resolve": {"did": did}}));
        said["document"].as_str().map(|text| serde_json::from_str(text).unwrap())
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A key that signs, by libraries of which ssi uses other versions.
enum Signer {
    Ed25519(SigningKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

impl Signer {
    fn all() -> [Self; 3] {
        [
            Self::Ed25519(SigningKey::from_bytes(&[7; 32])),
            Self::P256(p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()),
            Self::P384(p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap()),
        ]
    }

    fn public(&self) -> PublicKey {
        match self {
            Self::Ed25519(key) => PublicKey::ed25519(key.verifying_key().as_bytes()),
            Self::P256(key) => PublicKey::p256(key.verifying_key().to_sec1_point(false).as_bytes()),
            Self::P384(key) => PublicKey::p384(key.verifying_key().to_sec1_point(false).as_bytes()),
        }
        .unwrap()
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(bytes).to_bytes().to_vec(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(bytes);
                signature.to_bytes().to_vec()
            }
        }
    }

    fn proof(&self) -> Value {
        let suite = match self {
            Self::Ed25519(_) => "eddsa-rdfc-2022",
            Self::P256(_) | Self::P384(_) => "ecdsa-rdfc-2019",
        };
        json!({
            "type": "DataIntegrityProof",
            "cryptosuite": suite,
            "created": "2026-11-01T00:00:00Z",
            "verificationMethod": methods::key_id(&self.public()).unwrap().to_string(),
            "proofPurpose": "assertionMethod",
        })
    }

    fn credential(&self) -> Value {
        json!({
            "@context": [V2, OWN],
            "type": ["VerifiableCredential", "Badge"],
            "issuer": methods::key_did(&self.public()).unwrap().as_str(),
            "validUntil": "2030-01-01T00:00:00Z",
            "credentialSubject": {
                "id": "did:web:bot.example",
                "level": 3,
                "home": "https://bot.example/",
                "part": {"level": 1.5},
            },
        })
    }

    fn signed(&self, direct: &mut Direct) -> Value {
        let (mut credential, mut proof) = (self.credential(), self.proof());
        let texts = contexts();
        let texts: serde_json::Map<_, _> =
            texts.as_object().unwrap().iter().map(|(url, c)| (url.clone(), json!(c.to_string()))).collect();
        let said = direct.ask(&json!({"prepare": {
            "document": credential.to_string(),
            "proof": proof.to_string(),
            "key": self.public().to_multikey(),
            "contexts": texts,
        }}));
        let bytes = data_encoding::HEXLOWER.decode(said["sign"].as_str().unwrap().as_bytes()).unwrap();
        proof["proofValue"] = json!(did_resolver::codec::to_multibase_z(&self.sign(&bytes)));
        credential["proof"] = proof;
        credential
    }
}

/// What a node says of a credential: read, judged, and verified by its own rule.
async fn verdict(worker: &Worker, document: &Value, key: &PublicKey) -> Result<(), String> {
    let read = LinkedData::read(document, |url| worker.has_context(url), MAX_CREDENTIAL_BYTES)
        .map_err(|error| error.to_string())?;
    let proven = Proven { document: read.text().to_owned(), key: key.to_multikey() };
    match worker.judge(proven).await.map_err(|error| error.to_string())? {
        Judged::Holds(hash) => read.verify(key, &hash, NOW, SKEW).map_err(|error| error.to_string()),
        Judged::Fails => Err("fails".to_owned()),
        Judged::Unprocessable => Err("unprocessable".to_owned()),
    }
}

#[tokio::test]
async fn credentials_over_rdf_canonicalisation_verify_and_forged_ones_do_not() {
    let Some(program) = program("suites") else { return };
    let (worker, mut direct) = (worker(program.clone()), Direct::start(&program));
    for signer in Signer::all() {
        let (signed, key) = (signer.signed(&mut direct), signer.public());
        assert_eq!(verdict(&worker, &signed, &key).await, Ok(()));
        for (pointer, value) in [
            ("/credentialSubject/level", json!(4)),
            ("/credentialSubject/part/level", json!(1.25)),
            ("/credentialSubject/home", json!("https://evil.example/")),
            ("/credentialSubject/id", json!("did:web:evil.example")),
            ("/validUntil", json!("2031-01-01T00:00:00Z")),
            ("/issuer", json!("did:web:evil.example")),
            ("/type", json!(["VerifiableCredential"])),
            ("/proof/created", json!("2026-10-01T00:00:00Z")),
        ] {
            let mut forged = signed.clone();
            *forged.pointer_mut(pointer).unwrap() = value;
            assert!(verdict(&worker, &forged, &key).await.is_err(), "{pointer}");
        }
        let other = PublicKey::ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes()).unwrap();
        assert!(verdict(&worker, &signed, &other).await.is_err());
    }
}

/// Each says the same to who canonicalises; to who reads JSON, the end, the status or the subject's level
/// has gone, or stands elsewhere. ssi takes them all, so this side must not.
#[tokio::test]
async fn what_ssi_takes_in_another_form_is_refused_before_it_is_asked() {
    let Some(program) = program("other forms") else { return };
    let (worker, mut direct) = (worker(program.clone()), Direct::start(&program));
    let [signer, ..] = Signer::all();
    let (signed, key) = (signer.signed(&mut direct), signer.public());
    let mut renamed = signed.clone();
    let members = renamed.as_object_mut().unwrap();
    let end = members.remove("validUntil").unwrap();
    let typed = json!({"@value": end, "@type": "http://www.w3.org/2001/XMLSchema#dateTime"});
    members.insert("https://www.w3.org/2018/credentials#validUntil".to_owned(), typed);
    let mut hidden = signed.clone();
    let subject = hidden["credentialSubject"].as_object_mut().unwrap();
    let level = subject.remove("level").unwrap();
    subject.insert("https://acme.example/terms#level".to_owned(), level);
    let mut empty = signed.clone();
    empty["credentialStatus"] = json!([]);
    let mut none = signed.clone();
    none["validFrom"] = json!(null);
    for (name, document) in [("renamed", renamed), ("hidden", hidden), ("empty", empty), ("null", none)] {
        let proven = Proven { document: document.to_string(), key: key.to_multikey() };
        let judged = worker.judge(proven).await;
        assert!(matches!(judged, Ok(Judged::Holds(_))), "{name}: {judged:?}");
        let error = verdict(&worker, &document, &key).await.unwrap_err();
        assert_eq!(error, "it says what its proof would not sign", "{name}");
    }
}

/// A credential of 1 KB whose canonicalisation tries the orders of `n` nodes that nothing tells apart.
fn poison(signer: &Signer, n: usize) -> Value {
    let mut document = signer.credential();
    document["credentialSubject"]["part"] = json!(vec![json!({"part": vec![json!({"level": 1}); n]}); 2]);
    document["proof"] = signer.proof();
    document["proof"]["proofValue"] = json!(did_resolver::codec::to_multibase_z(&[1; 64]));
    document
}

#[tokio::test]
async fn a_credential_made_to_exhaust_canonicalisation_is_refused_in_time_and_others_still_verify() {
    let Some(program) = program("poison") else { return };
    let (worker, mut direct) = (worker(program.clone()), Direct::start(&program));
    let [signer, ..] = Signer::all();
    let signed = signer.signed(&mut direct);
    for n in [12, 200] {
        let document = poison(&signer, n);
        let proven = Proven { document: document.to_string(), key: signer.public().to_multikey() };
        let began = Instant::now();
        assert_eq!(worker.judge(proven).await, Err(SuitesError::Exhausted), "{n}");
        assert!(began.elapsed() < DEADLINE + Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!(verdict(&worker, &signed, &signer.public()).await, Ok(()));
    }
}

#[tokio::test]
async fn a_document_too_deep_for_a_stack_ends_the_worker_and_nothing_else() {
    let Some(program) = program("depth") else { return };
    let worker = worker(program.clone());
    let [signer, ..] = Signer::all();
    // A node refuses depth before; this is what happens if it did not.
    let depth = 100_000;
    let document = format!("{}{}{}", "{\"a\":".repeat(depth), "1", "}".repeat(depth));
    let proven = Proven { document, key: signer.public().to_multikey() };
    assert!(!matches!(worker.judge(proven).await, Ok(Judged::Holds(_))));
    let signed = signer.signed(&mut Direct::start(&program));
    assert_eq!(verdict(&worker, &signed, &signer.public()).await, Ok(()));
}

/// Marque's documents and those of did-method-key and did-jwk list the same key for the same uses.
#[test]
fn did_documents_are_those_of_ssi() {
    let Some(program) = program("documents") else { return };
    let mut direct = Direct::start(&program);
    for signer in Signer::all() {
        let key = signer.public();
        let did = methods::key_did(&key).unwrap();
        same(&did, &key, &mut direct);
        let jwk = data_encoding::BASE64URL_NOPAD.encode(key.to_jwk().unwrap().to_string().as_bytes());
        same(&format!("did:jwk:{jwk}").parse().unwrap(), &key, &mut direct);
    }
}

fn same(did: &Did, key: &PublicKey, direct: &mut Direct) {
    let (own, theirs) = (methods::resolve(did).unwrap(), direct.resolve(did.as_str()).unwrap());
    assert_eq!(theirs["id"], own.id().as_str());
    let method = &theirs["verificationMethod"][0];
    assert_eq!(method["publicKeyMultibase"], key.to_multikey(), "{did}");
    let id = method["id"].as_str().unwrap().parse().unwrap();
    for relationship in [Relationship::AssertionMethod, Relationship::Authentication] {
        // did-jwk refers to the key from within its document.
        let listed = theirs[relationship.as_str()][0].as_str().unwrap();
        let listed = if listed.starts_with('#') { format!("{did}{listed}") } else { listed.to_owned() };
        assert_eq!(listed, method["id"]);
        assert_eq!(own.authorised(relationship, &id, NOW).unwrap().key, key, "{did}");
    }
}

/// No DID is a key here that is another key there. did-method-key takes more: it does not look at the key.
#[test]
fn a_did_key_that_was_changed_is_no_other_key_than_for_ssi() {
    let Some(program) = program("changed documents") else { return };
    let mut direct = Direct::start(&program);
    let (mut read, mut refused) = (0, 0);
    for signer in Signer::all() {
        let did = methods::key_did(&signer.public()).unwrap();
        for at in "did:key:z".len()..did.as_str().len() {
            let mut changed = did.as_str().as_bytes().to_vec();
            changed[at] = if changed[at] == b'2' { b'3' } else { b'2' };
            let Ok(changed) = String::from_utf8(changed).unwrap().parse::<Did>() else { continue };
            let theirs = direct.resolve(changed.as_str());
            match methods::key_of(&changed) {
                Ok(key) => {
                    read += 1;
                    let theirs = theirs.expect("a key that Marque reads is one for ssi");
                    let method = &theirs["verificationMethod"][0];
                    assert_eq!(method["publicKeyMultibase"], key.to_multikey());
                    assert!(KeyKind::ALL.contains(&key.kind()));
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("changed documents: {read} read, {refused} refused");
    assert!(read > 0 && refused > 0);
}
