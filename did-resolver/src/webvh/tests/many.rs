//! Many logs at once get the verdicts that each gets alone.

use super::*;
use crate::keys::batch::{MAX_BATCH, MIN_BATCH};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;

static LOG: LazyLock<Log> = LazyLock::new(|| long(5));

/// What is done to a log before it is handed in.
#[derive(Debug, Clone)]
enum Harm {
    None,
    Cut(Index),
    Bit(Index, u8),
    Signature(usize),
    Empty,
}

fn harmed(harm: &Harm) -> Vec<u8> {
    let mut bytes = LOG.bytes().to_vec();
    match harm {
        Harm::None => {}
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Harm::Bit(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Harm::Signature(entry) => {
            let text = String::from_utf8(bytes).unwrap();
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let mut json: Value = serde_json::from_str(&lines[*entry]).unwrap();
            json["proof"][0]["proofValue"] = json!(codec::to_multibase_z(&[7; 64]));
            lines[*entry] = serde_json::to_string(&json).unwrap();
            bytes = lines.join("\n").into_bytes();
        }
        Harm::Empty => bytes.clear(),
    }
    bytes
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        6 => Just(Harm::None),
        1 => any::<Index>().prop_map(Harm::Cut),
        1 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Harm::Bit(at, bit)),
        1 => (0..5_usize).prop_map(Harm::Signature),
        1 => Just(Harm::Empty),
    ]
}

fn agree(logs: &[Vec<u8>]) {
    let bytes: Vec<_> = logs.iter().map(|log| LogBytes { log, witness: None }).collect();
    let alone: Vec<_> = logs.iter().map(|log| Log::verify(log, NOW)).collect();
    assert_eq!(verify_many(&bytes, NOW), alone);
}

#[test]
fn a_bad_log_among_many_is_named_with_its_entry_and_the_others_are_good() {
    let mut logs = vec![harmed(&Harm::None); 60];
    logs[17] = harmed(&Harm::Signature(3));
    let bytes: Vec<_> = logs.iter().map(|log| LogBytes { log, witness: None }).collect();
    let verdicts = verify_many(&bytes, NOW);
    assert!(logs.len() * 5 > MIN_BATCH);
    for (place, verdict) in verdicts.into_iter().enumerate() {
        match verdict {
            Err(LogError::Entry { number: 4, .. }) if place == 17 => {}
            Ok(log) if place != 17 => assert_eq!(log, *LOG),
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn more_than_one_turn_holds_comes_out_in_order() {
    let count = MAX_BATCH / 5 * 2 + 7;
    let logs: Vec<_> = (0..count)
        .map(|n| if n % 50 == 3 { harmed(&Harm::Signature(n % 5)) } else { harmed(&Harm::None) })
        .collect();
    agree(&logs);
    agree(&[]);
}

#[test]
fn logs_with_witnesses_need_their_approvals_here_too() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11, 12])), &[]);
    let file = approvals(&[lines.id(1)], &[10, 12]);
    let with = LogBytes { log: &lines.bytes, witness: Some(&file) };
    let without = LogBytes { witness: None, ..with };
    let verdicts = verify_many(&[with, without, with], NOW);
    assert!(verdicts[0].is_ok() && verdicts[0] == verdicts[2]);
    assert_eq!(why(verdicts[1].clone().unwrap_err()), EntryError::WitnessMissing);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn verdicts_are_those_of_each_log_alone(harms in proptest::collection::vec(harm(), 30..60)) {
        agree(&harms.iter().map(harmed).collect::<Vec<_>>());
    }
}
