use super::*;

fn entry(purpose: &str) -> Value {
    json!({
        "type": "BitstringStatusListEntry", "statusPurpose": purpose, "statusListIndex": "12",
        "statusListCredential": format!("https://alpha.test/status/{purpose}"),
    })
}

fn document() -> Value {
    json!({
        "@context": context::own(),
        "id": "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd",
        "type": ["VerifiableCredential", "AgentCredential"],
        "issuer": "did:web:alpha.test",
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2026-01-02T00:00:00Z",
        "credentialStatus": [entry("revocation"), entry("suspension")],
        "credentialSubject": {"id": "did:web:bot.alpha.test", "type": "Agent", "name": "bot"},
    })
}

fn with(mut json: Value, name: &str, value: Value) -> Value {
    json.as_object_mut().unwrap().insert(name.to_owned(), value);
    json
}

#[test]
fn claims_are_those_of_an_sd_jwt_vc_and_say_what_the_document_says() {
    let claims = of_document(&document()).unwrap();
    let expected = json!({
        "vct": "https://w3id.org/marque#AgentCredential",
        "iss": "did:web:alpha.test",
        "sub": "did:web:bot.alpha.test",
        "jti": "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd",
        "nbf": 1_767_225_600,
        "exp": 1_767_312_000,
        "status": {"status_list": {"idx": 12, "uri": "https://alpha.test/status/revocation"}},
        "credentialStatus": [entry("revocation"), entry("suspension")],
        "type": "Agent",
        "name": "bot",
    });
    assert_eq!(claims, expected);
    assert_eq!(to_document(&claims).unwrap(), document());
    let confirmed = with(claims, "cnf", json!({"jwk": {}}));
    assert_eq!(to_document(&confirmed).unwrap(), document());
}

#[test]
fn a_document_that_would_not_come_back_as_it_was_is_refused() {
    let of_other_subject = |subject: Value| with(document(), "credentialSubject", subject);
    for wrong in [
        with(document(), "@context", json!([context::CREDENTIALS_V2])),
        with(document(), "type", json!(["VerifiableCredential", "Other", "AgentCredential"])),
        with(document(), "validFrom", json!("2026-01-01T01:00:00+01:00")),
        with(document(), "issuer", json!({"id": "did:web:alpha.test"})),
        with(document(), "evidence", json!([])),
        with(document(), "credentialStatus", json!([entry("suspension")])),
        of_other_subject(json!({"name": "bot"})),
        of_other_subject(json!({"id": "did:web:bot.alpha.test", "exp": 1})),
        of_other_subject(json!({"id": "did:web:bot.alpha.test", "cnf": {}})),
        json!([]),
    ] {
        assert_eq!(of_document(&wrong), Err(SecureError::Claims), "{wrong}");
    }
}

#[test]
fn claims_that_say_more_or_less_than_a_document_can_are_refused() {
    let claims = of_document(&document()).unwrap();
    for (name, value) in [
        ("iat", json!(1)),
        ("vct", json!("https://other.example#AgentCredential")),
        ("vct#integrity", json!("sha256-x")),
        ("exp", json!(u64::MAX)),
        ("nbf", json!("2026-01-01T00:00:00Z")),
        ("sub", json!(1)),
        ("id", json!("did:web:other")),
        ("status", json!({"status_list": {"idx": 13, "uri": "https://alpha.test/status/revocation"}})),
    ] {
        let wrong = with(claims.clone(), name, value);
        assert_eq!(to_document(&wrong), Err(SecureError::Claims), "{name}");
    }
    for name in ["iss", "sub", "jti", "nbf", "exp", "vct", "status", "credentialStatus"] {
        let mut wrong = claims.clone();
        wrong.as_object_mut().unwrap().remove(name);
        assert_eq!(to_document(&wrong), Err(SecureError::Claims), "{name}");
    }
}

#[test]
fn places_of_a_subject_are_claims_and_back_again() {
    let place: Pointer = "/credentialSubject/capabilities/0".parse().unwrap();
    let claim = of_place(&place).unwrap();
    assert_eq!(claim.to_string(), "/capabilities/0");
    assert_eq!(to_place(&claim), place);
    for open in ["", "/issuer", "/credentialSubject", "/credentialSubject/id"] {
        assert_eq!(of_place(&open.parse().unwrap()), None, "{open}");
    }
}
