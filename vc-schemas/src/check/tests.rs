mod approvals;
mod hops;
mod renderings;
mod envelopes;
mod explain;
mod rules;
mod sd_jwt;
mod seen;
mod vectors;
pub(crate) mod world;

use super::*;
use crate::claims::Claims;
use crate::credential::Credential;
use crate::delegation::budget::Amount;
use crate::delegation::constraints::{Constraints, Workflow};
use crate::facts::{Anchor, DidFact, Recognition, Request};
use crate::secure::{Content, Envelope, Secured};
use crate::status::Purpose;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use world::{NOW, Party, Terms, World, scope, terms};

fn outcome(world: &World, presented: Secured) -> Outcome {
    match Held::read(presented) {
        Ok(held) => check(&held, &world.facts(), &world.expect(), NOW),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn refused(outcome: Outcome) -> (Code, String) {
    match outcome {
        Outcome::Refused(refusal) => (refusal.code, refusal.path.to_string()),
        other => panic!("not refused: {other:?}"),
    }
}

fn verified(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Verified(verdict) => *verdict,
        other => panic!("not verified: {other:?}"),
    }
}

fn presented(world: &World, credentials: Vec<Secured>) -> Outcome {
    let holder = world.calendar.clone();
    outcome(world, world.present(&holder, credentials))
}

fn code_of(world: &World, credentials: Vec<Secured>) -> (Code, String) {
    refused(presented(world, credentials))
}

fn read(secured: &Secured) -> Credential {
    Credential::read(secured.payload()).unwrap()
}

// R-048 R-071 R-072 R-073 R-087
#[test]
fn a_chain_over_two_domains_verifies_in_each_envelope_and_every_hop_is_told() {
    for envelope in Envelope::ALL {
        let mut world = World::new(envelope);
        let credentials = world.plain_journey();
        let verdict = verified(presented(&world, credentials));
        assert_eq!((&verdict.principal, &verdict.holder), (&world.alice.did, &world.calendar.did));
        assert_eq!(verdict.capabilities, scope(&["calendar:read"]));
        let hops: Vec<_> = verdict.links.iter().map(|l| (&l.issuer, &l.subject)).collect();
        assert_eq!(hops, [(&world.alice.did, &world.travel.did), (&world.travel.did, &world.calendar.did)]);
        assert_eq!(verdict.links[1].vouched_by.as_ref(), Some(&world.bravo.did));
        assert_eq!(verdict.checks.len(), 9);
    }
}

// Each link stays in the envelope of its issuer, so a chain may pass through several.
#[test]
fn envelopes_may_be_mixed_in_one_presentation() {
    for first in Envelope::ALL {
        for second in Envelope::ALL {
            for last in Envelope::ALL {
                let mut world = World::new(first);
                let (alice, alpha) = (world.alice.clone(), world.alpha.clone());
                let (travel, calendar, bravo) =
                    (world.travel.clone(), world.calendar.clone(), world.bravo.clone());
                let terms = terms(&["calendar:read"]);
                let root = world.link((&alice, &alpha), &travel, &alice, None, &terms);
                let owner = world.owner_credential(&alpha, &alice);
                let owner = world.secure(&alpha, &owner);
                world.envelope = second;
                let next = world.link((&travel, &alpha), &calendar, &alice, Some(&root), &terms);
                let one = world.agent_credential(&alpha, &travel, &["calendar:read"]);
                let two = world.agent_credential(&bravo, &calendar, &["calendar:read"]);
                let (one, two) = (world.secure(&alpha, &one), world.secure(&bravo, &two));
                world.envelope = last;
                verified(presented(&world, vec![root.1, next.1, owner, one, two]));
            }
        }
    }
}

#[test]
fn no_link_nine_links_and_a_cycle_are_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    assert_eq!(code_of(&world, credentials[2..].to_vec()).0, Code::ChainEmpty);
    let nine = vec![credentials[0].clone(); 9];
    assert_eq!(code_of(&world, nine).0, Code::ChainTooLong);
    let (alpha, alice, travel) = (world.alpha.clone(), world.alice.clone(), world.travel.clone());
    let root = world.link((&alice, &alpha), &travel, &alice, None, &terms(&["calendar:read"]));
    let back = world.link((&travel, &alpha), &alice, &alice, Some(&root), &terms(&["calendar:read"]));
    let cycle = world.present(&alice, vec![root.1, back.1]);
    assert_eq!(refused(outcome(&world, cycle)), (Code::ChainRepeats, "chain[1].id".into()));
}

// Rule 2. R-041
#[test]
fn a_signature_by_anybody_else_is_refused_wherever_it_stands() {
    for at in 0..5 {
        let mut world = World::new(Envelope::Jwt);
        let mut credentials = world.plain_journey();
        let mallory = Party::new("mallory", "evil.test");
        let forged = mallory.sign(Content::Credential, Envelope::Jwt, credentials[at].payload().clone());
        credentials[at] = forged;
        let (code, _) = code_of(&world, credentials);
        // A forged first link breaks the joint to the second, whose digest it cannot have.
        let expected = if at == 0 { Code::ParentMismatch } else { Code::KeyNotAuthorised };
        assert_eq!(code, expected, "credential {at}");
    }
}

#[test]
fn a_key_that_claims_the_right_id_but_is_another_key_is_refused() {
    let mut world = World::new(Envelope::Cose);
    let mut credentials = world.plain_journey();
    let mut impostor = Party::new("impostor", "alpha.test");
    impostor.did = world.alpha.did.clone();
    credentials[2] = impostor.sign(Content::Credential, Envelope::Cose, credentials[2].payload().clone());
    assert_eq!(code_of(&world, credentials), (Code::SignatureInvalid, "identities[0]".into()));
}

// Rule 2, "Which key counts". R-022
#[test]
fn an_expiring_key_still_counts_for_what_it_signed_and_may_not_present() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let expiring = |world: &mut World, who: &Party, at: UnixSeconds| {
        let json = world.documents.get_mut(&who.did).unwrap();
        json["verificationMethod"][0]["expires"] = json!(at.to_string());
    };
    let (travel, calendar) = (world.travel.clone(), world.calendar.clone());
    expiring(&mut world, &travel, NOW.plus(Duration::from_secs(10)));
    verified(presented(&world, credentials.clone()));
    expiring(&mut world, &travel, NOW);
    assert_eq!(code_of(&world, credentials.clone()), (Code::KeyRetired, "chain[1]".into()));
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    expiring(&mut world, &calendar, NOW.plus(Duration::from_secs(10)));
    assert_eq!(code_of(&world, credentials), (Code::KeyRetired, "holder".into()));
}

#[test]
fn a_key_that_the_newest_version_does_not_list_counts_no_more_whatever_the_dates_say() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let json = world.documents.get_mut(&world.travel.did).unwrap();
    json["assertionMethod"] = json!([]);
    assert_eq!(code_of(&world, credentials), (Code::KeyNotAuthorised, "chain[1]".into()));
}

#[test]
fn a_deactivated_or_contested_did_authorises_nothing() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    for party in [&world.alpha, &world.bravo, &world.alice, &world.travel, &world.calendar] {
        for (fact, code) in
            [(DidFact::Deactivated, Code::Deactivated), (DidFact::Contested, Code::DidContested)]
        {
            let mut facts = world.facts();
            facts.insert_did(party.did.clone(), fact);
            assert_eq!(refused(check(&held, &facts, &world.expect(), NOW)).0, code, "{}", party.name);
        }
    }
}

// Rule 2. R-042
#[test]
fn every_credential_counts_only_within_its_dates_and_the_skew() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let (facts, expect) = (world.facts(), world.expect());
    let at = |now: UnixSeconds| check(&held, &facts, &expect, now);
    let late = |seconds| NOW.plus(Duration::from_secs(seconds));
    assert_eq!(refused(at(late(181))).0, Code::PresentationExpired);
    assert_eq!(refused(at(NOW.minus(Duration::from_secs(61)))).0, Code::PresentationExpired);
    let mut world = World::new(Envelope::Jwt);
    let mut short = terms(&["calendar:read"]);
    short.life_seconds = 0;
    let credentials = world.journey(&terms(&["calendar:read"]), &short);
    // The end is past, yet within the skew of 60 s.
    verified(presented(&world, credentials.clone()));
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let refusal = refused(check(&held, &world.facts(), &world.expect(), late(60)));
    assert_eq!(refusal, (Code::CredentialExpired, "chain[1].validUntil".into()));
}

// Rule 3. R-076 R-081
#[test]
fn a_swapped_a_reordered_and_a_missing_link_are_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let other = world.plain_journey();
    let mut swapped = credentials.clone();
    swapped[1] = other[1].clone();
    assert_eq!(code_of(&world, swapped), (Code::ParentMismatch, "chain[1].parent".into()));
    let mut swapped = credentials.clone();
    swapped[0] = other[0].clone();
    assert_eq!(code_of(&world, swapped), (Code::ParentMismatch, "chain[1].parent".into()));
    let mut reordered = credentials.clone();
    reordered.swap(0, 1);
    assert!(matches!(code_of(&world, reordered).0, Code::HolderMismatch | Code::PrincipalMismatch));
    let mut headless = credentials;
    headless.remove(0);
    assert_eq!(code_of(&world, headless), (Code::PrincipalMismatch, "chain[0].principal".into()));
}

// Rule 3. R-070
#[test]
fn a_link_that_names_another_principal_is_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
    let (alice, travel, calendar) = (world.alice.clone(), world.travel.clone(), world.calendar.clone());
    let root = world.link((&alice, &alpha), &travel, &alice, None, &terms(&["calendar:read"]));
    let next = world.link((&travel, &alpha), &calendar, &bravo, Some(&root), &terms(&["calendar:read"]));
    let chain = [vec![root.1, next.1], credentials[2..].to_vec()].concat();
    assert_eq!(code_of(&world, chain), (Code::PrincipalMismatch, "chain[1].principal".into()));
}

// Rule 4. R-077 R-079 R-080
#[test]
fn a_link_that_widens_is_aid_009_and_the_link_is_named() {
    let mut world = World::new(Envelope::Jwt);
    let widened = world.journey(&terms(&["calendar:read"]), &terms(&["calendar:read", "calendar:write"]));
    let (code, path) = code_of(&world, widened);
    assert_eq!((code.as_str(), path.as_str()), ("AID-009", "chain[1].capabilities"));
    let mut longer = terms(&["calendar:read"]);
    longer.life_seconds = 3_001;
    let outlives = world.journey(&terms(&["calendar:read"]), &longer);
    assert_eq!(code_of(&world, outlives), (Code::DelegationWidened, "chain[1].validUntil".into()));
}

// Rule 4
#[test]
fn a_link_above_its_subjects_ceiling_is_aid_009() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    let (bravo, calendar) = (world.bravo.clone(), world.calendar.clone());
    let low = world.agent_credential(&bravo, &calendar, &["mail:send"]);
    credentials[4] = world.secure(&bravo, &low);
    assert_eq!(code_of(&world, credentials), (Code::DelegationWidened, "chain[1].capabilities".into()));
}

// Rule 4. R-082
#[test]
fn depth_is_within_every_ancestors_max_depth() {
    let constrained = |constraints: Value| Terms { constraints, ..terms(&["calendar:read"]) };
    let mut world = World::new(Envelope::Jwt);
    let none_left = world.journey(&constrained(json!({"maxDepth": 0})), &terms(&["calendar:read"]));
    assert_eq!(code_of(&world, none_left).0, Code::DelegationWidened);
    let fits = world.journey(&constrained(json!({"maxDepth": 1})), &constrained(json!({"maxDepth": 0})));
    verified(presented(&world, fits));
}

// Rule 4
#[test]
fn a_constraint_that_is_not_known_refuses() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    let mut payload = credentials[1].payload().clone();
    payload["credentialSubject"]["constraints"] = json!({"moonPhase": "full"});
    credentials[1] = world.travel.sign(Content::Credential, Envelope::Jwt, payload);
    assert_eq!(code_of(&world, credentials).0, Code::ConstraintUnknown);
}

// Rule 5
#[test]
fn an_identity_credential_that_is_left_out_or_of_the_wrong_kind_is_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    for (leave_out, place) in [(2, 0), (3, 1), (4, 2)] {
        let mut fewer = credentials.clone();
        fewer.remove(leave_out);
        assert_eq!(code_of(&world, fewer), (Code::IdentityMissing, format!("identities[{place}]")));
    }
    let (alpha, alice) = (world.alpha.clone(), world.alice.clone());
    let as_agent = world.agent_credential(&alpha, &alice, &["calendar:read"]);
    let mut wrong = credentials.clone();
    wrong[2] = world.secure(&alpha, &as_agent);
    assert_eq!(code_of(&world, wrong), (Code::IdentityMismatch, "identities[0]".into()));
    let mut doubled = credentials.clone();
    doubled.push(credentials[3].clone());
    assert_eq!(code_of(&world, doubled).0, Code::PresentationMalformed);
}

// Rule 5. R-006
#[test]
fn a_domain_that_is_not_recognised_or_suspended_vouches_for_nobody() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let with = |change: &dyn Fn(&mut Expect)| {
        let mut expect = world.expect();
        change(&mut expect);
        refused(check(&held, &world.facts(), &expect, NOW))
    };
    let bravo = world.bravo.scid();
    let gone = with(&|expect| drop(expect.domains.remove(&bravo)));
    assert_eq!(gone, (Code::DomainNotRecognised, "identities[2].issuer".into()));
    let suspended = with(&|expect| expect.domains.get_mut(&bravo).unwrap().suspended = true);
    assert_eq!(suspended, (Code::DomainSuspended, "identities[2].issuer".into()));
}

// Rule 5: a DID belongs to a domain only through a credential of the pinned SCID.
#[test]
fn a_domain_that_merely_bears_the_name_vouches_for_nobody() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    let fake = Party::new("fake", "bravo.test");
    let calendar = world.calendar.clone();
    let vouched = world.agent_credential(&fake, &calendar, &["calendar:read"]);
    credentials[4] = world.secure(&fake, &vouched);
    assert_eq!(code_of(&world, credentials).0, Code::DomainNotRecognised);
}

// Rules 5 and 7: what one domain revoked, another must not bring back.
#[test]
fn a_domain_vouches_for_nobody_who_stands_under_another() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    let (bravo, travel, alice) = (world.bravo.clone(), world.travel.clone(), world.alice.clone());
    let taken = world.agent_credential(&bravo, &travel, &["calendar:read", "calendar:write"]);
    let own = std::mem::replace(&mut credentials[3], world.secure(&bravo, &taken));
    assert_eq!(code_of(&world, credentials.clone()), (Code::IdentityMismatch, "identities[1].issuer".into()));
    credentials[3] = own;
    let taken = world.owner_credential(&bravo, &alice);
    credentials[2] = world.secure(&bravo, &taken);
    assert_eq!(code_of(&world, credentials), (Code::IdentityMismatch, "identities[0].issuer".into()));
}

// Rule 6. R-001
#[test]
fn nothing_is_rooted_without_an_anchor_or_beyond_it() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let alpha = world.alpha.scid();
    let with = |anchor: Anchor| {
        let mut expect = world.expect();
        expect.domains.insert(alpha.clone(), Recognition { suspended: false, anchor });
        check(&held, &world.facts(), &expect, NOW)
    };
    assert_eq!(refused(with(Anchor::default())).0, Code::RootNotAnchored);
    let less = Anchor { capabilities: scope(&["calendar:read"]), resources: None };
    assert_eq!(refused(with(less)), (Code::RootExceedsAnchor, "chain[0].capabilities".into()));
    let elsewhere = Anchor {
        capabilities: scope(&["calendar:read", "calendar:write"]),
        resources: Some(["room-1".to_owned()].into()),
    };
    assert_eq!(refused(with(elsewhere)).0, Code::RootExceedsAnchor);
    let mut by_name = world.expect();
    by_name.domains.insert(alpha.clone(), Recognition::default());
    let anchor = Anchor { capabilities: scope(&["calendar:read", "calendar:write"]), resources: None };
    by_name.principals.insert(world.alice.did.clone(), anchor);
    verified(check(&held, &world.facts(), &by_name, NOW));
}

#[test]
fn the_root_is_tested_before_anything_is_wanted() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let mut expect = world.expect();
    expect.domains.clear();
    let outcome = check(&held, &Facts::default(), &expect, NOW);
    assert_eq!(refused(outcome).0, Code::DomainNotRecognised);
}

// Rule 7. R-043 R-088
#[test]
fn revoking_or_suspending_anything_on_the_path_refuses_with_its_own_code() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let subject = |at: usize| match read(&credentials[at]).claims {
        Claims::Owner(owner) => owner.status,
        Claims::Agent(agent) => agent.status,
        _ => panic!("no identity"),
    };
    let own = |at: usize| read(&credentials[at]).status;
    let cases = [
        (own(0), Code::CredentialRevoked, Code::CredentialSuspended),
        (own(1), Code::CredentialRevoked, Code::CredentialSuspended),
        (own(2), Code::CredentialRevoked, Code::CredentialSuspended),
        (own(3), Code::CredentialRevoked, Code::CredentialSuspended),
        (own(4), Code::CredentialRevoked, Code::CredentialSuspended),
        (subject(2), Code::OwnerRevoked, Code::OwnerSuspended),
        (subject(3), Code::AgentRevoked, Code::AgentSuspended),
        (subject(4), Code::AgentRevoked, Code::AgentSuspended),
    ];
    for (pair, revoked, suspended) in cases {
        for (entry, code) in [(pair.revocation, revoked), (pair.suspension, suspended)] {
            world.revoked.clear();
            world.set(&entry);
            assert_eq!(code_of(&world, credentials.clone()).0, code);
        }
    }
    world.revoked.clear();
    verified(presented(&world, credentials));
}

// Rule 7, MESH.md D7
#[test]
fn what_was_ever_seen_revoked_stays_revoked_whatever_the_list_says() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let entry = read(&credentials[0]).status.revocation;
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let mut facts = world.facts();
    let mut fact = world.list(&world.alpha, Purpose::Revocation, NOW);
    let mut ever = fact.list.bits.clone();
    ever.set(entry.index).unwrap();
    fact.revoked_ever = Some(ever.into());
    facts.insert_list(fact);
    assert_eq!(refused(check(&held, &facts, &world.expect(), NOW)).0, Code::CredentialRevoked);
}

// Rule 7
#[test]
fn a_stale_list_is_could_not_know_unless_it_says_revoked() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let entry = read(&credentials[0]).status.revocation;
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let with_old = |world: &World| {
        let mut facts = world.facts();
        facts.insert_list(world.list(&world.alpha, Purpose::Revocation, NOW.minus(Duration::from_secs(361))));
        refused(check(&held, &facts, &world.expect(), NOW)).0
    };
    assert_eq!(with_old(&world), Code::StatusStale);
    world.set(&entry);
    assert_eq!(with_old(&world), Code::CredentialRevoked);
}

// Rule 7. R-151
#[test]
fn a_list_of_another_domain_does_not_count_even_under_the_right_url() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let mut facts = Facts::default();
    for did in world.documents.keys() {
        facts.insert_did(did.clone(), world.did_fact(did).unwrap());
    }
    let mut squatter = world.bravo.clone();
    squatter.name = "alpha".into();
    for purpose in [Purpose::Revocation, Purpose::Suspension] {
        facts.insert_list(world.list(&world.bravo, purpose, NOW));
        facts.insert_list(world.list(&squatter, purpose, NOW));
    }
    let Outcome::Wants(wants) = check(&held, &facts, &world.expect(), NOW) else { panic!("wants nothing") };
    assert!(wants.status_lists.iter().all(|key| key.issuer == world.alpha.did));
    assert_eq!(wants.not_to_be_had().code, Code::StatusUnknown);
}

// Rule 8. R-040
#[test]
fn only_the_last_subject_presents_for_this_audience_and_nonce() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let travel = world.travel.clone();
    let stolen = world.present(&travel, credentials.clone());
    assert_eq!(refused(outcome(&world, stolen)), (Code::HolderMismatch, "holder".into()));
    let calendar = world.calendar.clone();
    let said = world.presentation(&calendar, credentials);
    let by = |signer: &Party, payload: Value| {
        refused(outcome(&world, signer.sign(Content::Presentation, Envelope::Jwt, payload))).0
    };
    assert_eq!(by(&travel, said.to_json()), Code::KeyNotAuthorised);
    let mut other = said.to_json();
    other["aud"] = json!("did:webvh:somebody-else");
    assert_eq!(by(&calendar, other), Code::AudienceMismatch);
    let mut other = said.to_json();
    other["nonce"] = json!("nonce-2");
    assert_eq!(by(&calendar, other), Code::NonceMismatch);
    let mut eternal = said.to_json();
    eternal["exp"] = json!(NOW.get() + 100_000);
    assert_eq!(by(&calendar, eternal), Code::PresentationMalformed);
}

#[test]
fn a_did_key_may_only_end_a_chain_for_an_hour_without_depth() {
    let mut world = World::new(Envelope::Jwt);
    let task = Party::of_key("task");
    let (alpha, alice, travel) = (world.alpha.clone(), world.alice.clone(), world.travel.clone());
    let credentials = world.plain_journey();
    let root = world.link((&alice, &alpha), &travel, &alice, None, &terms(&["calendar:read"]));
    let mut end = |constraints: Value, life_seconds: u64| {
        let terms = Terms { constraints, life_seconds, ..terms(&["calendar:read"]) };
        let link = world.link((&travel, &alpha), &task, &alice, Some(&root), &terms);
        let all = vec![root.1.clone(), link.1, credentials[2].clone(), credentials[3].clone()];
        outcome(&world, world.present(&task, all))
    };
    verified(end(json!({"maxDepth": 0}), 1_000));
    assert_eq!(refused(end(json!({}), 1_000)).0, Code::DelegationWidened);
}

#[test]
fn what_is_asked_must_be_in_the_mandate() {
    let mut world = World::new(Envelope::Jwt);
    let bound = json!({"resource": ["room-1"], "purpose": "travel", "needsApproval": ["calendar:write"]});
    let both = ["calendar:read", "calendar:write"];
    let first = Terms { constraints: bound.clone(), ..terms(&both) };
    let credentials = world.journey(&first, &Terms { constraints: bound, ..terms(&both) });
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let asking = |capability: &str, resource: &str, purpose: &str| {
        let mut expect = world.expect();
        expect.request.capability = Some(capability.parse().unwrap());
        expect.request.resource = Some(resource.to_owned());
        expect.request.purpose = Some(purpose.to_owned());
        check(&held, &world.facts(), &expect, NOW)
    };
    verified(asking("calendar:read", "room-1", "travel"));
    assert_eq!(refused(asking("mail:send", "room-1", "travel")).0, Code::CapabilityNotGranted);
    assert_eq!(refused(asking("calendar:write", "room-1", "travel")).0, Code::ApprovalRequired);
    assert_eq!(refused(asking("calendar:read", "room-2", "travel")).0, Code::ConstraintUnmet);
    assert_eq!(refused(asking("calendar:read", "room-1", "fun")).0, Code::ConstraintUnmet);
}

// A limited argument that is not stated is outside its limit.
#[test]
fn limited_arguments_the_workflow_and_the_budget_are_held_against_the_request() {
    let mut world = World::new(Envelope::Jwt);
    let bound = json!({
        "workflow": {"id": "trip-7", "step": "book"},
        "arguments": {"calendar:read": {"days": {"min": 1, "max": 7}, "room": {"oneOf": ["a"]}}},
        "budget": {"amount": 500, "unit": "EUR", "accountant": "did:web:bank.example"},
    });
    let first = Terms { constraints: bound.clone(), ..terms(&["calendar:read", "calendar:write"]) };
    let credentials = world.journey(&first, &Terms { constraints: bound, ..terms(&["calendar:read"]) });
    let held = Held::read(world.present(&world.calendar.clone(), credentials.clone())).unwrap();
    let asking = |request: Request| check(&held, &world.facts(), &Expect { request, ..world.expect() }, NOW);
    let request = |arguments: Value, step: Option<&str>, amount: (u64, &str)| Request {
        capability: Some("calendar:read".parse().unwrap()),
        workflow: Some(Workflow { id: "trip-7".into(), step: step.map(str::to_owned) }),
        arguments: arguments.as_object().unwrap().clone().into_iter().collect(),
        amount: Some(Amount::new(amount.0, amount.1).unwrap()),
        ..Request::default()
    };
    let fits = json!({"days": 7, "room": "a", "note": [1]});
    let links: Vec<_> = credentials[..2].iter().map(|link| read(link).id).collect();
    let limit = Amount::new(500, "EUR").unwrap();
    let budget = |amount| Obligation::Budget {
        accountant: "did:web:bank.example".parse().unwrap(),
        amount,
        accounts: links.iter().map(|link| Account { link: link.clone(), limit: limit.clone() }).collect(),
    };
    let verdict = verified(asking(request(fits.clone(), Some("book"), (500, "EUR"))));
    assert_eq!(verdict.obligations, [budget(Some(limit.clone()))]);
    let no_step = verified(asking(request(fits.clone(), None, (0, "EUR"))));
    assert!(matches!(no_step.obligations[..], [Obligation::Workflow(_), Obligation::Budget { .. }]));
    let unmet = |request| {
        let (code, path) = refused(asking(request));
        assert_eq!(code, Code::ConstraintUnmet);
        path
    };
    for arguments in [
        json!({}),
        json!({"days": 7}),
        json!({"days": 8, "room": "a"}),
        json!({"days": "7", "room": "a"}),
        json!({"days": 6.5, "room": "a"}),
        json!({"days": 7, "room": "b"}),
        json!({"days": 7, "room": ["a"]}),
    ] {
        assert_eq!(unmet(request(arguments, Some("book"), (1, "EUR"))), "chain[1].arguments");
    }
    assert_eq!(unmet(request(fits.clone(), Some("pay"), (1, "EUR"))), "chain[1].workflow");
    let other = Workflow { id: "trip-8".into(), step: None };
    let other = Request { workflow: Some(other), ..request(fits.clone(), None, (1, "EUR")) };
    assert_eq!(unmet(other), "chain[1].workflow");
    assert_eq!(unmet(request(fits.clone(), Some("book"), (501, "EUR"))), "chain[1].budget");
    assert_eq!(unmet(request(fits, Some("book"), (1, "USD"))), "chain[1].budget");
}

// R-044 R-045
#[test]
fn what_the_request_does_not_name_is_left_to_the_caller_and_told() {
    let mut world = World::new(Envelope::Jwt);
    let bound = json!({
        "resource": ["room-1"], "purpose": "travel", "workflow": {"id": "trip-7"},
        "arguments": {"calendar:read": {"days": {"max": 7}}},
        "budget": {"amount": 500, "unit": "EUR", "accountant": "did:web:bank.example"},
        "needsApproval": ["calendar:write"],
    });
    let both = Terms { constraints: bound, ..terms(&["calendar:read", "calendar:write"]) };
    let credentials = world.journey(&both, &both);
    let verdict = verified(presented(&world, credentials));
    let json = verdict.to_json();
    let kinds: Vec<_> =
        json["obligations"].as_array().unwrap().iter().map(|o| o["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["resource", "purpose", "workflow", "arguments", "approval", "budget"]);
    assert_eq!(json["obligations"][5]["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(json["chain"][0]["depthLeft"], 7);
    assert_eq!(json["chain"][1]["depthLeft"], 6);
    let plain = world.plain_journey();
    assert_eq!(verified(presented(&world, plain)).obligations, []);
}

#[test]
fn the_mandates_audience_binds_the_verifier() {
    let mut world = World::new(Envelope::Jwt);
    let elsewhere =
        Terms { constraints: json!({"audience": ["did:web:other.example"]}), ..terms(&["calendar:read"]) };
    let credentials = world.journey(&elsewhere, &elsewhere);
    assert_eq!(code_of(&world, credentials), (Code::AudienceMismatch, "chain[1].audience".into()));
}

/// Asks and fetches until there is a verdict, as the flow does.
fn rounds(world: &World, held: &Held) -> (usize, Outcome) {
    let mut facts = Facts::default();
    for round in 0.. {
        match check(held, &facts, &world.expect(), NOW) {
            Outcome::Wants(wants) => {
                for did in wants.dids {
                    facts.insert_did(did.clone(), world.did_fact(&did).unwrap());
                }
                for key in wants.status_lists {
                    let domain = if key.issuer == world.alpha.did { &world.alpha } else { &world.bravo };
                    for purpose in [Purpose::Revocation, Purpose::Suspension] {
                        facts.insert_list(world.list(domain, purpose, NOW));
                    }
                }
            }
            outcome => return (round, outcome),
        }
    }
    unreachable!()
}

#[test]
fn three_rounds_of_fetching_are_enough() {
    let mut world = World::new(Envelope::Cose);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let (rounds, outcome) = rounds(&world, &held);
    verified(outcome);
    assert_eq!(rounds, MAX_ROUNDS);
}

fn any_capabilities() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(vec!["calendar:read", "calendar:write", "mail:send"], 0..=3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // R-077 R-078
    /// Random links: accepted exactly where each is a subset, and never wider than the root.
    #[test]
    fn attenuation_never_widens(first in any_capabilities(), second in any_capabilities()) {
        let mut world = World::new(Envelope::Jwt);
        let credentials = world.journey(&terms(&first), &terms(&second));
        let (root, end) = (scope(&first), scope(&second));
        let anchored = root.is_within(&scope(&["calendar:read", "calendar:write"]));
        match presented(&world, credentials) {
            Outcome::Verified(verdict) => {
                prop_assert!(end.is_within(&root) && anchored);
                prop_assert!(verdict.capabilities.is_within(&root));
            }
            Outcome::Refused(refusal) => {
                let expected = if end.is_within(&root) { Code::RootExceedsAnchor } else { Code::DelegationWidened };
                prop_assert!(!(end.is_within(&root) && anchored));
                prop_assert_eq!(refusal.code, expected);
            }
            Outcome::Wants(wants) => prop_assert!(false, "{:?}", wants),
        }
    }

    /// From any part of the facts: never a verdict that all the facts would not give.
    #[test]
    fn more_facts_never_turn_verified_into_wants_or_back(dids in any::<[bool; 5]>(), lists in any::<[bool; 4]>()) {
        let mut world = World::new(Envelope::Jwt);
        let credentials = world.plain_journey();
        let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
        let mut facts = Facts::default();
        for (did, known) in world.documents.keys().zip(dids) {
            if known {
                facts.insert_did(did.clone(), world.did_fact(did).unwrap());
            }
        }
        let domains = [&world.alpha, &world.bravo];
        let all = domains.into_iter().flat_map(|d| [(d, Purpose::Revocation), (d, Purpose::Suspension)]);
        for ((domain, purpose), known) in all.zip(lists) {
            if known {
                facts.insert_list(world.list(domain, purpose, NOW));
            }
        }
        let complete = dids.iter().all(|k| *k) && lists.iter().all(|k| *k);
        match check(&held, &facts, &world.expect(), NOW) {
            Outcome::Verified(_) => prop_assert!(complete),
            Outcome::Wants(wants) => {
                prop_assert!(!complete);
                prop_assert!(!wants.dids.is_empty() || !wants.status_lists.is_empty());
            },
            Outcome::Refused(refusal) => prop_assert!(false, "{}", refusal),
        }
    }

    /// Setting any bit never turns a refusal into a verdict.
    #[test]
    fn a_revocation_never_turns_refused_into_verified(indices in prop::collection::btree_set(0_u32..60, 0..20), widened in any::<bool>()) {
        let mut world = World::new(Envelope::Jwt);
        let end: &[&str] = if widened { &["calendar:read", "mail:send"] } else { &["calendar:read"] };
        let credentials = world.journey(&terms(&["calendar:read"]), &terms(end));
        let before = matches!(presented(&world, credentials.clone()), Outcome::Verified(_));
        for domain in [world.alpha.clone(), world.bravo.clone()] {
            world.revoked.insert(world::list_url(&domain, Purpose::Revocation), indices.clone());
        }
        let after = matches!(presented(&world, credentials), Outcome::Verified(_));
        prop_assert!(before || !after);
        prop_assert_eq!(before, !widened);
    }

    //
    /// Any flipped bit of a whole presentation is refused.
    #[test]
    fn a_flipped_bit_anywhere_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8, which in 0..Envelope::ALL.len()) {
        let mut world = World::new(Envelope::ALL[which]);
        let credentials = world.plain_journey();
        let presented = world.present(&world.calendar.clone(), credentials);
        let (envelope, mut bytes) = (presented.envelope(), presented.bytes().to_vec());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(secured) = Secured::parse(Content::Presentation, envelope, &bytes, 1 << 20) {
            prop_assert!(matches!(outcome(&world, secured), Outcome::Refused(_)));
        }
    }
}

#[test]
fn constraints_of_the_end_are_told_with_the_verdict() {
    let mut world = World::new(Envelope::Jwt);
    let bound = Terms { constraints: json!({"purpose": "travel"}), ..terms(&["calendar:read"]) };
    let credentials = world.journey(&bound, &bound);
    let verdict = verified(presented(&world, credentials));
    assert_eq!(verdict.constraints, Constraints::read(&json!({"purpose": "travel"})).unwrap());
    assert_eq!(verdict.to_json()["chain"][1]["constraints"]["purpose"], "travel");
}
