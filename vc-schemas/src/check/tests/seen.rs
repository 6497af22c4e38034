//! What was verified before changes no outcome: with it and without it, the same is said.

use super::world::{NOW, World};
use super::*;
use crate::seen::DEFAULT_CAPACITY;
use did_resolver::document::Relationship;
use did_resolver::proof::{ProofDraft, ProofOptions, Suite};

fn said(outcome: &Outcome) -> String {
    format!("{outcome:?}")
}

/// Reads and checks with and without what was seen, and keeps what was verified.
fn both(world: &World, presented: &Secured, seen: &mut Seen, now: UnixSeconds) -> (Outcome, usize) {
    let (facts, expect) = (world.facts(), world.expect());
    let (cold, held) = (Held::read(presented.clone()), Held::read_with(presented.clone(), seen));
    assert_eq!(format!("{held:?}"), format!("{cold:?}"));
    let held = held.unwrap();
    let (outcome, sightings) = check_with(&held, &facts, &expect, now, seen);
    assert_eq!(said(&outcome), said(&check(&cold.unwrap(), &facts, &expect, now)));
    let count = sightings.len();
    seen.take(sightings, now);
    (outcome, count)
}

fn presented(world: &World, credentials: &[Secured]) -> Secured {
    world.present(&world.calendar, credentials.to_vec())
}

/// The document of a DID whose key was replaced under the same id.
fn rotate(world: &mut World, by: &Party) {
    let other = Party::of_key("the next key").public().to_multikey();
    let mut json = by.document_json();
    json["verificationMethod"][0]["publicKeyMultibase"] = json!(other);
    world.documents.insert(by.did.clone(), json);
}

/// The same credential with another signature.
fn forged(secured: &Secured) -> Secured {
    let eve = Party::of_key("eve");
    let draft = crate::secure::Draft::new(
        Content::Credential,
        secured.envelope(),
        secured.payload().clone(),
        secured.key_id().clone(),
        eve.public().kind(),
    )
    .unwrap();
    let signature = eve.sign_bytes(draft.signing_input());
    draft.attach(&eve.public(), &signature).unwrap()
}

#[test]
fn links_and_identities_are_verified_once_and_the_presentation_each_time() {
    for envelope in Envelope::ALL {
        let mut world = World::new(envelope);
        let credentials = world.plain_journey();
        let mut seen = Seen::new(DEFAULT_CAPACITY);
        let presented = presented(&world, &credentials);
        let (outcome, count) = both(&world, &presented, &mut seen, NOW);
        verified(outcome);
        assert_eq!((count, seen.len()), (5, 5));
        let (outcome, count) = both(&world, &presented, &mut seen, NOW);
        verified(outcome);
        assert_eq!(count, 0);
        // A presentation that says the same, by a key that is not the holder's.
        let mut other = world.calendar.clone();
        other.take_key_of(&world.travel);
        let forged = world.present(&other, credentials.clone());
        let (outcome, _) = both(&world, &forged, &mut seen, NOW);
        assert_eq!(refused(outcome).1, "holder");
    }
}

#[test]
fn a_credential_that_was_seen_answers_for_no_other_signature_and_no_other_key() {
    for envelope in Envelope::ALL {
        for at in 0..5 {
            let mut world = World::new(envelope);
            let credentials = world.plain_journey();
            let mut seen = Seen::new(DEFAULT_CAPACITY);
            verified(both(&world, &presented(&world, &credentials), &mut seen, NOW).0);
            let mut others = credentials.clone();
            others[at] = forged(&credentials[at]);
            refused(both(&world, &presented(&world, &others), &mut seen, NOW).0);
            let signers = [&world.alice, &world.travel, &world.alpha, &world.alpha, &world.bravo];
            let signer = signers[at].clone();
            rotate(&mut world, &signer);
            refused(both(&world, &presented(&world, &credentials), &mut seen, NOW).0);
        }
    }
}

//
#[test]
fn what_was_seen_answers_for_no_end_no_status_and_no_key_that_has_passed() {
    for envelope in Envelope::ALL {
        let mut world = World::new(envelope);
        let credentials = world.plain_journey();
        let mut seen = Seen::new(DEFAULT_CAPACITY);
        verified(both(&world, &presented(&world, &credentials), &mut seen, NOW).0);
        assert_eq!(seen.len(), 5);
        // A link is over, and asked about anew.
        let later = NOW.plus(Duration::from_secs(3_061));
        let mut presentation = world.presentation(&world.calendar, credentials.clone());
        (presentation.issued, presentation.expires) = (later, later.plus(Duration::from_secs(60)));
        let then = world.calendar.sign(Content::Presentation, envelope, presentation.to_json());
        let (outcome, _) = both(&world, &then, &mut seen.clone(), later);
        assert_eq!(refused(outcome), (Code::CredentialExpired, "chain[0].validUntil".into()));
        // Its status has changed.
        let entry = read(&credentials[1]).status.revocation;
        world.set(&entry);
        let (outcome, _) = both(&world, &presented(&world, &credentials), &mut seen, NOW);
        assert_eq!(refused(outcome).0, Code::CredentialRevoked);
        world.revoked.clear();
        verified(both(&world, &presented(&world, &credentials), &mut seen, NOW).0);
        // Its key is no longer listed.
        let mut json = world.bravo.document_json();
        json["assertionMethod"] = json!([]);
        world.documents.insert(world.bravo.did.clone(), json);
        let (outcome, _) = both(&world, &presented(&world, &credentials), &mut seen, NOW);
        assert_eq!(refused(outcome), (Code::KeyNotAuthorised, "identities[2]".into()));
    }
}

/// The credential with a Data Integrity proof that ends before the credential does.
fn ending(by: &Party, secured: &Secured, expires: UnixSeconds) -> Secured {
    let options = ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method: secured.key_id().clone(),
        purpose: Relationship::AssertionMethod,
        created: Some(NOW),
        expires: Some(expires),
        domain: None,
        challenge: None,
    };
    let draft = ProofDraft::new(secured.payload().clone(), &options).unwrap();
    let signature = by.sign_bytes(draft.signing_input());
    let document = draft.attach(&by.public(), &signature).unwrap();
    Secured::embedded(Content::Credential, &document, usize::MAX).unwrap()
}

#[test]
fn the_end_of_a_proof_is_asked_for_each_time() {
    let mut world = World::new(Envelope::Jwt);
    let mut credentials = world.plain_journey();
    credentials[2] = ending(&world.alpha, &credentials[2], NOW.plus(Duration::from_secs(30)));
    let mut seen = Seen::new(DEFAULT_CAPACITY);
    for (seconds, over) in [(0, false), (89, false), (90, true), (0, false)] {
        let now = NOW.plus(Duration::from_secs(seconds));
        let (outcome, _) = both(&world, &presented(&world, &credentials), &mut seen, now);
        match over {
            false => drop(verified(outcome)),
            true => assert_eq!(refused(outcome), (Code::CredentialExpired, "identities[0]".into())),
        }
    }
    assert_eq!(seen.len(), 5, "its signature was seen all the same");
}

#[test]
fn a_number_that_is_spelt_otherwise_says_the_same_whether_it_was_seen_or_not() {
    let mut world = World::new(Envelope::DataIntegrity);
    let deep = |depth: u8| Terms { constraints: json!({"maxDepth": depth}), ..terms(&["calendar:read"]) };
    let credentials = world.journey(&deep(3), &deep(2));
    let presented = presented(&world, &credentials);
    let text = String::from_utf8(presented.bytes().to_vec()).unwrap();
    let other = text.replace("\"maxDepth\":3", "\"maxDepth\":3.0");
    assert_ne!(other, text);
    let other = Secured::parse(Content::Presentation, Envelope::DataIntegrity, other.as_bytes(), other.len())
        .unwrap();
    let mut seen = Seen::new(DEFAULT_CAPACITY);
    for _ in 0..2 {
        verified(both(&world, &other, &mut seen, NOW).0);
    }
    assert_eq!(seen.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // Whatever happens between two presentations, and in whatever order.
    #[test]
    fn what_was_seen_changes_no_outcome(
        envelope in 0..Envelope::ALL.len(),
        capacity in prop::sample::select(vec![0, 2, DEFAULT_CAPACITY]),
        steps in prop::collection::vec((0_u8..8, 0_usize..5, 0_u64..4_000), 1..10),
    ) {
        let mut world = World::new(Envelope::ALL[envelope]);
        let original = world.plain_journey();
        let (mut credentials, mut now, mut seen) = (original.clone(), NOW, Seen::new(capacity));
        both(&world, &presented(&world, &credentials), &mut seen, now);
        for (step, at, seconds) in steps {
            let parties = [&world.alpha, &world.bravo, &world.alice, &world.travel, &world.calendar];
            let party = parties[at].clone();
            let entry = read(&original[at]).status;
            match step {
                0 => rotate(&mut world, &party),
                1 => {
                    let mut json = party.document_json();
                    json["verificationMethod"][0]["revoked"] = json!("2020-01-01T00:00:00Z");
                    world.documents.insert(party.did.clone(), json);
                }
                2 => { world.documents.insert(party.did.clone(), party.document_json()); }
                3 => { world.documents.remove(&party.did); }
                4 => world.set(&entry.revocation),
                5 => world.set(&entry.suspension),
                6 => now = NOW.plus(Duration::from_secs(seconds)),
                _ => credentials[at] = forged(&original[at]),
            }
            both(&world, &presented(&world, &credentials), &mut seen, now);
            prop_assert!(seen.len() <= capacity);
        }
    }
}
