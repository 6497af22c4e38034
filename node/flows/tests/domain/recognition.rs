//! Whom a domain recognises, and the credential by which it states so to others.

use crate::world::Node;
use marque_flows::error::Error;
use marque_flows::ports::records::{Records, Table};
use marque_rules::lifecycle::Act;
use marque_rules::trust::TrustedDomain;
use std::collections::BTreeSet;
use vc_schemas::claims::Claims;
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::secure::Envelope;
use vc_schemas::status::Purpose;

/// alpha, which recognises bravo for its calendar.
async fn two() -> (Node, Node) {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    alpha.trusts(&bravo, &["calendar:read"]).await;
    (alpha, bravo)
}

/// What alpha states of bravo now.
async fn statement(alpha: &Node, bravo: &Node) -> Result<Credential, Code> {
    let issued = alpha.domain.recognition_credential(&bravo.domain.home.did, Envelope::Jwt).await;
    issued.map(|issued| Credential::read(issued.secured.payload()).unwrap()).map_err(code)
}

fn code(error: Error) -> Code {
    match error {
        Error::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

/// Whether alpha's lists say that a credential is revoked, and that it is suspended.
async fn listed(alpha: &Node, credential: &Credential) -> (bool, bool) {
    let place = alpha.domain.home.place(&credential.status.revocation).unwrap();
    let mut set = [false, false];
    for (set, purpose) in set.iter_mut().zip([Purpose::Revocation, Purpose::Suspension]) {
        let fact = alpha.domain.held_own_list(purpose).await.unwrap();
        *set = fact.is_some_and(|fact| fact.list.bits.get(place) == Some(true));
    }
    set.into()
}

// R-001 R-006
#[tokio::test]
async fn a_recognition_is_stated_by_a_credential_that_lives_and_dies_with_it() {
    let (alpha, bravo) = two().await;
    let did = bravo.domain.home.did.clone();
    let stated = statement(&alpha, &bravo).await.unwrap();
    let Claims::DomainRecognition(claims) = &stated.claims else { panic!("{stated:?}") };
    assert_eq!((&claims.id, claims.domain.as_str()), (&did, "bravo.test"));
    assert_eq!(claims.capabilities.to_json(), serde_json::json!(["calendar:read"]));
    assert_eq!(statement(&alpha, &bravo).await.unwrap().id, stated.id, "made once");

    alpha.domain.act_on_trust(&did, Act::Suspend).await.unwrap();
    assert_eq!(listed(&alpha, &stated).await, (false, true));
    assert_eq!(statement(&alpha, &bravo).await, Err(Code::StateConflict));
    let resumed = alpha.domain.act_on_trust(&did, Act::Resume).await.unwrap();
    assert_eq!(resumed.capabilities.to_json(), serde_json::json!(["calendar:read"]), "as it was");
    assert_eq!(listed(&alpha, &stated).await, (false, false));
    assert_eq!(statement(&alpha, &bravo).await.unwrap().id, stated.id);

    alpha.domain.act_on_trust(&did, Act::Revoke).await.unwrap();
    assert_eq!(listed(&alpha, &stated).await, (true, false));
    assert_eq!(statement(&alpha, &bravo).await, Err(Code::StateConflict));
    assert!(alpha.domain.trusted().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_recognition_that_is_changed_revokes_what_was_stated_before() {
    let (alpha, bravo) = two().await;
    let before = statement(&alpha, &bravo).await.unwrap();
    alpha.trusts(&bravo, &[]).await;
    assert_eq!(listed(&alpha, &before).await, (true, false));
    let after = statement(&alpha, &bravo).await.unwrap();
    assert_ne!(after.id, before.id);
    assert_eq!(listed(&alpha, &after).await, (false, false));
}

#[tokio::test]
async fn an_act_that_is_repeated_changes_nothing_and_one_on_a_stranger_is_refused() {
    let (alpha, bravo) = two().await;
    let did = bravo.domain.home.did.clone();
    let entries = || async { alpha.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap().len() };
    alpha.domain.act_on_trust(&did, Act::Suspend).await.unwrap();
    let before = entries().await;
    assert!(alpha.domain.act_on_trust(&did, Act::Suspend).await.unwrap().suspended);
    assert_eq!(entries().await, before);
    alpha.domain.act_on_trust(&did, Act::Revoke).await.unwrap();
    for act in [Act::Suspend, Act::Resume, Act::Revoke] {
        assert_eq!(code(alpha.domain.act_on_trust(&did, act).await.unwrap_err()), Code::StateConflict);
    }
}

#[tokio::test]
async fn a_domain_that_may_root_on_no_resource_is_not_recognised_so() {
    let (alpha, bravo) = two().await;
    let nowhere = TrustedDomain {
        did: bravo.domain.home.did.clone(),
        suspended: false,
        capabilities: crate::world::scope(&["calendar:read"]),
        resources: Some(BTreeSet::new()),
    };
    assert_eq!(code(alpha.domain.trust(nowhere).await.unwrap_err()), Code::RequestMalformed);
}
