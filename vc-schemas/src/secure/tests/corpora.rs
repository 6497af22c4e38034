//! Each envelope's ways to be wrong, as data that others can run: tests/vectors/bad.

use super::*;
use crate::secure::sd_jwt::SdJwt;
use data_encoding::HEXLOWER;

/// The answer to a case: nothing, or the code of the refusal.
type Said = Option<&'static str>;

/// Whom a binding of the corpus is for.
const VERIFIER: (&str, &str) = ("did:web:verifier.example", "n-1");

fn content(case: &Value) -> Content {
    if case["content"] == "presentation" { Content::Presentation } else { Content::Credential }
}

fn bytes(case: &Value) -> Vec<u8> {
    match case["hex"].as_str() {
        Some(hex) => HEXLOWER.decode(hex.as_bytes()).unwrap(),
        None => case["text"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// Reads and verifies a case as a verifier does that knows these keys.
fn judged(envelope: Envelope, case: &Value, keys: &Value, now: UnixSeconds) -> Result<(), SecureError> {
    let read = Secured::parse(content(case), envelope, &bytes(case), MAX_CREDENTIAL_BYTES)?;
    let key = PublicKey::from_jwk(&keys[read.key_id().as_str()]).unwrap();
    read.verify(&key, now, SKEW)
}

fn judged_sd_jwt(case: &Value, keys: &Value, now: UnixSeconds) -> Result<(), SecureError> {
    let read = SdJwt::parse(&bytes(case), MAX_CREDENTIAL_BYTES)?;
    read.verify(&PublicKey::from_jwk(&keys[read.key_id().as_str()]).unwrap())?;
    if case["bound"] == true {
        read.verify_binding(&read.holder_key()?.unwrap(), VERIFIER, now, SKEW)?;
    }
    Ok(())
}

/// Runs a corpus; answers how many cases were taken and how many refused.
fn run(corpus: &str) -> (usize, usize) {
    let corpus: Value = serde_json::from_str(corpus).unwrap();
    let keys = &corpus["keys"];
    let now = UnixSeconds::new(corpus["now"].as_u64().unwrap());
    let (mut taken, mut refused, mut wrong) = (0, 0, Vec::new());
    for case in corpus["cases"].as_array().unwrap() {
        let verdict = match corpus["envelope"].as_str().unwrap() {
            "jwt" => judged(Envelope::Jwt, case, keys, now),
            "cose" => judged(Envelope::Cose, case, keys, now),
            "compact" => judged(Envelope::Compact, case, keys, now),
            "data-integrity" => judged(Envelope::DataIntegrity, case, keys, now),
            "sd-jwt" => judged_sd_jwt(case, keys, now),
            other => panic!("{other}"),
        };
        let said: Said = verdict.err().map(|error| error.code(content(case)).as_str());
        if json!(said) != case["refused"] {
            wrong.push(format!("{}: {said:?} ({verdict:?}) and not {}", case["name"], case["refused"]));
        }
        *(if verdict.is_ok() { &mut taken } else { &mut refused }) += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    (taken, refused)
}

macro_rules! bad {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/vectors/bad/", $name, ".json"))
    };
}

//
#[test]
fn each_way_of_an_envelope_to_be_wrong_is_refused_with_its_code() {
    for (name, corpus, counts) in [
        ("vc-jwt", bad!("vc-jwt"), (3, 69)),
        ("vc-cose", bad!("vc-cose"), (3, 64)),
        ("vc-compact", bad!("vc-compact"), (3, 98)),
        ("vc-data-integrity", bad!("vc-data-integrity"), (4, 44)),
        ("vc-sd-jwt", bad!("vc-sd-jwt"), (4, 42)),
    ] {
        assert_eq!(run(corpus), counts, "{name}");
    }
}
