use super::*;
use proptest::prelude::*;
use serde_json::json;

const KEY: &str = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";

fn document(method: Value) -> Value {
    json!({"id": "did:web:a.example", "verificationMethod": [method], "assertionMethod": ["#k"]})
}

fn method() -> Value {
    json!({"id": "#k", "type": "Multikey", "controller": "did:web:a.example", "publicKeyMultibase": KEY})
}

fn asked(json: Value, relationship: Relationship, now: u64) -> Result<bool, KeyRefusal> {
    let id = "did:web:a.example#k".parse().unwrap();
    let document = Document::parse(json).unwrap();
    document.authorised(relationship, &id, UnixSeconds::new(now)).map(|key| key.retiring)
}

#[test]
fn a_listed_key_authorises_for_what_it_is_listed_and_nothing_else() {
    assert_eq!(asked(document(method()), Relationship::AssertionMethod, 0), Ok(false));
    assert_eq!(asked(document(method()), Relationship::Authentication, 0), Err(KeyRefusal::NotForThis));
}

#[test]
fn an_expiring_key_is_retiring_until_its_time_and_expired_from_then_on() {
    let mut expiring = method();
    expiring["expires"] = json!("1970-01-01T00:01:40Z");
    assert_eq!(asked(document(expiring.clone()), Relationship::AssertionMethod, 99), Ok(true));
    assert_eq!(asked(document(expiring), Relationship::AssertionMethod, 100), Err(KeyRefusal::Expired));
}

#[test]
fn a_revoked_foreign_or_unknown_key_authorises_nothing() {
    let with = |name: &str, value: Value| {
        let mut changed = method();
        changed[name] = value;
        asked(document(changed), Relationship::AssertionMethod, 0)
    };
    assert_eq!(with("revoked", json!("2030-01-01T00:00:00Z")), Err(KeyRefusal::Revoked));
    assert_eq!(with("controller", json!("did:web:b.example")), Err(KeyRefusal::ForeignController));
    assert_eq!(with("type", json!("Ed448Key")), Err(KeyRefusal::UnsupportedKind));
    let other = "did:web:a.example#other".parse().unwrap();
    let read = Document::parse(document(method())).unwrap();
    let refusal = read.authorised(Relationship::AssertionMethod, &other, UnixSeconds::new(0));
    assert_eq!(refusal.unwrap_err(), KeyRefusal::NotThere);
}

#[test]
fn a_doubled_method_and_wrong_shapes_are_refused() {
    let doubled = json!({"id": "did:web:a.example", "verificationMethod": [method(), method()]});
    assert_eq!(Document::parse(doubled), Err(DocumentError::Method));
    let malformed = json!({"id": "did:web:a.example", "authentication": ["gone"]});
    assert_eq!(Document::parse(malformed), Err(DocumentError::Relationship));
    assert_eq!(Document::parse(json!({})), Err(DocumentError::Id));
    assert_eq!(
        Document::parse(json!({"id": "did:web:a", "verificationMethod": {}})),
        Err(DocumentError::Shape)
    );
    assert_eq!(Document::parse(json!({"id": "did:web:a", "service": [{}]})), Err(DocumentError::Service));
    let many = vec![json!({}); MAX_METHODS + 1];
    assert_eq!(
        Document::parse(json!({"id": "did:web:a", "verificationMethod": many})),
        Err(DocumentError::Shape)
    );
}

#[test]
fn a_dangling_reference_is_named_and_authorises_nothing() {
    let foreign = "did:web:b.example#k";
    let dangling = json!({"id": "did:web:a.example", "authentication": ["#gone", foreign]});
    let read = Document::parse(dangling.clone()).unwrap();
    let gone = "did:web:a.example#gone".parse().unwrap();
    assert_eq!(read.dangling().collect::<Vec<_>>(), [&gone]);
    assert_eq!(read.listed(Relationship::Authentication).count(), 0);
    let refusal = read.authorised(Relationship::Authentication, &gone, UnixSeconds::new(0));
    assert_eq!(refusal.unwrap_err(), KeyRefusal::NotThere);
}

proptest! {
    #[test]
    fn reading_never_panics(text in r#"[{}\[\]":,a-z#]{0,60}"#) {
        if let Ok(json) = crate::json::parse(text.as_bytes(), 100) {
            let _ = Document::parse(json);
        }
    }
}
