//! Tests of first entries and rotations.

use super::*;
use did_resolver::document::KeyRefusal;
use did_resolver::keys::KeyKind;
use did_resolver::webvh::Extension;
use vc_schemas::check::Held;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

struct Set {
    assertion: SecretKey,
    p256: SecretKey,
    update: SecretKey,
    next: SecretKey,
}

fn ed25519() -> SecretKey {
    SecretKey::generate(KeyKind::Ed25519).unwrap()
}

impl Set {
    fn new() -> Self {
        Self {
            assertion: ed25519(),
            p256: SecretKey::generate(KeyKind::P256).unwrap(),
            update: ed25519(),
            next: ed25519(),
        }
    }

    /// New keys; what was next signs.
    fn after(self) -> Self {
        Self { update: self.next, ..Self::new() }
    }

    fn keys(&self) -> Keys<'_> {
        Keys {
            assertion: self.assertion.public(),
            p256: self.p256.public(),
            update: &self.update,
            next_update: self.next.public(),
        }
    }
}

fn later(days: u64) -> UnixSeconds {
    NOW.plus(Duration::from_secs(days * 86_400))
}

fn agent(set: &Set) -> Log {
    genesis("acme.example", &["agents", "travel-bot"], set.keys(), NOW).unwrap()
}

fn fragments(document: &Document, relationship: Relationship) -> Vec<&str> {
    document.listed(relationship).filter_map(|m| m.id.fragment()).collect()
}

#[test]
fn a_new_did_is_also_known_by_its_place_alone_and_by_its_scid_alone() {
    let log = agent(&Set::new());
    let names = &log.document().unwrap().json()["alsoKnownAs"];
    let scid = format!("did:scid:vh:1:{}", log.scid());
    assert_eq!(*names, json!(["did:web:acme.example:agents:travel-bot", scid]));
}

#[test]
fn a_first_entry_verifies_and_commits_to_the_next_key() {
    let set = Set::new();
    let log = agent(&set);
    assert!(log.did().as_str().ends_with(":acme.example:agents:travel-bot"), "{}", log.did());
    assert!(log.parameters().pre_rotation());
    assert_eq!(log.parameters().next_key_hashes(), [key_hash(set.next.public())]);
    let document = log.document().unwrap();
    for relationship in [Relationship::AssertionMethod, Relationship::Authentication] {
        assert_eq!(fragments(document, relationship), ["key-1", "key-2"]);
    }
    let id = signing::key_id(document, set.p256.public()).unwrap();
    assert_eq!(id.fragment(), Some("key-2"));
    let domain = genesis("acme.example", &[], Set::new().keys(), NOW).unwrap();
    assert!(domain.did().as_str().ends_with(":acme.example"));
}

#[test]
fn a_planned_rotation_keeps_the_old_keys_for_what_they_signed_and_not_for_presenting() {
    //
    let old = Set::new();
    let log = agent(&old);
    let new = old.after();
    let at = later(1);
    let rotated = rotate(&log, new.keys(), Rotation::Planned, at).unwrap();
    assert!(matches!(log.extend(rotated.bytes(), at).unwrap(), Extension::Longer(_)));
    let document = rotated.document().unwrap();
    assert_eq!(fragments(document, Relationship::Authentication), ["key-3", "key-4"]);
    assert_eq!(fragments(document, Relationship::AssertionMethod), ["key-3", "key-4", "key-1", "key-2"]);
    let id = log.did().with_fragment("key-1").unwrap();
    let may = |relationship, at| document.authorised(relationship, &id, at).map(|key| key.retiring);
    assert_eq!(may(Relationship::AssertionMethod, at), Ok(true));
    assert_eq!(may(Relationship::AssertionMethod, at.plus(OVERLAP)), Err(KeyRefusal::Expired));
    assert_eq!(may(Relationship::Authentication, at), Err(KeyRefusal::NotForThis));
}

#[test]
fn a_rotation_for_compromise_drops_the_old_keys_at_once() {
    let old = Set::new();
    let log = agent(&old);
    let new = old.after();
    let rotated = rotate(&log, new.keys(), Rotation::Compromised, later(1)).unwrap();
    let document = rotated.document().unwrap();
    assert_eq!(document.methods().len(), 2);
    assert_eq!(fragments(document, Relationship::AssertionMethod), ["key-3", "key-4"]);
}

#[test]
fn numbers_are_never_used_again_and_an_end_is_never_put_off() {
    let first = Set::new();
    let log = agent(&first);
    let second = first.after();
    let log = rotate(&log, second.keys(), Rotation::Planned, later(1)).unwrap();
    let third = second.after();
    let log = rotate(&log, third.keys(), Rotation::Planned, later(2)).unwrap();
    let end = |fragment: &str| {
        let id = log.did().with_fragment(fragment).unwrap();
        log.document().unwrap().methods().iter().find(|m| m.id == id).and_then(|m| m.expires)
    };
    assert_eq!(end("key-1"), Some(later(1).plus(OVERLAP)));
    assert_eq!(end("key-3"), Some(later(2).plus(OVERLAP)));
    let fourth = third.after();
    let log = rotate(&log, fourth.keys(), Rotation::Compromised, later(3)).unwrap();
    let fifth = fourth.after();
    let log = rotate(&log, fifth.keys(), Rotation::Planned, later(40)).unwrap();
    let document = log.document().unwrap();
    assert_eq!(
        fragments(document, Relationship::AssertionMethod),
        ["key-9", "key-10", "key-7", "key-8"],
        "what had expired is gone, and no number came back",
    );
}

#[test]
fn a_rotation_by_a_key_that_was_not_committed_to_is_refused() {
    let log = agent(&Set::new());
    assert!(rotate(&log, Set::new().keys(), Rotation::Planned, later(1)).is_err());
}

#[test]
fn two_rotations_within_a_second_have_two_times() {
    let first = Set::new();
    let log = agent(&first);
    let second = first.after();
    let log = rotate(&log, second.keys(), Rotation::Planned, NOW).unwrap();
    let third = second.after();
    let log = rotate(&log, third.keys(), Rotation::Planned, NOW).unwrap();
    assert_eq!(log.head().number, 3);
    assert!(log.head().time > NOW);
}

#[test]
fn a_proof_of_possession_is_a_presentation_without_credentials() {
    let set = Set::new();
    let log = agent(&set);
    let document = log.document().unwrap();
    let audience: Did =
        "did:webvh:QmaJp6pmb6RUk4oaDyWQcjeqYbvxsc3kvmHWPpz7B5JwDU:acme.example".parse().unwrap();
    let proof = possession(document, &set.assertion, (&audience, "n"), NOW).unwrap();
    proof.verify(set.assertion.public(), NOW, std::time::Duration::ZERO).unwrap();
    let held = Held::read(proof).unwrap();
    assert_eq!(held.presentation().holder, *log.did());
    assert_eq!(held.presentation().audience, audience.as_str());
    assert!(held.presentation().credentials.is_empty());
    assert!(possession(document, &set.update, (&audience, "n"), NOW).is_err(), "a key that is not listed");
}
