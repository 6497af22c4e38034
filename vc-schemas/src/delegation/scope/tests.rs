use super::*;
use proptest::prelude::*;

fn capability(text: &str) -> Capability {
    text.parse().unwrap()
}

fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| capability(t))).unwrap()
}

fn any_scope() -> impl Strategy<Value = Scope> {
    prop::collection::vec("[a-d]:[rw]", 0..8)
        .prop_map(|texts| Scope::new(texts.iter().map(|t| capability(t))).unwrap())
}

//
#[test]
fn a_link_that_adds_a_capability_is_refused_and_named() {
    let held = scope(&["calendar:read"]);
    let claimed = scope(&["calendar:read", "calendar:write"]);
    assert_eq!(held.narrow(claimed), Err(ScopeError::Widened(capability("calendar:write"))));
}

#[test]
fn capabilities_with_no_action_or_too_many_bytes_are_malformed() {
    let long = format!("a:{}", "b".repeat(MAX_CAPABILITY_BYTES));
    assert!("com.example.calendar.read".parse::<Capability>().is_ok());
    for text in ["", "example.com", "a..b", "calendar", ":read", "calendar:", "a:b:c", "a: b", long.as_str()]
    {
        assert_eq!(text.parse::<Capability>(), Err(ScopeError::Malformed), "{text:?}");
    }
}

proptest! {
    //
    /// However long the chain, its end never allows what its root does not.
    #[test]
    fn no_chain_widens(links in prop::collection::vec(any_scope(), 1..6), asked in "[a-d]:[rw]") {
        let asked = capability(&asked);
        let root = links[0].clone();
        let end = links.iter().skip(1).try_fold(root.clone(), |held, next| held.narrow(next.clone()));
        if let Ok(end) = end {
            prop_assert!(!end.allows(&asked) || root.allows(&asked));
        }
    }

    /// Order of gathering and duplicates change nothing.
    #[test]
    fn a_scope_is_a_set(texts in prop::collection::vec("[a-d]:[rw]", 0..8)) {
        let forwards = Scope::new(texts.iter().map(|t| capability(t))).unwrap();
        let backwards = Scope::new(texts.iter().chain(&texts).rev().map(|t| capability(t))).unwrap();
        prop_assert_eq!(forwards, backwards);
    }
}
