//! Batches: verdicts equal to the strict rule, on signatures that were made to tell the two apart.

use super::*;
use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signature, VerifyingKey};
use proptest::prelude::*;
use serde_json::Value;
use std::path::Path;

struct Made {
    key: PublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Made {
    fn signed(&self) -> Signed<'_> {
        Signed { key: &self.key, message: &self.message, signature: &self.signature }
    }

    /// The rule itself, not by way of this crate.
    fn strict(&self) -> bool {
        let key = VerifyingKey::from_bytes(self.key.as_bytes().try_into().unwrap()).unwrap();
        Signature::from_slice(&self.signature)
            .is_ok_and(|signature| key.verify_strict(&self.message, &signature).is_ok())
    }
}

fn scalar(label: &str, number: u32) -> Scalar {
    let hash = Sha512::new().chain_update(label).chain_update(number.to_le_bytes()).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// A signature by the owner of key `number`, with torsion added to key and R as the owner likes.
fn bent(number: u32, message: &[u8], of_key: usize, of_r: usize) -> Made {
    let (a, r) = (scalar("key", number), scalar("nonce", number));
    let key = (EdwardsPoint::mul_base(&a) + EIGHT_TORSION[of_key]).compress();
    let r_bytes = (EdwardsPoint::mul_base(&r) + EIGHT_TORSION[of_r]).compress();
    let hash = Sha512::new().chain_update(r_bytes.0).chain_update(key.0).chain_update(message).finalize();
    let s = r + Scalar::from_bytes_mod_order_wide(&hash.into()) * a;
    Made {
        key: PublicKey::ed25519(&key.0).unwrap(),
        message: message.to_vec(),
        signature: [r_bytes.0, s.to_bytes()].concat(),
    }
}

/// R of small order: valid without the check for it.
fn small_r(number: u32, message: &[u8], of_r: usize) -> Made {
    let mut made = bent(number, message, 0, 0);
    let r_bytes = EIGHT_TORSION[of_r].compress();
    let hash = Sha512::new().chain_update(r_bytes.0).chain_update(made.key.as_bytes()).chain_update(message);
    let s = Scalar::from_bytes_mod_order_wide(&hash.finalize().into()) * scalar("key", number);
    made.signature = [r_bytes.0, s.to_bytes()].concat();
    made
}

/// `kind` 0 is a good signature; every other is one way to be wrong, or nearly so.
fn made(number: u32, kind: u8, detail: u16) -> Made {
    let message = [&number.to_le_bytes()[..], b"a message"].concat();
    let mut made = bent(number, &message, 0, 0);
    let some = usize::from(detail % 7) + 1;
    match kind {
        0 => {}
        1 => made.signature[usize::from(detail) % 64] ^= 1 << (detail % 8),
        2 => made.message[usize::from(detail) % message.len()] ^= 1 << (detail % 8),
        3 => made = bent(number, &message, 0, some),
        4 => made = bent(number, &message, some, 0),
        5 => made = bent(number, &message, some, usize::from(detail / 7) % 8),
        6 => made = small_r(number, &message, usize::from(detail % 8)),
        7 => made.signature.truncate(usize::from(detail) % 64),
        8 => {
            // s plus the order: the same scalar in another spelling.
            let order_less_one = (-Scalar::ONE).to_bytes();
            let mut carry = 1_u16;
            for (byte, add) in made.signature[32..].iter_mut().zip(order_less_one) {
                carry += u16::from(*byte) + u16::from(add);
                *byte = carry.to_le_bytes()[0];
                carry >>= 8;
            }
        }
        _ => made.key = bent(number + 1, &message, 0, 0).key,
    }
    made
}

fn agrees(corpus: &[Made]) -> (usize, Effort) {
    let signed: Vec<_> = corpus.iter().map(Made::signed).collect();
    let (verdicts, effort) = verify_counted(&signed);
    let strict: Vec<_> =
        corpus.iter().map(|m| m.strict().then_some(()).ok_or(KeyError::BadSignature)).collect();
    assert_eq!(verdicts, strict);
    (verdicts.iter().filter(|verdict| verdict.is_ok()).count(), effort)
}

#[test]
fn a_batch_of_good_signatures_is_one_equation() {
    let corpus: Vec<_> = (0..256).map(|number| made(number, 0, 0)).collect();
    assert_eq!(agrees(&corpus), (256, Effort { batches: 1, singles: 0 }));
    let few = &corpus[..MIN_BATCH - 1];
    assert_eq!(agrees(few), (few.len(), Effort { batches: 0, singles: few.len() }));
    assert_eq!(verify(&[]), []);
}

#[test]
fn one_bad_signature_is_found_with_at_most_log2_n_more_equations() {
    for culprit in [0, 1, 100, 127, 128, 254, 255] {
        let corpus: Vec<_> =
            (0..256).map(|number| made(number, u8::from(number == culprit) * 2, 9)).collect();
        let (good, effort) = agrees(&corpus);
        assert_eq!(good, 255);
        assert!(effort.batches <= 1 + 8 && effort.singles <= MIN_BISECTED, "{culprit}: {effort:?}");
    }
}

#[test]
fn a_batch_full_of_bad_signatures_costs_a_bounded_number_of_equations() {
    let corpus: Vec<_> = (0..256).map(|number| made(number, 2, 9)).collect();
    let (good, effort) = agrees(&corpus);
    assert_eq!(good, 0);
    assert!(effort.batches <= (MAX_HUNTED + 1) * 8, "{effort:?}");
}

#[test]
fn torsion_in_r_or_in_the_key_gets_the_strict_verdict() {
    // Each of these passes the bare equation for one batch in two, four or eight.
    for torsion in 1..8 {
        for bad in [1_u32, 2, 128] {
            let corpus: Vec<_> =
                (0..256).map(|n| bent(n, &n.to_le_bytes(), 0, if n < bad { torsion } else { 0 })).collect();
            assert_eq!(agrees(&corpus).0, 256 - bad as usize);
        }
        let corpus: Vec<_> = (0..256).map(|n| bent(n, &n.to_le_bytes(), torsion, 0)).collect();
        let (good, _) = agrees(&corpus);
        assert!(good > 0 && good < 256, "the corpus has mixed keys that the strict rule takes, and not");
    }
}

#[test]
fn an_r_of_small_order_is_refused_even_where_the_equation_holds() {
    for of_r in 0..8 {
        let corpus: Vec<_> =
            (0..256).map(|n| if n == 64 { small_r(n, b"m", of_r) } else { made(n, 0, 0) }).collect();
        assert_eq!(agrees(&corpus).0, 255);
    }
}

#[test]
fn bent_signatures_are_found_by_halving_and_none_is_verified_by_itself() {
    for torsion in 1..8 {
        for bad in [vec![0], vec![255], vec![100, 101], vec![3, 254]] {
            let of_r = |n: u32| if bad.contains(&n) { torsion } else { 0 };
            let corpus: Vec<_> = (0..256).map(|n| bent(n, b"m", 0, of_r(n))).collect();
            assert_eq!(agrees(&corpus), (256 - bad.len(), Effort { batches: 1, singles: 0 }));
        }
        let corpus: Vec<_> = (0..256).map(|n| bent(n, b"m", 0, if n < 3 { torsion } else { 0 })).collect();
        assert_eq!(agrees(&corpus), (253, Effort { batches: 0, singles: 256 }));
    }
}

#[test]
fn keys_of_mixed_order_are_decided_together_with_the_others() {
    for torsion in 1..8 {
        let good = (0..).map(|n| bent(n, b"m", torsion, 0)).filter(Made::strict);
        let corpus: Vec<_> = good.take(128).chain((1000..1128).map(|n| made(n, 0, 0))).collect();
        assert_eq!(agrees(&corpus), (256, Effort { batches: 1, singles: 0 }));
    }
}

#[test]
fn each_round_sums_what_has_its_bit() {
    let mut batch = Batch::default();
    let corpus: Vec<_> = (0..40).map(|n| bent(n, b"m", 0, n as usize % 8)).collect();
    for (place, one) in corpus.iter().enumerate() {
        let _ = batch.add(place, &one.signed());
    }
    let random = Random::of(&batch).unwrap();
    let chosen: Vec<_> = random.choices().zip(&batch.entries).collect();
    let mut sums = subset_sums(&chosen);
    sums.sort_by_key(|(round, _)| *round);
    let plain: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let of_round = chosen.iter().filter(|(choice, _)| choice & (1 << round) != 0);
            (round, of_round.map(|(_, entry)| entry.small).sum::<EdwardsPoint>())
        })
        .collect();
    assert_eq!(sums, plain);
}

#[test]
fn a_point_is_in_the_subgroup_exactly_where_the_library_says_so() {
    for number in 0..64 {
        let point = EdwardsPoint::mul_base(&scalar("point", number)) + EIGHT_TORSION[number as usize % 8];
        assert_eq!(in_subgroup(&point), point.is_torsion_free());
        let times = times(&point, number as u8 % 8) - point * Scalar::from(number % 8);
        assert!(times == EdwardsPoint::identity() || times == -point.mul_by_cofactor());
    }
    assert!(in_subgroup(&EdwardsPoint::identity()));
}

#[test]
fn coefficients_change_with_every_part_of_the_batch_and_with_nothing_else() {
    let corpus: Vec<_> = (0..8).map(|number| made(number, 0, 0)).collect();
    let seed = |corpus: &[Made]| {
        let mut batch = Batch::default();
        for (place, one) in corpus.iter().enumerate() {
            batch.add(place, &one.signed()).unwrap();
        }
        Random::of(&batch).unwrap().seed
    };
    let first = seed(&corpus);
    assert_eq!(seed(&corpus), first);
    let with = |change: &dyn Fn(&mut Made)| {
        let mut changed: Vec<_> = (0..8).map(|number| made(number, 0, 0)).collect();
        change(&mut changed[5]);
        seed(&changed)
    };
    let other = made(9, 0, 0);
    assert_ne!(with(&|m| m.message.push(0)), first);
    assert_ne!(with(&|m| m.key = other.key.clone()), first);
    assert_ne!(with(&|m| m.signature[..32].copy_from_slice(&other.signature[..32])), first);
    assert_ne!(with(&|m| m.signature[32..].copy_from_slice(&other.signature[32..])), first);
}

#[test]
fn every_wycheproof_case_has_its_verdict_alone_and_in_a_batch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/wycheproof/ed25519.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let hex = |case: &Value, name: &str| {
        data_encoding::HEXLOWER.decode(case[name].as_str().unwrap().as_bytes()).unwrap()
    };
    let corpus: Vec<_> = cases
        .iter()
        .map(|case| Made {
            key: PublicKey::ed25519(&hex(case, "key")).unwrap(),
            message: hex(case, "message"),
            signature: hex(case, "signature"),
        })
        .collect();
    let expected: Vec<_> = cases.iter().map(|case| case["valid"].as_bool().unwrap()).collect();
    let alone: Vec<_> = corpus.iter().map(|m| m.key.verify(&m.message, &m.signature).is_ok()).collect();
    assert_eq!(alone, expected);
    assert_eq!((corpus.len(), agrees(&corpus).0), (151, 88));
    let valid: Vec<_> =
        corpus.into_iter().zip(expected).filter(|(_, valid)| *valid).map(|(m, _)| m).collect();
    let twice: Vec<_> = valid.iter().chain(&valid).map(Made::signed).collect();
    let (verdicts, effort) = verify_counted(&twice);
    assert!(verdicts.iter().all(Result::is_ok));
    assert_eq!(effort, Effort { batches: 1, singles: 0 });
    println!("wycheproof ed25519: 151 cases, 88 valid, 63 invalid");
}

#[test]
fn keys_of_other_kinds_are_verified_one_by_one() {
    let mut corpus: Vec<_> = (0..256).map(|number| made(number, 0, 0)).collect();
    corpus[60].key = PublicKey::from_multikey("zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP").unwrap();
    let signed: Vec<_> = corpus.iter().map(Made::signed).collect();
    let (verdicts, effort) = verify_counted(&signed);
    assert_eq!(verdicts.iter().filter(|verdict| verdict.is_ok()).count(), 255);
    assert_eq!(effort, Effort { batches: 1, singles: 1 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn verdicts_equal_the_strict_rule_on_any_mixture(
        seed in any::<u16>(), length in MIN_BATCH..300, bad in prop::collection::btree_map(0_u32..200, (1_u8..10, any::<u16>()), 0..6),
    ) {
        let corpus: Vec<_> = (0..length as u32)
            .map(|number| {
                let (kind, detail) = bad.get(&number).copied().unwrap_or_default();
                made(u32::from(seed) * 1000 + number, kind, detail)
            })
            .collect();
        agrees(&corpus);
    }

    #[test]
    fn any_bytes_as_signatures_get_the_strict_verdict(signature in prop::collection::vec(any::<u8>(), 0..70), at in 0..MIN_BATCH) {
        let mut corpus: Vec<_> = (0..MIN_BATCH as u32).map(|number| made(number, 0, 0)).collect();
        corpus[at].signature = signature;
        agrees(&corpus);
    }
}
