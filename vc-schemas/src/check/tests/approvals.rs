use super::*;
use crate::claims::{Approval, Parent};
use did_resolver::codec::{Sha256Digest, sha256};

/// alice -> travel-bot -> calendar-bot, who needs an approval to write.
struct Asked {
    world: World,
    credentials: Vec<Secured>,
    request: Request,
}

impl Asked {
    fn new() -> Self {
        let mut world = World::new(Envelope::Jwt);
        let both = Terms {
            constraints: json!({"needsApproval": ["calendar:write"]}),
            ..terms(&["calendar:read", "calendar:write"])
        };
        let credentials = world.journey(&both, &both);
        let request = Request {
            capability: Some("calendar:write".parse().unwrap()),
            resource: Some("room-1".to_owned()),
            arguments: [("day".to_owned(), json!(7))].into(),
            ..Request::default()
        };
        Self { world, credentials, request }
    }

    fn digest(&self) -> Sha256Digest {
        self.request.action(world::AUDIENCE).unwrap().digest().unwrap()
    }

    /// What alice would sign; `changed` makes of it what she would not.
    fn approval(&mut self, changed: impl FnOnce(&mut Credential, &mut Approval)) -> Credential {
        let mut approval = Approval {
            id: self.world.calendar.did.clone(),
            capability: "calendar:write".parse().unwrap(),
            action: self.digest(),
            mandate: Parent { id: read(&self.credentials[1]).id, digest: self.credentials[1].digest() },
        };
        let (alice, alpha) = (self.world.alice.clone(), self.world.alpha.clone());
        let mut credential = self.world.credential(&alice, &alpha, 600, Claims::Approval(approval.clone()));
        changed(&mut credential, &mut approval);
        credential.claims = Claims::Approval(approval);
        credential
    }

    fn present(&self, approvals: &[Secured], request: &Request) -> Outcome {
        let all = [&self.credentials[..], approvals].concat();
        let expect = Expect { request: request.clone(), ..self.world.expect() };
        match Held::read(self.world.present(&self.world.calendar, all)) {
            Ok(held) => check(&held, &self.world.facts(), &expect, NOW),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn with(&self, signer: &Party, approval: &Credential) -> Outcome {
        self.present(&[self.world.secure(signer, approval)], &self.request)
    }
}

// R-312 R-314 R-315
#[test]
fn a_use_that_needs_an_approval_is_verified_with_the_principals_and_told_to_count_once() {
    let mut asked = Asked::new();
    let refusal = refused(asked.present(&[], &asked.request));
    assert_eq!(refusal, (Code::ApprovalRequired, "chain[1].needsApproval".into()));
    let approval = asked.approval(|_, _| {});
    let verdict = verified(asked.with(&asked.world.alice, &approval));
    let (approver, id) = (asked.world.alice.did.clone(), approval.id.clone());
    let until = approval.valid_until;
    assert_eq!(verdict.obligations, [Obligation::Once { approver, approval: id, until }]);
    assert_eq!(verdict.valid_until, until);
    let told = verdict.to_json();
    assert_eq!(told["approval"]["approver"], asked.world.alice.did.as_str());
    assert_eq!(told["obligations"][0]["kind"], "once");
}

// whoever alters the use, the agent, the mandate or the approver has no approval.
#[test]
fn an_approval_of_anything_else_is_refused_and_says_where_it_differs() {
    let mut asked = Asked::new();
    let (travel, other) = (asked.world.travel.did.clone(), sha256(b"another"));
    let first = read(&asked.credentials[0]).id;
    type Change = Box<dyn FnOnce(&mut Credential, &mut Approval)>;
    let cases: [(&str, Change); 6] = [
        ("approval.id", Box::new(move |_, a| a.id = travel)),
        ("approval.mandate", Box::new(move |_, a| a.mandate.digest = other)),
        ("approval.mandate", Box::new(move |_, a| a.mandate.id = first)),
        ("approval.action", Box::new(move |_, a| a.action = other)),
        ("approval.capability", Box::new(|_, a| a.capability = "calendar:read".parse().unwrap())),
        ("approval.issuer", Box::new(|c, _| c.issuer = "did:example:mallory".parse().unwrap())),
    ];
    for (path, change) in cases {
        let approval = asked.approval(change);
        let signer = asked.world.alice.clone();
        // A key of alice under another issuer would be refused as well; the issuer comes first.
        assert_eq!(refused(asked.with(&signer, &approval)), (Code::ApprovalMismatch, path.into()));
    }
    for (request, path) in [
        (Request { resource: None, ..asked.request.clone() }, "approval.action"),
        (Request { purpose: Some("fun".into()), ..asked.request.clone() }, "approval.action"),
        (
            Request { amount: Some(Amount::new(1, "EUR").unwrap()), ..asked.request.clone() },
            "approval.action",
        ),
        (
            Request { arguments: [("day".to_owned(), json!(8))].into(), ..asked.request.clone() },
            "approval.action",
        ),
        (
            Request { capability: Some("calendar:read".parse().unwrap()), ..asked.request.clone() },
            "approval.action",
        ),
    ] {
        let approval = asked.approval(|_, _| {});
        let secured = asked.world.secure(&asked.world.alice, &approval);
        assert_eq!(refused(asked.present(&[secured], &request)), (Code::ApprovalMismatch, path.into()));
    }
}

#[test]
fn an_approval_for_another_verifier_is_refused() {
    let mut asked = Asked::new();
    let elsewhere = asked.request.action("did:webvh:other").unwrap().digest().unwrap();
    let approval = asked.approval(|_, approval| approval.action = elsewhere);
    let refusal = refused(asked.with(&asked.world.alice, &approval));
    assert_eq!(refusal, (Code::ApprovalMismatch, "approval.action".into()));
}

#[test]
fn no_agent_approves_its_own_use_or_that_of_the_next() {
    let mut asked = Asked::new();
    for party in [asked.world.travel.clone(), asked.world.alpha.clone()] {
        let approval = asked.approval(|credential, _| credential.issuer = party.did.clone());
        let refusal = refused(asked.with(&party, &approval));
        assert_eq!(refusal, (Code::ApprovalMismatch, "approval.issuer".into()), "{}", party.name);
    }
    let itself = asked.world.calendar.did.clone();
    let own = asked.approval(|credential, _| credential.issuer = itself);
    assert_eq!(refused(asked.with(&asked.world.calendar, &own)).0, Code::CredentialMalformed);
}

#[test]
fn an_approval_that_is_forged_expired_revoked_or_doubled_is_refused() {
    let mut asked = Asked::new();
    let approval = asked.approval(|_, _| {});
    let (alice, travel) = (asked.world.alice.clone(), asked.world.travel.clone());
    let refusal = refused(asked.with(&travel, &approval));
    assert_eq!(refusal, (Code::KeyNotAuthorised, "approval".into()));
    let mut impostor = travel;
    impostor.did = alice.did.clone();
    assert_eq!(refused(asked.with(&impostor, &approval)), (Code::SignatureInvalid, "approval".into()));
    let late = asked.approval(|credential, _| credential.valid_until = NOW.minus(Duration::from_secs(60)));
    let refusal = refused(asked.with(&alice, &late));
    assert_eq!(refusal, (Code::CredentialExpired, "approval.validUntil".into()));
    let secured = asked.world.secure(&alice, &approval);
    let twice = refused(asked.present(&[secured.clone(), secured], &asked.request));
    assert_eq!(twice.0, Code::PresentationMalformed);
    asked.world.set(&approval.status.revocation.clone());
    let refusal = refused(asked.with(&alice, &approval));
    assert_eq!(refusal, (Code::CredentialRevoked, "approval.credentialStatus".into()));
}

#[test]
fn without_a_request_the_approval_is_told_and_the_obligation_stays() {
    let mut asked = Asked::new();
    let approval = asked.approval(|_, _| {});
    let secured = asked.world.secure(&asked.world.alice, &approval);
    let verdict = verified(asked.present(&[secured], &Request::default()));
    assert_eq!(verdict.approval.map(|approval| approval.action), Some(asked.digest()));
    assert_eq!(verdict.obligations, [Obligation::Approval(scope(&["calendar:write"]))]);
}

// An approval of a use that needs none is told, and nobody has to claim it.
#[test]
fn an_approval_that_nobody_needs_must_fit_all_the_same() {
    let mut asked = Asked::new();
    let read_only = Request { capability: Some("calendar:read".parse().unwrap()), ..asked.request.clone() };
    let fitting = read_only.action(world::AUDIENCE).unwrap();
    let approval = asked.approval(|_, approval| {
        approval.capability = fitting.capability.clone();
        approval.action = fitting.digest().unwrap();
    });
    let secured = asked.world.secure(&asked.world.alice, &approval);
    let verdict = verified(asked.present(&[secured], &read_only));
    assert!(verdict.approval.is_some() && verdict.obligations.is_empty());
}
