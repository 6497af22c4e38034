mod oracle;

use super::*;
use crate::delegation::budget::Amount;
use crate::delegation::limits::Limit;
use proptest::prelude::*;

fn read(json: Value) -> Result<Constraints, ConstraintsError> {
    Constraints::read(&json)
}

fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}

#[test]
fn an_unknown_constraint_refuses_and_so_does_a_known_one_of_the_wrong_shape() {
    for json in [
        json!({"moonPhase": "full"}),
        json!({"arguments": {"a:x": {"n": {"regex": ".*"}}}}),
        json!({"arguments": {"a:x": {"n": {"max": 1, "step": 2}}}}),
    ] {
        assert_eq!(read(json.clone()), Err(ConstraintsError::Unknown), "{json}");
    }
    let too_many =
        |count: usize| (0..count).map(|n| (format!("n{n}"), json!({"max": 1}))).collect::<Map<_, _>>();
    assert!(read(json!({"arguments": {"a:x": too_many(16)}})).is_ok());
    let texts = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>();
    assert!(read(json!({"arguments": {"a:x": {"t": {"oneOf": texts(64)}}}})).is_ok());
    for json in [
        json!({"maxDepth": 9}),
        json!({"maxDepth": -1}),
        json!({"maxDepth": "1"}),
        json!({"audience": "x"}),
        json!({"workflow": {"id": "w", "other": 1}}),
        json!({"notDelegatable": ["no capability"]}),
        json!({"audience": []}),
        json!({"resource": []}),
        json!({"arguments": {}}),
        json!({"arguments": {"a:x": {}}}),
        json!({"arguments": {"no capability": {"n": {"max": 1}}}}),
        json!({"arguments": {"a:x": {"n": {}}}}),
        json!({"arguments": {"a:x": {"n": {"min": 2, "max": 1}}}}),
        json!({"arguments": {"a:x": {"n": {"max": 1.5}}}}),
        json!({"arguments": {"a:x": {"n": {"max": 9_007_199_254_740_992_i64}}}}),
        json!({"arguments": {"a:x": {"n": {"max": "1"}}}}),
        json!({"arguments": {"a:x": {"t": {"oneOf": []}}}}),
        json!({"arguments": {"a:x": {"t": {"oneOf": ["u", "u"]}}}}),
        json!({"arguments": {"a:x": {"t": {"oneOf": ["u"], "max": 1}}}}),
        json!({"arguments": {"a:x": {"t": {"oneOf": texts(65)}}}}),
        json!({"arguments": {"a:x": {"": {"max": 1}}}}),
        json!({"arguments": {"a:x": too_many(17)}}),
        json!({"budget": {"amount": 1, "unit": "EUR"}}),
        json!({"budget": {"amount": -1, "unit": "EUR", "accountant": "did:web:bank.example"}}),
        json!({"budget": {"amount": 1.5, "unit": "EUR", "accountant": "did:web:bank.example"}}),
        json!({"budget": {"amount": "1", "unit": "EUR", "accountant": "did:web:bank.example"}}),
        json!({"budget": {"amount": 9_007_199_254_740_992_u64, "unit": "EUR", "accountant": "did:web:b.example"}}),
        json!({"budget": {"amount": 1, "unit": "a b", "accountant": "did:web:bank.example"}}),
        json!({"budget": {"amount": 1, "unit": "EUR", "accountant": "the bank"}}),
        json!({"budget": {"amount": 1, "unit": "EUR", "accountant": "did:web:bank.example", "period": "day"}}),
        json!([]),
    ] {
        assert_eq!(read(json.clone()), Err(ConstraintsError::Malformed), "{json}");
    }
}

//
#[test]
fn each_constraint_may_be_tightened_and_not_loosened_or_left_out() {
    let cases = [
        (
            json!({"audience": ["a", "b"]}),
            json!({"audience": ["a"]}),
            json!({"audience": ["a", "c"]}),
            "audience",
        ),
        (json!({"resource": ["a"]}), json!({"resource": ["a"]}), json!({"resource": ["b"]}), "resource"),
        (json!({"purpose": "p"}), json!({"purpose": "p"}), json!({"purpose": "q"}), "purpose"),
        (
            json!({"workflow": {"id": "w"}}),
            json!({"workflow": {"id": "w", "step": "1"}}),
            json!({"workflow": {"id": "v"}}),
            "workflow",
        ),
        (
            json!({"workflow": {"id": "w", "step": "1"}}),
            json!({"workflow": {"id": "w", "step": "1"}}),
            json!({"workflow": {"id": "w"}}),
            "workflow",
        ),
        (json!({"maxDepth": 1}), json!({"maxDepth": 0}), json!({"maxDepth": 1}), "maxDepth"),
        (
            json!({"budget": {"amount": 2, "unit": "EUR", "accountant": "did:web:bank.example"}}),
            json!({"budget": {"amount": 1, "unit": "EUR", "accountant": "did:web:bank.example"}}),
            json!({"budget": {"amount": 1, "unit": "EUR", "accountant": "did:web:mine.example"}}),
            "budget",
        ),
        (
            json!({"budget": {"amount": 2, "unit": "EUR", "accountant": "did:web:bank.example"}}),
            json!({"budget": {"amount": 2, "unit": "EUR", "accountant": "did:web:bank.example"}}),
            json!({"budget": {"amount": 3, "unit": "EUR", "accountant": "did:web:bank.example"}}),
            "budget",
        ),
    ];
    for (held, tighter, looser, constraint) in cases {
        let (held, tighter, looser) = (read(held).unwrap(), read(tighter).unwrap(), read(looser).unwrap());
        assert_eq!(held.tighten(&tighter, &Scope::default()), Ok(()), "{constraint}");
        assert_eq!(held.tighten(&looser, &Scope::default()), Err(Loosened { constraint }));
        assert_eq!(held.tighten(&Constraints::default(), &Scope::default()), Err(Loosened { constraint }));
        assert_eq!(Constraints::default().tighten(&tighter, &Scope::default()), Ok(()));
    }
}

//
#[test]
fn a_limit_of_an_argument_goes_with_its_capability_and_is_restated() {
    let held = read(json!({"arguments": {
        "pay:send": {"amount": {"min": 1, "max": 100}, "to": {"oneOf": ["shop", "bank"]}},
    }}))
    .unwrap();
    let next = |json: Value| read(json!({"arguments": {"pay:send": json}})).unwrap();
    let pay = scope(&["pay:send"]);
    let loosened = Err(Loosened { constraint: "arguments" });
    let fits = next(json!({"amount": {"min": 1, "max": 50}, "to": {"oneOf": ["shop"]}, "note": {"max": 1}}));
    assert_eq!(held.tighten(&fits, &pay), Ok(()));
    for json in [
        json!({"amount": {"max": 50}, "to": {"oneOf": ["shop"]}}),
        json!({"amount": {"min": 1, "max": 101}, "to": {"oneOf": ["shop"]}}),
        json!({"amount": {"min": 1, "max": 100}}),
        json!({"amount": {"oneOf": ["5"]}, "to": {"oneOf": ["shop"]}}),
        json!({"amount": {"min": 1, "max": 100}, "to": {"oneOf": ["shop", "else"]}}),
    ] {
        assert_eq!(held.tighten(&next(json.clone()), &pay), loosened, "{json}");
    }
    assert_eq!(held.tighten(&Constraints::default(), &pay), loosened);
    assert_eq!(held.tighten(&Constraints::default(), &scope(&["calendar:read"])), Ok(()));
}

#[test]
fn what_may_not_be_passed_on_and_what_needs_approval_follow_the_capabilities() {
    let held = read(json!({"notDelegatable": ["a:x"], "needsApproval": ["b:x"]})).unwrap();
    let none = Constraints::default();
    assert_eq!(held.tighten(&none, &scope(&["c:x"])), Ok(()));
    assert_eq!(held.tighten(&none, &scope(&["a:x"])), Err(Loosened { constraint: "notDelegatable" }));
    assert_eq!(held.tighten(&none, &scope(&["b:x"])), Err(Loosened { constraint: "needsApproval" }));
    let restated = read(json!({"needsApproval": ["b:x"]})).unwrap();
    assert_eq!(held.tighten(&restated, &scope(&["b:x"])), Ok(()));
}

pub(crate) fn any_constraints() -> impl Strategy<Value = Constraints> {
    let set = || prop::option::of(prop::collection::btree_set("[a-c]", 1..3));
    let scope = || {
        prop::collection::btree_set("[a-c]:x", 0..2)
            .prop_map(|s| Scope::new(s.iter().map(|t| t.parse().unwrap())).unwrap())
    };
    let workflow =
        prop::option::of(("[ab]", prop::option::of("[12]")).prop_map(|(id, step)| Workflow { id, step }));
    let bounds = (set(), set(), prop::option::of("[pq]"), workflow, any_arguments(), any_budget());
    (bounds, prop::option::of(0..=MAX_DEPTH), scope(), scope()).prop_map(
        |(
            (audience, resource, purpose, workflow, arguments, budget),
            max_depth,
            not_delegatable,
            needs_approval,
        )| {
            Constraints {
                audience,
                resource,
                purpose,
                workflow,
                arguments,
                budget,
                max_depth,
                not_delegatable,
                needs_approval,
            }
        },
    )
}

fn any_limit() -> impl Strategy<Value = Limit> {
    let between = (prop::option::of(0_i64..3), prop::option::of(0_i64..3))
        .prop_filter_map("nothing between", |(min, max)| Limit::between(min, max).ok());
    let texts = prop::collection::btree_set("[uv]", 1..3).prop_map(|texts| Limit::one_of(texts).unwrap());
    prop_oneof![between, texts]
}

fn any_arguments() -> impl Strategy<Value = ArgumentLimits> {
    prop::collection::vec(("[ab]:x", "[nt]", any_limit()), 0..4).prop_map(|all| {
        let mut limits = ArgumentLimits::default();
        for (capability, argument, limit) in all {
            limits.insert(capability.parse().unwrap(), argument, limit).unwrap();
        }
        limits
    })
}

fn any_budget() -> impl Strategy<Value = Option<Budget>> {
    prop::option::of((0_u64..3, "EUR|USD", "[12]").prop_map(|(count, unit, accountant)| Budget {
        limit: Amount::new(count, &unit).unwrap(),
        accountant: format!("did:example:{accountant}").parse().unwrap(),
    }))
}

proptest! {
    #[test]
    fn writing_then_reading_is_the_identity(constraints in any_constraints()) {
        prop_assert_eq!(read(constraints.to_json()), Ok(constraints));
    }

    /// Tightening twice is tightening once: nothing comes back through a link in between.
    #[test]
    fn tightening_is_transitive(a in any_constraints(), b in any_constraints(), c in any_constraints()) {
        let none = Scope::default();
        if a.tighten(&b, &none).is_ok() && b.tighten(&c, &none).is_ok() {
            prop_assert_eq!(a.tighten(&c, &none), Ok(()));
        }
    }
}
