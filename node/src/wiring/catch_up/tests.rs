//! What a node signs while it catches up.

use super::*;
use did_resolver::keys::KeyKind;
use did_resolver::methods;
use marque_rules::replica::Scid;
use marque_store::secret::SecretKey;

const ALL: [Signed; 6] = [
    Signed::Credential,
    Signed::Membership,
    Signed::StatusList,
    Signed::Announcement,
    Signed::Bundle,
    Signed::Document,
];

#[derive(Debug)]
struct OneKey(SecretKey);

impl Keys for OneKey {
    fn public(&self, _: KeyRole) -> (PublicKey, DidUrl) {
        (self.0.public().clone(), methods::key_id(self.0.public()).unwrap())
    }

    fn sign<'a>(
        &'a self,
        _: KeyRole,
        _: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        Box::pin(std::future::ready(Ok(self.0.sign(message).unwrap())))
    }

    fn sign_as<'a>(&'a self, _: &'a DidUrl, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        Box::pin(std::future::ready(Ok(self.0.sign(message).unwrap())))
    }
}

//
#[tokio::test]
async fn while_a_node_catches_up_it_signs_memberships_then_lists_and_last_everything() {
    let catch_up = Arc::new(CatchUp::new(true));
    let keys = OneKey(SecretKey::generate(KeyKind::Ed25519).unwrap());
    let (_, id) = keys.public(KeyRole::Assertion);
    let keys = CautiousKeys::new(keys, Arc::clone(&catch_up));
    for (stage, may) in [
        (APART, &[Signed::Membership][..]),
        (RENEWING, &[Signed::Membership, Signed::StatusList, Signed::Announcement]),
        (DONE, &ALL),
    ] {
        catch_up.stage.store(stage, Ordering::Release);
        for what in ALL {
            let signed = keys.sign(KeyRole::Assertion, what, b"text").await;
            assert_eq!(signed.is_ok(), may.contains(&what), "{what:?} at {stage}");
        }
        assert_eq!(keys.sign_as(&id, b"text").await.is_ok(), stage == DONE);
    }
    assert!(CatchUp::new(false).is_done());
}

// R-346 R-343
#[test]
fn a_peer_that_refuses_or_speaks_of_other_domains_alone_has_given_back_nothing() {
    let at = |n: u64| UnixSeconds::new(1_000 + n);
    let peer = |synced: Option<u64>, compared: Option<u64>, pulls: usize| PeerInfo {
        peer: "12D3Koo".to_owned(),
        domain: Scid::of(&format!("did:webvh:Qm{}:bravo.test", "b".repeat(44)).parse().unwrap()),
        address: "/ip4/127.0.0.1/tcp/1".to_owned(),
        outbound: true,
        refuses: None,
        admitted_until: None,
        score: None,
        pulls,
        received: 0,
        sent: 0,
        synced: synced.map(at),
        compared: compared.map(at),
    };
    assert!(peer(None, None, 0).domain.is_some(), "a DID with its SCID");
    let held = |n: u64| vec![("did:webvh:QmAlpha:alpha.test".to_owned(), n)];
    let rounds = |of: &dyn Fn(u64) -> PeerInfo| {
        let mut rounds = Rounds::default();
        (0..20).position(|n| rounds.hear(held(1), vec![of(n)], at(n)))
    };
    // It was asked in the second after what is held now came, and brought nothing in three rounds after that.
    assert_eq!(rounds(&|n| peer(Some(n), Some(n), 0)), Some(4));
    assert_eq!(rounds(&|n| peer(Some(n), (n > 5).then_some(6), 0)), Some(9));
    // Refused; of other domains alone; before the last of it came; something is on its way; a stranger.
    assert_eq!(rounds(&|_| peer(None, None, 0)), None);
    assert_eq!(rounds(&|n| peer(Some(n), None, 0)), None);
    assert_eq!(rounds(&|n| peer(Some(n), Some(0), 0)), None);
    assert_eq!(rounds(&|n| peer(Some(n), Some(n), 1)), None);
    assert_eq!(rounds(&|n| PeerInfo { domain: None, ..peer(Some(n), Some(n), 0) }), None);
    // While something comes in every round but three it goes on.
    let mut coming = Rounds::default();
    assert!((0..40).all(|n| !coming.hear(held(n / 3), vec![peer(Some(n), Some(n), 0)], at(n))));
}
