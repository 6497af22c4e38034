use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

fn p256_pair() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

#[test]
fn an_ed25519_key_has_the_multikey_of_the_webvh_vectors() {
    let seed = codec_seed(1);
    let key = PublicKey::ed25519(SigningKey::from_bytes(&seed).verifying_key().as_bytes()).unwrap();
    assert_eq!(key.to_multikey(), "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG");
}

fn codec_seed(last: u8) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[31] = last;
    seed
}

#[test]
fn a_p256_key_round_trips_through_multikey_and_jwk_and_verifies() {
    let pair = p256_pair();
    let key = PublicKey::p256(pair.public_key().as_ref()).unwrap();
    assert_eq!(key.as_bytes().len(), 33);
    assert!(key.to_multikey().starts_with("zDn"));
    assert_eq!(PublicKey::from_multikey(&key.to_multikey()), Ok(key.clone()));
    assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()), Ok(key.clone()));
    let signature = pair.sign(&SystemRandom::new(), b"message").unwrap();
    assert_eq!(key.verify(b"message", signature.as_ref()), Ok(()));
    assert_eq!(key.verify(b"massage", signature.as_ref()), Err(KeyError::BadSignature));
}

#[test]
fn keys_of_small_order_and_points_off_the_curve_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let order_eight = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ];
    for bytes in [[0; 32], identity, order_eight, [0xff; 32]] {
        assert_eq!(PublicKey::ed25519(&bytes), Err(KeyError::NotAKey));
    }
    assert_eq!(PublicKey::ed25519(&[0; 31]), Err(KeyError::NotAKey));
    for sec1 in [
        vec![],
        vec![4; 65],
        vec![2; 32],
        vec![0],
        [vec![5], vec![1; 32]].concat(),
        [vec![2], vec![0xff; 32]].concat(),
    ] {
        assert_eq!(PublicKey::p256(&sec1), Err(KeyError::NotAKey), "{sec1:?}");
    }
}

#[test]
fn a_jwk_with_a_private_part_or_another_algorithm_is_refused() {
    let key = PublicKey::ed25519(SigningKey::from_bytes(&codec_seed(2)).verifying_key().as_bytes()).unwrap();
    let jwk = key.to_jwk().unwrap();
    for (name, value) in
        [("d", json!("AAAA")), ("alg", json!("ES256")), ("crv", json!("X25519")), ("x", json!("AA"))]
    {
        let mut changed = jwk.clone();
        changed[name] = value;
        assert!(PublicKey::from_jwk(&changed).is_err(), "{name}");
    }
    assert!(PublicKey::from_jwk(&json!([])).is_err());
}

proptest! {
    #[test]
    fn a_flipped_bit_in_signature_or_message_is_a_bad_signature(seed in any::<[u8; 32]>(), bit in 0_usize..512) {
        let signer = SigningKey::from_bytes(&seed);
        let key = PublicKey::ed25519(signer.verifying_key().as_bytes()).unwrap();
        let mut signature = signer.sign(b"message").to_bytes();
        prop_assert_eq!(key.verify(b"message", &signature), Ok(()));
        signature[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.verify(b"message", &signature), Err(KeyError::BadSignature));
    }

    #[test]
    fn reading_keys_never_panics(text in "z?[1-9A-HJ-NP-Za-km-z]{0,64}", bytes in prop::collection::vec(any::<u8>(), 0..70)) {
        let _ = PublicKey::from_multikey(&text);
        let _ = PublicKey::p256(&bytes);
        let _ = PublicKey::ed25519(&bytes);
    }
}
