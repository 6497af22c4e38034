//! One credential of each type, with every member that the type can have.

use crate::claims::{
    Agent, Approval, Claims, Delegation, DomainRecognition, NodeMembership, Owner, OwnerKind, Parent, Signal,
    StatusPair, TrustSignal, peer_id,
};
use crate::credential::{
    AGENT_LIFE, APPROVAL_LIFE, Credential, DELEGATION_LIFE, MEMBERSHIP_LIFE, OWNER_LIFE, RECOGNITION_LIFE,
    SIGNAL_LIFE, uuid_urn,
};
use crate::delegation::action::Action;
use crate::delegation::budget::Amount;
use crate::delegation::constraints::Constraints;
use crate::delegation::scope::Scope;
use crate::status::{Purpose, StatusEntry};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use serde_json::json;
use std::time::Duration;

pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

pub(super) fn did(host_path: &str) -> Did {
    let scid = codec::multihash_base58btc(host_path.as_bytes());
    format!("did:webvh:{scid}:{host_path}").parse().unwrap()
}

pub(super) fn status(index: u32) -> StatusPair {
    let entry = |purpose: Purpose| StatusEntry {
        purpose,
        index,
        list: format!("https://acme.test/status/{}", purpose.as_str()),
    };
    StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
}

pub(super) fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|text| text.parse().unwrap())).unwrap()
}

fn constraints() -> Constraints {
    Constraints::read(&json!({
        "audience": ["did:web:bank.test"],
        "resource": ["account-1"],
        "purpose": "rent",
        "workflow": {"id": "monthly", "step": "pay"},
        "arguments": {"payments:send": {"cents": {"min": 1, "max": 90000}, "to": {"oneOf": ["landlord"]}}},
        "budget": {"amount": 90000, "unit": "EUR", "accountant": did("acme.test").as_str()},
        "maxDepth": 1,
        "notDelegatable": ["payments:read"],
        "needsApproval": ["payments:send"],
    }))
    .unwrap()
}

/// What the example of an approval approves.
pub(super) fn action() -> Action {
    Action {
        audience: "did:web:bank.test".to_owned(),
        capability: "payments:send".parse().unwrap(),
        resource: Some("account-1".to_owned()),
        purpose: Some("rent".to_owned()),
        workflow: None,
        arguments: [("cents".to_owned(), json!(80_000)), ("to".to_owned(), json!("landlord"))].into(),
        amount: Some(Amount::new(80_000, "EUR").unwrap()),
    }
}

pub(super) fn all() -> Vec<Credential> {
    let (acme, alice) = (did("acme.test"), did("acme.test:owners:alice"));
    let (agent, helper) = (did("acme.test:agents:paying-bot"), did("acme.test:agents:rent-bot"));
    let key = PublicKey::ed25519(
        ed25519_dalek::SigningKey::from_bytes(&codec::sha256(b"node")).verifying_key().as_bytes(),
    )
    .unwrap();
    let domain = "acme.test".to_owned();
    let parent = Parent { id: uuid_urn([1; 16]), digest: codec::sha256(b"the link before") };
    let claims = [
        Claims::Owner(Owner {
            id: alice.clone(),
            kind: OwnerKind::Person,
            domain: domain.clone(),
            status: status(1),
        }),
        Claims::Agent(Agent {
            id: agent.clone(),
            name: "paying-bot".to_owned(),
            domain: domain.clone(),
            owner: alice.clone(),
            capabilities: scope(&["payments:send", "com.example.calendar.read"]),
            status: status(2),
        }),
        Claims::Delegation(Delegation {
            id: helper.clone(),
            principal: alice.clone(),
            capabilities: scope(&["payments:send", "payments:read"]),
            constraints: constraints(),
            parent: Some(parent.clone()),
        }),
        Claims::NodeMembership(NodeMembership {
            id: format!("did:key:{}", key.to_multikey()).parse().unwrap(),
            peer_id: peer_id(&key).unwrap(),
            domain: domain.clone(),
        }),
        Claims::DomainRecognition(DomainRecognition {
            id: did("bravo.test"),
            domain: "bravo.test".to_owned(),
            capabilities: scope(&["calendar:read"]),
            resource: Some(["room-1".to_owned()].into()),
        }),
        Claims::Approval(Approval {
            id: helper.clone(),
            capability: action().capability,
            action: action().digest().unwrap(),
            mandate: parent,
        }),
        Claims::TrustSignal(TrustSignal {
            id: helper.clone(),
            signal: Signal::PolicyViolation,
            count: 3,
            from: NOW.minus(Duration::from_secs(86_400)),
            until: NOW,
            record: Some(codec::sha256(b"the record")),
        }),
    ];
    let made = |(claims, (issuer, life)): (Claims, (&Did, Duration))| {
        let index = u32::try_from(claims.credential_type().len()).unwrap();
        Credential::new(uuid_urn([7; 16]), issuer.clone(), (NOW, life), status(index), claims).unwrap()
    };
    let issued = [
        (&acme, OWNER_LIFE),
        (&acme, AGENT_LIFE),
        (&agent, DELEGATION_LIFE),
        (&acme, MEMBERSHIP_LIFE),
        (&acme, RECOGNITION_LIFE),
        (&alice, APPROVAL_LIFE),
        (&acme, SIGNAL_LIFE),
    ];
    claims.into_iter().zip(issued).map(made).collect()
}
