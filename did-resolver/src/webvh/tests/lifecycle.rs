//! Creating, updating, rotating, moving and ending.

use super::*;

#[test]
fn a_new_log_names_itself_by_the_hash_of_its_first_entry() {
    let draft = create(genesis()).unwrap();
    let did = draft.did().clone();
    let line = signed(draft, 1);
    let log = Log::verify(&line, NOW).unwrap();
    assert_eq!(log.did(), &did);
    assert_eq!(log.did().as_str(), format!("did:webvh:{}:acme.example:agents:bot", log.scid()));
    assert_eq!(log.document().unwrap().json()["controller"], json!(did.as_str()));
    assert_eq!((log.head().number, log.head().time), (1, at(0)));
    assert_eq!(log.bytes(), line);
    assert!(log.names(&did) && !log.is_deactivated());
    assert_eq!(log.parameters().update_keys(), [key(1)]);
    assert_eq!(log.parameters().ttl_seconds(), DEFAULT_TTL_SECONDS);
}

#[test]
fn the_identifier_survives_rotations_and_old_versions_stay_resolvable() {
    //
    let mut first_keys = genesis();
    first_keys.next_key_hashes = vec![key_hash(&key(2))];
    let log = first(first_keys);
    let did = log.did().clone();
    let rotate = |to: u8, next: u8| Change {
        update_keys: Some(vec![key(to)]),
        next_key_hashes: Some(vec![key_hash(&key(next))]),
        ..Change::default()
    };
    let log = then(&log, rotate(2, 3), 10, 2);
    let log = then(&log, rotate(3, 4), 20, 3);
    assert_eq!((log.did(), log.head().number), (&did, 3));
    assert_eq!(log.parameters().update_keys(), [key(3)]);
    let number = |query| log.at(&query).map(|r| (r.version.number, r.next.map(|n| n.number)));
    assert_eq!(number(VersionQuery::Time(at(9))), Some((1, Some(2))));
    assert_eq!(number(VersionQuery::Time(at(10))), Some((2, Some(3))));
    assert_eq!(number(VersionQuery::Time(at(999))), Some((3, None)));
    assert_eq!(number(VersionQuery::Time(UnixSeconds::new(START - 1))), None);
    assert_eq!(number(VersionQuery::Number(2)), Some((2, Some(3))));
    assert_eq!(number(VersionQuery::Number(4)), None);
    assert_eq!(number(VersionQuery::Id(log.head().id.clone())), Some((3, None)));
    assert_eq!(number(VersionQuery::Id("3-Qm".to_owned())), None);
}

#[test]
fn without_pre_rotation_the_keys_before_sign_and_the_new_ones_act_from_then_on() {
    let log = first(genesis());
    let to_two = Change { update_keys: Some(vec![key(2)]), ..Change::default() };
    let draft = log.append(to_two.clone(), at(1), NOW).unwrap();
    assert_eq!(draft.signers(), [key(1)]);
    assert_eq!(why(draft.signing_input(&key(2)).unwrap_err()), EntryError::NotAnUpdateKey);
    let log = then(&log, to_two, 1, 1);
    let log = then(&log, renamed(&log, 1), 2, 2);
    assert_eq!(refusal(&log, &Forged::after(&log, 1).signed(1)), EntryError::NotAnUpdateKey);
}

#[test]
fn a_signature_that_does_not_verify_makes_no_line() {
    let draft = create(genesis()).unwrap();
    let refused = draft.attach(&key(1), &[7; 64]).unwrap_err();
    assert_eq!(why(refused), EntryError::Proof(crate::proof::ProofError::BadSignature));
}

#[test]
fn a_deactivated_did_has_no_document_and_no_next_entry() {
    let log = long(2);
    let ended = then(&log, Change { deactivate: true, ..Change::default() }, 5, 1);
    assert!(ended.is_deactivated());
    assert_eq!(ended.document(), None);
    assert!(ended.at(&VersionQuery::Number(1)).is_some());
    let again = ended.append(Change::default(), at(6), NOW).unwrap_err();
    assert_eq!(again, LogError::Entry { number: 4, why: EntryError::Deactivated });
}

#[test]
fn a_draft_that_a_verifier_would_refuse_is_not_made() {
    let log = first(genesis());
    let made = |change: Change, seconds| log.append(change, at(seconds), NOW).map(|_| ()).map_err(why);
    assert_eq!(made(Change::default(), 0), Err(EntryError::NotLater));
    assert_eq!(made(Change::default(), 86_400 + 301), Err(EntryError::InFuture));
    let foreign = Change { document: Some(json!({"id": "did:web:acme.example"})), ..Change::default() };
    assert!(matches!(made(foreign, 1), Err(EntryError::StateId(_))));

    let mut wrong = genesis();
    wrong.host = "127.0.0.1".to_owned();
    assert_eq!(create(wrong).map(|_| ()), Err(LogError::Location(LocationError::Host)));
    let mut wrong = genesis();
    wrong.document = json!({"id": "did:webvh:{SCID}:other.example"});
    assert_eq!(create(wrong).map(|_| ()).map_err(why), Err(EntryError::StateScid));
    let mut wrong = genesis();
    wrong.update_keys = vec![];
    assert_eq!(create(wrong).map(|_| ()).map_err(why), Err(EntryError::NoUpdateKeys));
    let mut wrong = genesis();
    wrong.document["note"] = json!("x".repeat(MAX_ENTRY_BYTES));
    assert!(create(wrong).is_err());
    let mut wrong = genesis();
    wrong.document["authentication"] = json!(["#gone"]);
    let dangling = EntryError::Document(crate::document::DocumentError::Relationship);
    assert_eq!(create(wrong).map(|_| ()).map_err(why), Err(dangling));
}

#[test]
fn a_portable_did_moves_and_names_its_old_self() {
    let mut portable = genesis();
    portable.portable = true;
    let log = first(portable);
    let old = log.did().clone();
    let new = format!("did:webvh:{}:other.example", log.scid());
    let moved =
        |aka: Value| Change { document: Some(json!({"id": new, "alsoKnownAs": aka})), ..Change::default() };
    let unannounced = log.append(moved(json!([])), at(1), NOW).unwrap_err();
    assert_eq!(why(unannounced), EntryError::MoveUnannounced);
    let there = then(&log, moved(json!([old.as_str()])), 1, 1);
    assert_eq!(there.did().as_str(), new);
    assert_eq!(there.scid(), log.scid());
    assert!(there.names(&old) && there.names(there.did()));

    let fixed = first(genesis());
    let did = format!("did:webvh:{}:other.example", fixed.scid());
    let aka = json!({"id": did, "alsoKnownAs": [fixed.did().as_str()]});
    let refused = fixed.append(Change { document: Some(aka), ..Change::default() }, at(1), NOW);
    assert_eq!(why(refused.unwrap_err()), EntryError::NotPortable);
}

#[test]
fn an_empty_list_of_update_keys_is_the_end_of_updates_but_not_of_the_document() {
    let log = first(genesis());
    let closed = then(&log, Change { update_keys: Some(vec![]), ..Change::default() }, 1, 1);
    assert!(closed.document().is_some());
    let refused = closed.append(Change::default(), at(2), NOW).unwrap_err();
    assert_eq!(why(refused), EntryError::NoUpdateKeys);
    assert_eq!(refusal(&closed, &Forged::after(&closed, 1).signed(1)), EntryError::NoUpdateKeys);
}

#[test]
fn pre_rotation_ends_with_an_empty_list_that_is_itself_committed() {
    let mut start = genesis();
    start.next_key_hashes = vec![key_hash(&key(2))];
    let log = first(start);
    let end = Change { update_keys: Some(vec![key(2)]), next_key_hashes: Some(vec![]), ..Change::default() };
    let log = then(&log, end, 1, 2);
    assert!(!log.parameters().pre_rotation());
    let log = then(&log, renamed(&log, 1), 2, 2);
    assert_eq!(log.head().number, 3);
}

#[test]
fn a_received_log_is_the_same_older_longer_or_a_fork() {
    //
    let log = long(4);
    let older = long(2);
    assert_eq!(log.extend(log.bytes(), NOW), Ok(Extension::Same));
    assert_eq!(log.extend(older.bytes(), NOW), Ok(Extension::Older));
    assert_eq!(older.extend(log.bytes(), NOW), Ok(Extension::Longer(log.clone())));
    let branch = then(&older, renamed(&older, 77), 9, 1);
    assert_eq!(log.extend(branch.bytes(), NOW), Ok(Extension::Fork { at: 3 }));
    assert_eq!(branch.extend(log.bytes(), NOW), Ok(Extension::Fork { at: 3 }));
    let mut other = genesis();
    other.time = at(1);
    assert_eq!(log.extend(first(other).bytes(), NOW), Err(LogError::OtherScid));
}

#[test]
fn an_invalid_branch_is_no_fork() {
    let log = long(3);
    let older = long(1);
    let mut forged = Forged::after(&older, 9);
    forged.state["alsoKnownAs"] = json!(["did:web:evil.example"]);
    let branch = [older.bytes(), &forged.signed(9)].concat();
    assert_eq!(why(log.extend(&branch, NOW).unwrap_err()), EntryError::NotAnUpdateKey);
}

#[test]
fn another_encoding_of_held_versions_is_the_same_and_the_held_bytes_stay() {
    let log = long(3);
    let text = String::from_utf8(log.bytes().to_vec()).unwrap();
    let spaced = text.replace("{\"parameters\"", "{ \"parameters\"");
    assert_ne!(text, spaced);
    assert_eq!(log.extend(spaced.as_bytes(), NOW), Ok(Extension::Same));
    assert_eq!(log.extend(text.trim_end().as_bytes(), NOW), Ok(Extension::Same));
    let longer = then(&log, renamed(&log, 50), 50, 1);
    let spaced =
        String::from_utf8(longer.bytes().to_vec()).unwrap().replace("{\"parameters\"", "{ \"parameters\"");
    let Ok(Extension::Longer(extended)) = log.extend(spaced.as_bytes(), NOW) else { panic!() };
    assert_eq!(extended.head(), longer.head());
    assert!(extended.bytes().starts_with(log.bytes()));

    let lines: Vec<&str> = text.lines().collect();
    let relabelled = lines[1].replace("name-1", "name-x");
    let refused = log.extend(format!("{}\n{relabelled}\n", lines[0]).as_bytes(), NOW);
    assert_eq!(refused, Err(LogError::Entry { number: 2, why: EntryError::Hash }));
}
