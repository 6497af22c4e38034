use super::*;

fn full() -> Value {
    json!({
        "audience": "did:example:verifier", "capability": "payments:send", "resource": "account-1",
        "purpose": "rent", "workflow": {"id": "w", "step": "pay"}, "arguments": {"to": "bob", "cents": 5},
        "amount": {"amount": 5, "unit": "EUR"},
    })
}

#[test]
fn an_action_reads_back_as_it_is_written() {
    let least = json!({"audience": "did:example:verifier", "capability": "payments:send"});
    for json in [full(), least] {
        assert_eq!(Action::read(&json).unwrap().to_json(), json);
    }
}

#[test]
fn an_action_of_another_shape_is_refused() {
    for (name, value) in [
        ("more", json!(1)),
        ("audience", json!(null)),
        ("capability", json!("payments")),
        ("arguments", json!([])),
        ("arguments", json!({})),
        ("amount", json!({"amount": -1, "unit": "EUR"})),
        ("workflow", json!({"step": "pay"})),
    ] {
        let mut json = full();
        json[name] = value;
        assert_eq!(Action::read(&json), Err(ConstraintsError::Malformed), "{json}");
    }
}

//
#[test]
fn every_member_of_an_action_is_in_its_digest() {
    let digest = |json: &Value| Action::read(json).unwrap().digest().unwrap();
    for (name, value) in [
        ("audience", json!("did:example:other")),
        ("capability", json!("payments:read")),
        ("resource", json!("account-2")),
        ("purpose", json!("food")),
        ("workflow", json!({"id": "w"})),
        ("arguments", json!({"to": "bob", "cents": 6})),
        ("arguments", json!({"to": "bob"})),
        ("amount", json!({"amount": 6, "unit": "EUR"})),
    ] {
        let mut json = full();
        json[name] = value;
        assert_ne!(digest(&json), digest(&full()), "{name}");
        json.as_object_mut().unwrap().remove(name);
        let left_out = Action::read(&json);
        assert!(left_out.is_err() || left_out.unwrap().digest().unwrap() != digest(&full()), "{name}");
    }
}
