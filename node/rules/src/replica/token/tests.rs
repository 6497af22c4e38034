//! Join tokens are read strictly, end in time, and do not show their secret.

use super::*;
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn token() -> JoinToken {
    JoinToken {
        domain: format!("did:webvh:{}:acme.example", codec::multihash_base58btc(b"acme")).parse().unwrap(),
        version_id: format!("1-{}", codec::multihash_base58btc(b"entry")),
        addresses: vec!["/dns4/node.acme.example/tcp/4001".to_owned()],
        secret: JoinSecret::new([0xab; SECRET_BYTES]),
        expires_at: UnixSeconds::new(NOW.get() + 600),
    }
}

#[test]
fn a_token_reads_back_as_it_was_written() {
    let text = token().encode();
    assert!(text.starts_with("mqj1.") && text.len() < MAX_TOKEN_BYTES);
    assert_eq!(JoinToken::parse(&text, NOW), Ok(token()));
}

#[test]
fn a_token_past_its_time_is_refused_as_expired() {
    let text = token().encode();
    assert_eq!(JoinToken::parse(&text, token().expires_at), Err(Refusal::TokenExpired));
}

#[test]
fn a_token_of_another_shape_is_refused() {
    let text = token().encode();
    for bad in ["", "mqj1.", "mqj2.AA", &text[..text.len() - 4], &format!("{text}AAAA"), &text[5..]] {
        assert_eq!(JoinToken::parse(bad, NOW), Err(Refusal::Malformed), "{bad}");
    }
    assert_eq!(JoinToken::parse(&"m".repeat(MAX_TOKEN_BYTES + 1), NOW), Err(Refusal::TooLarge));
    let too_many = JoinToken { addresses: vec!["/ip4/127.0.0.1".to_owned(); MAX_ADDRESSES + 1], ..token() };
    assert_eq!(JoinToken::parse(&too_many.encode(), NOW), Err(Refusal::TooLarge));
    let foreign = JoinToken { domain: "did:web:acme.example".parse().unwrap(), ..token() };
    assert_eq!(JoinToken::parse(&foreign.encode(), NOW), Err(Refusal::UnknownDomain));
}

#[test]
fn a_token_that_is_shown_does_not_show_its_secret() {
    let shown = format!("{:?}", token());
    assert!(shown.contains("JoinSecret(..)") && !shown.contains("171") && !shown.contains("abab"));
}

proptest! {
    #[test]
    fn reading_a_token_never_panics(text in ".*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = JoinToken::parse(&text, NOW);
        let _ = JoinToken::parse(&format!("{PREFIX}{}", codec::to_base64url(&bytes)), NOW);
    }
}
