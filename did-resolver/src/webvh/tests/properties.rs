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
