//! Tests of planning links.

use super::*;
use crate::exit::Exit;
use crate::mandate::tests::{NOW, World, scope, terms};
use proptest::prelude::*;
use vc_schemas::secure::Envelope;

fn world() -> (World, Mandate) {
    let world = World::new(Envelope::Jwt);
    let first = world.first();
    (world, first)
}

fn refusal(world: &World, above: &Mandate, terms: &Terms) -> Failure {
    plan((world.travel.did(), world.calendar.did()), Some(above), terms, None, NOW).unwrap_err()
}

#[test]
fn a_link_that_adds_a_capability_is_refused_before_it_is_signed() {
    //
    let (world, first) = world();
    let failure = refusal(&world, &first, &terms(&["calendar:read", "mail:send"]));
    assert_eq!((failure.code.as_str(), failure.exit), ("AID-009", Exit::Denied));
    assert_eq!(failure.path, serde_json::json!(["chain", 1, "capabilities"]));
}

#[test]
fn a_link_that_outlives_loosens_or_goes_deeper_is_refused() {
    //
    let (world, first) = world();
    let read = || terms(&["calendar:read"]);
    let longer = Terms { life: Some(Duration::from_secs(3_601)), ..read() };
    let deeper = Terms { max_depth: Some(2), ..read() };
    for (terms, member) in [(longer, "validUntil"), (deeper, "maxDepth")] {
        let failure = refusal(&world, &first, &terms);
        assert_eq!(failure.code, "AID-009");
        assert_eq!(failure.path, serde_json::json!(["chain", 1, member]));
    }
    let bound = Terms { audience: Some(BTreeSet::from(["v".to_owned()])), max_depth: Some(0), ..read() };
    let link = world.link(&world.alice, &world.travel, None, &bound);
    let last = Mandate::new(vec![link], Vec::new()).unwrap();
    let wider = Terms { audience: Some(BTreeSet::from(["v".to_owned(), "w".to_owned()])), ..read() };
    assert_eq!(refusal(&world, &last, &wider).code, "AID-009");
    let failure = refusal(&world, &last, &read());
    assert_eq!(failure.path, serde_json::json!(["chain", 1, "maxDepth"]), "nothing may follow");
}

#[test]
fn what_the_terms_do_not_say_is_as_the_link_before_has_it() {
    let (world, first) = world();
    let planned =
        plan((world.travel.did(), world.calendar.did()), Some(&first), &terms(&["calendar:read"]), None, NOW);
    let planned = planned.unwrap();
    assert_eq!(planned.delegation.constraints.max_depth, Some(1));
    assert_eq!(planned.delegation.principal, *world.alice.did());
    assert_eq!(planned.valid_until(), first.valid_until());
    let later = NOW.plus(Duration::from_secs(600));
    let root = plan((world.alice.did(), world.travel.did()), None, &terms(&["a:b"]), None, later).unwrap();
    assert_eq!(root.valid_until(), later.plus(DELEGATION_LIFE));
    assert_eq!(root.delegation.parent, None);
}

#[test]
fn a_link_above_the_ceiling_of_its_subject_is_refused() {
    let (world, _) = world();
    let ceiling = scope(&["calendar:read"]);
    let pair = (world.alice.did(), world.travel.did());
    let failure = plan(pair, None, &terms(&["calendar:write"]), Some(&ceiling), NOW).unwrap_err();
    assert_eq!(failure.code, "AID-009");
    assert!(plan(pair, None, &terms(&["calendar:read"]), Some(&ceiling), NOW).is_ok());
}

#[test]
fn a_chain_that_is_past_its_end_is_not_continued() {
    let (world, first) = world();
    let pair = (world.travel.did(), world.calendar.did());
    let failure =
        plan(pair, Some(&first), &terms(&["calendar:read"]), None, first.valid_until()).unwrap_err();
    assert_eq!(failure.code, "credential-expired");
}

#[test]
fn nobody_is_delegated_to_twice_and_only_the_subject_passes_on() {
    let (world, first) = world();
    let read = terms(&["calendar:read"]);
    let back = plan((world.travel.did(), world.alice.did()), Some(&first), &read, None, NOW).unwrap_err();
    assert_eq!(back.code, "chain-repeats");
    let other = plan((world.calendar.did(), world.alpha.did()), Some(&first), &read, None, NOW).unwrap_err();
    assert_eq!(other.code, "chain-broken");
}

#[test]
fn a_did_key_is_given_authority_for_one_task_only() {
    let (world, first) = world();
    let key = did_resolver::methods::key_did(world.calendar.key.public()).unwrap();
    let read = terms(&["calendar:read"]);
    let planned = plan((world.travel.did(), &key), Some(&first), &read, None, NOW).unwrap();
    assert_eq!(planned.delegation.constraints.max_depth, Some(0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_is_planned_never_widens(
        held in proptest::collection::btree_set("[a-c]:[x-z]", 1..5),
        asked in proptest::collection::btree_set("[a-c]:[x-z]", 1..5),
        depth in proptest::option::of(0_u8..4),
        life in 1_u64..7_200,
    ) {
        //
        let world = World::new(Envelope::Jwt);
        let of = |set: &BTreeSet<String>| Scope::new(set.iter().map(|c| c.parse().unwrap())).unwrap();
        let above = Terms { capabilities: of(&held), max_depth: Some(2), ..Terms::default() };
        let link = world.link(&world.alice, &world.travel, None, &above);
        let above = Mandate::new(vec![link], Vec::new()).unwrap();
        let terms = Terms {
            capabilities: of(&asked),
            max_depth: depth,
            life: Some(Duration::from_secs(life)),
            ..Terms::default()
        };
        let narrows = asked.is_subset(&held) && depth.is_none_or(|d| d < 2) && life <= 3_600;
        let pair = (world.travel.did(), world.calendar.did());
        prop_assert_eq!(plan(pair, Some(&above), &terms, None, NOW).is_ok(), narrows);
    }
}
