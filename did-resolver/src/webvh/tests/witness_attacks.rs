//! Witness lists and proofs that must count for nothing.

use super::*;
use crate::codec::from_base58btc;

const P256: &str = "did:key:zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP";
const X25519: &str = "did:key:z6LSbysY2xFMRpGMhb7tFTLMpeuPRaqaWM1yECx2AtzE3KCc";

fn id(seed: u8) -> Value {
    json!({"id": format!("did:key:{}", key(seed).to_multikey())})
}

/// Why an entry that sets `witness` so is refused, in a first entry and in a later one.
fn refused(witness: &Value) -> EntryError {
    let log = first(genesis());
    let mut later = Forged::after(&log, 1);
    later.parameters = json!({"witness": witness});
    let parameters = json!({
        "method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [key(1).to_multikey()], "witness": witness,
    });
    let new = Forged::first(parameters, json!({"id": "did:webvh:{SCID}:acme.example"}));
    let later = refusal(&log, &later.signed(1));
    assert_eq!(later, why(Log::verify(&new.signed(1), NOW).unwrap_err()), "{witness}");
    later
}

/// A log of two entries under one witness, and what becomes of it with these proofs for entry 2.
fn judged(proofs: Vec<Value>) -> Result<Log, LogError> {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
    lines.verify(&records(&[(lines.id(2), proofs)]))
}

/// A right proof for entry 2 of that log, after `change`.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Log, LogError> {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
    let mut proof = witness_proof(lines.id(2), 10, 10);
    change(&mut proof);
    judged(vec![proof])
}

const MISSING: LogError = LogError::Entry { number: 1, why: EntryError::WitnessMissing };

#[test]
fn the_proof_that_attacks_start_from_is_accepted() {
    assert!(changed(|_| {}).is_ok());
}

#[test]
fn duplicate_witness_ids_are_refused() {
    for threshold in [1, 2] {
        assert_eq!(
            refused(&json!({"threshold": threshold, "witnesses": [id(10), id(10)]})),
            EntryError::Witness
        );
    }
    assert_eq!(refused(&json!({"threshold": 2, "witnesses": [id(10), id(11), id(10)]})), EntryError::Witness);
    assert_eq!(Witnesses::new(2, vec![key(10), key(10)]), Err(EntryError::Witness));
}

#[test]
fn a_threshold_is_from_one_to_the_number_of_witnesses() {
    for threshold in
        [json!(0), json!(3), json!(-1), json!(1.5), json!("1"), json!(null), json!(true), json!([1])]
    {
        let witness = json!({"threshold": threshold, "witnesses": [id(10), id(11)]});
        assert_eq!(refused(&witness), EntryError::Witness, "{threshold}");
    }
    assert_eq!(Witnesses::new(0, vec![]), Err(EntryError::Witness));
    assert_eq!(Witnesses::new(2, vec![key(10)]), Err(EntryError::Witness));
}

#[test]
fn malformed_witnesses_are_never_taken_for_none() {
    let one = id(10);
    for witness in [
        json!({"threshold": 0, "witnesses": []}),
        json!({"threshold": 1, "witnesses": []}),
        json!({"threshold": 1}),
        json!({"witnesses": [one]}),
        json!({"threshold": 1, "witnesses": one}),
        json!({"threshold": 1, "witnesses": [one], "more": 1}),
        json!({"threshold": 1, "witnesses": [{}]}),
        json!({"threshold": 1, "witnesses": [one["id"]]}),
        json!({"threshold": 1, "witnesses": [{"id": one["id"], "weight": 2}]}),
        json!({"threshold": 1, "witness": [one]}),
        json!({"threshold": 1, "witnesses": vec![one.clone(); MAX_WITNESSES + 1]}),
        json!([]),
        json!(false),
        json!(""),
        json!(0),
    ] {
        assert_eq!(refused(&witness), EntryError::Witness, "{witness}");
    }
}

#[test]
fn a_witness_is_an_ed25519_did_key_in_its_one_spelling() {
    let multikey = key(10).to_multikey();
    assert!(from_base58btc(&X25519[9..]).is_ok());
    for id in [
        P256.to_owned(),
        X25519.to_owned(),
        multikey.clone(),
        format!("did:key:{multikey}#{multikey}"),
        format!("did:key:{multikey} "),
        format!("did:key:z1{}", &multikey[1..]),
        format!("did:web:{multikey}"),
        "did:key:".to_owned(),
        "did:key:z6Mk".to_owned(),
        String::new(),
    ] {
        let witness = json!({"threshold": 1, "witnesses": [{"id": id}]});
        assert_eq!(refused(&witness), EntryError::Witness, "{id}");
    }
}

#[test]
fn no_entry_lowers_its_own_threshold() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11])), &[Some(witnesses(1, &[10])), None]);
    let mixed = |two: &[u8]| {
        let (a, b, c) = (lines.id(1), lines.id(2), lines.id(3));
        let proofs = |id: &str, seeds: &[u8]| seeds.iter().map(|s| witness_proof(id, *s, *s)).collect();
        lines.verify(&records(&[(a, proofs(a, &[10, 11])), (b, proofs(b, two)), (c, proofs(c, &[10]))]))
    };
    assert_eq!(mixed(&[10]), Err(EntryError::WitnessMissing.at(2)));
    assert!(mixed(&[10, 11]).is_ok());
}

#[test]
fn a_threshold_that_falls_is_in_force_for_the_next_entry_only() {
    let falling = [Some(witnesses(2, &[10, 11, 12])), Some(witnesses(1, &[10, 11, 12])), None];
    let lines = Lines::of(Some(witnesses(3, &[10, 11, 12])), &falling);
    // Of each entry so many witnesses approve it or a later one.
    let by = |counts: [usize; 4]| {
        let proofs = |(n, count): (usize, usize)| {
            let id = lines.id(n + 1);
            (id, (10_u8..).take(count).map(|seed| witness_proof(id, seed, seed)).collect::<Vec<_>>())
        };
        lines.verify(&records(&counts.into_iter().enumerate().map(proofs).collect::<Vec<_>>()))
    };
    assert!(by([3, 3, 2, 1]).is_ok());
    assert_eq!(by([3, 2, 2, 1]), Err(EntryError::WitnessMissing.at(2)));
    assert_eq!(by([3, 3, 1, 1]), Err(EntryError::WitnessMissing.at(3)));
    assert_eq!(by([3, 3, 2, 0]), Err(EntryError::WitnessMissing.at(4)));
}

#[test]
fn no_entry_swaps_or_ends_its_witnesses_by_itself() {
    for own in [Some(witnesses(1, &[66])), Some(Witnesses::none())] {
        let lines = Lines::of(Some(witnesses(1, &[10])), &[own]);
        let a = lines.id(1);
        let b = lines.id(2);
        let file = records(&[(a, vec![witness_proof(a, 10, 10)]), (b, vec![witness_proof(b, 66, 66)])]);
        assert_eq!(lines.verify(&file), Err(EntryError::WitnessMissing.at(2)));
    }
}

#[test]
fn a_witness_counts_once_however_many_proofs_it_gives() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11])), &[None]);
    let mut other = options(10);
    other.insert("created".to_owned(), json!(at(5).to_string()));
    let input = hash_data(Suite::EddsaJcs2022, &json!({"versionId": lines.id(2)}), &other).unwrap();
    let value = codec::to_multibase_z(&secret(10).sign(&input).to_bytes());
    other.insert("proofValue".to_owned(), json!(value));
    let (a, b) = (lines.id(1), lines.id(2));
    let file = records(&[
        (a, vec![witness_proof(a, 10, 10); 3]),
        (b, vec![witness_proof(b, 10, 10), Value::Object(other)]),
    ]);
    assert_eq!(lines.verify(&file), Err(MISSING));
}

#[test]
fn witness_proofs_of_another_did_count_for_nothing() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
    let mut other = genesis();
    other.time = UnixSeconds::new(START - 9);
    let other = create_with(other, &watched_by(witnesses(1, &[10]))).unwrap().version().id.clone();
    assert_eq!(lines.verify(&approvals(&[&other], &[10])), Err(MISSING));
    let relabelled = records(&[(lines.id(2), vec![witness_proof(&other, 10, 10)])]);
    assert_eq!(lines.verify(&relabelled), Err(MISSING));
}

#[test]
fn a_proof_for_an_entry_that_is_not_published_covers_nothing() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None, None]);
    let future = approvals(&[lines.id(3)], &[10]);
    assert_eq!(Log::verify_with(&lines.beginning(2), Some(&future), NOW), Err(MISSING));
    assert!(lines.verify(&future).is_ok());
}

#[test]
fn a_later_proof_counts_only_once_it_is_verified() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
    let (a, b) = (lines.id(1), lines.id(2));
    let unsigned = witness_proof(b, 10, 99);
    let file = records(&[(b, vec![unsigned.clone()])]);
    assert_eq!(lines.verify(&file), Err(MISSING));
    let file = records(&[(a, vec![witness_proof(a, 10, 10)]), (b, vec![unsigned.clone()])]);
    assert_eq!(lines.verify(&file), Err(EntryError::WitnessMissing.at(2)));
    let moved = records(&[(b, vec![witness_proof(a, 10, 10)])]);
    assert_eq!(lines.verify(&moved), Err(MISSING));
    let file = records(&[(b, vec![unsigned, witness_proof(b, 10, 10)])]);
    assert!(lines.verify(&file).is_ok());
}

#[test]
fn a_proof_by_nobody_on_the_list_or_by_the_controller_counts_for_nothing() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
    for seed in [1, 2, 11] {
        assert_eq!(lines.verify(&approvals(&[lines.id(2)], &[seed])), Err(MISSING), "{seed}");
    }
    assert_eq!(judged(vec![witness_proof(lines.id(2), 10, 11)]), Err(MISSING));
    assert_eq!(judged(vec![witness_proof(lines.id(2), 11, 10)]), Err(MISSING));
}

#[test]
fn a_witness_proof_of_another_suite_purpose_or_key_id_counts_for_nothing() {
    let (ours, theirs) = (key(10).to_multikey(), key(66).to_multikey());
    let set = |name: &'static str, value: Value| changed(move |proof| proof[name] = value);
    for method in [
        format!("did:key:{theirs}#{ours}"),
        format!("did:key:{ours}#{theirs}"),
        format!("did:key:{ours}"),
        format!("did:key:{ours}?x#{ours}"),
        format!("#{ours}"),
    ] {
        assert_eq!(set("verificationMethod", json!(method)), Err(MISSING), "{method}");
    }
    assert_eq!(set("cryptosuite", json!("ecdsa-jcs-2019")), Err(MISSING));
    assert_eq!(set("proofPurpose", json!("authentication")), Err(MISSING));
    assert_eq!(set("type", json!("Ed25519Signature2020")), Err(MISSING));
    assert_eq!(set("proofValue", json!("z1")), Err(MISSING));
    assert_eq!(set("previousProof", json!("urn:x")), Err(MISSING));
    // Signed as they stand, these are still not what a witness signs.
    for (name, value) in [
        ("proofPurpose", json!("authentication")),
        ("expires", json!("2000-01-01T00:00:00Z")),
        ("cryptosuite", json!("eddsa-rdfc-2022")),
        ("verificationMethod", json!(format!("did:key:{theirs}#{ours}"))),
    ] {
        let lines = Lines::of(Some(witnesses(1, &[10])), &[None]);
        let mut proof = options(10);
        proof.insert(name.to_owned(), value);
        let input = hash_data(Suite::EddsaJcs2022, &json!({"versionId": lines.id(2)}), &proof).unwrap();
        let value = codec::to_multibase_z(&secret(10).sign(&input).to_bytes());
        proof.insert("proofValue".to_owned(), json!(value));
        assert_eq!(judged(vec![Value::Object(proof)]), Err(MISSING), "{name}");
    }
}

#[test]
fn approval_stands_in_for_no_other_rule() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[]);
    let log = lines.verify(&approvals(&[lines.id(1)], &[10])).unwrap();
    let forged = Forged::after(&log, 9);
    let id = forged.entry(9)["versionId"].as_str().unwrap().to_owned();
    let whole = [log.bytes(), &forged.signed(9)].concat();
    let refused = Log::verify_with(&whole, Some(&approvals(&[&id], &[10])), NOW).unwrap_err();
    assert_eq!(refused, EntryError::NotAnUpdateKey.at(2));
}
