use super::*;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const MAX: usize = 60 * 1024;

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn draft() -> Sign1Draft {
    Sign1Draft::new(KeyKind::Ed25519, b"did:web:a#k", "application/x", b"payload".to_vec()).unwrap()
}

fn sign1() -> Sign1 {
    let draft = draft();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.replace(' ', "").as_bytes()).unwrap()
}

/// alg EdDSA, content type `a/b`, kid `k`.
const PROTECTED: &str = "a3 0127 0363612f62 04416b";

/// A message with any protected header, unprotected header and payload, as hexadecimal.
fn message(protected: &str, unprotected: &str, payload: &str) -> Vec<u8> {
    let protected = hex(protected);
    assert!(protected.len() < 24);
    let signature = [&[0x58, 0x40][..], &[0; 64]].concat();
    let start = [&[0xd2, 0x84, 0x40 | u8::try_from(protected.len()).unwrap()][..], &protected].concat();
    [start, hex(unprotected), hex(payload), signature].concat()
}

#[test]
fn a_message_is_made_read_and_verified() {
    let made = sign1();
    let read = Sign1::parse(made.bytes(), MAX).unwrap();
    assert_eq!(read, made);
    assert_eq!(read.verify(&key()), Ok(()));
    assert_eq!((read.key_id(), read.payload()), (&b"did:web:a#k"[..], &b"payload"[..]));
    assert_eq!(
        (read.algorithm(), read.content_type(), read.typ()),
        (KeyKind::Ed25519, "application/x", None)
    );
    assert_eq!(read.sig_structure(), draft().signing_input());
    assert_eq!(read.into_bytes(), made.bytes());
}

//
#[test]
fn coset_reads_the_same_message_and_agrees_on_what_is_signed() {
    let made = sign1();
    let theirs = CoseSign1::from_tagged_slice(made.bytes()).unwrap();
    assert_eq!(theirs.payload.as_deref(), Some(made.payload()));
    assert_eq!(theirs.protected.header.key_id, made.key_id());
    assert_eq!(theirs.tbs_data(&[]), made.sig_structure());
    theirs.verify_signature(&[], |signature, signed| key().verify(signed, signature)).unwrap();
}

#[test]
fn one_byte_more_than_the_bound_is_too_long() {
    let bytes = sign1().into_bytes();
    assert!(Sign1::parse(&bytes, bytes.len()).is_ok());
    assert_eq!(Sign1::parse(&bytes, bytes.len() - 1), Err(SecureError::TooLong));
}

#[test]
fn another_encoding_of_the_same_message_is_refused() {
    let good = sign1().into_bytes();
    let replace = |from: &str, to: &str| {
        let (from, to) = (hex(from), hex(to));
        let at = good.windows(from.len()).position(|w| w == from).unwrap();
        [&good[..at], &to, &good[at + from.len()..]].concat()
    };
    let (indefinite, open) = ([replace("d284", "d29f"), vec![0xff]].concat(), replace("d284", "d29f"));
    for (what, bytes) in [
        ("no tag", good[1..].to_vec()),
        ("another tag", replace("d284", "d184")),
        ("tag in two bytes", replace("d284", "d81284")),
        ("tag twice", [&[0xd2], &good[..]].concat()),
        ("indefinite array", indefinite),
        ("unfinished array", open),
        ("array of three", replace("d284", "d283")),
        ("array of five", replace("d284", "d285")),
        ("array length in two bytes", replace("d284", "d29804")),
        ("indefinite unprotected", replace("a0 47", "bfff 47")),
        ("unprotected length in two bytes", replace("a0 47", "b800 47")),
        ("unprotected is null", replace("a0 47", "f6 47")),
        ("payload length in two bytes", replace("a0 47", "a0 5807")),
        ("indefinite payload", replace("a0 47 7061796c6f6164", "a0 5f 47 7061796c6f6164 ff")),
        ("text payload", replace("a0 47", "a0 67")),
        ("detached payload", replace("a0 47 7061796c6f6164", "a0 f6")),
        ("signature length in three bytes", replace("5840", "590040")),
        ("byte after the end", [&good[..], &[0]].concat()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(Sign1::parse(&bytes, MAX), Err(SecureError::Malformed), "{what}");
    }
    for end in 0..good.len() {
        assert!(Sign1::parse(&good[..end], MAX).is_err(), "cut at {end}");
    }
}

#[test]
fn the_protected_header_has_what_is_known_once_and_in_order() {
    assert!(Sign1::parse(&message(PROTECTED, "a0", "40"), MAX).is_ok());
    let (form, header, chosen) = (SecureError::Malformed, SecureError::Header, SecureError::SelfChosen);
    for (what, protected, refusal) in [
        ("label twice", "a4 0127 0127 0363612f62 04416b", form),
        ("other order", "a3 0363612f62 0127 04416b", form),
        ("label in two bytes", "a3 180127 0363612f62 04416b", form),
        ("algorithm in two bytes", "a3 013807 0363612f62 04416b", form),
        ("indefinite map", "bf 0127 0363612f62 04416b ff", form),
        ("indefinite key id", "a3 0127 0363612f62 045f416bff", form),
        ("key id is text", "a3 0127 0363612f62 04616b", form),
        ("content type is a number", "a3 0127 0300 04416b", form),
        ("bytes after the map", "a3 0127 0363612f62 04416b 00", form),
        ("one too few", "a4 0127 0363612f62 04416b", form),
        ("no map", "83 0127 00", form),
        ("zero length", "", form),
        ("nested", "818181818181818181818181", form),
        ("no algorithm", "a2 0363612f62 04416b", header),
        ("no content type", "a2 0127 04416b", header),
        ("no key id", "a2 0127 0363612f62", header),
        ("empty key id", "a3 0127 0363612f62 0440", header),
        ("crit", "a4 0127 028101 0363612f62 04416b", chosen),
        ("IV", "a4 0127 0363612f62 04416b 054100", chosen),
        ("x5chain", "a4 0127 0363612f62 04416b 18214100", chosen),
        ("CWT claims", "a4 0127 0363612f62 04416b 0fa0", chosen),
        ("private label", "a4 0127 0363612f62 04416b 2000", chosen),
        ("text label", "a4 0127 0363612f62 04416b 616100", chosen),
        ("ES384 with a short signature", "a3 013822 0363612f62 04416b", form),
        ("HMAC", "a3 0105 0363612f62 04416b", SecureError::Algorithm),
        ("algorithm as text", "a3 0162 4553 0363612f62 04416b", SecureError::Algorithm),
        ("ES256K", "a3 01382e 0363612f62 04416b", SecureError::Algorithm),
        ("content type without a slash", "a3 0127 036161 04416b", SecureError::Type),
        ("content type with a blank", "a3 0127 0363612f20 04416b", SecureError::Type),
        ("key id longer than may be", "a3 0127 0363612f62 04590801", SecureError::TooLong),
    ] {
        let read = Sign1::parse(&message(protected, "a0", "40"), MAX);
        assert_eq!(read, Err(refusal), "{what}");
    }
}

#[test]
fn nothing_stands_in_the_unprotected_header() {
    for (what, unprotected) in
        [("algorithm", "a1 0127"), ("key id", "a1 04416b"), ("unknown", "a1 1863 00"), ("many", "b818")]
    {
        let read = Sign1::parse(&message(PROTECTED, unprotected, "40"), MAX);
        assert_eq!(read, Err(SecureError::SelfChosen), "{what}");
    }
    let outside = message("a2 0363612f62 04416b", "a1 0127", "40");
    assert_eq!(Sign1::parse(&outside, MAX), Err(SecureError::Header), "algorithm outside only");
}

#[test]
fn the_examples_of_the_cose_working_group_do_not_protect_their_key_id_and_are_refused() {
    // sign1-tests/sign-pass-02 and eddsa-examples/eddsa-sig-01 of cose-wg/Examples (public domain).
    for example in [
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e584010729cd711cb3813d8d8e944a8da7111e7b258c9bdca6135f7ae1adbee9509891267837e1e33bd36c150326ae62755c6bd8e540c3e8f92d7d225e8db72b8820b",
        "d28445a201270300a10442313154546869732069732074686520636f6e74656e742e58407142fd2ff96d56db85bee905a76ba1d0b7321a95c8c4d3607c5781932b7afb8711497dfa751bf40b58b3bcc32300b1487f3db34085eef013bf08f4a44d6fef0d",
    ] {
        assert!(Sign1::parse(&hex(example), MAX).is_err());
    }
}

#[test]
fn a_long_claim_of_length_costs_nothing() {
    for head in ["d2845bffffffffffffffff", "d28458", "d2845a7fffffff", "d284 48 bbffffffffffffffff"] {
        assert!(Sign1::parse(&hex(head), MAX).is_err());
    }
    assert!(Sign1::parse(&[0x81; MAX], MAX).is_err());
}

#[test]
fn a_draft_refuses_a_bad_key_id_a_bad_type_and_a_bad_signature() {
    let new = |key_id: &[u8], content_type: &str| {
        Sign1Draft::new(KeyKind::P256, key_id, content_type, Vec::new()).map(|_| ())
    };
    assert_eq!(new(b"k", "a/b"), Ok(()));
    assert_eq!(new(b"", "a/b"), Err(SecureError::KeyId));
    assert_eq!(new(&[0; MAX_KEY_ID_BYTES + 1], "a/b"), Err(SecureError::KeyId));
    for content_type in ["", "ab", "/b", "a/", "a//b", "a/b/c", "a/ b", "a/\u{e9}"] {
        assert_eq!(new(b"k", content_type), Err(SecureError::Type), "{content_type}");
    }
    assert_eq!(draft().typed("x").map(|_| ()), Err(SecureError::Type));
    assert_eq!(draft().attach(&key(), &[0; 64]).map(|_| ()), Err(SecureError::Signature));
    let untyped = signer().sign(draft().signing_input()).to_bytes();
    let typed = draft().typed("a/b").unwrap();
    assert_eq!(typed.attach(&key(), &untyped).map(|_| ()), Err(SecureError::Signature));
}

proptest! {
    #[test]
    fn writing_and_reading_is_the_identity(
        key_id in prop::collection::vec(any::<u8>(), 1..300),
        content_type in "[a-z]{1,20}/[a-z+.]{1,20}",
        typ in prop::option::of("[a-z]{1,20}/[a-z+.]{1,200}"),
        payload in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut draft = Sign1Draft::new(KeyKind::Ed25519, &key_id, &content_type, payload).unwrap();
        if let Some(typ) = &typ {
            draft = draft.typed(typ).unwrap();
        }
        let signature = signer().sign(draft.signing_input()).to_bytes();
        let made = draft.attach(&key(), &signature).unwrap();
        prop_assert_eq!(Sign1::parse(made.bytes(), MAX), Ok(made));
    }

    #[test]
    fn what_is_accepted_is_what_coset_would_write(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = sign1().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if Sign1::parse(&bytes, MAX).is_ok() {
            let mut theirs = CoseSign1::from_tagged_slice(&bytes).unwrap();
            theirs.protected.original_data = None;
            prop_assert_eq!(theirs.to_tagged_vec().unwrap(), bytes);
        }
    }

    #[test]
    fn a_flipped_bit_is_refused(at in any::<prop::sample::Index>()) {
        let mut bytes = sign1().into_bytes();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Sign1::parse(&bytes, MAX).and_then(|read| read.verify(&key())).is_err());
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sign1::parse(&bytes, MAX);
        let _ = Sign1::parse(&[&[0xd2, 0x84][..], &bytes].concat(), MAX);
        let _ = Protected::parse(&bytes);
    }
}
