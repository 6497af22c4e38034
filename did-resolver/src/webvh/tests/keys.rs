//! Which keys may write a log, and where the keys of its documents were listed.

use super::*;
use crate::document::{KeyRefusal, Relationship};

/// What an entry is to say of a parameter: `None` leaves it out.
type Said = Option<Value>;

/// Who may sign an entry after one with these hashes, under update key 1.
fn may_sign(committed: &[u8], update: &Said, next: &Said) -> Result<Vec<u8>, EntryError> {
    let mut start = genesis();
    start.next_key_hashes = committed.iter().map(|seed| key_hash(&key(*seed))).collect();
    let log = first(start);
    let mut signers = Vec::new();
    let mut refused = EntryError::NotAnUpdateKey;
    for seed in 1..=4 {
        let mut entry = Forged::after(&log, seed);
        let said = [("updateKeys", update), ("nextKeyHashes", next)];
        for (name, value) in said.into_iter().filter_map(|(name, said)| Some((name, said.clone()?))) {
            entry.parameters[name] = value;
        }
        match log.extend(&[log.bytes(), &entry.signed(seed)].concat(), NOW) {
            Ok(Extension::Longer(longer)) => {
                let hashes = next.as_ref().is_some_and(|n| n.as_array().is_some_and(|n| !n.is_empty()));
                assert_eq!(longer.parameters().pre_rotation(), hashes);
                signers.push(seed);
            }
            Ok(other) => panic!("{other:?}"),
            Err(e) if why(e.clone()) == EntryError::NotAnUpdateKey => {}
            Err(e) => refused = why(e),
        }
    }
    if signers.is_empty() { Err(refused) } else { Ok(signers) }
}

#[test]
fn every_combination_of_update_keys_and_next_key_hashes() {
    let keys = |seeds: &[u8]| Some(json!(seeds.iter().map(|s| key(*s).to_multikey()).collect::<Vec<_>>()));
    let hashes = |seeds: &[u8]| Some(json!(seeds.iter().map(|s| key_hash(&key(*s))).collect::<Vec<_>>()));
    let (omitted, not_committed, none) =
        (EntryError::PreRotationOmitted, EntryError::NotCommitted, EntryError::NoUpdateKeys);
    let updates = [None, Some(json!(null)), keys(&[]), keys(&[1]), keys(&[2]), keys(&[1, 2]), keys(&[2, 3])];
    let nexts = [None, Some(json!(null)), hashes(&[]), hashes(&[4])];
    // Under pre-rotation and with both given, by the place in `updates`.
    let one = [
        Err(omitted),
        Err(none),
        Err(none),
        Err(not_committed),
        Ok(vec![2]),
        Err(not_committed),
        Err(not_committed),
    ];
    let two = [
        Err(omitted),
        Err(none),
        Err(none),
        Err(not_committed),
        Ok(vec![2]),
        Err(not_committed),
        Ok(vec![2, 3]),
    ];
    let mut rows = 0;
    for (place, update) in updates.iter().enumerate() {
        for next in &nexts {
            let given = |row: &[Result<Vec<u8>, EntryError>; 7]| match next {
                None => Err(omitted),
                Some(_) => row[place].clone(),
            };
            assert_eq!(may_sign(&[], update, next), Ok(vec![1]), "{update:?} {next:?}");
            assert_eq!(may_sign(&[2], update, next), given(&one), "{update:?} {next:?}");
            assert_eq!(may_sign(&[2, 3], update, next), given(&two), "{update:?} {next:?}");
            rows += 3;
        }
    }
    assert_eq!(rows, 84);
}

#[test]
fn a_committed_key_that_was_once_in_use_must_be_committed_to_again() {
    let mut start = genesis();
    start.next_key_hashes = vec![key_hash(&key(2))];
    let rotate = |to: u8, next: u8| Change {
        update_keys: Some(vec![key(to)]),
        next_key_hashes: Some(vec![key_hash(&key(next))]),
        ..Change::default()
    };
    let log = then(&first(start), rotate(2, 3), 1, 2);
    let back = log.append(rotate(2, 3), at(2), NOW).unwrap_err();
    assert_eq!(why(back), EntryError::NotCommitted);
}

/// The document of `log` with key `seed` as `#k` under these relationships.
fn listing(log: &Log, seed: u8, relationships: &[Relationship], expires: Option<UnixSeconds>) -> Change {
    let did = log.did().as_str();
    let id = format!("{did}#k{seed}");
    let mut method = json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": key(seed).to_multikey()});
    if let Some(at) = expires {
        method["expires"] = json!(at.to_string());
    }
    let mut document = json!({"id": did, "verificationMethod": [method]});
    for relationship in relationships {
        document[relationship.as_str()] = json!([id]);
    }
    Change { document: Some(document), ..Change::default() }
}

#[test]
fn the_key_index_says_when_a_retired_key_was_listed_and_it_authorises_nothing() {
    let (asserting, proving) = (Relationship::AssertionMethod, Relationship::Authentication);
    let log = first(genesis());
    let log = then(&log, listing(&log, 5, &[proving, asserting], None), 1, 1);
    let log = then(&log, listing(&log, 5, &[asserting], Some(at(9))), 2, 1);
    let log = then(&log, listing(&log, 6, &[asserting], None), 3, 1);
    let (old, new) = (key(5), key(6));
    let of = |key: &PublicKey| {
        let listed = log.listed(key);
        listed.iter().map(|l| (l.number, l.relationship, l.expires)).collect::<Vec<_>>()
    };
    assert_eq!(of(&old), [(2, proving, None), (2, asserting, None), (3, asserting, Some(at(9)))]);
    assert_eq!(of(&new), [(4, asserting, None)]);
    assert_eq!(of(&key(1)), []);
    let ids: Vec<String> = log.versions().map(|v| v.id.clone()).collect();
    for listed in log.listed(&old) {
        assert_eq!(listed.version_id, ids[listed.number as usize - 1]);
        assert_eq!((listed.time, listed.revoked), (at(u64::from(listed.number) - 1), None));
        assert_eq!(listed.method_id.fragment(), Some("k5"));
        let now = log.document().unwrap().authorised(listed.relationship, listed.method_id, at(4));
        assert_eq!(now, Err(KeyRefusal::NotThere));
    }
    let ended = then(&log, Change { deactivate: true, ..Change::default() }, 4, 1);
    assert_eq!(ended.listed(&old).len(), 3);
    assert_eq!(ended.document(), None);
}

#[test]
fn a_key_that_no_relationship_names_is_not_listed() {
    let log = first(genesis());
    let log = then(&log, listing(&log, 5, &[], None), 1, 1);
    assert_eq!(log.head().document().methods().len(), 1);
    assert!(log.listed(&key(5)).is_empty());
}
