//! Each MUST of the recommendation that a document alone can break, as W3C's own test suite lists them:
//! what conforms, and one change for each way not to.

use super::*;
use crate::secure::SecureError;
use proptest::prelude::*;
use serde_json::json;

const EXAMPLES: &str = "https://www.w3.org/ns/credentials/examples/v2";

fn plain() -> Value {
    json!({
        "@context": [CREDENTIALS_V2],
        "type": ["VerifiableCredential"],
        "issuer": "did:example:issuer",
        "credentialSubject": {"id": "did:example:subject"},
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut json = plain();
    json[member] = value;
    json
}

fn without(member: &str) -> Value {
    let mut json = plain();
    json.as_object_mut().unwrap().remove(member);
    json
}

fn presentation(entries: Value) -> Value {
    json!({"@context": [CREDENTIALS_V2], "type": "VerifiablePresentation", "verifiableCredential": entries})
}

fn refused(json: &Value) -> (Kind, String) {
    let problem = Document::read(json).expect_err(&json.to_string());
    (problem.kind, problem.path.to_string())
}

#[test]
fn a_credential_may_have_everything_that_the_data_model_has() {
    let json = json!({
        "@context": [CREDENTIALS_V2, EXAMPLES, {"ExampleCredential": "https://example.org/#ExampleCredential"}],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["ExampleCredential", "VerifiableCredential", "https://example.org/#Other"],
        "name": [{"@value": "Dog", "@language": "en"}, {"@value": "كلب", "@language": "ar", "@direction": "rtl"}],
        "description": "an example",
        "issuer": {"id": "https://university.example/issuers/14", "name": {"@value": "Université", "@language": "fr"}},
        "validFrom": "2023-02-25T19:10:39-06:00",
        "validUntil": "2033-02-25T19:10:39.123Z",
        "credentialSubject": [{"id": "did:example:a", "degree": "BSc"}, {"spouse": "did:example:b"}],
        "credentialStatus": [{"type": "BitstringStatusListEntry", "id": "https://university.example/1#94"}],
        "credentialSchema": {"id": "https://university.example/schema.json", "type": "JsonSchema"},
        "refreshService": {"type": "VerifiableCredentialRefreshService2021", "url": "https://r.example"},
        "termsOfUse": {"type": "IssuerPolicy", "id": "https://example.org/policies/4"},
        "evidence": [{"id": "https://university.example/e/1", "type": ["DocumentVerification"]}],
        "relatedResource": {"id": EXAMPLES, "digestSRI": "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
        "proof": {"type": "DataIntegrityProof"},
    });
    let Document::Credential(credential) = Document::read(&json).unwrap() else { panic!("no credential") };
    assert_eq!(credential.names[1].right_to_left, Some(true));
    assert_eq!(credential.issuer.names[0].language.as_deref(), Some("fr"));
    assert_eq!(credential.valid_from, Some(UnixSeconds::parse("2023-02-26T01:10:39Z").unwrap()));
    assert_eq!((credential.subjects.len(), credential.types.len(), credential.statuses.len()), (2, 3, 1));
    assert_eq!(credential.contexts.iter().count(), 2);
    assert!(credential.is_in_time(UnixSeconds::new(1_800_000_000)));
    assert!(!credential.is_in_time(UnixSeconds::new(1_600_000_000)));
    assert_eq!(credential.check_related(|_| None), Ok(vec![EXAMPLES]));
    assert_eq!(credential.check_related(|_| Some(b"")), Ok(vec![]));
    assert_eq!(credential.check_related(|_| Some(b"other")).unwrap_err().kind, Kind::CryptographicSecurity);
}

#[test]
fn what_conforms_is_read() {
    let context = |second: Value| json!([CREDENTIALS_V2, second]);
    for json in [
        plain(),
        with("type", json!("VerifiableCredential")),
        with("@context", context(json!(EXAMPLES))),
        with("id", json!("did:example:credential")),
        with(
            "issuer",
            json!({"id": "did:example:issuer", "description": {"@value": "d", "@language": "en"}}),
        ),
        with("credentialStatus", json!({"type": "Any"})),
        with("validFrom", json!("2023-02-25T19:10:39.123Z")),
        with("validUntil", json!("2023-02-25T19:10:39+05:30")),
        with("name", json!({"@value": "n", "@language": "en-GB", "@direction": "ltr"})),
        with("unknownToAnybody", json!({"any": ["thing"]})),
    ] {
        assert!(Document::read(&json).is_ok(), "{json}");
    }
    let mut unknown_type = with("type", json!(["VerifiableCredential", "Made"]));
    unknown_type["@context"] = context(json!(EXAMPLES));
    assert!(Document::read(&unknown_type).is_ok(), "another context may define it");
    unknown_type["@context"] = context(json!({"@vocab": "https://example.org/#"}));
    assert!(Document::read(&unknown_type).is_ok(), "a vocabulary defines it");
    for json in [
        json!({"@context": [CREDENTIALS_V2], "type": "VerifiablePresentation"}),
        presentation(json!(plain())),
        presentation(json!([plain(), plain()])),
    ] {
        assert!(matches!(Document::read(&json), Ok(Document::Presentation(_))), "{json}");
    }
}

#[test]
fn each_must_that_is_broken_is_a_malformed_value_at_its_place() {
    let not_a_url = json!("https ://not-a-url/1");
    let cases = [
        (without("@context"), "@context"),
        (with("@context", json!(CREDENTIALS_V2)), "@context"),
        (with("@context", json!([EXAMPLES, CREDENTIALS_V2])), "@context"),
        (with("@context", json!([CREDENTIALS_V2, 123_192_875])), "@context"),
        (with("@context", json!([CREDENTIALS_V2, not_a_url])), "@context"),
        (
            with("@context", json!([CREDENTIALS_V2, {"VerifiableCredential": "https://e.example/#Bad"}])),
            "@context",
        ),
        (with("@context", json!([CREDENTIALS_V2, {"@import": "https://e.example/c"}])), "@context"),
        (with("id", json!(null)), "id"),
        (with("id", not_a_url.clone()), "id"),
        (with("id", json!(["https://a.example/1", "https://a.example/2"])), "id"),
        (without("type"), "type"),
        (with("type", json!(["RelationshipCredential"])), "type"),
        (with("type", json!(["VerifiableCredential", "Unmapped"])), "type"),
        (with("type", json!(["VerifiableCredential", 1])), "type"),
        (without("issuer"), "issuer"),
        (with("issuer", json!(null)), "issuer"),
        (with("issuer", json!("fake-issuer")), "issuer"),
        (with("issuer", json!({"id": null})), "issuer.id"),
        (with("issuer", json!({"name": "n"})), "issuer.id"),
        (
            with("issuer", json!({"id": "did:example:i", "name": {"@value": "n", "url": "x:y"}})),
            "issuer.name",
        ),
        (with("issuer", json!(["did:example:a"])), "issuer"),
        (without("credentialSubject"), "credentialSubject"),
        (with("credentialSubject", json!({})), "credentialSubject"),
        (with("credentialSubject", json!([{"id": "did:example:s"}, {}])), "credentialSubject[1]"),
        (
            with("credentialSubject", json!({"id": ["did:example:a", "did:example:b"]})),
            "credentialSubject.id",
        ),
        (with("credentialSubject", json!("did:example:a")), "credentialSubject"),
        (with("name", json!({"@value": "n", "@language": "en", "url": "did:example:c"})), "name"),
        (with("name", json!({"@language": "en"})), "name"),
        (with("description", json!({"@value": "d", "@direction": "up"})), "description"),
        (with("description", json!({"@value": "d", "@language": "no language"})), "description"),
        (with("description", json!(7)), "description"),
        (with("validFrom", json!("Sat 25 Feb 2023 07:16:31 PM CST")), "validFrom"),
        (with("validFrom", json!("2023-02-25T19:10:39")), "validFrom"),
        (with("validUntil", json!(1_700_000_000)), "validUntil"),
        (with("credentialStatus", json!({"id": "did:example:status"})), "credentialStatus.type"),
        (with("credentialStatus", json!({"id": not_a_url, "type": "T"})), "credentialStatus.id"),
        (with("credentialStatus", json!({"id": ["a:1", "a:2"], "type": "T"})), "credentialStatus.id"),
        (with("credentialStatus", json!({"id": "a:1", "type": 2})), "credentialStatus.type"),
        (with("credentialSchema", json!({"id": "did:example:s"})), "credentialSchema.type"),
        (with("credentialSchema", json!({"type": "JsonSchema"})), "credentialSchema"),
        (with("credentialSchema", json!({"id": not_a_url, "type": "JsonSchema"})), "credentialSchema.id"),
        (with("refreshService", json!({"id": "did:example:r"})), "refreshService.type"),
        (with("termsOfUse", json!({})), "termsOfUse.type"),
        (with("termsOfUse", json!([{"type": "T"}, {"id": "did:example:t"}])), "termsOfUse[1].type"),
        (with("evidence", json!({})), "evidence.type"),
        (with("proof", json!({"created": "2023-07-28T22:25:05Z"})), "proof.type"),
        (with("relatedResource", json!([EXAMPLES])), "relatedResource[0]"),
        (with("relatedResource", json!({"id": EXAMPLES})), "relatedResource"),
        (with("relatedResource", json!({"digestSRI": "sha256-AA=="})), "relatedResource.id"),
        (
            with("relatedResource", json!({"id": EXAMPLES, "digestSRI": "md5-AA=="})),
            "relatedResource.digestSRI",
        ),
        (
            with("relatedResource", json!({"id": EXAMPLES, "digestMultibase": "uAA"})),
            "relatedResource.digestMultibase",
        ),
    ];
    for (json, path) in cases {
        assert_eq!(refused(&json), (Kind::MalformedValue, path.to_owned()), "{json}");
    }
    let digest = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let twice = json!([{"id": EXAMPLES, "digestSRI": digest}, {"id": EXAMPLES, "digestSRI": digest}]);
    assert_eq!(refused(&with("relatedResource", twice)).1, "relatedResource[1].id");
    let protected = json!([CREDENTIALS_V2, {"@protected": true, "T": "https://e.example/#T"}, {"T": "https://e.example/#Bad"}]);
    let mut json = with("type", json!(["VerifiableCredential", "T"]));
    json["@context"] = protected;
    assert_eq!(refused(&json).1, "@context");
    json["@context"] = json!([CREDENTIALS_V2, {"T": "https ://not-a-url#T"}]);
    assert_eq!(refused(&json).1, "type");
}

#[test]
fn dates_in_the_wrong_order_and_too_many_values_are_out_of_range() {
    let mut json = with("validFrom", json!("2023-02-25T19:10:39Z"));
    json["validUntil"] = json!("2023-02-25T18:10:39Z");
    assert_eq!(refused(&json), (Kind::Range, "validUntil".into()));
    // The same moment in two zones is in order.
    json["validUntil"] = json!("2023-02-25T20:10:39+01:00");
    assert!(Document::read(&json).is_ok());
    let many = vec![json!({"type": "T"}); MAX_ITEMS + 1];
    assert_eq!(refused(&with("evidence", json!(many))), (Kind::Range, "evidence".into()));
    assert_eq!(refused(&presentation(json!([]))), (Kind::Range, "verifiableCredential".into()));
    assert_eq!(refused(&json!([])), (Kind::Parsing, String::new()));
}

#[test]
fn presentations_hold_credentials_and_envelopes_and_nothing_else() {
    let envelope = json!({
        "@context": CREDENTIALS_V2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c",
    });
    let mut json = presentation(json!([plain(), envelope]));
    json["holder"] = json!({"id": "did:example:holder", "name": "n"});
    let Document::Presentation(read) = Document::read(&json).unwrap() else { panic!("no presentation") };
    assert!(matches!(&read.credentials[1], Entry::Enveloped(url) if url == "data:application/vc+jwt,a.b.c"));
    assert_eq!((read.unsecured(), read.proofs.len()), (vec![0], 0));
    json["holder"] = json!("did:example:issuer");
    let Document::Presentation(read) = Document::read(&json).unwrap() else { panic!("no presentation") };
    assert_eq!(read.unsecured(), Vec::<usize>::new());
    let changed = |member: &str, value: Value| {
        let mut envelope = envelope.clone();
        envelope[member] = value;
        refused(&presentation(json!([envelope]))).1
    };
    assert_eq!(changed("@context", json!([])), "verifiableCredential[0].@context");
    assert_eq!(changed("@context", json!(EXAMPLES)), "verifiableCredential[0].@context");
    assert_eq!(changed("id", json!("https://e.example/vc")), "verifiableCredential[0].id");
    assert_eq!(changed("id", json!(null)), "verifiableCredential[0].id");
    assert_eq!(changed("type", json!([])), "verifiableCredential[0].type");
    assert_eq!(changed("type", json!("VerifiableCredential")), "verifiableCredential[0].@context");
    assert_eq!(changed("issuer", json!("did:example:other")), "verifiableCredential[0]");
    assert_eq!(refused(&presentation(json!(["a.b.c"]))).1, "verifiableCredential[0]");
    for holder in [json!("z6Mk"), json!({"name": "Acme"}), json!({"id": "z6Mk"})] {
        json["holder"] = holder;
        assert!(refused(&json).1.starts_with("holder"));
    }
    assert!(matches!(Document::read(&envelope), Ok(Document::EnvelopedCredential(_))));
    let mut whole = envelope.clone();
    whole["type"] = json!("EnvelopedVerifiablePresentation");
    assert!(matches!(Document::read(&whole), Ok(Document::EnvelopedPresentation(_))));
    let both = with("type", json!(["VerifiableCredential", "VerifiablePresentation"]));
    assert_eq!(refused(&both).1, "type");
}

#[test]
fn digests_are_of_any_of_three_kinds_and_the_strongest_counts() {
    let read = |json: Value| {
        let mut resource = json;
        resource["id"] = json!(EXAMPLES);
        let credential = Credential::read(&with("relatedResource", resource)).unwrap();
        credential.related_resources[0].clone()
    };
    let empty_256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let multi = "uEiDjsMRCmPwcFJr79MiZb7kkJ65B5GSbk0yklZkbeFK4VQ";
    assert!(read(json!({"digestSRI": format!("sha256-{empty_256}")})).check(b"").is_ok());
    assert!(read(json!({"digestMultibase": multi})).check(b"").is_ok());
    assert!(read(json!({"digestMultibase": multi})).check(b"x").is_err());
    let zeros_384 = format!("sha384-{}", data_encoding::BASE64.encode(&[0; 48]));
    let weaker_fits = read(json!({"digestSRI": format!("sha256-{empty_256} {zeros_384}")}));
    assert_eq!(weaker_fits.check(b"").unwrap_err().kind, Kind::CryptographicSecurity);
    let one_fits = read(json!({"digestSRI": zeros_384, "digestMultibase": multi}));
    assert!(one_fits.check(b"").is_err(), "both must fit");
}

#[test]
fn problems_have_the_types_of_the_recommendation() {
    let problem = Document::read(&without("issuer")).unwrap_err().to_json();
    assert_eq!(problem["type"], "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR");
    assert_eq!(problem["path"], json!(["issuer"]));
    let of = |error| Problem::of_secured(&error, Path::root()).kind.url();
    assert_eq!(
        of(SecureError::Signature),
        "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR"
    );
    assert_eq!(of(SecureError::Malformed), "https://www.w3.org/TR/vc-data-model#PARSING_ERROR");
    assert_eq!(of(SecureError::TooLong), "https://www.w3.org/TR/vc-data-model#RANGE_ERROR");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z:]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("id|type|@value|name|[a-c]", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands in a member, there is an answer.
    #[test]
    fn reading_never_panics(
        member in "@context|id|type|name|issuer|validFrom|credentialSubject|credentialStatus|relatedResource|proof",
        value in any_json(),
        whole in any::<bool>(),
    ) {
        let json = if whole { value } else { with(&member, value) };
        let _ = Document::read(&json);
        let _ = Document::read(&presentation(json));
    }
}

#[test]
fn every_document_of_w3cs_suite_conforms_or_does_not_as_it_says() {
    let text = include_str!("../../../tests/vectors/vc-data-model-2/documents.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    for case in &cases {
        let read = Document::read(&case["document"]);
        assert_eq!(read.is_ok(), case["conforms"], "{}: {read:?}", case["name"]);
    }
    assert_eq!(cases.len(), 139);
}

/// Reads the folder `vc-data-model-2.0` of `MARQUE_VECTORS`: the input of W3C's test suite. What a file
/// leaves to the issuer (the issuer itself, the base context) is put in.
#[test]
#[expect(clippy::disallowed_methods, reason = "the place of the whole suite is for who runs the test to say")]
fn the_whole_suite_of_the_w3c_is_read_or_refused_as_its_file_names_say() {
    let folder = std::env::var("MARQUE_VECTORS").map(|root| format!("{root}/vc-data-model-2.0"));
    let files = folder.ok().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut count = 0;
    for file in files.into_iter().flatten() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !name.ends_with("-ok") && !name.ends_with("-fail") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text =
            text.replace("PAST DATE", "2020-01-01T00:00:00Z").replace("FUTURE DATE", "2040-01-01T00:00:00Z");
        let mut json: Value = serde_json::from_str(&text).unwrap();
        let issuer = json!("did:example:issuer");
        match json.get_mut("issuer") {
            None if name.starts_with("credential") && name != "credential-no-issuer-fail" => {
                json["issuer"] = issuer
            }
            Some(Value::Object(members)) if name.starts_with("issuer") => {
                drop(members.insert("id".into(), issuer))
            }
            _ => {}
        }
        let read = Document::read(&json);
        assert_eq!(read.is_ok(), name.ends_with("-ok"), "{name}: {read:?}");
        count += 1;
    }
    println!("vc-data-model-2.0: {count} documents");
}
