//! Extending is monotone, idempotent and free of order; and no byte of a log is idle.

use super::*;
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

static LONG: LazyLock<Log> = LazyLock::new(|| long(6));

/// The first `n` entries of [`LONG`].
fn prefix(n: usize) -> Vec<u8> {
    LONG.bytes().split_inclusive(|b| *b == b'\n').take(n).flatten().copied().collect()
}

fn ids(log: &Log) -> Vec<String> {
    log.versions().map(|v| v.id.clone()).collect()
}

#[test]
fn extending_any_beginning_by_the_whole_is_verifying_the_whole() {
    let whole = Log::verify(LONG.bytes(), NOW).unwrap();
    for n in 1..6 {
        let start = Log::verify(&prefix(n), NOW).unwrap();
        assert_eq!(start.extend(LONG.bytes(), NOW), Ok(Extension::Longer(whole.clone())));
    }
    assert_eq!(whole.extend(LONG.bytes(), NOW), Ok(Extension::Same));
}

#[test]
fn what_follows_alone_makes_the_same_log_as_the_whole() {
    let lines: Vec<&[u8]> = LONG.bytes().split_inclusive(|b| *b == b'\n').collect();
    let mut held = Log::verify(lines[0], NOW).unwrap();
    for line in &lines[1..] {
        let longer = held.then(line, None, NOW).unwrap();
        assert_eq!(longer.then(line, None, NOW).map_err(why), Err(EntryError::OutOfSequence));
        assert_eq!(held.then(line.trim_ascii_end(), None, NOW), Ok(longer.clone()));
        held = longer;
    }
    assert_eq!(held, *LONG);
    assert_eq!(Log::verify(lines[0], NOW).unwrap().then(&lines[1..].concat(), None, NOW), Ok(held.clone()));
    for text in [&b""[..], b"\n", b"\n\n", b"{}"] {
        assert_eq!(
            held.then(text, None, NOW).map_err(|e| matches!(e, LogError::Entry { number: 7, .. })),
            Err(true)
        );
        assert_eq!(held.extend(&[held.bytes(), text].concat(), NOW).is_ok(), text.is_empty());
    }
    assert_eq!(held.then(&vec![b'\n'; MAX_LOG_BYTES], None, NOW), Err(LogError::TooLong));
    assert_eq!(held.then(&[b'\n'; MAX_ENTRIES], None, NOW), Err(LogError::TooManyEntries));
    assert_eq!(held.at(&VersionQuery::Number(3)).unwrap().next.unwrap().number, 4);
}

#[test]
fn a_log_that_grew_two_thousand_times_is_dropped_without_recursion() {
    let mut history = history::History::new(None, vec![LONG.head().clone()], b"x\n".to_vec()).unwrap();
    for _ in 1..MAX_ENTRIES * 50 {
        history = history::History::new(Some(&history), vec![LONG.head().clone()], b"x\n".to_vec()).unwrap();
    }
    assert_eq!(history.byte_count(), MAX_ENTRIES * 100);
    assert_eq!(history.bytes(), b"x\n".repeat(MAX_ENTRIES * 50));
    assert_eq!(history.strip_from(&[history.bytes(), b"y"].concat()), Some(&b"y"[..]));
    assert_eq!(history.strip_from(&history.bytes()[1..]), None);
    drop(history);
}

/// The same JSON, each member and item on a line of its own and the members in another order.
fn loosely(line: &[u8]) -> Vec<u8> {
    fn write(json: &Value, out: &mut String) {
        match json {
            Value::Object(members) => {
                out.push_str("{ ");
                for (place, (name, value)) in members.iter().rev().enumerate() {
                    out.push_str(if place == 0 { "" } else { " , " });
                    out.push_str(&format!("{} : ", json!(name)));
                    write(value, out);
                }
                out.push('}');
            }
            Value::Array(items) => {
                out.push_str("[ ");
                for (place, item) in items.iter().enumerate() {
                    out.push_str(if place == 0 { "" } else { " , " });
                    write(item, out);
                }
                out.push(']');
            }
            other => out.push_str(&other.to_string()),
        }
    }
    let mut out = String::new();
    write(&serde_json::from_slice(line).unwrap(), &mut out);
    out.into_bytes()
}

#[test]
fn a_log_that_is_not_canonical_has_the_same_versions() {
    let loose: Vec<Vec<u8>> = LONG.bytes().trim_ascii_end().split(|b| *b == b'\n').map(loosely).collect();
    let log = Log::verify(&loose.join(&b'\n'), NOW).unwrap();
    assert!(log.versions().eq(LONG.versions()));
    assert_eq!(LONG.extend(log.bytes(), NOW), Ok(Extension::Same));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Two roads read a line; on one that is not as it should be they say the same.
    #[test]
    fn a_changed_entry_gets_the_same_refusal_whether_it_is_canonical_or_not(
        path in prop::sample::select(vec![
            "/versionId", "/versionTime", "/parameters", "/parameters/updateKeys", "/parameters/method",
            "/parameters/scid", "/state", "/state/id", "/state/new", "/proof", "/proof/0", "/proof/0/type",
            "/proof/0/cryptosuite", "/proof/0/proofPurpose", "/proof/0/verificationMethod",
            "/proof/0/proofValue", "/proof/0/created", "/proof/0/new", "/new",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(0), json!(""), json!("1-"), json!("\u{7}"), json!("a\"b"), json!([]),
            json!([{}]), json!([{}, {}]), json!({}), json!("z"), json!("zz"), json!("did:key:z#z"),
        ]),
        remove in any::<bool>(), number in 1_usize..=2,
    ) {
        let bytes = prefix(number);
        let lines: Vec<&[u8]> = bytes.trim_ascii_end().split(|b| *b == b'\n').collect();
        let mut entry: Value = serde_json::from_slice(lines[number - 1]).unwrap();
        let (parent, name) = path.rsplit_once('/').unwrap();
        match entry.pointer_mut(parent) {
            Some(Value::Object(members)) if remove => drop(members.remove(name)),
            Some(Value::Object(members)) => drop(members.insert(name.to_owned(), value)),
            Some(Value::Array(items)) => items[0] = value,
            _ => {}
        }
        let canonical = jcs::canonical(&entry).unwrap();
        let before: Vec<u8> = prefix(number - 1);
        let verdict = |line: &[u8]| Log::verify(&[&before, line].concat(), NOW).map(|log| ids(&log));
        prop_assert_eq!(verdict(&canonical), verdict(&loosely(&canonical)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_beginnings_ends_at_the_longest(order in prop::collection::vec(1_usize..=6, 1..12)) {
        let mut held = Log::verify(&prefix(order[0]), NOW).unwrap();
        for n in &order {
            let before = held.head().number as usize;
            match held.extend(&prefix(*n), NOW).unwrap() {
                Extension::Longer(longer) => {
                    prop_assert!(*n > before);
                    prop_assert!(longer.bytes().starts_with(held.bytes()));
                    held = longer;
                }
                Extension::Same => prop_assert_eq!(*n, before),
                Extension::Older => prop_assert!(*n < before),
                Extension::Fork { .. } => prop_assert!(false),
            }
        }
        let longest = order.iter().max().copied().unwrap();
        prop_assert_eq!(held, Log::verify(&prefix(longest), NOW).unwrap());
    }

    #[test]
    fn a_fork_is_seen_from_both_sides_at_the_same_number(common in 1_usize..6, extra in 1_u64..4) {
        let start = Log::verify(&prefix(common), NOW).unwrap();
        let branch = (0..extra).fold(start, |log, i| then(&log, renamed(&log, 1_000 + i), 100 + i, 1));
        let at = u32::try_from(common).unwrap() + 1;
        prop_assert_eq!(LONG.extend(branch.bytes(), NOW), Ok(Extension::Fork { at }));
        prop_assert_eq!(branch.extend(LONG.bytes(), NOW), Ok(Extension::Fork { at }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_flipped_byte_is_refused_or_changes_no_version(at in any::<Index>(), to in any::<u8>()) {
        let mut bytes = prefix(3);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let original = Log::verify(&prefix(3), NOW).unwrap();
        if let Ok(log) = Log::verify(&bytes, NOW) {
            prop_assert_eq!(ids(&log), ids(&original));
        }
        if let Ok(extension) = original.extend(&bytes, NOW) {
            prop_assert!(matches!(extension, Extension::Same | Extension::Older), "{:?}", extension);
        }
    }

    #[test]
    fn verifying_never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<Index>()) {
        let _ = Log::verify(&bytes, NOW);
        let mut spliced = prefix(2);
        let at = at.index(spliced.len());
        spliced.splice(at..at, bytes);
        let _ = Log::verify(&spliced, NOW);
        let _ = LONG.extend(&spliced, NOW);
    }

    #[test]
    fn verifying_never_panics_on_changed_members(
        path in prop::sample::select(vec![
            "/versionId", "/versionTime", "/parameters", "/parameters/updateKeys", "/parameters/nextKeyHashes",
            "/parameters/witness", "/parameters/method", "/parameters/scid", "/state", "/state/id", "/proof",
            "/proof/0", "/proof/0/verificationMethod", "/proof/0/proofValue", "/proof/0/created",
        ]),
        value in prop::sample::select(vec![
            json!(null), json!(true), json!(0), json!(-1.5), json!(""), json!("1-"), json!("{SCID}"), json!([]),
            json!([null]), json!({}), json!({"": {}}), json!("z"), json!("did:webvh:"), json!(["z1"]),
        ]),
    ) {
        let mut entry: Value = serde_json::from_slice(prefix(1).trim_ascii()).unwrap();
        if let Some(member) = entry.pointer_mut(path) {
            *member = value;
        }
        let _ = Log::verify(&serde_json::to_vec(&entry).unwrap(), NOW);
    }
}
