//! Tests of `secret`.

use super::*;
use data_encoding::HEXLOWER;

const KINDS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384];

#[test]
fn what_a_key_signs_its_public_key_verifies_and_no_other() {
    for kind in KINDS {
        let (key, other) = (SecretKey::generate(kind).unwrap(), SecretKey::generate(kind).unwrap());
        let signature = key.sign(b"message").unwrap();
        assert_eq!(Some(signature.len()), kind.signature_bytes());
        key.public().verify(b"message", &signature).unwrap();
        key.public().verify(b"massage", &signature).unwrap_err();
        other.public().verify(b"message", &signature).unwrap_err();
        assert_eq!((key.kind(), key.public().kind()), (kind, kind));
    }
}

#[test]
fn secret_bytes_give_the_public_keys_of_the_standards() {
    // RFC 8032, section 7.1, test 1.
    let seed = HEXLOWER.decode(b"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let key = SecretKey::from_bytes(KeyKind::Ed25519, &seed).unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(HEXLOWER.encode(key.public().as_bytes()), public);
    // RFC 6979, appendix A.2.5.
    let scalar =
        HEXLOWER.decode(b"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let key = SecretKey::from_bytes(KeyKind::P256, &scalar).unwrap();
    let public = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
    assert_eq!(HEXLOWER.encode(key.public().as_bytes()), public);
    // RFC 6979, appendix A.2.6.
    let scalar =
        b"6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5";
    let key = SecretKey::from_bytes(KeyKind::P384, &HEXLOWER.decode(scalar).unwrap()).unwrap();
    let public =
        "02ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13";
    assert_eq!(HEXLOWER.encode(key.public().as_bytes()), public);
}

#[test]
fn bytes_that_are_no_key_are_refused() {
    for kind in KINDS {
        for length in [0, 31, 33, 47, 49, 64] {
            assert_eq!(SecretKey::from_bytes(kind, &vec![1; length]).unwrap_err(), SecretError::NotAKey);
        }
    }
    // Zero, and more than the order of the curve.
    for byte in [0, 0xff] {
        assert_eq!(SecretKey::from_bytes(KeyKind::P256, &[byte; 32]).unwrap_err(), SecretError::NotAKey);
        assert_eq!(SecretKey::from_bytes(KeyKind::P384, &[byte; 48]).unwrap_err(), SecretError::NotAKey);
    }
}

#[test]
fn a_kind_that_is_only_verified_with_has_no_secret_key() {
    for kind in KeyKind::ALL.into_iter().filter(|kind| !KINDS.contains(kind)) {
        assert_eq!(SecretKey::generate(kind).unwrap_err(), SecretError::Kind);
        assert_eq!(SecretKey::from_bytes(kind, &[1; 32]).unwrap_err(), SecretError::Kind);
    }
}

#[test]
fn nothing_secret_is_printed() {
    let key = SecretKey::from_bytes(KeyKind::Ed25519, &[0xab; 32]).unwrap();
    let printed = format!("{key:?} {:?}", Passphrase::new("hunter2".to_owned()).unwrap());
    assert!(!printed.contains("171") && !printed.to_lowercase().contains("abab"), "{printed}");
    assert!(!printed.contains("hunter2"));
    assert!(printed.contains(&key.public().to_multikey()));
}

#[test]
fn a_passphrase_is_neither_empty_nor_endless() {
    for length in [0, MAX_PASSPHRASE_BYTES + 1] {
        assert_eq!(Passphrase::new("x".repeat(length)).unwrap_err(), SecretError::Passphrase);
    }
    Passphrase::new("x".repeat(MAX_PASSPHRASE_BYTES)).unwrap();
}
