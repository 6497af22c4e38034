//! Logs that must be refused, each for its own reason.
//!
//! The classes of attack that implementations of did:webvh fell for, and the tests that show that this
//! one does not; those with `w` are in `witness_attacks`, about identifiers alone also `host/tests.rs`.
//!
//! - A body of a verification method that is not its fragment:
//!   `a_verification_method_whose_body_is_not_its_fragment_is_refused`, and of witnesses
//!   `a_witness_proof_of_another_suite_purpose_or_key_id_counts_for_nothing` (w).
//! - Pre-rotation dodged by leaving `updateKeys` out:
//!   `under_pre_rotation_both_lists_are_given_and_every_key_was_committed_to`, and in every combination
//!   `keys::every_combination_of_update_keys_and_next_key_hashes`.
//! - Doubled witnesses: `duplicate_witness_ids_are_refused` (w),
//!   `a_witness_counts_once_however_many_proofs_it_gives` (w).
//! - A threshold of zero: `a_threshold_is_from_one_to_the_number_of_witnesses` (w); one that falls, or
//!   that an entry lowers for itself: `no_entry_lowers_its_own_threshold` (w),
//!   `a_threshold_that_falls_is_in_force_for_the_next_entry_only` (w),
//!   `no_entry_swaps_or_ends_its_witnesses_by_itself` (w).
//! - Witness proofs of another DID: `witness_proofs_of_another_did_count_for_nothing` (w).
//! - A later witness proof that counts unverified:
//!   `a_later_proof_counts_only_once_it_is_verified` (w).
//! - A SCID that is not bound to `state.id`: `the_scid_is_that_of_the_first_entry_and_of_every_document`;
//!   or changes at a move: `a_move_that_changes_the_scid_is_refused`.
//! - Another suite or purpose: `a_proof_of_another_suite_or_purpose_or_by_another_key_is_refused`.
//! - A time that does not grow, or lies ahead:
//!   `a_time_that_is_equal_falls_lies_ahead_or_is_not_utc_is_refused`.
//! - An unknown version of the method: `a_version_of_the_method_that_is_not_spoken_is_never_taken_for_one_that_is`.
//! - Encoded hosts, ports, addresses, traversal:
//!   `a_document_at_an_address_with_escapes_or_traversal_is_refused`; a fragment that leaks into the
//!   domain: `a_fragment_query_or_path_never_leaks_into_the_domain`.
//! - A malformed id that panics: `a_malformed_id_is_refused_without_a_panic`.
//! - A log that is cut short: `a_cut_log_is_refused_but_for_its_last_line_end`,
//!   `a_log_without_one_of_its_entries_is_refused`.
//! - A number or hash that does not follow: `a_number_or_hash_that_does_not_follow_is_refused`.
//! - Entries in the middle that nobody looks at:
//!   `an_entry_in_the_middle_is_verified_though_the_last_one_is_right`.

use super::*;
use crate::json::JsonError;
use crate::proof::ProofError;

/// Why an entry is refused that is right but for what `change` does to it before it is signed.
fn forged(change: impl FnOnce(&mut Forged)) -> EntryError {
    let log = first(genesis());
    let mut entry = Forged::after(&log, 1);
    change(&mut entry);
    refusal(&log, &entry.signed(1))
}

/// Why a right entry is refused after `change`.
fn tampered(change: impl FnOnce(&mut Value)) -> EntryError {
    let log = first(genesis());
    let mut entry = Forged::after(&log, 1).entry(1);
    change(&mut entry);
    refusal(&log, &serde_json::to_vec(&entry).unwrap())
}

/// A log with pre-rotation to key 2.
fn committed() -> Log {
    let mut start = genesis();
    start.next_key_hashes = vec![key_hash(&key(2))];
    first(start)
}

fn first_parameters() -> Value {
    json!({"method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [key(1).to_multikey()]})
}

/// Why a first entry is refused.
fn first_refused(parameters: Value, state: Value) -> EntryError {
    why(Log::verify(&Forged::first(parameters, state).signed(1), NOW).unwrap_err())
}

fn first_state() -> Value {
    json!({"id": "did:webvh:{SCID}:acme.example"})
}

#[test]
fn the_entry_that_attacks_start_from_is_accepted() {
    let log = first(genesis());
    let line = Forged::after(&log, 1).signed(1);
    assert!(matches!(log.extend(&[log.bytes(), &line].concat(), NOW), Ok(Extension::Longer(_))));
    let line = Forged::first(first_parameters(), first_state()).signed(1);
    assert!(Log::verify(&line, NOW).is_ok());
}

#[test]
fn a_time_that_is_equal_falls_lies_ahead_or_is_not_utc_is_refused() {
    let time = |text: &str| forged(|e| e.time = text.to_owned());
    assert_eq!(time(&at(0).to_string()), EntryError::NotLater);
    assert_eq!(time(&UnixSeconds::new(START - 1).to_string()), EntryError::NotLater);
    assert_eq!(
        time(&NOW.plus(MAX_AHEAD).plus(std::time::Duration::from_secs(1)).to_string()),
        EntryError::InFuture
    );
    for text in ["2027-06-01T00:00:00", "2027-06-01T00:00:00+01:00", "2027-06-01", "now", ""] {
        assert_eq!(time(text), EntryError::Time, "{text}");
    }
}

#[test]
fn a_time_at_the_edge_of_what_is_allowed_is_accepted() {
    let log = first(genesis());
    for text in [NOW.plus(MAX_AHEAD).to_string(), at(1).to_string(), at(1).to_string().replace('Z', "+00:00")]
    {
        let mut entry = Forged::after(&log, 1);
        entry.time = text;
        let extended = log.extend(&[log.bytes(), &entry.signed(1)].concat(), NOW);
        assert!(matches!(extended, Ok(Extension::Longer(_))));
    }
}

#[test]
fn a_number_or_hash_that_does_not_follow_is_refused() {
    assert_eq!(forged(|e| e.number = 3), EntryError::OutOfSequence);
    assert_eq!(forged(|e| e.number = 1), EntryError::OutOfSequence);
    assert_eq!(forged(|e| e.previous = "1-QmOther".to_owned()), EntryError::Hash);
    assert_eq!(tampered(|e| e["state"]["alsoKnownAs"] = json!(["did:web:evil.example"])), EntryError::Hash);
    let hash = "QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3";
    for id in [
        format!("2--{hash}"),
        format!("02-{hash}"),
        format!("+2-{hash}"),
        format!("2{hash}"),
        "2-Qm".to_owned(),
        format!("2-{hash}-1"),
        format!("4294967298-{hash}"),
        format!("-{hash}"),
        String::new(),
    ] {
        assert_eq!(tampered(|e| e["versionId"] = json!(id)), EntryError::VersionId, "{id}");
    }
    assert_eq!(tampered(|e| e["versionId"] = json!(format!("2-{hash}"))), EntryError::Hash);
}

#[test]
fn a_proof_of_another_suite_or_purpose_or_by_another_key_is_refused() {
    let option = |name: &str, value: Value| forged(|e| drop(e.options.insert(name.to_owned(), value)));
    assert_eq!(option("cryptosuite", json!("ecdsa-jcs-2019")), EntryError::Cryptosuite);
    assert_eq!(option("cryptosuite", json!(null)), EntryError::Cryptosuite);
    assert_eq!(option("proofPurpose", json!("authentication")), EntryError::ProofPurpose);
    assert_eq!(option("type", json!("Proof")), EntryError::Proof(ProofError::Shape));
    assert_eq!(option("expires", json!("2040-01-01T00:00:00Z")), EntryError::Proof(ProofError::Shape));
    assert_eq!(option("@context", json!([])), EntryError::Proof(ProofError::Shape));
    let log = first(genesis());
    assert_eq!(refusal(&log, &Forged::after(&log, 9).signed(9)), EntryError::NotAnUpdateKey);
    assert_eq!(refusal(&log, &Forged::after(&log, 1).signed(9)), EntryError::Proof(ProofError::BadSignature));
    assert_eq!(forged(|e| drop(e.options.remove("proofPurpose"))), EntryError::ProofPurpose);
}

#[test]
fn a_verification_method_whose_body_is_not_its_fragment_is_refused() {
    let (ours, theirs) = (key(1).to_multikey(), key(9).to_multikey());
    for method in [
        format!("did:key:{theirs}#{ours}"),
        format!("did:key:{ours}#{theirs}"),
        format!("did:key:{ours}"),
        format!("did:web:acme.example#{ours}"),
        format!("did:key:{ours}?x=y#{ours}"),
        format!("#{ours}"),
    ] {
        let refused = forged(|e| drop(e.options.insert("verificationMethod".to_owned(), json!(method))));
        assert!(
            matches!(refused, EntryError::NotAnUpdateKey | EntryError::Proof(ProofError::Shape)),
            "{method}"
        );
    }
}

#[test]
fn there_is_exactly_one_proof_in_a_list() {
    let shape = EntryError::Proof(ProofError::Shape);
    assert_eq!(tampered(|e| e["proof"] = json!([])), shape);
    assert_eq!(tampered(|e| e["proof"] = e["proof"][0].clone()), shape);
    assert_eq!(tampered(|e| e["proof"] = json!([e["proof"][0], e["proof"][0]])), shape);
    assert_eq!(tampered(|e| drop(e.as_object_mut().unwrap().remove("proof"))), EntryError::Members);
}

#[test]
fn under_pre_rotation_both_lists_are_given_and_every_key_was_committed_to() {
    let log = committed();
    let mut entry = Forged::after(&log, 1);
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::PreRotationOmitted);
    entry.parameters = json!({"nextKeyHashes": []});
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::PreRotationOmitted);
    let mut entry = Forged::after(&log, 2);
    entry.parameters = json!({"updateKeys": [key(2).to_multikey()]});
    assert_eq!(refusal(&log, &entry.signed(2)), EntryError::PreRotationOmitted);
    for keys in [json!([key(1).to_multikey()]), json!([key(2).to_multikey(), key(3).to_multikey()])] {
        entry.parameters = json!({"updateKeys": keys, "nextKeyHashes": []});
        assert_eq!(refusal(&log, &entry.signed(2)), EntryError::NotCommitted);
    }
    entry.parameters = json!({"updateKeys": [], "nextKeyHashes": []});
    assert_eq!(refusal(&log, &entry.signed(2)), EntryError::NoUpdateKeys);
    entry.parameters = json!({"updateKeys": [key(2).to_multikey()], "nextKeyHashes": []});
    entry.options = options(1);
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::NotAnUpdateKey);
    entry.options = options(2);
    assert!(log.extend(&[log.bytes(), &entry.signed(2)].concat(), NOW).is_ok());
}

#[test]
fn the_scid_is_that_of_the_first_entry_and_of_every_document() {
    let scid = "QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3";
    let other = json!({"id": format!("did:webvh:{scid}:acme.example")});
    assert_eq!(forged(|e| e.state = other.clone()), EntryError::StateScid);
    assert_eq!(first_refused(first_parameters(), other.clone()), EntryError::StateScid);
    let mut parameters = first_parameters();
    parameters["scid"] = json!(scid);
    assert_eq!(first_refused(parameters.clone(), other), EntryError::Scid);
    parameters["scid"] = json!(7);
    assert_eq!(first_refused(parameters, first_state()), EntryError::Scid);

    let mut both =
        Forged::first(first_parameters(), json!({"id": "did:webvh:{SCID}:acme.example", "x": "{SCID}"}));
    both.state["x"] = json!("{SCID}");
    assert_eq!(why(Log::verify(&both.signed(1), NOW).unwrap_err()), EntryError::Scid);
}

#[test]
fn a_move_that_changes_the_scid_is_refused() {
    let mut portable = genesis();
    portable.portable = true;
    let log = first(portable);
    let mut entry = Forged::after(&log, 1);
    entry.state = json!({
        "id": "did:webvh:QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3:new.example",
        "alsoKnownAs": [log.did().as_str()],
    });
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::StateScid);
}

#[test]
fn a_version_of_the_method_that_is_not_spoken_is_never_taken_for_one_that_is() {
    for method in [
        json!("did:webvh:99.0"),
        json!("did:webvh:1.0-rc1"),
        json!("did:webvh:1.00"),
        json!("did:webvh:0.5"),
        json!("did:webvh:1"),
        json!("did:webvh:"),
        json!("did:WEBVH:1.0"),
        json!(" did:webvh:1.0"),
        json!("didwebvh:1.0"),
        json!("did:tdw:0.4"),
        json!(1.5),
        json!(null),
        json!(["did:webvh:1.0"]),
    ] {
        let mut parameters = first_parameters();
        parameters["method"] = method.clone();
        assert_eq!(first_refused(parameters, first_state()), EntryError::Method, "{method}");
        let later = forged(|e| e.parameters = json!({"method": method}));
        assert_eq!(later, EntryError::Method, "{method}");
    }
    let mut parameters = first_parameters();
    parameters.as_object_mut().unwrap().remove("method");
    assert_eq!(first_refused(parameters, first_state()), EntryError::Method);
    let log = first(genesis());
    let mut same = Forged::after(&log, 1);
    same.parameters = json!({"method": "did:webvh:1.0"});
    assert!(log.extend(&[log.bytes(), &same.signed(1)].concat(), NOW).is_ok());
}

#[test]
fn unknown_parameters_and_malformed_ones_are_refused() {
    let with = |name: &str, value: Value| {
        let mut parameters = first_parameters();
        parameters[name] = value.clone();
        let later = forged(|e| drop(e.parameters.as_object_mut().unwrap().insert(name.to_owned(), value)));
        let refused = first_refused(parameters, first_state());
        assert_eq!(refused, later, "{name}");
        refused
    };
    assert_eq!(with("prerotation", json!(true)), EntryError::UnknownParameter);
    assert_eq!(with("ttl", json!("3600")), EntryError::Parameter);
    assert_eq!(with("ttl", json!(-1)), EntryError::Parameter);
    assert_eq!(with("ttl", json!(2_147_483_649_u64)), EntryError::Parameter);
    assert_eq!(with("portable", json!("yes")), EntryError::Parameter);
    assert_eq!(with("deactivated", json!(1)), EntryError::Parameter);
    assert_eq!(with("nextKeyHashes", json!("Qm")), EntryError::Parameter);
    assert_eq!(with("nextKeyHashes", json!(["a", "a"])), EntryError::Parameter);
    assert_eq!(with("watchers", json!(vec!["w"; MAX_KEYS + 1])), EntryError::Parameter);
    assert_eq!(
        with("updateKeys", json!([key(1).to_multikey(), key(1).to_multikey()])),
        EntryError::UpdateKey
    );
    assert_eq!(
        with("updateKeys", json!(["zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP"])),
        EntryError::UpdateKey
    );
    assert_eq!(with("updateKeys", json!(["z6Mk"])), EntryError::UpdateKey);
    assert_eq!(with("witness", json!([])), EntryError::Witness);

    assert_eq!(forged(|e| e.parameters = json!({"scid": "Qm"})), EntryError::UnknownParameter);
    assert_eq!(forged(|e| e.parameters = json!({"portable": true})), EntryError::Parameter);
}

#[test]
fn null_stands_for_the_default_and_hides_nothing() {
    let log = first(genesis());
    let mut entry = Forged::after(&log, 1);
    entry.parameters = json!({"nextKeyHashes": null, "watchers": null, "witness": null, "ttl": null});
    assert!(log.extend(&[log.bytes(), &entry.signed(1)].concat(), NOW).is_ok());
    let mut parameters = first_parameters();
    parameters["updateKeys"] = json!(null);
    assert_eq!(first_refused(parameters, first_state()), EntryError::NoUpdateKeys);
    let log = committed();
    let mut entry = Forged::after(&log, 1);
    entry.parameters = json!({"updateKeys": null, "nextKeyHashes": null});
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::NoUpdateKeys);
}

#[test]
fn an_entry_after_deactivation_is_refused() {
    let log = then(&long(2), Change { deactivate: true, ..Change::default() }, 9, 1);
    assert_eq!(refusal(&log, &Forged::after(&log, 1).signed(1)), EntryError::Deactivated);
    let mut entry = Forged::after(&log, 1);
    entry.parameters = json!({"deactivated": false});
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::Deactivated);
}

#[test]
fn a_document_at_an_address_with_escapes_or_traversal_is_refused() {
    for rest in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "a.localhost",
        "example%2Ecom",
        "example.com%3a80",
        "example.com:%2E%2E",
        "example.com:..",
        "example.com:a%2Fb",
        "%5B::1%5D",
        "example.com/x",
        "example.com#k",
    ] {
        let state = json!({"id": format!("did:webvh:{{SCID}}:{rest}")});
        assert!(matches!(first_refused(first_parameters(), state), EntryError::StateId(_)), "{rest}");
    }
    assert!(matches!(first_refused(first_parameters(), json!({})), EntryError::StateId(_)));
    let broken = json!({"id": "did:webvh:{SCID}:acme.example", "verificationMethod": 7});
    assert!(matches!(first_refused(first_parameters(), broken), EntryError::Document(_)));
}

#[test]
fn a_cut_log_is_refused_but_for_its_last_line_end() {
    let log = long(3);
    let ends: Vec<usize> = (0..log.bytes().len()).filter(|i| log.bytes()[*i] == b'\n').collect();
    for cut in 0..log.bytes().len() {
        let whole = ends.contains(&cut) || cut.checked_sub(1).is_some_and(|c| ends.contains(&c));
        assert_eq!(Log::verify(&log.bytes()[..cut], NOW).is_ok(), whole, "{cut}");
    }
    assert_eq!(Log::verify(b"", NOW), Err(LogError::Empty));
    assert_eq!(Log::verify(b"\n", NOW), Err(LogError::Empty));
    assert!(Log::verify(&[b"\n", log.bytes()].concat(), NOW).is_err());
    assert!(Log::verify(&[log.bytes(), b"\n"].concat(), NOW).is_err());
}

#[test]
fn a_log_without_one_of_its_entries_is_refused() {
    let log = long(4);
    let lines: Vec<&[u8]> = log.bytes().split_inclusive(|b| *b == b'\n').collect();
    for out in 0..3 {
        let rest: Vec<u8> = lines
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != out)
            .flat_map(|(_, line)| *line)
            .copied()
            .collect();
        let number = u32::try_from(out).unwrap() + 1;
        assert_eq!(Log::verify(&rest, NOW), Err(EntryError::OutOfSequence.at(number)));
        assert_eq!(log.extend(&rest, NOW), Err(EntryError::OutOfSequence.at(number)));
        assert_eq!(
            Log::verify(&[&rest, lines[out]].concat(), NOW),
            Err(EntryError::OutOfSequence.at(number))
        );
    }
    let begun: Vec<u8> = lines[..3].concat();
    assert_eq!(log.extend(&begun, NOW), Ok(Extension::Older), "a host that goes back shows nothing new");
}

/// Hashes and numbers follow, the last entry is right, and one in the middle is not its controller's.
#[test]
fn an_entry_in_the_middle_is_verified_though_the_last_one_is_right() {
    let log = first(genesis());
    let with = |seed: u8, change: fn(&mut Forged)| {
        let mut middle = Forged::after(&log, 1);
        change(&mut middle);
        let entry = middle.entry(seed);
        let last = Forged {
            previous: entry["versionId"].as_str().unwrap().to_owned(),
            number: 3,
            time: at(9).to_string(),
            parameters: json!({}),
            state: middle.state.clone(),
            options: options(1),
        };
        let middle = serde_json::to_vec(&entry).unwrap();
        Log::verify(&[log.bytes(), &middle, b"\n", &last.signed(1)].concat(), NOW)
    };
    assert!(with(1, |_| {}).is_ok());
    let unsigned = with(9, |_| {}).unwrap_err();
    assert_eq!(unsigned, EntryError::Proof(ProofError::BadSignature).at(2));
    let stranger = with(9, |e| e.options = options(9)).unwrap_err();
    assert_eq!(stranger, EntryError::NotAnUpdateKey.at(2));
    let suite = with(1, |e| drop(e.options.insert("cryptosuite".to_owned(), json!("ecdsa-jcs-2019"))));
    assert_eq!(suite, Err(EntryError::Cryptosuite.at(2)));
    let elsewhere = with(1, |e| e.previous = "1-QmOther".to_owned());
    assert_eq!(elsewhere, Err(EntryError::Hash.at(2)));
}

#[test]
fn json_that_readers_see_differently_is_refused() {
    let log = first(genesis());
    let line = String::from_utf8(Forged::after(&log, 1).signed(1)).unwrap();
    let json = |text: &[u8]| match refusal(&log, text) {
        EntryError::Json(e) => e,
        other => panic!("{other:?}"),
    };
    let doubled = line.replacen("\"state\":{", "\"state\":{\"id\":\"did:web:evil.example\",", 1);
    assert_eq!(json(doubled.as_bytes()), JsonError::Duplicate);
    let doubled = line.replacen('{', "{\"versionTime\":\"2027-01-01T00:00:00Z\",", 1);
    assert_eq!(json(doubled.as_bytes()), JsonError::Duplicate);
    let deep =
        line.replacen("\"state\":{", &format!("\"state\":{{\"x\":{}{},", "[".repeat(40), "]".repeat(40)), 1);
    assert_eq!(json(deep.as_bytes()), JsonError::TooDeep);
    assert_eq!(json("[".repeat(60_000).as_bytes()), JsonError::TooDeep);
    assert_eq!(json(b"\xff\xfe{}"), JsonError::NotUtf8);
    assert_eq!(json(line.replace("2-Qm", "2-\u{0}Qm").as_bytes()), JsonError::Malformed);
    assert_eq!(json(format!("{line} {{}}").as_bytes()), JsonError::Malformed);
    assert_eq!(tampered(|e| e["extra"] = json!(1)), EntryError::Members);
    assert_eq!(tampered(|e| *e = json!([])), EntryError::Members);
    assert_eq!(tampered(|e| e["parameters"] = json!(null)), EntryError::Members);
    assert_eq!(tampered(|e| e["state"] = json!("did")), EntryError::Members);
}

#[test]
fn logs_and_entries_over_their_bounds_are_refused_before_they_are_read() {
    let line = first(genesis()).bytes().to_vec();
    assert_eq!(Log::verify(&line.repeat(MAX_ENTRIES + 1)[..], NOW), Err(LogError::TooLong));
    assert_eq!(Log::verify(&b"{}\n".repeat(MAX_ENTRIES + 1), NOW), Err(LogError::TooManyEntries));
    assert_eq!(
        Log::verify(&b"{}\n".repeat(MAX_ENTRIES), NOW),
        Err(LogError::Entry { number: 1, why: EntryError::Members })
    );
    assert_eq!(Log::verify(&vec![b' '; MAX_LOG_BYTES + 1], NOW), Err(LogError::TooLong));
    let log = first(genesis());
    let mut entry = Forged::after(&log, 1);
    entry.state["note"] = json!("x".repeat(MAX_ENTRY_BYTES));
    assert_eq!(refusal(&log, &entry.signed(1)), EntryError::TooLong);
}

#[test]
fn a_malformed_id_is_refused_without_a_panic() {
    let scid = "QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3";
    let mut texts: Vec<String> = [
        "",
        "did",
        "did:",
        "did:webvh",
        "did:webvh:",
        "did:webvh::",
        "did:webvh::acme.example",
        "did:webvh:%",
    ]
    .map(str::to_owned)
    .to_vec();
    for rest in
        ["", ":", "::", ":%", ":%3A", ":%3A80", ":a.b%3A", ":a.b%", ":a.b%3", ":a.b:%", ":a.b:", ":é.example"]
    {
        texts.push(format!("did:webvh:{scid}{rest}"));
    }
    for cut in 1..scid.len() {
        texts.push(format!("did:webvh:{}:acme.example", &scid[..cut]));
        texts.push(format!("did:webvh:{}é:acme.example", &scid[..cut]));
    }
    for text in texts {
        assert!(text.parse::<WebvhId>().is_err(), "{text}");
        let refused = first_refused(first_parameters(), json!({"id": text}));
        assert!(matches!(refused, EntryError::StateId(_)), "{text}");
        let log = first(genesis());
        assert!(log.at(&VersionQuery::Id(text)).is_none());
    }
    for id in [json!(null), json!(7), json!([]), json!({"id": "x"})] {
        let refused = first_refused(first_parameters(), json!({"id": id}));
        assert!(matches!(refused, EntryError::StateId(_)), "{id}");
    }
}

#[test]
fn a_fragment_query_or_path_never_leaks_into_the_domain() {
    let did = "did:webvh:QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3:acme.example";
    for rest in ["#evil.test", "#:evil.test", "?x=evil.test", "/evil.test", "/../evil.test", "?a#evil.test/b"]
    {
        let text = format!("{did}{rest}");
        assert!(text.parse::<WebvhId>().is_err(), "{text}");
        let url: crate::did::DidUrl = text.parse().unwrap();
        let id = WebvhId::parse(url.did()).unwrap();
        assert_eq!((id.did().as_str(), id.host()), (did, "acme.example"), "{text}");
        assert_eq!(id.log_url(), "https://acme.example/.well-known/did.jsonl", "{text}");
        let state = json!({"id": format!("did:webvh:{{SCID}}:acme.example{rest}")});
        assert!(matches!(first_refused(first_parameters(), state), EntryError::StateId(_)), "{text}");
    }
    for escaped in ["acme.example%23evil.test", "acme.example%3Fevil.test", "acme.example%2Fevil.test"] {
        let text = format!("did:webvh:QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3:{escaped}");
        assert!(text.parse::<WebvhId>().is_err(), "{text}");
    }
}

#[test]
fn every_test_that_the_list_of_attacks_names_is_there() {
    let sources =
        [include_str!("attacks.rs"), include_str!("witness_attacks.rs"), include_str!("keys.rs")].concat();
    let listed: String = sources.lines().filter(|line| line.starts_with("//! ")).collect();
    let names = listed.split('`').filter(|name| name.matches('_').count() > 3);
    let names: Vec<&str> = names.map(|name| name.rsplit("::").next().unwrap()).collect();
    for name in &names {
        assert!(sources.contains(&format!("#[test]\nfn {name}() {{")), "{name}");
    }
    assert_eq!(names.len(), 24);
}
