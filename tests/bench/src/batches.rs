//! G6: many Ed25519 signatures at once against one by one.

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

/// G6: sizes, keys, and what culprits cost.
pub fn run() {
    for (count, keys) in [(160, 160), (160, 4), (256, 256), (256, 4), (1024, 1024)] {
        let all = made(count, keys);
        let signed = signed(&all);
        compare(
            &format!("G6: {count} signatures of 1 KiB by {keys} keys"),
            vec![
                Candidate::new("singles: verify_strict, keys parsed", 1, || {
                    all.iter().filter(|m| m.bare.verify_strict(&m.message, &m.signature).is_ok()).count()
                }),
                Candidate::new("singles: PublicKey::verify", 1, || {
                    all.iter().filter(|m| m.key.verify(&m.message, &m.bytes).is_ok()).count()
                }),
                Candidate::new("batch::verify", 1, || verify(&signed).iter().filter(|v| v.is_ok()).count()),
            ],
        );
    }
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
    let count = |signed: &[Signed<'_>]| verify(signed).iter().filter(|v| v.is_ok()).count();
    compare(
        "G6: 256 signatures with culprits",
        vec![
            Candidate::new("singles: verify_strict, keys parsed", 1, || {
                good.iter().filter(|m| m.bare.verify_strict(&m.message, &m.signature).is_ok()).count()
            }),
            Candidate::new("batch::verify, 1 culprit", 1, || count(&one)),
            Candidate::new("batch::verify, 8 culprits", 1, || count(&eight)),
            Candidate::new("batch::verify, 256 culprits", 1, || count(&all)),
        ],
    );
    for (name, signed) in [("1", &one), ("8", &eight), ("256", &all)] {
        println!("  {name} culprits: {:?}", verify_counted(signed).1);
    }
}
