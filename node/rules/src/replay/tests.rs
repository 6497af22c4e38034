use super::*;
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

#[test]
fn a_nonce_is_good_once_and_for_its_life() {
    let mut nonces = Nonces::new(&[7; 32]);
    let nonce = nonces.mint([1; 16], NOW);
    assert_eq!(nonces.recognise(&nonce, NOW), Ok(()));
    assert_eq!(nonces.claim(&nonce, NOW), Ok(()));
    assert_eq!(nonces.claim(&nonce, NOW), Err(NonceError::Used));
    let late = NOW.plus(NONCE_LIFE);
    assert_eq!(nonces.claim(&nonce, late), Err(NonceError::NotGiven));
}

#[test]
fn a_nonce_of_another_verifier_or_of_an_earlier_life_is_refused() {
    let other = Nonces::new(&[8; 32]).mint([1; 16], NOW);
    assert_eq!(Nonces::new(&[7; 32]).recognise(&other, NOW), Err(NonceError::NotGiven));
}

proptest! {
    #[test]
    fn no_changed_nonce_is_recognised(bit in 0_usize..320, random in any::<[u8; 16]>()) {
        let nonces = Nonces::new(&[7; 32]);
        let mut bytes = codec::from_base64url(&nonces.mint(random, NOW)).unwrap();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(nonces.recognise(&codec::to_base64url(&bytes), NOW), Err(NonceError::NotGiven));
    }

    #[test]
    fn garbage_never_panics(text in ".{0,80}") {
        let _ = Nonces::new(&[7; 32]).claim(&text, NOW);
    }
}
