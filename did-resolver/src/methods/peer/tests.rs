//! did:peer 2 and 4: the examples of the specification, and what they must refuse.

use super::*;
use crate::codec;
use crate::document::{DocumentError, Relationship};
use crate::json;
use crate::json::JsonError;
use crate::keys::{KeyError, PublicKey};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

const ED25519: &str = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";
const X25519: &str = "z6LSg8zQom395jKLrGiBNruB9MM6V8PWuf2FpEy4uRFiqQBR";

fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-peer").join(file);
    json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 100_000).unwrap()
}

fn did(text: &Value) -> Did {
    text.as_str().unwrap().parse().unwrap()
}

fn key(multikey: &str) -> PublicKey {
    PublicKey::from_multikey(multikey).unwrap()
}

fn refused(text: &str) -> MethodError {
    resolve(&text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap_err()
}

#[test]
fn the_example_of_method_2_resolves_to_its_document_and_has_its_short_form() {
    let vectors = vectors("numalgo2.json");
    let document = &vectors["document"];
    assert_eq!(resolve(&did(&document["id"])).unwrap().json(), document);
    let [long, short] = [0, 1].map(|n| did(&vectors["shortened"][n]));
    assert_eq!(inline::shortened(&long), Ok(short));
    assert!(resolve(&long).is_ok());
}

#[test]
fn the_example_of_method_4_resolves_in_both_forms() {
    let vectors = vectors("numalgo4.json");
    let [long, short] = ["long", "short"].map(|form| did(&vectors[form]["id"]));
    assert_eq!(*resolve(&long).unwrap().json(), vectors["long"]);
    assert_eq!(hashed::short_form(&long), Ok(short.clone()));
    assert_eq!(*hashed::resolve_short(&short, &long).unwrap().json(), vectors["short"]);
    assert_eq!(resolve(&short), Err(MethodError::ShortForm));
    let document = resolve(&long).unwrap();
    assert!(document.methods().iter().all(|method| method.key.is_some()));
    let made = hashed::long_form(&vectors["input"]).unwrap();
    assert_eq!(resolve(&made).unwrap().methods().len(), 2);
    assert_eq!(hashed::resolve_short(&short, &made), Err(MethodError::Hash));
}

#[test]
fn a_changed_document_has_another_hash() {
    let long = did(&vectors("numalgo4.json")["long"]["id"]);
    let (head, last) = long.as_str().split_at(long.as_str().len() - 1);
    let changed = if last == "z" { "y" } else { "z" };
    assert_eq!(refused(&format!("{head}{changed}")), MethodError::Hash);
}

/// A long form of any text, with its right hash.
fn long(input: &[u8]) -> String {
    let encoded = codec::to_multibase_z(&[&[0x80, 0x04], input].concat());
    format!("did:peer:4z{}:{encoded}", codec::multihash_base58btc(encoded.as_bytes()))
}

#[test]
fn a_document_with_ids_of_its_own_or_in_loose_json_is_refused() {
    let method = |id: &str| json!({"verificationMethod": [{"id": id, "type": "Multikey", "publicKeyMultibase": ED25519}]});
    assert!(resolve(&long(method("#k").to_string().as_bytes()).parse().unwrap()).is_ok());
    for input in [
        method("did:web:a.example#k"),
        json!({"id": "did:web:a.example"}),
        json!({"id": null}),
        json!({"service": [{"id": "did:web:a.example#s", "type": "T", "serviceEndpoint": "https://a"}]}),
        json!({"authentication": [{"id": "k", "type": "Multikey", "publicKeyMultibase": ED25519}]}),
        json!({"alsoKnownAs": "did:web:a.example"}),
        json!({"alsoKnownAs": [5]}),
        json!({"verificationMethod": {}}),
        json!([]),
    ] {
        assert_eq!(refused(&long(input.to_string().as_bytes())), MethodError::Input, "{input}");
        assert_eq!(hashed::long_form(&input), Err(MethodError::Input), "{input}");
    }
    assert_eq!(refused(&long(br#"{"a":1,"a":2}"#)), MethodError::Json(JsonError::Duplicate));
    assert_eq!(refused(&long(b"{")), MethodError::Json(JsonError::Malformed));
    assert_eq!(refused(&long(br#"{"service":{}}"#)), MethodError::Document(DocumentError::Service));
    for encoded in ["z", "f00", "z11", "z0OIl"] {
        let hash = codec::multihash_base58btc(encoded.as_bytes());
        assert_eq!(refused(&format!("did:peer:4z{hash}:{encoded}")), MethodError::Encoding, "{encoded}");
    }
    for text in ["did:peer:4", "did:peer:4z", "did:peer:4Qm:z", "did:peer:4zQm"] {
        assert_eq!(refused(text), MethodError::Encoding, "{text}");
    }
}

#[test]
fn a_controller_of_its_own_stays_and_authorises_nothing() {
    let input = json!({"verificationMethod": [
        {"id": "#k", "type": "Multikey", "publicKeyMultibase": ED25519, "controller": "did:web:a.example"},
    ]});
    let document = resolve(&hashed::long_form(&input).unwrap()).unwrap();
    assert_eq!(document.methods()[0].controller.as_str(), "did:web:a.example");
}

#[test]
fn elements_of_method_2_that_are_none_are_refused() {
    for text in [
        "did:peer:2",
        "did:peer:2V",
        "did:peer:2.",
        &format!("did:peer:2{ED25519}"),
        &format!("did:peer:2.{ED25519}"),
        &format!("did:peer:2.X{ED25519}"),
        &format!("did:peer:2.v{ED25519}"),
        &format!("did:peer:2.V{ED25519}."),
        &format!("did:peer:2..V{ED25519}"),
        "did:peer:2.Se30%3D",
    ] {
        assert_eq!(refused(text), MethodError::Encoding, "{text}");
    }
    assert_eq!(refused(&format!("did:peer:2.V{X25519}")), MethodError::Purpose);
    assert_eq!(refused(&format!("did:peer:2.E{ED25519}")), MethodError::Purpose);
    assert_eq!(refused("did:peer:2.Vz6Mk"), MethodError::Key(KeyError::Unsupported));
    assert_eq!(refused("did:peer:2.V"), MethodError::Key(KeyError::NotAKey));
    for number in ["0", "1", "3", "5", "_"] {
        assert_eq!(refused(&format!("did:peer:{number}{ED25519}")), MethodError::OtherKind);
    }
    assert_eq!(refused("did:key:z6Mk"), MethodError::OtherMethod);
    assert_eq!(
        hashed::resolve(&format!("did:peer:2.V{ED25519}").parse().unwrap()),
        Err(MethodError::OtherKind)
    );
}

#[test]
fn services_of_method_2_are_expanded_and_named_in_their_order() {
    let service = |json: &str| format!("did:peer:2.S{}", codec::to_base64url(json.as_bytes()));
    let text = ["S", "S", "S"].iter().zip([
        r#"{"t":"dm","s":"https://a.example"}"#,
        r##"{"t":["dm","x"],"id":"#own","s":{"a":[],"type":"y","x":{"r":[]}}}"##,
        r#"{"type":"z","serviceEndpoint":"https://b.example"}"#,
    ]);
    let text: String =
        text.map(|(s, json)| format!(".{s}{}", codec::to_base64url(json.as_bytes()))).collect();
    let document = resolve(&format!("did:peer:2{text}").parse().unwrap()).unwrap();
    assert_eq!(
        document.json()["service"],
        json!([
            {"id": "#service", "type": "DIDCommMessaging", "serviceEndpoint": "https://a.example"},
            {
                "id": "#own", "type": ["DIDCommMessaging", "x"],
                "serviceEndpoint": {"accept": [], "type": "y", "x": {"routingKeys": []}},
            },
            {"id": "#service-1", "type": "z", "serviceEndpoint": "https://b.example"},
        ])
    );
    for json in [
        r#"{"t":"a","type":"b","s":"https://a.example"}"#,
        r#"[{"t":"dm","s":"https://a.example"}]"#,
        r#"{"id":"did:web:a.example#s","t":"dm","s":"https://a.example"}"#,
        r#"{"id":5,"t":"dm","s":"https://a.example"}"#,
    ] {
        assert_eq!(refused(&service(json)), MethodError::Input, "{json}");
    }
    assert_eq!(refused(&service("{}")), MethodError::Document(DocumentError::Service));
    assert_eq!(refused(&service("{")), MethodError::Json(JsonError::Malformed));
    for own in [json!({"t": "x", "serviceEndpoint": "y"}), json!({"type": "dm", "serviceEndpoint": "y"})] {
        assert_eq!(inline::did_of(&[], &[own]), Err(MethodError::Input));
    }
    let signs = [(Relationship::KeyAgreement, key(ED25519))];
    assert_eq!(inline::did_of(&signs, &[]), Err(MethodError::Purpose));
    assert!(matches!(inline::did_of(&[], &[]), Err(MethodError::Encoding)));
}

fn any_service() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Z/:.#]{0,8}";
    (text, text, prop::collection::btree_map("[a-z]{1,4}", text, 0..3)).prop_map(|(kind, uri, more)| {
        json!({"id": "#s", "type": kind, "serviceEndpoint": {"uri": uri, "more": more, "accept": [kind]}})
    })
}

proptest! {
    #[test]
    fn what_is_made_by_method_2_resolves_to_what_it_was_made_of(
        purposes in prop::collection::vec(0_usize..5, 1..5),
        services in prop::collection::vec(any_service(), 0..3),
    ) {
        let keys: Vec<_> = purposes.into_iter().map(|n| {
            let relationship = Relationship::ALL[n];
            let multikey = if relationship == Relationship::KeyAgreement { X25519 } else { ED25519 };
            (relationship, key(multikey))
        }).collect();
        match inline::did_of(&keys, &services) {
            Ok(did) => {
                let document = resolve(&did).unwrap();
                let made: Vec<_> = document.methods().iter().map(|m| m.key.clone().unwrap()).collect();
                prop_assert_eq!(made, keys.iter().map(|(_, key)| key.clone()).collect::<Vec<_>>());
                for (n, (relationship, _)) in keys.iter().enumerate() {
                    let id = did.with_fragment(&format!("key-{}", n + 1)).unwrap();
                    prop_assert!(document.lists(*relationship, &id));
                }
                let back = document.json().get("service").cloned().unwrap_or(json!([]));
                prop_assert_eq!(back, Value::Array(services));
            }
            Err(e) => prop_assert_eq!(e, MethodError::Input),
        }
    }

    #[test]
    fn what_is_made_by_method_4_resolves_to_what_it_was_made_of(service in any_service()) {
        let input = json!({"service": [service]});
        let did = hashed::long_form(&input).unwrap();
        let document = resolve(&did).unwrap();
        prop_assert_eq!(&document.json()["service"], &input["service"]);
        let short = hashed::short_form(&did).unwrap();
        prop_assert_eq!(document.json()["alsoKnownAs"][0].as_str(), Some(short.as_str()));
    }

    #[test]
    fn resolving_never_panics(
        text in "[2-4][.:]?[AEVIDS]?[a-zA-Z0-9._:-]{0,80}",
        json in prop::collection::vec(any::<u8>(), 0..60),
        service in r##"\{("(t|s|r|a|id|type)":("dm"|"#a"|\[\]|5),?){0,4}\}"##,
    ) {
        let texts = [
            format!("did:peer:{text}"),
            long(&json),
            long(service.as_bytes()),
            format!("did:peer:2.S{}", codec::to_base64url(service.as_bytes())),
        ];
        for text in texts {
            if let Ok(did) = text.parse::<Did>() {
                let _ = resolve(&did);
                let _ = inline::shortened(&did);
                let _ = hashed::short_form(&did);
                let _ = hashed::resolve_short(&did, &did);
            }
        }
    }
}
