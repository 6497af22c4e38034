use super::*;

#[test]
fn the_embedded_context_is_strict_json_with_a_term_for_every_type() {
    let context = did_resolver::json::parse(MARQUE_V1_TEXT.as_bytes(), 1 << 16).unwrap();
    for term in
        ["OwnerCredential", "AgentCredential", "DelegationCredential", "NodeMembershipCredential", "sequence"]
    {
        assert!(context["@context"].get(term).is_some(), "{term}");
    }
}

#[test]
fn inline_unknown_missing_and_reordered_contexts_are_refused() {
    assert_eq!(check(&json!({"@context": own()})), Ok(()));
    for context in [
        json!(null),
        json!([]),
        json!(CREDENTIALS_V2),
        json!([MARQUE_V1, CREDENTIALS_V2]),
        json!([CREDENTIALS_V2, MARQUE_V1, "https://evil.example/v1"]),
        json!([CREDENTIALS_V2, {"principal": "https://evil.example/#other"}]),
    ] {
        assert_eq!(check(&json!({"@context": context})), Err(ContextError), "{context}");
    }
    assert_eq!(check(&json!({})), Err(ContextError));
}
