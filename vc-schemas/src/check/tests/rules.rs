//! Each condition of the nine rules by itself: every test fails where its condition is left out.

use super::world::{NOW, Party, Terms, World, terms};
use super::*;
use crate::delegation::scope::Scope;
use crate::facts::Facts;

/// The credential at `at` with something changed, signed again by `by`.
fn changed(credentials: &mut [Secured], at: usize, by: &Party, change: impl FnOnce(&mut Value)) {
    let mut payload = credentials[at].payload().clone();
    change(&mut payload);
    credentials[at] = by.sign(Content::Credential, Envelope::Jwt, payload);
}

// Rule 1
#[test]
fn a_link_over_64_kib_and_a_ninth_link_are_refused() {
    let mut world = World::new(Envelope::Jwt);
    let audience: Vec<String> = (10..74).map(|n| format!("{n}{}", "a".repeat(1_500))).collect();
    let large = Terms { constraints: json!({"audience": audience}), ..terms(&["calendar:read"]) };
    let credentials = world.journey(&large, &large);
    assert_eq!(code_of(&world, credentials), (Code::LinkTooLarge, "chain[0]".into()));
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let nine = vec![held.links()[0].clone(); 9];
    assert_eq!(chain::check(&nine).unwrap_err().code, Code::ChainTooLong);
}

// Rule 2. R-042
#[test]
fn a_credential_of_tomorrow_does_not_count_today() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let (travel, bravo) = (world.travel.clone(), world.bravo.clone());
    for (at, by, path) in [(1, &travel, "chain[1].validFrom"), (4, &bravo, "identities[2].validFrom")] {
        let from = |seconds| {
            let mut all = credentials.clone();
            let from = NOW.plus(Duration::from_secs(seconds)).to_string();
            changed(&mut all, at, by, |payload| payload["validFrom"] = json!(from));
            presented(&world, all)
        };
        assert_eq!(refused(from(61)), (Code::CredentialNotYetValid, path.into()));
        verified(from(60));
    }
}

// Rules 2 and 8, "Which key counts"
#[test]
fn a_key_counts_only_for_the_use_that_it_is_listed_for() {
    for (who, use_, place) in [
        ("bravo", "assertionMethod", "identities[2]"),
        ("travel-bot", "assertionMethod", "chain[1]"),
        ("calendar-bot", "authentication", "holder"),
    ] {
        let mut world = World::new(Envelope::Jwt);
        let credentials = world.plain_journey();
        let all = [&world.bravo, &world.travel, &world.calendar];
        let did = all.into_iter().find(|party| party.name == who).unwrap().did.clone();
        world.documents.get_mut(&did).unwrap()[use_] = json!([]);
        assert_eq!(code_of(&world, credentials), (Code::KeyNotAuthorised, place.into()));
    }
}

// Rule 3. R-076
#[test]
fn a_link_that_the_subject_before_did_not_issue_is_refused() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    let (alpha, alice) = (world.alpha.clone(), world.alice.clone());
    let (travel, calendar) = (world.travel.clone(), world.calendar.clone());
    let root = world.link((&alice, &alpha), &travel, &alice, None, &terms(&["calendar:read"]));
    let by_alice = world.link((&alice, &alpha), &calendar, &alice, Some(&root), &terms(&["calendar:read"]));
    credentials[0] = root.1;
    credentials[1] = by_alice.1;
    assert_eq!(code_of(&world, credentials), (Code::ChainBroken, "chain[1].issuer".into()));
}

// Rule 3. R-076
#[test]
fn a_parent_is_named_by_id_and_digest_and_the_first_link_has_none() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let (alice, travel) = (world.alice.clone(), world.travel.clone());
    let with = |at: usize, by: &Party, change: &dyn Fn(&mut Value)| {
        let mut all = credentials.clone();
        changed(&mut all, at, by, change);
        code_of(&world, all)
    };
    let parent = credentials[1].payload()["credentialSubject"]["parent"].clone();
    let other = credentials[4].payload()["id"].clone();
    let wrong_id = with(1, &travel, &|payload| payload["credentialSubject"]["parent"]["id"] = other.clone());
    assert_eq!(wrong_id, (Code::ParentMismatch, "chain[1].parent".into()));
    let none = with(1, &travel, &|payload| {
        payload["credentialSubject"].as_object_mut().unwrap().remove("parent");
    });
    assert_eq!(none, (Code::ParentMismatch, "chain[1].parent".into()));
    let first = with(0, &alice, &|payload| payload["credentialSubject"]["parent"] = parent.clone());
    assert_eq!(first, (Code::ParentMismatch, "chain[0].parent".into()));
}

// Rule 4. R-079
#[test]
fn a_link_that_leaves_a_constraint_out_is_aid_009() {
    let mut world = World::new(Envelope::Jwt);
    let bound = Terms { constraints: json!({"purpose": "travel"}), ..terms(&["calendar:read"]) };
    let loose = world.journey(&bound, &terms(&["calendar:read"]));
    assert_eq!(code_of(&world, loose), (Code::DelegationWidened, "chain[1].purpose".into()));
}

// Rules 4 and 5
#[test]
fn a_did_key_in_the_middle_or_for_longer_than_an_hour_is_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let task = Party::of_key("task");
    let (alpha, alice) = (world.alpha.clone(), world.alice.clone());
    let (travel, calendar) = (world.travel.clone(), world.calendar.clone());
    let root = world.link((&alice, &alpha), &task, &alice, None, &terms(&["calendar:read"]));
    let next = world.link((&task, &alpha), &calendar, &alice, Some(&root), &terms(&["calendar:read"]));
    let identity = world.agent_credential(&alpha, &task, &["calendar:read"]);
    let mut middle = credentials.clone();
    (middle[0], middle[1], middle[3]) = (root.1, next.1, world.secure(&alpha, &identity));
    assert_eq!(code_of(&world, middle), (Code::DelegationWidened, "chain[0].id".into()));
    let mut long = terms(&["calendar:read"]);
    long.life_seconds = 4_000;
    let root = world.link((&alice, &alpha), &travel, &alice, None, &long);
    let no_depth = Terms { constraints: json!({"maxDepth": 0}), ..long };
    let last = world.link((&travel, &alpha), &task, &alice, Some(&root), &no_depth);
    let all = vec![root.1, last.1, credentials[2].clone(), credentials[3].clone()];
    let presented = world.present(&task, all);
    assert_eq!(refused(outcome(&world, presented)), (Code::DelegationWidened, "chain[1].id".into()));
}

// Rule 5
#[test]
fn an_owner_in_an_agents_place_a_stranger_and_a_principal_nobody_vouches_for_are_refused() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let (alpha, travel, calendar) = (world.alpha.clone(), world.travel.clone(), world.calendar.clone());
    let as_owner = world.owner_credential(&alpha, &travel);
    let mut wrong = credentials.clone();
    wrong[3] = world.secure(&alpha, &as_owner);
    assert_eq!(code_of(&world, wrong), (Code::IdentityMismatch, "identities[1]".into()));
    let beside =
        world.agent_credential(&alpha, &Party::new("idle", "alpha.test:agents:idle"), &["calendar:read"]);
    let mut more = credentials.clone();
    more.push(world.secure(&alpha, &beside));
    assert_eq!(code_of(&world, more), (Code::PresentationMalformed, "verifiableCredential".into()));
    let person = Party::of_key("person");
    let root = world.link((&person, &alpha), &calendar, &person, None, &terms(&["calendar:read"]));
    let mut unvouched = vec![root.1, credentials[4].clone()];
    assert_eq!(code_of(&world, unvouched.clone()), (Code::IdentityMissing, "identities[0]".into()));
    let owner = world.owner_credential(&alpha, &person);
    unvouched.push(world.secure(&alpha, &owner));
    verified(presented(&world, unvouched));
}

// Rule 6
#[test]
fn a_root_names_only_resources_that_its_anchor_has() {
    let mut world = World::new(Envelope::Jwt);
    let alpha = world.alpha.scid();
    let mut with = |rooms: Value| {
        let bound = Terms { constraints: json!({"resource": rooms}), ..terms(&["calendar:read"]) };
        let credentials = world.journey(&bound, &bound);
        let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
        let mut expect = world.expect();
        let resources = Some(["room-1".to_owned()].into());
        expect.domains.get_mut(&alpha).unwrap().anchor.resources = resources;
        check(&held, &world.facts(), &expect, NOW)
    };
    assert_eq!(refused(with(json!(["room-1", "room-2"]))).0, Code::RootExceedsAnchor);
    verified(with(json!(["room-1"])));
}

// Rule 7
#[test]
fn a_list_of_another_purpose_and_an_index_beyond_the_list_say_nothing() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let bravo = world.bravo.clone();
    let suspension = world::list_url(&bravo, Purpose::Suspension);
    let with = |member: &'static str, value: Value| {
        let mut all = credentials.clone();
        changed(&mut all, 4, &bravo, |payload| payload["credentialStatus"][0][member] = value);
        code_of(&world, all)
    };
    let expected = (Code::StatusAuthority, "identities[2].credentialStatus".to_owned());
    assert_eq!(with("statusListCredential", json!(suspension)), expected);
    assert_eq!(with("statusListIndex", json!("131072")), expected);
}

// Rule 7
#[test]
fn a_list_of_the_future_past_its_end_or_by_a_key_that_was_replaced_is_could_not_know() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let with = |domain: &Party, issued: UnixSeconds| {
        let mut facts = world.facts();
        facts.insert_list(world.list(domain, Purpose::Revocation, issued));
        let expect = Expect { status_max_age: Duration::from_secs(200_000), ..world.expect() };
        check(&held, &facts, &expect, NOW)
    };
    verified(with(&world.bravo, NOW.plus(Duration::from_secs(60))));
    assert_eq!(refused(with(&world.bravo, NOW.plus(Duration::from_secs(61)))).0, Code::StatusStale);
    verified(with(&world.bravo, NOW.minus(Duration::from_secs(86_459))));
    assert_eq!(refused(with(&world.bravo, NOW.minus(Duration::from_secs(86_460)))).0, Code::StatusStale);
    // The same key id, and another key: what its holder signed before counts no more.
    let mut before = Party::new("stolen", "bravo.test");
    before.did = world.bravo.did.clone();
    before.name = "bravo".into();
    assert_eq!(refused(with(&before, NOW)).0, Code::StatusStale);
}

// Rule 7. R-171
#[test]
fn a_use_of_low_assurance_goes_on_by_an_old_list_and_says_what_is_to_be_confirmed() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let asking = |capability: Option<&str>, deferrable: Scope, age: u64| {
        let mut facts = world.facts();
        facts.insert_list(world.list(&world.bravo, Purpose::Revocation, NOW.minus(Duration::from_secs(age))));
        let capability = capability.map(|name| name.parse().unwrap());
        let request = crate::facts::Request { capability, ..Default::default() };
        check(&held, &facts, &Expect { deferrable, request, ..world.expect() }, NOW)
    };
    let read = Some("calendar:read");
    let verdict = verified(asking(read, world::scope(&["calendar:read"]), 86_400));
    let deferred = verdict.deferred.first().unwrap();
    assert_eq!(
        (deferred.list.issuer.clone(), deferred.purpose),
        (world.bravo.did.clone(), Purpose::Revocation)
    );
    assert!(verdict.deferred.iter().all(|one| one.list == deferred.list), "{:?}", verdict.deferred);
    assert_eq!(verdict.status_age, Duration::from_secs(86_400));
    assert_eq!(verdict.to_json()["deferred"][0]["list"], json!(deferred.list.url));
    assert!(
        verdict.checks.iter().any(|check| check.rule == 7 && check.text.contains("some lists of it are old"))
    );

    // By a list that is fresh, nothing is left.
    let fresh = verified(asking(read, world::scope(&["calendar:read"]), 300));
    assert!(fresh.deferred.is_empty() && fresh.to_json().get("deferred").is_none());
    // Older than a day, of another assurance, or without saying for what: nobody could know.
    let stale = |outcome| assert_eq!(refused(outcome).0, Code::StatusStale);
    stale(asking(read, world::scope(&["calendar:read"]), 86_401));
    stale(asking(read, world::scope(&["calendar:write"]), 86_400));
    stale(asking(read, Scope::default(), 86_400));
    stale(asking(None, world::scope(&["calendar:read"]), 86_400));
}

// Rule 7. R-171
#[test]
fn what_was_revoked_by_an_old_list_or_by_a_key_that_counts_no_more_is_never_deferred() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let held = Held::read(world.present(&world.calendar.clone(), credentials)).unwrap();
    let capability: crate::delegation::scope::Capability = "calendar:read".parse().unwrap();
    let deferrable = world::scope(&["calendar:read"]);
    let request = crate::facts::Request { capability: Some(capability), ..Default::default() };
    let expect = Expect { deferrable, request, ..world.expect() };
    let old = NOW.minus(Duration::from_secs(3_600));
    let with = |world: &World, domain: &Party| {
        let mut facts = world.facts();
        facts.insert_list(world.list(domain, Purpose::Revocation, old));
        check(&held, &facts, &expect, NOW)
    };
    let mut before = Party::new("stolen", "bravo.test");
    before.did = world.bravo.did.clone();
    before.name = "bravo".into();
    assert_eq!(refused(with(&world, &before)).0, Code::StatusStale);
    verified(with(&world, &world.bravo));
    let entry = held.identities().iter().find(|i| i.credential.issuer == world.bravo.did).unwrap();
    world.set(&entry.credential.status.revocation.clone());
    assert_eq!(refused(with(&world, &world.bravo)).0, Code::CredentialRevoked);
    // What nobody has heard of at all is not waited for either.
    let mut facts = Facts::default();
    for did in held.credentials().map(|(_, credential)| &credential.issuer) {
        if let Some(fact) = world.did_fact(did) {
            facts.insert_did(did.clone(), fact);
        }
    }
    facts.insert_did(world.calendar.did.clone(), world.did_fact(&world.calendar.did).unwrap());
    assert!(matches!(check(&held, &facts, &expect, NOW), Outcome::Wants(_)));
}

// Rule 7: a link's list is signed by the domain that vouches for its issuer.
#[test]
fn the_list_of_a_link_is_that_of_its_issuers_domain_whatever_url_it_names() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let helper = Party::new("helper", "alpha.test:agents:helper");
    world.documents.insert(helper.did.clone(), helper.document_json());
    let (alpha, bravo) = (world.alpha.clone(), world.bravo.clone());
    let (alice, calendar) = (world.alice.clone(), world.calendar.clone());
    let identity = world.agent_credential(&alpha, &helper, &["calendar:read"]);
    let parent = (read(&credentials[1]), credentials[1].clone());
    let mut with = |domain: &Party| {
        let link =
            world.link((&calendar, domain), &helper, &alice, Some(&parent), &terms(&["calendar:read"]));
        let mut all = credentials.clone();
        all.insert(2, link.1);
        all.push(world.secure(&alpha, &identity));
        outcome(&world, world.present(&helper, all))
    };
    verified(with(&bravo));
    let Outcome::Wants(wants) = with(&alpha) else { panic!("the list of another domain counted") };
    assert!(wants.status_lists.iter().all(|key| key.issuer == bravo.did));
}

// Rules 8 and 9
#[test]
fn a_presentation_says_nothing_more_than_it_must_and_names_no_context_of_its_own() {
    let mut world = World::new(Envelope::Jwt);
    let credentials = world.plain_journey();
    let calendar = world.calendar.clone();
    let with = |name: &str, value: Value| {
        let mut payload = world.presentation(&calendar, credentials.clone()).to_json();
        payload[name] = value;
        refused(outcome(&world, calendar.sign(Content::Presentation, Envelope::Jwt, payload))).0
    };
    assert_eq!(with("resolver", json!("https://evil.test")), Code::PresentationMalformed);
    assert_eq!(with("@context", json!(["https://evil.test/context"])), Code::ContextUnknown);
    let mut own = credentials.clone();
    let travel = world.travel.clone();
    changed(&mut own, 1, &travel, |payload| payload["@context"] = json!(["https://evil.test/context"]));
    assert_eq!(code_of(&world, own).0, Code::ContextUnknown);
}

// Rule 9
#[test]
fn a_document_about_another_did_is_no_fact() {
    let world = World::new(Envelope::Jwt);
    let mut facts = Facts::default();
    facts.insert_did(world.alpha.did.clone(), world.did_fact(&world.bravo.did).unwrap());
    assert!(facts.did(&world.alpha.did).is_none());
}
