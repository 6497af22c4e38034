//! One rule for Ed25519 with either library, and one for each ECDSA curve.

use super::Curve;
use crate::keys::{KeyError, KeyKind, PublicKey};
use crate::{codec, json};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest, Sha512};
use std::path::Path;

/// One case: a key, a message, a signature.
type Case = (Vec<u8>, Vec<u8>, Vec<u8>);

fn vectors(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(path);
    json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 1_000_000).unwrap()
}

fn hex(json: &Value) -> Vec<u8> {
    HEXLOWER.decode(json.as_str().unwrap().as_bytes()).unwrap()
}

/// The rule, by dalek alone: canonical, strong keys, then `verify_strict`.
fn rule((key, message, signature): &Case) -> Result<(), KeyError> {
    let read = VerifyingKey::from_bytes(key.as_slice().try_into().unwrap());
    let read = read.map_err(|_| KeyError::NotAKey)?;
    if read.is_weak() || read.to_edwards().compress().as_bytes() != key.as_slice() {
        return Err(KeyError::NotAKey);
    }
    let signature = Signature::from_slice(signature).map_err(|_| KeyError::BadSignature)?;
    read.verify_strict(message, &signature).map_err(|_| KeyError::BadSignature)
}

fn verdict((key, message, signature): &Case) -> Result<(), KeyError> {
    PublicKey::ed25519(key)?.verify(message, signature)
}

/// All encodings of a point that some decoder takes: the canonical one, those with y above the prime,
/// and those of x = 0 with the sign set.
fn encodings(point: &EdwardsPoint) -> Vec<[u8; 32]> {
    let canonical = point.compress().to_bytes();
    let mut all = vec![canonical];
    let mut signed = canonical;
    signed[31] ^= 0x80;
    all.push(signed);
    if canonical[0] < 19 && canonical[1..31].iter().all(|b| *b == 0) && canonical[31] & 0x7f == 0 {
        let mut above = [0xff; 32];
        above[0] = canonical[0] + 0xed;
        for sign in [0, 0x80] {
            above[31] = 0x7f | sign;
            all.push(above);
        }
    }
    all
}

fn challenge(r: &[u8], a: &[u8], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(r).chain_update(a).chain_update(message).finalize();
    Scalar::from_bytes_mod_order_wide(&hash.into())
}

/// Every pair of torsion components of A and R, each of full, mixed and small order, in each encoding,
/// with an S that solves the equation up to torsion.
fn corpus() -> Vec<Case> {
    let mut cases = Vec::new();
    let (a, r) = (Scalar::from(0x0123_4567_89ab_cdef_u64), Scalar::from(0xfedc_ba98_7654_3210_u64));
    for (a, r) in [(a, r), (a, Scalar::ZERO), (Scalar::ZERO, r), (Scalar::ZERO, Scalar::ZERO)] {
        for torsion in EIGHT_TORSION.iter().flat_map(|t| EIGHT_TORSION.iter().map(move |u| (t, u))) {
            let key = ED25519_BASEPOINT_POINT * a + torsion.0;
            let nonce = ED25519_BASEPOINT_POINT * r + torsion.1;
            for (key, nonce) in
                encodings(&key).iter().flat_map(|k| encodings(&nonce).into_iter().map(move |n| (k, n)))
            {
                for message in [&b""[..], b"a", b"b", b"c"] {
                    let s = r + challenge(&nonce, key, message) * a;
                    let signature = [nonce, s.to_bytes()].concat();
                    cases.push((key.to_vec(), message.to_vec(), signature));
                }
            }
        }
    }
    cases
}

/// S plus the group order: the same point.
fn above_the_order(signature: &[u8]) -> Vec<u8> {
    let order = HEXLOWER.decode(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut changed = signature.to_vec();
    let mut carry = 0;
    for (byte, add) in changed[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    changed
}

//
#[test]
fn points_of_small_and_mixed_order_get_the_verdict_of_verify_strict() {
    let cases = corpus();
    let count = |wanted| cases.iter().filter(|case| verdict(case) == wanted).count();
    for case in &cases {
        assert_eq!(verdict(case), rule(case), "{case:02x?}");
        let high = (case.0.clone(), case.1.clone(), above_the_order(&case.2));
        assert_eq!(verdict(&high), rule(&high), "{high:02x?}");
        assert!(verdict(&high).is_err());
    }
    let counts = (count(Ok(())), count(Err(KeyError::BadSignature)), count(Err(KeyError::NotAKey)));
    println!("{} cases: {counts:?}", cases.len());
    assert!(counts.0 >= 32 && counts.1 >= 500 && counts.2 >= 500, "{counts:?}");
}

#[test]
fn of_the_twelve_published_edge_cases_only_the_one_of_mixed_order_verifies() {
    let cases = vectors("ed25519-speccheck/cases.json");
    let read = |c: &Value| (hex(&c["pub_key"]), hex(&c["message"]), hex(&c["signature"]));
    let cases: Vec<Case> = cases.as_array().unwrap().iter().map(read).collect();
    let good: Vec<usize> = (0..cases.len()).filter(|n| verdict(&cases[*n]).is_ok()).collect();
    assert_eq!((cases.len(), good), (12, vec![3]));
    assert!(cases.iter().all(|case| verdict(case) == rule(case)));
}

#[test]
fn coordinates_of_small_order_are_all_refused_for_agreement() {
    for point in EIGHT_TORSION {
        let u = point.to_montgomery().to_bytes();
        assert_eq!(PublicKey::x25519(&u), Err(KeyError::NotAKey), "{u:02x?}");
    }
    let twist = super::SMALL_ORDER_U.map(|u| PublicKey::x25519(&u).is_err());
    assert_eq!(twist, [true; 5]);
    let good = ED25519_BASEPOINT_POINT.to_montgomery().to_bytes();
    assert!(PublicKey::x25519(&good).is_ok());
    for (at, byte) in [(31, good[31] | 0x80), (31, 0xff)] {
        let mut high = good;
        high[at] = byte;
        assert_eq!(PublicKey::x25519(&high), Err(KeyError::NotAKey));
    }
    let mut prime = super::FIELD;
    assert_eq!(PublicKey::x25519(&prime), Err(KeyError::NotAKey));
    prime[0] -= 2;
    assert!(PublicKey::x25519(&prime).is_ok());
}

fn pairs() -> [(Curve, KeyKind, &'static EcdsaSigningAlgorithm); 3] {
    [
        (Curve::P256, KeyKind::P256, &ECDSA_P256_SHA256_FIXED_SIGNING),
        (Curve::P384, KeyKind::P384, &ECDSA_P384_SHA384_FIXED_SIGNING),
        (Curve::Secp256k1, KeyKind::Secp256k1, &ECDSA_P256K1_SHA256_FIXED_SIGNING),
    ]
}

#[test]
fn signatures_of_every_curve_verify_and_changed_ones_do_not() {
    for (curve, kind, algorithm) in pairs() {
        for _ in 0..8 {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let key = PublicKey::sec1(kind, curve, pair.public_key().as_ref()).unwrap();
            assert_eq!(PublicKey::sec1(kind, curve, key.as_bytes()), Ok(key.clone()));
            let signature = pair.sign(&SystemRandom::new(), b"message").unwrap().as_ref().to_vec();
            assert_eq!(Some(signature.len()), kind.signature_bytes());
            assert_eq!(key.verify(b"message", &signature), Ok(()), "{kind:?}");
            assert_eq!(key.verify(b"massage", &signature), Err(KeyError::BadSignature));
            for at in 0..signature.len() {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert_eq!(key.verify(b"message", &changed), Err(KeyError::BadSignature));
            }
            for length in [0, 1, signature.len() - 1, signature.len() + 1] {
                let cut: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
                assert_eq!(key.verify(b"message", &cut), Err(KeyError::BadSignature));
            }
            for zero in [..signature.len() / 2, ..signature.len()] {
                let mut changed = signature.clone();
                changed[zero].fill(0);
                assert_eq!(key.verify(b"message", &changed), Err(KeyError::BadSignature));
            }
        }
    }
}

/// Twice the group order of secp256k1 less S, big-endian: the other S of the same signature.
fn other_s(signature: &[u8]) -> Vec<u8> {
    let order = HEXLOWER.decode(b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap();
    let mut changed = signature.to_vec();
    let mut borrow = 0;
    for (byte, order) in changed[32..].iter_mut().zip(order).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        (*byte, borrow) = (difference as u8, i16::from(difference < 0));
    }
    changed
}

#[test]
fn either_s_of_a_secp256k1_signature_verifies() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256K1_SHA256_FIXED_SIGNING).unwrap();
    let key = PublicKey::secp256k1(pair.public_key().as_ref()).unwrap();
    let signature = pair.sign(&SystemRandom::new(), b"message").unwrap().as_ref().to_vec();
    let other = other_s(&signature);
    assert_ne!(signature, other);
    assert_eq!((key.verify(b"message", &signature), key.verify(b"message", &other)), (Ok(()), Ok(())));
}

#[test]
fn the_official_p384_signature_verifies() {
    let read = |file: &str| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/di-ecdsa");
        std::fs::read_to_string(root.join(file)).unwrap().trim().to_owned()
    };
    let signed = json::parse(read("signedJCSECDSAP384.json").as_bytes(), 10_000).unwrap();
    let key = signed["proof"]["verificationMethod"].as_str().unwrap().split_once('#').unwrap().1;
    let key = PublicKey::from_multikey(key).unwrap();
    let input = HEXLOWER.decode(read("combinedHashJCSECDSAP384.txt").as_bytes()).unwrap();
    let signature = codec::from_multibase_z(signed["proof"]["proofValue"].as_str().unwrap()).unwrap();
    assert_eq!(key.verify(&input, &signature), Ok(()));
}

#[cfg(all(feature = "aws-lc", feature = "rustcrypto"))]
#[test]
fn both_libraries_agree_on_points_and_signatures() {
    use super::{aws_lc, rustcrypto};
    for (key, message, signature) in corpus() {
        if PublicKey::ed25519(&key).is_ok() {
            let verdict = aws_lc::verify_ed25519(&key, &message, &signature);
            assert_eq!(verdict, rustcrypto::verify_ed25519(&key, &message, &signature));
        }
    }
    for (curve, _, algorithm) in pairs() {
        for n in 0..=255 {
            let guess = [vec![2 + n % 2], vec![n; curve.coordinate_bytes()]].concat();
            assert_eq!(aws_lc::expand(curve, &guess), rustcrypto::expand(curve, &guess), "{guess:?}");
        }
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let key = pair.public_key().as_ref();
        assert_eq!(aws_lc::expand(curve, key), rustcrypto::expand(curve, key));
        let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
        for verify in [aws_lc::verify, rustcrypto::verify] {
            assert_eq!(verify(curve, key, b"message", signature.as_ref()), Some(()));
            assert_eq!(verify(curve, key, b"massage", signature.as_ref()), None);
        }
    }
}
