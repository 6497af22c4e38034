mod examples;

use super::*;
use crate::claims::Claims;
use crate::context;
use crate::credential::{Credential, CredentialError};
use did_resolver::json;
use examples::{all, did, scope};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn validator(credential_type: &str) -> Validator {
    let schema: Value = serde_json::from_str(of(credential_type).unwrap().text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn type_of(json: &Value) -> &'static str {
    Claims::TYPES.into_iter().find(|name| json["type"][1] == *name).unwrap()
}

/// Every place of a document, as JSON Pointers, the whole one first.
fn places(json: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// What every member becomes in turn.
fn wrong_values() -> Vec<Value> {
    let long = "a".repeat(2_049);
    let many: Vec<_> = (0..65).map(|n| format!("r:{n}")).collect();
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(7),
        json!(1_000_001),
        json!(9_007_199_254_740_991_u64),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("x"),
        json!("calendar:read"),
        json!("a\u{7f}b"),
        json!("did:Example:1"),
        json!("did:example:1:"),
        json!("did:example:%4"),
        json!("2026-01-01"),
        json!("2026-13-01T00:00:00Z"),
        json!("2026-01-01t00:00:00z"),
        json!("urn:uuid:07070707-0707-4707-8707-07070707070G"),
        json!("16777216"),
        json!("007"),
        json!("https://acme.test/#a"),
        json!(long),
        json!([]),
        json!(["a", "a"]),
        json!(["a:b", "a:b"]),
        json!([1]),
        json!(many),
        json!({}),
        json!({"more": 1}),
    ]
}

/// Whether parser and schema are of one mind; if not, which of the two refuses.
fn compare(validator: &Validator, json: &Value) -> Result<bool, &'static str> {
    match (Credential::read(json).is_ok(), validator.is_valid(json)) {
        (true, true) => Ok(true),
        (false, false) => Ok(false),
        (true, false) => Err("the schema alone"),
        (false, true) => Err("the parser alone"),
    }
}

#[test]
fn every_type_has_a_parser_a_schema_and_a_term() {
    let terms: Value = serde_json::from_str(context::MARQUE_V1_TEXT).unwrap();
    let examples: Vec<_> = all().iter().map(|example| example.claims.credential_type()).collect();
    assert_eq!(examples, Claims::TYPES);
    assert_eq!(SCHEMAS.map(|schema| schema.credential_type), Claims::TYPES);
    for name in Claims::TYPES {
        assert!(terms["@context"].get(name).is_some(), "{name}");
    }
    assert_eq!(of("VerifiableCredential"), None);
}

/// Names of members that the base context of VC 2.0 defines, or JSON-LD itself.
const BASE: [&str; 7] =
    ["id", "type", "name", "statusPurpose", "statusListIndex", "statusListCredential", "digestMultibase"];

#[test]
fn every_claim_of_every_type_has_a_term() {
    let terms: Value = serde_json::from_str(context::MARQUE_V1_TEXT).unwrap();
    for example in all() {
        let mut found = Vec::new();
        places(&example.claims.to_json(), "", &mut found);
        // What stands under `arguments` is JSON without terms.
        for place in found.iter().filter(|place| !place.contains("/arguments/")) {
            let name = place.rsplit('/').next().unwrap();
            let known = name.parse::<usize>().is_ok() || BASE.contains(&name) || name.is_empty();
            assert!(known || terms["@context"].get(name).is_some(), "{name}");
        }
    }
}

#[test]
fn schemas_are_strict_json_of_one_dialect_and_say_the_same_of_the_same() {
    let mut definitions = BTreeMap::new();
    for schema in SCHEMAS {
        let json = json::parse(schema.text.as_bytes(), 1 << 16).unwrap();
        assert_eq!(json["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(json["$id"], format!("{}/schemas/{}", context::MARQUE_V1, schema.credential_type));
        for (name, definition) in json["$defs"].as_object().unwrap() {
            let before = definitions.insert(name.clone(), definition.clone());
            assert!(before.is_none_or(|before| before == *definition), "{name}");
        }
    }
}

// R-044 R-046
#[test]
fn what_the_builder_makes_is_what_parser_and_schema_take() {
    for example in all() {
        let json = example.to_json();
        assert_eq!(Credential::read(&json), Ok(example.clone()));
        let errors: Vec<_> = validator(type_of(&json)).iter_errors(&json).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", type_of(&json));
    }
}

/// What no schema says, and the parser refuses.
const BEYOND: [&str; 8] = [
    // An instant of the form, before 1970 or after the other end.
    "/validFrom",
    "/validUntil",
    "/credentialSubject/observedFrom",
    "/credentialSubject/observedUntil",
    // The key of the id and the PeerId belong together.
    "/credentialSubject/id",
    "/credentialSubject/peerId",
    // A limit that no value keeps.
    "/credentialSubject/constraints/arguments/payments:send/cents/min",
    "/credentialSubject/constraints/arguments/payments:send/cents/max",
];

#[test]
fn a_document_that_differs_in_one_member_is_refused_by_both_or_taken_by_both() {
    let mut refused = 0;
    for example in all() {
        let json = example.to_json();
        let validator = validator(type_of(&json));
        let mut found = Vec::new();
        places(&json, "", &mut found);
        let mut judge = |place: &str, changed: &Value| match compare(&validator, changed) {
            Ok(taken) => refused += usize::from(!taken),
            Err(who) => {
                let beyond = who == "the parser alone" && BEYOND.contains(&place);
                assert!(beyond, "{who} refuses {place} of {changed}");
            }
        };
        for place in &found {
            for value in wrong_values() {
                let mut changed = json.clone();
                *changed.pointer_mut(place).unwrap() = value;
                judge(place, &changed);
            }
            let (above, name) = place.rsplit_once('/').unwrap_or_default();
            let mut without = json.clone();
            if let Some(members) = without.pointer_mut(above).and_then(Value::as_object_mut) {
                members.remove(name);
                judge(place, &without);
            }
            let mut with = json.clone();
            if let Some(members) = with.pointer_mut(place).and_then(Value::as_object_mut) {
                members.insert("more".to_owned(), json!("x"));
                judge(place, &with);
            }
        }
    }
    assert!(refused > 5_000, "{refused} documents were refused by both");
}

// R-049: what is wrong, by type and place; `false` where no schema can say it.
#[test]
fn wrong_documents_are_refused_by_the_parser_and_where_it_can_say_so_by_the_schema() {
    let swapped = json!(["https://w3id.org/marque/v1", "https://www.w3.org/ns/credentials/v2"]);
    let day = json!("2027-01-16T08:00:00Z");
    let acme = json!(did("acme.test").as_str());
    let cases = [
        ("OwnerCredential", "/@context", swapped, true),
        ("OwnerCredential", "/type/0", json!("Credential"), true),
        ("OwnerCredential", "/type/1", json!("AgentCredential"), true),
        ("OwnerCredential", "/validUntil", json!("2027-01-15T08:00:00Z"), false),
        ("OwnerCredential", "/credentialStatus/0/statusPurpose", json!("suspension"), true),
        ("OwnerCredential", "/credentialStatus/0/statusPurpose", json!("message"), true),
        ("OwnerCredential", "/credentialSubject/type", json!("Agent"), true),
        ("OwnerCredential", "/credentialSubject/ownerType", json!("agent"), true),
        ("OwnerCredential", "/credentialSubject/domain", json!("ü.test"), true),
        ("AgentCredential", "/credentialSubject/name", json!("Paying-Bot"), true),
        ("AgentCredential", "/credentialSubject/name", json!("-bot"), true),
        ("AgentCredential", "/credentialSubject/capabilities", json!(["payments:*:all"]), true),
        ("DelegationCredential", "/credentialSubject/constraints/maxDepth", json!(9), true),
        ("DelegationCredential", "/credentialSubject/constraints/audience", json!([]), true),
        ("DelegationCredential", "/credentialSubject/parent/digestMultibase", json!("zQmX"), true),
        (
            "DelegationCredential",
            "/credentialSubject/constraints/arguments/payments:send/cents",
            json!({"min": 2, "max": 1}),
            false,
        ),
        (
            "DelegationCredential",
            "/credentialSubject/constraints/arguments/payments:send/cents",
            json!({"min": 2, "oneOf": ["a"]}),
            true,
        ),
        (
            "NodeMembershipCredential",
            "/credentialSubject/peerId",
            json!("12D3KooWAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            false,
        ),
        ("DomainRecognitionCredential", "/credentialSubject/id", json!("did:web:bravo.test"), true),
        ("DomainRecognitionCredential", "/credentialSubject/id", acme, false),
        ("DomainRecognitionCredential", "/credentialSubject/resource", json!([]), true),
        ("ApprovalCredential", "/credentialSubject/action", json!("uEiA"), true),
        ("ApprovalCredential", "/credentialSubject/capability", json!("payments"), true),
        ("ApprovalCredential", "/validUntil", day.clone(), false),
        ("TrustSignalCredential", "/credentialSubject/signal", json!("rumour"), true),
        ("TrustSignalCredential", "/credentialSubject/count", json!(0), true),
        ("TrustSignalCredential", "/credentialSubject/count", json!(1_000_001), true),
        ("TrustSignalCredential", "/credentialSubject/observedFrom", day, false),
    ];
    let mut seen = BTreeSet::new();
    for (name, place, value, said) in cases {
        let example = all().into_iter().find(|e| e.claims.credential_type() == name).unwrap();
        let mut json = example.to_json();
        *json.pointer_mut(place).unwrap() = value;
        assert!(Credential::read(&json).is_err(), "{name} {place}");
        assert_eq!(validator(name).is_valid(&json), !said, "{name} {place}");
        seen.insert(name);
    }
    assert_eq!(seen.len(), Claims::TYPES.len());
}

#[test]
fn nobody_recognises_approves_or_observes_itself() {
    for example in all() {
        let own = Credential { issuer: example.claims.subject().clone(), ..example.clone() };
        let expected = match example.claims.may_be_of_oneself() {
            true => Ok(own.clone()),
            false => Err(CredentialError::Malformed("issuer")),
        };
        assert_eq!(Credential::read(&own.to_json()), expected, "{}", example.claims.credential_type());
    }
}

#[test]
fn the_builder_makes_nothing_that_would_not_be_read() {
    let example = all().remove(1);
    let life = example.valid_until.since(example.valid_from);
    let made = |id: &str, life, claims| {
        Credential::new(
            id.to_owned(),
            example.issuer.clone(),
            (example.valid_from, life),
            example.status.clone(),
            claims,
        )
    };
    let Claims::Agent(agent) = example.claims.clone() else { panic!("the second example is an agent") };
    let named = |name: &str| Claims::Agent(crate::claims::Agent { name: name.to_owned(), ..agent.clone() });
    assert_eq!(made(&example.id, life, named("paying-bot")), Ok(example.clone()));
    assert_eq!(made(&example.id, life, named("")), Err(CredentialError::Malformed("name")));
    assert_eq!(made("urn:1", life, named("a")), Err(CredentialError::Malformed("id")));
    let none = std::time::Duration::ZERO;
    assert_eq!(made(&example.id, none, named("a")), Err(CredentialError::Malformed("validUntil")));
}

/// `MARQUE_WRITE=1 cargo test -p vc-schemas` writes the examples of the page.
#[test]
fn the_page_of_credentials_has_one_complete_example_of_each_type() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/credentials.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    let mut made = String::new();
    let mut rest = page.as_str();
    for example in all() {
        let heading = format!("\n## {}\n", example.claims.credential_type());
        let at = rest.find(&heading).expect("a heading for every type");
        let begin = at + rest[at..].find("```json\n").expect("an example") + "```json\n".len();
        let end = begin + rest[begin..].find("```\n").expect("its end");
        let text = serde_json::to_string_pretty(&example.to_json()).unwrap();
        made = format!("{made}{}{text}\n", &rest[..begin]);
        rest = &rest[end..];
    }
    made.push_str(rest);
    if std::env::var_os("MARQUE_WRITE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == made, "docs/credentials.md is out of date: MARQUE_WRITE=1 cargo test -p vc-schemas");
}

fn any_did() -> impl Strategy<Value = String> {
    "did:[a-z0-9]{1,8}:([A-Za-z0-9._:-]|%[0-9A-F]{2}){0,30}[A-Za-z0-9._-]"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_agent_and_any_owner_that_is_made_is_taken_by_the_schema(
        id in any_did(), owner in any_did(), name in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        domain in "[ -~]{1,253}", capabilities in prop::collection::btree_set("[!-9;-~]{1,60}:[!-9;-~]{1,60}", 0..20),
    ) {
        let capabilities: Vec<_> = capabilities.iter().map(String::as_str).collect();
        for mut example in all() {
            match &mut example.claims {
                Claims::Agent(agent) => {
                    agent.id = id.parse().unwrap();
                    agent.owner = owner.parse().unwrap();
                    agent.name.clone_from(&name);
                    agent.domain.clone_from(&domain);
                    agent.capabilities = scope(&capabilities);
                }
                Claims::Owner(of) => {
                    of.id = id.parse().unwrap();
                    of.domain.clone_from(&domain);
                }
                _ => continue,
            }
            let json = example.to_json();
            prop_assert_eq!(Credential::read(&json), Ok(example.clone()));
            prop_assert!(validator(type_of(&json)).is_valid(&json), "{}", json);
        }
    }

    // Whatever text stands in a member, parser and schema are of one mind.
    #[test]
    fn any_text_in_any_member_is_refused_by_both_or_taken_by_both(
        which in 0..7_usize, at in any::<prop::sample::Index>(), text in "\\PC{0,40}",
    ) {
        let json = all()[which].to_json();
        let mut found = Vec::new();
        places(&json, "", &mut found);
        let place = at.get(&found);
        let mut changed = json.clone();
        *changed.pointer_mut(place).unwrap() = json!(text);
        let beyond = BEYOND.contains(&place.as_str());
        prop_assert!(beyond || compare(&validator(type_of(&json)), &changed).is_ok(), "{place}: {text:?}");
    }
}
