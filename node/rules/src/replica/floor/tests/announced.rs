//! By which key the log of a domain is announced: the log itself says.

use super::*;
use crate::replica::{Body, Envelope, EnvelopeDraft, Kind, Refusal, Scid};
use did_resolver::keys::KeyKind;

/// An envelope about `log` by the key `named`, signed with `seed`.
fn announcing(log: &Log, named: u8, seed: u8) -> Envelope {
    let did = log.did();
    let body = Body {
        kind: Kind::Log,
        domain: Scid::of(did).unwrap(),
        subject: did.as_str().to_owned(),
        seq: u64::from(log.head().number),
        prev: None,
        issued_at: NOW,
        expires_at: UnixSeconds::new(NOW.get() + 60),
        payload: log.bytes().to_vec(),
        witness: None,
    };
    let key_id = did.with_fragment(&format!("key-{named}")).unwrap();
    let draft = EnvelopeDraft::new(body, key_id, KeyKind::Ed25519).unwrap();
    let (secret, key) = witness(seed);
    let signature = secret.sign(draft.signing_input()).to_bytes();
    draft.attach(&key, &signature).unwrap()
}

// R-340, MESH.md D6: found by the simulator. Two histories of a domain came in another order, and one of them
// was announced by a key that only the other lists: it was a history here, and unheard of there.
#[test]
fn by_which_key_a_log_is_announced_the_log_says_whatever_else_is_held() {
    let one = stating(&first(), &[7]);
    let (kept, left_out) = (stating(&one, &[7, 8]), stating(&one, &[8]));
    let verify = |log: &Log, named, seed| announcing(log, named, seed).verify_by_log(log, NOW);
    for log in [&kept, &left_out] {
        // By the new key that it brings, and by the one that it may leave out.
        assert_eq!((verify(log, 8, 8), verify(log, 7, 7)), (Ok(()), Ok(())));
        assert_eq!(verify(log, 7, 9), Err(Refusal::BadSignature));
    }
    assert_eq!(verify(&one, 8, 8), Err(Refusal::UnknownKey), "only another history lists it");
}
