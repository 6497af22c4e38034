//! Resolution results and errors.

use super::*;
use crate::keys::PublicKey;
use crate::webvh::{Change, Extension, Genesis, create};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn pair() -> (SigningKey, PublicKey) {
    let secret = SigningKey::from_bytes(&[1; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    (secret, key)
}

fn log(service: Value) -> Log {
    let (secret, key) = pair();
    let genesis = Genesis {
        host: "acme.example".to_owned(),
        port: Some(8443),
        path: vec!["bot".to_owned()],
        document: json!({"service": service}),
        update_keys: vec![key.clone()],
        next_key_hashes: vec![],
        time: UnixSeconds::new(1_700_000_000),
        portable: false,
        ttl_seconds: Some(60),
    };
    let draft = create(genesis).unwrap();
    let signature = secret.sign(&draft.signing_input(&key).unwrap()).to_bytes();
    Log::verify(&draft.attach(&key, &signature).unwrap(), NOW).unwrap()
}

fn deactivated(log: &Log) -> Log {
    changed(log, Change { deactivate: true, ..Change::default() })
}

fn changed(log: &Log, change: Change) -> Log {
    let (secret, key) = pair();
    let draft = log.append(change, UnixSeconds::new(1_700_000_009), NOW).unwrap();
    let signature = secret.sign(&draft.signing_input(&key).unwrap()).to_bytes();
    let line = draft.attach(&key, &signature).unwrap();
    match log.extend(&[log.bytes(), &line].concat(), NOW) {
        Ok(Extension::Longer(longer)) => longer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_resolves_to_its_document_with_the_implicit_services_and_metadata() {
    let log = log(json!([]));
    let json = Resolution::of_log(&log, log.did(), None).unwrap().to_json();
    let did = log.did();
    assert_eq!(
        json["didDocument"]["service"],
        json!([
            {"id": format!("{did}#files"), "type": "relativeRef", "serviceEndpoint": "https://acme.example:8443/bot/"},
            {
                "@context": "https://identity.foundation/linked-vp/contexts/v1",
                "id": format!("{did}#whois"), "type": "LinkedVerifiablePresentation",
                "serviceEndpoint": "https://acme.example:8443/bot/whois.vp",
            },
        ])
    );
    assert_eq!(
        json["didDocumentMetadata"],
        json!({
            "versionId": log.head().id, "versionNumber": "1", "versionTime": "2023-11-14T22:13:20Z",
            "created": "2023-11-14T22:13:20Z", "updated": "2023-11-14T22:13:20Z", "deactivated": false,
            "scid": log.scid(), "portable": false, "ttl": "60",
        })
    );
    assert_eq!(json["didResolutionMetadata"], json!({"contentType": "application/did"}));
    assert!(Document::parse(json["didDocument"].clone()).is_ok());
}

#[test]
fn a_documents_own_service_overrides_the_implicit_one_also_by_a_relative_id() {
    let own = json!([{"id": "#whois", "type": "LinkedVerifiablePresentation", "serviceEndpoint": "https://b.example/vp"}]);
    let log = log(own.clone());
    let json = Resolution::of_log(&log, log.did(), None).unwrap().document.unwrap();
    assert_eq!(json["service"][0], own[0]);
    assert_eq!(json["service"][1]["id"], json!(format!("{}#files", log.did())));
    assert_eq!(json["service"].as_array().unwrap().len(), 2);
}

#[test]
fn a_deactivated_did_is_gone_and_says_so_but_its_versions_are_not() {
    let open = log(json!([]));
    let log = deactivated(&open);
    let gone = Resolution::of_log(&log, log.did(), None).unwrap();
    assert_eq!((gone.document.is_none(), gone.status()), (true, 410));
    assert_eq!(gone.to_json()["didDocument"], Value::Null);
    assert_eq!(gone.to_json()["didDocumentMetadata"]["deactivated"], json!(true));
    let old = Resolution::of_log(&log, log.did(), Some(&VersionQuery::Number(1))).unwrap();
    assert!(old.document.is_some());
    assert!(old.metadata.deactivated);
    assert_eq!(old.metadata.next_version_id, Some(log.head().id.clone()));
    assert_eq!(Resolution::of_log(&open, open.did(), None).unwrap().status(), 200);
}

#[test]
fn a_did_or_version_that_the_log_does_not_have_is_not_found() {
    let log = log(json!([]));
    let elsewhere = format!("did:webvh:{}:acme.test", log.scid()).parse().unwrap();
    assert_eq!(Resolution::of_log(&log, &elsewhere, None), Err(ResolutionError::NotFound));
    for query in [
        VersionQuery::Number(2),
        VersionQuery::Id("1-Qm".to_owned()),
        VersionQuery::Time(UnixSeconds::new(9)),
    ] {
        assert_eq!(Resolution::of_log(&log, log.did(), Some(&query)), Err(ResolutionError::NotFound));
    }
}

#[test]
fn a_did_that_is_its_own_document_resolves_and_each_refusal_has_its_name() {
    let did = crate::methods::jwk::did_of(&pair().1).unwrap();
    assert_eq!(Resolution::of_did(&did, None).unwrap().metadata, Metadata::default());
    let long = crate::methods::peer::hashed::long_form(&json!({})).unwrap();
    let short = crate::methods::peer::hashed::short_form(&long).unwrap();
    let resolution = Resolution::of_did(&long, None).unwrap();
    assert_eq!(resolution.metadata.to_json(), json!({"equivalentId": [short.as_str()]}));
    let refused = |text: &str| Resolution::of_did(&text.parse().unwrap(), None).unwrap_err();
    assert_eq!(refused(short.as_str()), ResolutionError::NotFound);
    assert_eq!(refused("did:peer:0z6Mk"), ResolutionError::FeatureNotSupported);
    assert_eq!(refused("did:peer:2.Vz6Mk"), ResolutionError::InvalidDid);
    assert_eq!(refused("did:jwk:e30"), ResolutionError::InvalidDid);
}

#[test]
fn a_did_key_resolves_without_versions() {
    let did = crate::methods::key_did(&pair().1).unwrap();
    let resolution = Resolution::of_did(&did, None).unwrap();
    assert_eq!(resolution.metadata.to_json(), json!({}));
    assert_eq!(resolution.document.unwrap()["id"], json!(did.as_str()));
    let old = Resolution::of_did(&did, Some(&VersionQuery::Number(1)));
    assert_eq!(old, Err(ResolutionError::FeatureNotSupported));
    let other = Resolution::of_did(&"did:web:a.example".parse().unwrap(), None);
    assert_eq!(other, Err(ResolutionError::MethodNotSupported));
    let bad = Resolution::of_did(&"did:key:z6Mk".parse().unwrap(), None);
    assert_eq!(bad, Err(ResolutionError::InvalidDid));
}

#[test]
fn one_version_may_be_asked_for_in_one_way() {
    let read = |pairs: &[(&str, &str)]| VersionQuery::from_parameters(pairs.iter().copied());
    assert_eq!(read(&[("service", "files")]), Ok(None));
    assert_eq!(read(&[("versionId", "1-Qm")]), Ok(Some(VersionQuery::Id("1-Qm".to_owned()))));
    assert_eq!(read(&[("versionNumber", "7")]), Ok(Some(VersionQuery::Number(7))));
    let time = VersionQuery::Time(UnixSeconds::new(1));
    assert_eq!(read(&[("versionTime", "1970-01-01T00:00:01Z")]), Ok(Some(time)));
    for wrong in [
        vec![("versionNumber", "x")],
        vec![("versionNumber", "+1")],
        vec![("versionNumber", "-1")],
        vec![("versionTime", "now")],
        vec![("versionId", "1-Qm"), ("versionId", "1-Qm")],
        vec![("versionId", "1-Qm"), ("versionNumber", "1")],
    ] {
        assert_eq!(read(&wrong), Err(ResolutionError::InvalidOptions), "{wrong:?}");
    }
}

#[test]
fn errors_have_the_urls_and_status_of_the_specification() {
    use ResolutionError::*;
    for (error, name, status) in [
        (InvalidDid, "INVALID_DID", 400),
        (InvalidDidUrl, "INVALID_DID_URL", 400),
        (InvalidOptions, "INVALID_OPTIONS", 400),
        (NotFound, "NOT_FOUND", 404),
        (RepresentationNotSupported, "REPRESENTATION_NOT_SUPPORTED", 406),
        (MethodNotSupported, "METHOD_NOT_SUPPORTED", 501),
        (FeatureNotSupported, "FEATURE_NOT_SUPPORTED", 501),
        (InvalidDidDocument, "INVALID_DID_DOCUMENT", 500),
        (InternalError, "INTERNAL_ERROR", 500),
    ] {
        assert_eq!((error.url(), error.status()), (format!("https://www.w3.org/ns/did#{name}"), status));
        let problem = error.to_json()["didResolutionMetadata"]["error"].clone();
        assert_eq!(problem["type"], json!(error.url()));
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{name}: {member}");
        }
    }
}

#[test]
fn relative_ids_are_written_in_full_where_that_is_asked_for_and_nothing_else_changes() {
    let document = json!({
        "id": "did:web:a.test",
        "controller": "#me",
        "verificationMethod": [{"id": "#k1", "controller": "#me"}, {"id": "did:web:b.test#k2"}, {"id": 7}],
        "assertionMethod": ["#k1", "did:web:b.test#k2", {"id": "/p?q#k3", "type": "#T"}],
        "authentication": "#k1",
        "service": [{"id": "?s", "serviceEndpoint": "#x"}, "#y"],
        "more": [{"id": "#z"}],
    });
    let resolution = Resolution { document: Some(document.clone()), metadata: Metadata::default() };
    let mut expected = document;
    expected["verificationMethod"][0]["id"] = json!("did:web:a.test#k1");
    expected["assertionMethod"][0] = json!("did:web:a.test#k1");
    expected["assertionMethod"][2]["id"] = json!("did:web:a.test/p?q#k3");
    expected["service"][0]["id"] = json!("did:web:a.test?s");
    expected["service"][1] = json!("did:web:a.test#y");
    let expanded = resolution.with_absolute_ids();
    assert_eq!(expanded.document.as_ref(), Some(&expected));
    assert_eq!(expanded.with_absolute_ids(), expanded);
    let gone = Resolution { document: None, metadata: Metadata::default() };
    assert_eq!(gone.with_absolute_ids(), gone);
}

proptest! {
    #[test]
    fn reading_a_query_never_panics(name in "version(Id|Number|Time)?", value in ".{0,30}") {
        let _ = VersionQuery::from_parameters([(name.as_str(), value.as_str())]);
    }
}
