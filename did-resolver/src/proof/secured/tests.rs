//! Sets and chains: the structure of the official vectors, and what a chain must refuse.

use super::super::*;
use super::*;
use crate::did::DidUrl;
use crate::document::Relationship;
use crate::keys::batch::MIN_BATCH;
use crate::methods;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

const MAX: usize = 1 << 16;

const P256: &str = "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP";

fn vector(file: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/di-eddsa/proof-set-chain");
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    json::parse(text.replace("eddsa-rdfc-2022", "eddsa-jcs-2022").as_bytes(), MAX).unwrap()
}

fn signed_digest(secured: &Secured<'_>, index: usize) -> Vec<u8> {
    secured.signed(index).unwrap().0[32..].to_vec()
}

fn digest(document: &Value) -> Vec<u8> {
    codec::sha256(&jcs::canonical(document).unwrap()).to_vec()
}

#[test]
fn each_proof_of_the_official_sets_and_chains_covers_what_the_vectors_say() {
    let plain = digest(&vector("unsigned.json"));
    let (third, fourth) =
        (digest(&vector("proofChainTempDoc1.json")), digest(&vector("proofChainTempDoc2.json")));
    for (file, expected) in [
        ("signedProofSet2.json", vec![&plain, &plain]),
        ("signedProofChain1.json", vec![&plain, &plain, &third]),
        ("signedProofChain2.json", vec![&plain, &plain, &third, &fourth]),
    ] {
        let secured = Secured::from_value(&vector(file)).unwrap();
        assert_eq!(secured.proofs().len(), expected.len(), "{file}");
        for (index, expected) in expected.into_iter().enumerate() {
            assert_eq!(&signed_digest(&secured, index), expected, "{file} {index}");
        }
        assert_eq!(secured.document().unwrap(), vector("unsigned.json"));
        assert_eq!(secured.digest().to_vec(), plain);
    }
}

#[test]
fn a_single_proof_hashes_as_the_official_vector_says_by_either_road() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/di-eddsa");
    let text = std::fs::read_to_string(folder.join("signedJCS.json")).unwrap().into_bytes();
    let hash = std::fs::read_to_string(folder.join("combinedHashJCS.txt")).unwrap();
    let loose = Secured::read(&text, MAX).unwrap();
    assert!(matches!(loose.text, Cow::Owned(_)));
    let canonical = loose.as_bytes().to_vec();
    let spans = Secured::read(&canonical, MAX).unwrap();
    assert!(matches!(spans.text, Cow::Borrowed(_)));
    for secured in [&loose, &spans] {
        assert_eq!(secured.digest().to_vec(), digest(&secured.document().unwrap()));
    }
    assert_eq!(loose, spans);
    assert_eq!(codec::to_hex(spans.signed(0).unwrap().0), hash.trim());
    let key = methods::key_of_id(spans.proofs().next().unwrap().verification_method()).unwrap();
    assert_eq!(spans.verify_all(&[key]), Ok(()));
}

fn signer(seed: u8) -> (SigningKey, PublicKey) {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    (secret, key)
}

fn options(key: &PublicKey) -> ProofOptions {
    let verification_method: DidUrl = methods::key_id(key).unwrap();
    ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method,
        purpose: Relationship::AssertionMethod,
        created: None,
        expires: None,
        domain: None,
        challenge: None,
    }
}

fn finished(draft: ProofDraft, seed: u8) -> Value {
    let (secret, key) = signer(seed);
    let signature = secret.sign(draft.signing_input()).to_bytes();
    draft.attach(&key, &signature).unwrap()
}

fn first(document: Value, seed: u8) -> Value {
    let draft = ProofDraft::new(document, &options(&signer(seed).1)).unwrap();
    finished(draft.with_id(&format!("urn:p:{seed}")).unwrap(), seed)
}

fn further(document: Value, seed: u8, previous: &[u8]) -> Value {
    let id = |seed: &u8| format!("urn:p:{seed}");
    let link = ChainLink { id: Some(id(&seed)), previous: previous.iter().map(id).collect() };
    finished(ProofDraft::further(document, &options(&signer(seed).1), &link).unwrap(), seed)
}

fn keys(seeds: &[u8]) -> Vec<PublicKey> {
    seeds.iter().map(|seed| signer(*seed).1).collect()
}

/// A document that 1 and 2 signed, 3 on top of both, 4 on top of 3.
fn chain() -> Value {
    let document = json!({"@context": ["https://www.w3.org/ns/credentials/v2"], "a": 1});
    let set = further(first(document, 1), 2, &[]);
    further(further(set, 3, &[2, 1]), 4, &[3])
}

#[test]
fn a_set_and_a_chain_that_were_drafted_and_signed_verify() {
    let secured = Secured::from_value(&chain()).unwrap();
    assert_eq!(secured.verify_all(&keys(&[1, 2, 3, 4])), Ok(()));
    assert_eq!(secured.verify_all(&keys(&[1, 2, 4, 3])), Err(ProofError::BadSignature));
    assert_eq!(secured.verify_all(&keys(&[1, 2, 3])), Err(ProofError::Shape));
    assert_eq!(secured.verify(4, &signer(1).1), Err(ProofError::Shape));
    assert_eq!(secured.proofs().map(|proof| proof.previous().len()).collect::<Vec<_>>(), [0, 0, 2, 1]);
}

#[test]
fn the_proofs_that_a_chain_builds_on_can_be_neither_taken_out_nor_changed_nor_moved() {
    let verdict = |change: &dyn Fn(&mut Vec<Value>), seeds: &[u8]| {
        let mut document = chain();
        change(document["proof"].as_array_mut().unwrap());
        Secured::from_value(&document).and_then(|secured| secured.verify_all(&keys(seeds)))
    };
    let remove = |at: usize| move |proofs: &mut Vec<Value>| drop(proofs.remove(at));
    assert_eq!(verdict(&|_| (), &[1, 2, 3, 4]), Ok(()));
    assert_eq!(verdict(&remove(0), &[2, 3, 4]), Err(ProofError::Previous));
    assert_eq!(verdict(&remove(2), &[1, 2, 4]), Err(ProofError::Previous));
    assert_eq!(verdict(&remove(3), &[1, 2, 3]), Ok(()));
    assert_eq!(verdict(&|proofs| proofs.swap(0, 1), &[2, 1, 3, 4]), Err(ProofError::BadSignature));
    let strip = |proofs: &mut Vec<Value>| drop(proofs[2].as_object_mut().unwrap().remove("previousProof"));
    assert_eq!(verdict(&strip, &[1, 2, 3, 4]), Err(ProofError::BadSignature));
    let fewer = |proofs: &mut Vec<Value>| proofs[2]["previousProof"] = json!("urn:p:1");
    assert_eq!(verdict(&fewer, &[1, 2, 3, 4]), Err(ProofError::BadSignature));
}

#[test]
fn a_chain_that_names_nothing_itself_or_two_is_refused() {
    let with = |previous: Value, id: &str| {
        let mut document = chain();
        document["proof"][3]["previousProof"] = previous;
        document["proof"][3]["id"] = json!(id);
        Secured::from_value(&document).map(|_| ())
    };
    assert_eq!(with(json!("urn:p:3"), "urn:p:4"), Ok(()));
    for previous in [
        json!("urn:p:9"),
        json!("urn:p:4"),
        json!(["urn:p:3", "urn:p:3"]),
        json!([]),
        json!([1]),
        json!(null),
        json!(vec!["urn:p:3"; MAX_PROOFS]),
    ] {
        assert_eq!(with(previous.clone(), "urn:p:4"), Err(ProofError::Previous), "{previous}");
    }
    assert_eq!(with(json!("urn:p:3"), "urn:p:3"), Err(ProofError::Previous));
    let link =
        |id: &str, previous: &str| ChainLink { id: Some(id.to_owned()), previous: vec![previous.to_owned()] };
    let draft = |link| ProofDraft::further(chain(), &options(&signer(5).1), &link).map(|_| ());
    assert_eq!(draft(link("urn:p:5", "urn:p:9")), Err(ProofError::Previous));
    assert_eq!(draft(link("urn:p:4", "urn:p:3")), Err(ProofError::Previous));
}

#[test]
fn proofs_are_bounded_and_each_must_be_one() {
    let many = (1..MAX_PROOFS as u8)
        .fold(first(json!({"a": 1}), 1), |document, seed| further(document, seed + 1, &[]));
    let seeds: Vec<u8> = (1..=MAX_PROOFS as u8).collect();
    assert_eq!(Secured::from_value(&many).unwrap().verify_all(&keys(&seeds)), Ok(()));
    let more = ProofDraft::further(many.clone(), &options(&signer(20).1), &ChainLink::default());
    assert_eq!(more.map(|_| ()), Err(ProofError::TooMany));
    let mut document = many;
    let again = document["proof"][0].clone();
    document["proof"].as_array_mut().unwrap().push(again);
    assert_eq!(Secured::from_value(&document).map(|_| ()), Err(ProofError::TooMany));
    for proof in [json!([]), json!("x"), json!([[]]), json!({}), json!([{}])] {
        assert_eq!(Secured::from_value(&json!({"proof": proof})).map(|_| ()), Err(ProofError::Shape));
    }
    assert_eq!(Secured::from_value(&json!({"a": 1})).map(|_| ()), Err(ProofError::Shape));
    assert_eq!(Secured::read(b"{\"a\":1,\"a\":2}", MAX).map(|_| ()), Err(ProofError::NotCanonical));
    assert_eq!(Secured::read(b"{}", 1).map(|_| ()), Err(ProofError::NotCanonical));
}

#[test]
fn a_context_that_nobody_signed_is_refused_in_a_set_too() {
    let mut document = chain();
    document["@context"] = json!([]);
    let secured = Secured::from_value(&document).unwrap();
    assert_eq!(secured.verify(0, &signer(1).1), Err(ProofError::Context));
    assert_eq!(secured.signed(0), None);
}

#[test]
fn many_proofs_get_the_verdicts_that_each_gets_alone() {
    let (text, single) =
        (jcs::canonical(&chain()).unwrap(), jcs::canonical(&first(json!({"a": 1}), 2)).unwrap());
    let documents = [Secured::read(&text, MAX).unwrap(), Secured::read(&single, MAX).unwrap()];
    let keys = [signer(1).1, signer(2).1, PublicKey::from_multikey(P256).unwrap()];
    let proofs: Vec<_> = (0..MIN_BATCH * 3)
        .map(|n| match n % 19 {
            7 => (&documents[0], 0, &keys[1]),
            11 => (&documents[1], 9, &keys[1]),
            13 => (&documents[1], 0, &keys[2]),
            n => (&documents[n % 2], 0, &keys[n % 2]),
        })
        .collect();
    let alone: Vec<_> = proofs.iter().map(|(document, index, key)| document.verify(*index, key)).collect();
    assert_eq!(verify_many(&proofs), alone);
    for error in [ProofError::BadSignature, ProofError::Shape, ProofError::KeyKind] {
        assert!(alone.contains(&Err(error)), "{error}");
    }
}

proptest! {
    #[test]
    fn a_document_reads_and_verifies_alike_however_it_is_spelt(a in any::<i32>(), text in ".{0,12}", other in any::<bool>()) {
        let document = first(json!({"b": {"z": text, "a": a}, "a": 1.5}), 1);
        let pretty = serde_json::to_vec_pretty(&document).unwrap();
        let canonical = jcs::canonical(&document).unwrap();
        let (loose, spans) = (Secured::read(&pretty, MAX).unwrap(), Secured::read(&canonical, MAX).unwrap());
        prop_assert_eq!(&loose, &spans);
        let (plain, proof) = Proof::take(document).unwrap();
        let key = signer(if other { 2 } else { 1 }).1;
        prop_assert_eq!(spans.verify(0, &key), proof.verify(&plain, &key));
        prop_assert_eq!(spans.verify(0, &key).is_ok(), !other);
    }

    #[test]
    fn one_changed_byte_of_a_chain_never_verifies(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let text = jcs::canonical(&chain()).unwrap();
        let mut changed = text.clone();
        let at = at.index(text.len());
        changed[at] = byte;
        let verdict = Secured::read(&changed, MAX).and_then(|secured| secured.verify_all(&keys(&[1, 2, 3, 4])));
        prop_assert_eq!(verdict.is_ok(), changed == text);
    }
}
