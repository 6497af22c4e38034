use super::*;
use proptest::prelude::*;

fn read(json: Value) -> Result<Constraints, ConstraintsError> {
    Constraints::read(&json)
}

fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}

#[test]
fn an_unknown_constraint_refuses_and_so_does_a_known_one_of_the_wrong_shape() {
    assert_eq!(read(json!({"moonPhase": "full"})), Err(ConstraintsError::Unknown));
    for json in [
        json!({"maxDepth": 9}),
        json!({"maxDepth": -1}),
        json!({"maxDepth": "1"}),
        json!({"audience": "x"}),
        json!({"workflow": {"id": "w", "other": 1}}),
        json!({"notDelegatable": ["no capability"]}),
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
    ];
    for (held, tighter, looser, constraint) in cases {
        let (held, tighter, looser) = (read(held).unwrap(), read(tighter).unwrap(), read(looser).unwrap());
        assert_eq!(held.tighten(&tighter, &Scope::default()), Ok(()), "{constraint}");
        assert_eq!(held.tighten(&looser, &Scope::default()), Err(Loosened { constraint }));
        assert_eq!(held.tighten(&Constraints::default(), &Scope::default()), Err(Loosened { constraint }));
        assert_eq!(Constraints::default().tighten(&tighter, &Scope::default()), Ok(()));
    }
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
    let set = || prop::option::of(prop::collection::btree_set("[a-c]", 0..3));
    let scope = || {
        prop::collection::btree_set("[a-c]:x", 0..2)
            .prop_map(|s| Scope::new(s.iter().map(|t| t.parse().unwrap())).unwrap())
    };
    let workflow =
        prop::option::of(("[ab]", prop::option::of("[12]")).prop_map(|(id, step)| Workflow { id, step }));
    (set(), set(), prop::option::of("[pq]"), workflow, prop::option::of(0..=MAX_DEPTH), scope(), scope())
        .prop_map(|(audience, resource, purpose, workflow, max_depth, not_delegatable, needs_approval)| {
            Constraints { audience, resource, purpose, workflow, max_depth, not_delegatable, needs_approval }
        })
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
