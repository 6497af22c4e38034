//! Keys: their forms, and what is none.

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
fn a_key_of_every_kind_round_trips_through_multikey_and_jwk() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-key/keys.json");
    let vectors = crate::json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 100_000).unwrap();
    let mut kinds = std::collections::BTreeMap::new();
    for vector in vectors.as_array().unwrap() {
        let multikey = vector["did"].as_str().unwrap().strip_prefix("did:key:").unwrap();
        let jwk = vector.get("publicKeyJwk");
        let key = match PublicKey::from_multikey(multikey) {
            Ok(key) => key,
            Err(e) => {
                assert_eq!((e, &jwk.unwrap()["crv"]), (KeyError::Unsupported, &json!("P-521")));
                assert_eq!(PublicKey::from_jwk(jwk.unwrap()), Err(KeyError::Unsupported));
                continue;
            }
        };
        *kinds.entry(key.kind()).or_insert(0) += 1;
        assert_eq!(key.to_multikey(), multikey);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()), Ok(key.clone()));
        if let Some(jwk) = jwk {
            assert_eq!(key.to_jwk().unwrap(), *jwk);
        }
        if let Some(base58) = vector.get("publicKeyBase58").and_then(Value::as_str) {
            assert_eq!(key.as_bytes(), codec::from_base58btc(base58).unwrap());
        }
    }
    println!("{kinds:?}");
    assert_eq!(kinds.into_keys().collect::<Vec<_>>(), KeyKind::ALL);
}

#[test]
fn a_key_for_agreement_verifies_nothing() {
    let key = PublicKey::x25519(&[9; 32]).unwrap();
    assert_eq!(key.verify(b"", &[0; 64]), Err(KeyError::Unsupported));
    assert_eq!((key.kind().jose_alg(), key.kind().cose_alg()), (None, None));
}

#[test]
fn a_jwk_may_name_the_algorithm_of_its_key_and_no_other() {
    let all = ["EdDSA", "Ed25519", "ES256", "ES384", "ES256K", "ECDH-ES", "ECDH-ES+A128KW", "none", ""];
    let key = |kind: KeyKind| match kind {
        KeyKind::Ed25519 => PublicKey::from_multikey("z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"),
        KeyKind::P256 => PublicKey::p256(p256_pair().public_key().as_ref()),
        KeyKind::P384 => PublicKey::from_multikey(
            "z82LkuBieyGShVBhvtE2zoiD6Kma4tJGFtkAhxR5pfkp5QPw4LutoYWhvQCnGjdVn14kujQ",
        ),
        KeyKind::Secp256k1 => PublicKey::from_multikey("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"),
        KeyKind::X25519 => PublicKey::x25519(&[9; 32]),
    };
    let own: [&[usize]; 5] = [&[0, 1], &[2], &[3], &[4], &[5, 6]];
    for (kind, own) in KeyKind::ALL.into_iter().zip(own) {
        let mut jwk = key(kind).unwrap().to_jwk().unwrap();
        for (n, alg) in all.into_iter().enumerate() {
            jwk["alg"] = json!(alg);
            assert_eq!(PublicKey::from_jwk(&jwk).is_ok(), own.contains(&n), "{kind:?} {alg}");
        }
        jwk["alg"] = json!(5);
        assert_eq!(PublicKey::from_jwk(&jwk), Err(KeyError::Unsupported));
    }
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
        assert_eq!(PublicKey::secp256k1(&sec1), Err(KeyError::NotAKey), "{sec1:?}");
        assert_eq!(PublicKey::p384(&sec1), Err(KeyError::NotAKey), "{sec1:?}");
    }
}

#[test]
fn a_jwk_with_a_private_part_or_another_algorithm_is_refused() {
    let key = PublicKey::ed25519(SigningKey::from_bytes(&codec_seed(2)).verifying_key().as_bytes()).unwrap();
    let jwk = key.to_jwk().unwrap();
    for (name, value) in
        [("d", json!("AAAA")), ("alg", json!("ES256")), ("crv", json!("P-256")), ("x", json!("AA"))]
    {
        let mut changed = jwk.clone();
        changed[name] = value;
        assert!(PublicKey::from_jwk(&changed).is_err(), "{name}");
    }
    assert!(PublicKey::from_jwk(&json!([])).is_err());
}

#[test]
fn a_jwk_that_says_it_is_for_something_else_than_signatures_is_no_key_here() {
    let jwk = PublicKey::p256(p256_pair().public_key().as_ref()).unwrap().to_jwk().unwrap();
    let with = |name: &str, value: Value| {
        let mut changed = jwk.clone();
        changed[name] = value;
        PublicKey::from_jwk(&changed)
    };
    for (name, value) in
        [("use", json!("sig")), ("key_ops", json!(["verify"])), ("key_ops", json!(["sign", "verify"]))]
    {
        assert!(with(name, value).is_ok(), "{name}");
    }
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!(["sig"])),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
    ] {
        assert_eq!(with(name, value), Err(KeyError::Unsupported), "{name}");
    }
    let mut agrees = PublicKey::x25519(&[9; 32]).unwrap().to_jwk().unwrap();
    agrees["use"] = json!("enc");
    assert!(PublicKey::from_jwk(&agrees).is_ok(), "a key that cannot sign is for nothing else anyway");
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
        let _ = PublicKey::x25519(&bytes);
        let _ = PublicKey::p384(&bytes);
        let _ = PublicKey::secp256k1(&bytes);
    }
}
