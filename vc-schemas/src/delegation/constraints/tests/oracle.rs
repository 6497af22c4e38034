//! A brute-force oracle: a link may follow another exactly where every use that it allows is one that the
//! other allows as well. The meaning of constraints is written down here a second time, from their JSON.

use super::*;

/// One use of a capability, as far as constraints speak of it. Each universe holds values that no
/// constraint of [`any_constraints`] names.
#[derive(Debug, Clone, Copy)]
struct Use {
    audience: &'static str,
    resource: &'static str,
    purpose: &'static str,
    workflow: (&'static str, &'static str),
    followers: u64,
    capability: &'static str,
    n: Option<i64>,
    t: Option<&'static str>,
    spent: (u64, &'static str),
    counted_by: &'static str,
    approved: bool,
}

const PLAIN: Use = Use {
    audience: "z",
    resource: "z",
    purpose: "z",
    workflow: ("z", "z"),
    followers: 0,
    capability: "z:x",
    n: None,
    t: None,
    spent: (0, "z"),
    counted_by: "z",
    approved: false,
};

/// What may be done where; nothing of how.
fn places() -> Vec<Use> {
    let mut uses = Vec::new();
    for audience in ["a", "b", "c", "z"] {
        for resource in ["a", "b", "c", "z"] {
            for purpose in ["p", "q", "z"] {
                for workflow in
                    [("a", "1"), ("a", "2"), ("a", "z"), ("b", "1"), ("b", "2"), ("b", "z"), ("z", "1")]
                {
                    for followers in 0..=9 {
                        uses.push(Use { audience, resource, purpose, workflow, followers, ..PLAIN });
                    }
                }
            }
        }
    }
    uses
}

/// How it may be done; nothing of where.
fn ways() -> Vec<Use> {
    let mut uses = Vec::new();
    for capability in ["a:x", "b:x", "c:x"] {
        for n in [None, Some(-1), Some(0), Some(1), Some(2), Some(3)] {
            for t in [None, Some("u"), Some("v"), Some("z")] {
                for spent in [
                    (0, "EUR"),
                    (1, "EUR"),
                    (2, "EUR"),
                    (3, "EUR"),
                    (0, "USD"),
                    (1, "USD"),
                    (2, "USD"),
                    (3, "USD"),
                    (0, "z"),
                ] {
                    for counted_by in ["did:example:1", "did:example:2", "z"] {
                        for approved in [false, true] {
                            uses.push(Use { capability, n, t, spent, counted_by, approved, ..PLAIN });
                        }
                    }
                }
            }
        }
    }
    uses
}

fn holds(set: &Value, value: &str) -> bool {
    set.as_array().is_none_or(|items| items.iter().any(|item| item == value))
}

fn place_allowed(bounds: &Value, at: &Use, links_below: u64) -> bool {
    let workflow = &bounds["workflow"];
    holds(&bounds["audience"], at.audience)
        && holds(&bounds["resource"], at.resource)
        && bounds["purpose"].as_str().is_none_or(|purpose| purpose == at.purpose)
        && workflow["id"].as_str().is_none_or(|id| id == at.workflow.0)
        && workflow["step"].as_str().is_none_or(|step| step == at.workflow.1)
        && bounds["maxDepth"].as_u64().is_none_or(|depth| at.followers + links_below <= depth)
}

fn way_allowed(bounds: &Value, used: &Use, passed_on: bool) -> bool {
    let named = |list: &Value| list.as_array().is_some_and(|l| l.iter().any(|c| c == used.capability));
    let limits = bounds["arguments"][used.capability].as_object();
    let argument = |name: &str| match name {
        "n" => used.n.map_or(Value::Null, |n| json!(n)),
        _ => used.t.map_or(Value::Null, |t| json!(t)),
    };
    let within = |(name, limit): (&String, &Value)| {
        let value = argument(name);
        match limit.get("oneOf") {
            Some(texts) => value.is_string() && texts.as_array().unwrap().contains(&value),
            None => value.as_i64().is_some_and(|value| {
                limit["min"].as_i64().is_none_or(|min| value >= min)
                    && limit["max"].as_i64().is_none_or(|max| value <= max)
            }),
        }
    };
    let budget = &bounds["budget"];
    (budget.is_null()
        || budget["unit"] == used.spent.1
            && used.spent.0 <= budget["amount"].as_u64().unwrap()
            && budget["accountant"] == used.counted_by)
        && limits.is_none_or(|limits| limits.iter().all(within))
        && (used.approved || !named(&bounds["needsApproval"]))
        && !(passed_on && named(&bounds["notDelegatable"]))
}

fn without_ways(bounds: &Constraints) -> Constraints {
    Constraints {
        arguments: ArgumentLimits::default(),
        budget: None,
        not_delegatable: Scope::default(),
        needs_approval: Scope::default(),
        ..bounds.clone()
    }
}

fn without_places(bounds: &Constraints) -> Constraints {
    Constraints {
        audience: None,
        resource: None,
        purpose: None,
        workflow: None,
        max_depth: None,
        ..bounds.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // R-077 R-082
    #[test]
    fn a_link_may_follow_exactly_where_it_allows_no_place_that_the_other_does_not(
        held in any_constraints(), next in any_constraints(), near in any::<bool>(),
    ) {
        let held = without_ways(&held);
        let mut next = without_ways(&next);
        if near {
            // Most pairs differ in everything; these differ in one or two members.
            next = Constraints { purpose: held.purpose.clone(), workflow: held.workflow.clone(), ..next };
            next.resource.clone_from(&held.resource);
        }
        let (above, below) = (held.to_json(), next.to_json());
        let subset = places().iter().all(|at| !place_allowed(&below, at, 0) || place_allowed(&above, at, 1));
        prop_assert_eq!(held.tighten(&next, &Scope::default()).is_ok(), subset, "{} then {}", above, below);
    }

    // R-077 R-082
    #[test]
    fn a_link_may_follow_exactly_where_it_allows_no_way_that_the_other_does_not(
        held in any_constraints(), next in any_constraints(), near in any::<bool>(),
        capabilities in prop::collection::btree_set("[a-c]:x", 1..3),
    ) {
        let held = without_places(&held);
        let mut next = without_places(&next);
        if near {
            next = Constraints { arguments: held.arguments.clone(), needs_approval: held.needs_approval.clone(), ..next };
        }
        let passed_on = Scope::new(capabilities.iter().map(|c| c.parse().unwrap())).unwrap();
        let (above, below) = (held.to_json(), next.to_json());
        let subset = ways().iter().filter(|used| capabilities.contains(used.capability)).all(|used| {
            !way_allowed(&below, used, false) || way_allowed(&above, used, true)
        });
        // Limits that no use can meet allow nothing, and nothing follows from that.
        let some_use = capabilities.iter().all(|capability| {
            ways().iter().any(|used| used.capability == capability && way_allowed(&below, used, false))
        });
        let tightens = held.tighten(&next, &passed_on).is_ok();
        prop_assert!(subset || !tightens, "widens: {above} then {below}");
        prop_assert!(!(subset && some_use) || tightens, "refused: {above} then {below}");
    }
}
