use super::*;
use proptest::prelude::*;

#[test]
fn a_digest_has_the_multihash_text_that_other_implementations_write() {
    // sha256 of the empty string, as IPFS writes it.
    assert_eq!(multihash_base58btc(b""), "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n");
    assert!(is_multihash_base58btc("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n"));
}

#[test]
fn padding_spare_bits_and_other_bases_are_refused() {
    for text in ["AA==", "AB", "A", "A+", "A A", "é"] {
        assert_eq!(from_base64url(text), Err(CodecError::Malformed), "{text:?}");
    }
    assert_eq!(from_multibase_z("uAAAA"), Err(CodecError::Malformed));
    assert_eq!(from_base58btc("0OIl"), Err(CodecError::Malformed));
    assert_eq!(from_base58btc(&"1".repeat(MAX_BASE58_BYTES + 1)), Err(CodecError::TooLong));
    assert_eq!(from_digest_multibase("uEiAA"), Err(CodecError::Malformed));
    assert!(!is_multihash_base58btc("Qm"));
}

proptest! {
    #[test]
    fn encode_then_decode_is_the_identity(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        prop_assert_eq!(from_base64url(&to_base64url(&bytes)), Ok(bytes.clone()));
        prop_assert_eq!(from_base58btc(&to_base58btc(&bytes)), Ok(bytes.clone()));
        prop_assert_eq!(from_multibase_z(&to_multibase_z(&bytes)), Ok(bytes.clone()));
        let digest = sha256(&bytes);
        prop_assert_eq!(from_digest_multibase(&digest_multibase(&digest)), Ok(digest));
        prop_assert_eq!(sha256_of(&[&bytes, b"x"]), sha256(&[&bytes[..], b"x"].concat()));
    }

    #[test]
    fn base64_is_what_another_implementation_reads(
        bytes in prop::collection::vec(any::<u8>(), 0..40), at in 0_usize..60, other in any::<char>(),
        text in "[A-Za-z0-9+/_-]{0,13}={0,3}",
    ) {
        let reads = |text: &str| {
            let url = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| CodecError::Malformed);
            assert_eq!(from_base64url(text), url, "{text:?}");
            // It also reads several texts after one another, each with padding of its own.
            let one = !text.trim_end_matches('=').contains('=');
            let padded = data_encoding::BASE64.decode(text.as_bytes()).ok().filter(|_| one);
            assert_eq!(from_base64(text).ok(), padded, "{text:?}");
        };
        for written in [to_base64url(&bytes), to_base64(&bytes), text] {
            reads(&written);
            // One character more, or another one in the place of one.
            let (before, after) = written.split_at(at.min(written.len()));
            reads(&format!("{before}{other}{after}"));
            reads(&format!("{before}{other}{}", after.get(1..).unwrap_or_default()));
        }
        prop_assert_eq!(from_base64(&to_base64(&bytes)), Ok(bytes));
    }

    #[test]
    fn base58btc_is_what_another_implementation_writes_and_reads(
        zeros in 0_usize..4, bytes in prop::collection::vec(any::<u8>(), 0..90), text in "[1-9A-HJ-NP-Za-km-z]{0,100}",
    ) {
        let bytes = [vec![0; zeros], bytes].concat();
        prop_assert_eq!(to_base58btc(&bytes), multibase::Base::Base58Btc.encode(&bytes));
        prop_assert_eq!(from_base58btc(&text).ok(), multibase::Base::Base58Btc.decode(&text).ok());
    }

    #[test]
    fn base58btc_of_any_text_is_refused_where_another_implementation_refuses_it(text in ".{0,12}") {
        prop_assert_eq!(from_base58btc(&text).ok(), multibase::Base::Base58Btc.decode(&text).ok());
    }

    #[test]
    fn decode_then_encode_is_the_identity(text in "[A-Za-z0-9_-]{0,40}") {
        if let Ok(bytes) = from_base64url(&text) {
            prop_assert_eq!(to_base64url(&bytes), text.clone());
        }
        if let Ok(bytes) = from_base58btc(&text) {
            prop_assert_eq!(to_base58btc(&bytes), text);
        }
    }
}
