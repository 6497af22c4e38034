//! Which key signs what.

use super::*;
use did_resolver::keys::KeyKind;

fn listed(kind: KeyKind) -> Listed {
    let secret = SecretKey::generate(kind).unwrap();
    let id = methods::key_id(secret.public()).unwrap();
    Listed { secret, id }
}

#[tokio::test]
async fn the_key_for_tokens_signs_no_credential_list_announcement_or_bundle_of_the_domain() {
    let (assertion, tokens) = (listed(KeyKind::Ed25519), listed(KeyKind::P256));
    let keys = DomainKeys { assertion, tokens, issuers: Vec::new() };
    for what in [
        Signed::Credential,
        Signed::Membership,
        Signed::StatusList,
        Signed::Announcement,
        Signed::Bundle,
        Signed::Document,
    ] {
        assert!(keys.sign(KeyRole::Assertion, what, b"text").await.is_ok(), "{what:?}");
        let signed = keys.sign(KeyRole::Tokens, what, b"text").await;
        assert_eq!(signed.is_ok(), what == Signed::Document, "{what:?}");
    }
}
