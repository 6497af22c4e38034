//! G6: many Ed25519 signatures at once against one by one, all of them good, and not.

use crate::goals::{Bound, Goals};
use crate::rounds::{Candidate, compare};
use did_resolver::keys::PublicKey;
use did_resolver::keys::batch::{Signed, verify, verify_counted};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

struct Made {
    bare: VerifyingKey,
    key: PublicKey,
    message: Vec<u8>,
    signature: Signature,
    bytes: [u8; 64],
}

fn made(count: usize, keys: usize) -> Vec<Made> {
    (0..count)
        .map(|number| {
            let mut seed = [3; 32];
            seed[..8].copy_from_slice(&((number % keys) as u64).to_le_bytes());
            let secret = SigningKey::from_bytes(&seed);
            let bare = secret.verifying_key();
            let message = vec![(number % 251) as u8; 1024];
            let signature = secret.sign(&message);
            let key = PublicKey::ed25519(bare.as_bytes()).unwrap();
            Made { bare, key, message, bytes: signature.to_bytes(), signature }
        })
        .collect()
}

fn signed(made: &[Made]) -> Vec<Signed<'_>> {
    made.iter().map(|m| Signed { key: &m.key, message: &m.message, signature: &m.bytes }).collect()
}

const STRICT: &str = "singles: verify_strict, keys parsed";
const SINGLES: &str = "singles: PublicKey::verify";
const BATCH: &str = "batch::verify";

fn strict(made: &[Made]) -> usize {
    made.iter().filter(|m| m.bare.verify_strict(&m.message, &m.signature).is_ok()).count()
}

fn singles(made: &[Made]) -> usize {
    made.iter().filter(|m| m.key.verify(&m.message, &m.bytes).is_ok()).count()
}

fn batch(signed: &[Signed<'_>]) -> usize {
    verify(signed).iter().filter(|verdict| verdict.is_ok()).count()
}

/// G6: sizes, keys, and what culprits cost.
pub fn run(goals: &mut Goals) {
    for (count, keys) in [(16, 16), (64, 64), (160, 160), (160, 4), (256, 256), (256, 4), (1024, 1024)] {
        let all = made(count, keys);
        let signed = signed(&all);
        let measured = compare(
            &format!("G6: {count} signatures of 1 KiB by {keys} keys"),
            vec![
                Candidate::new(STRICT, 1, || strict(&all)),
                Candidate::new(SINGLES, 1, || singles(&all)),
                Candidate::new(BATCH, 1, || batch(&signed)),
            ],
        );
        if count == 256 {
            let of = format!("a batch of {count} by {keys} keys");
            let most = Bound::Most(0.5);
            goals.note("G6", format!("{of} / singles by ed25519-dalek"), measured.ratio(BATCH, STRICT), most);
            goals.note("G6", format!("{of} / singles by AWS-LC"), measured.ratio(BATCH, SINGLES), most);
        }
    }
    culprits(goals);
}

fn culprits(goals: &mut Goals) {
    const ONE: &str = "batch::verify, 1 culprit";
    let good = made(256, 256);
    let with = |bad: usize| {
        let mut all = made(256, 256);
        for number in 0..bad {
            all[(number * 37 + 11) % 256].bytes[40] ^= 1;
        }
        all
    };
    let (one, eight, all) = (with(1), with(8), with(256));
    let (one, eight, all) = (signed(&one), signed(&eight), signed(&all));
    let good = (signed(&good), &good);
    assert_eq!((batch(&one), batch(&eight), batch(&all)), (255, 248, 0));
    let measured = compare(
        "G6: 256 signatures with culprits",
        vec![
            Candidate::new(STRICT, 1, || strict(good.1)),
            Candidate::new(SINGLES, 1, || singles(good.1)),
            Candidate::new("batch::verify, no culprit", 1, || batch(&good.0)),
            Candidate::new(ONE, 1, || batch(&one)),
            Candidate::new("batch::verify, 8 culprits", 1, || batch(&eight)),
            Candidate::new("batch::verify, 256 culprits", 1, || 256 - batch(&all)),
        ],
    );
    for (name, signed) in [("1", &one), ("8", &eight), ("256", &all)] {
        println!("  {name} culprits: {:?}", verify_counted(signed).1);
    }
    let what = "batches beyond the first that find one culprit in 256";
    goals.note("G6", what, verify_counted(&one).1.batches as f64 - 1.0, Bound::Most(8.0));
    goals.note(
        "G6",
        "a batch of 256 with one culprit / singles by AWS-LC",
        measured.ratio(ONE, SINGLES),
        Bound::Most(1.0),
    );
}
