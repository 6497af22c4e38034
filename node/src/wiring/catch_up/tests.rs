//! What a node signs while it catches up.

use super::*;
use did_resolver::keys::KeyKind;
use did_resolver::methods;
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
