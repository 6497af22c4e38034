use super::*;
use proptest::prelude::*;
use std::path::Path;

const SEED: [u8; 32] = [7; 32];

fn pointers(texts: &[&str]) -> Vec<Pointer> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn given(encoded: &str) -> Disclosure {
    Disclosure::parse(encoded).unwrap()
}

fn of(array: Value) -> Result<Disclosure, DisclosureError> {
    Disclosure::parse(&codec::to_base64url(array.to_string().as_bytes()))
}

// RFC 9901, section 4.2.3.
#[test]
fn the_digests_of_the_rfc_are_computed() {
    let name = given("WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0");
    assert_eq!((name.name(), name.value()), (Some("family_name"), &json!("Möbius")));
    assert_eq!(name.digest(), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
    let element = given("WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIkZSIl0");
    assert_eq!((element.name(), element.value()), (None, &json!("FR")));
    assert_eq!(element.digest(), "w0I8EKcdCtUPkGCNUrfwVp2xEgNjtoIDlOxc9-PlOhs");
}

#[expect(clippy::disallowed_methods, reason = "vectors are files")]
fn case(path: &Path) -> Value {
    json::parse(&std::fs::read(path).unwrap(), 1 << 20).unwrap()
}

fn listed(case: &Value, name: &str) -> Vec<Pointer> {
    case[name].as_array().unwrap().iter().map(|text| text.as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn every_case_of_the_reference_implementation_is_issued_disclosed_and_seen_as_it_says_the_whole_suite() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/sd-jwt");
    let (mut cases, mut expected) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let case = case(&path);
        let (claims, hidden) = (&case["claims"], listed(&case, "hidden"));
        let concealed = conceal(claims, &hidden, 2, &SEED).unwrap();
        assert_eq!(concealed.disclosures.len(), hidden.len(), "{}", path.display());
        let all = reveal(&concealed.document, &concealed.disclosures).unwrap();
        assert_eq!(&all.document, claims, "{}", path.display());
        let mut places: Vec<_> = all.disclosed.into_iter().map(|(place, _)| place).collect();
        places.sort();
        assert_eq!(
            places,
            hidden.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        );
        let wanted = listed(&case, "wanted");
        let shown = choose(&concealed.document, &concealed.disclosures, &wanted).unwrap();
        let shown: Vec<_> = shown.into_iter().cloned().collect();
        let seen = reveal(&concealed.document, &shown).unwrap().document;
        if let Some(expectation) = case.get("expected") {
            assert_eq!(&seen, expectation, "{}", path.display());
            expected += 1;
        }
        cases += 1;
    }
    println!("sd-jwt: {cases} cases issued and revealed, {expected} with an expected view");
    assert!(cases >= 30 && expected >= 17);
}

#[test]
fn what_is_not_disclosed_leaves_no_trace() {
    let document = json!({"a": 1, "b": {"c": [1, 2, {"d": 3}]}, "e": "f"});
    let concealed = conceal(&document, &pointers(&["/a", "/b/c/1", "/b/c/2/d", "/b"]), 3, &SEED).unwrap();
    assert_eq!(concealed.document["_sd"].as_array().unwrap().len(), 5, "two members and three decoys");
    assert_eq!(reveal(&concealed.document, &[]).unwrap().document, json!({"e": "f"}));
    let shown = choose(&concealed.document, &concealed.disclosures, &pointers(&["/b/c/2/d"])).unwrap();
    let shown: Vec<_> = shown.into_iter().cloned().collect();
    assert_eq!(shown.len(), 2, "the claim and what it stands in");
    assert_eq!(
        reveal(&concealed.document, &shown).unwrap().document,
        json!({"b": {"c": [1, {"d": 3}]}, "e": "f"})
    );
}

#[test]
fn digests_do_not_tell_the_order_of_members() {
    let document = json!({"a": 1, "b": 2, "c": 3, "d": 4});
    let concealed = conceal(&document, &pointers(&["/a", "/b", "/c", "/d"]), 0, &SEED).unwrap();
    let digests: Vec<_> = concealed.document["_sd"].as_array().unwrap().iter().collect();
    assert!(digests.is_sorted_by_key(|digest| digest.as_str().unwrap()));
}

#[test]
fn a_disclosure_of_another_form_is_refused() {
    for array in
        [json!([]), json!(["salt"]), json!(["salt", "name", 1, 2]), json!([1, "name", 2]), json!({"a": 1})]
    {
        assert_eq!(of(array.clone()), Err(DisclosureError::Malformed), "{array}");
    }
    assert_eq!(of(json!(["salt", 7, "value"])), Err(DisclosureError::Malformed));
    for name in ["_sd", "...", "_sd_alg"] {
        assert_eq!(of(json!(["salt", name, 1])), Err(DisclosureError::Reserved), "{name}");
    }
    assert_eq!(Disclosure::parse("WyJhIiwx=="), Err(DisclosureError::Malformed));
    assert_eq!(Disclosure::parse(&"A".repeat(MAX_DISCLOSURE_BYTES + 1)), Err(DisclosureError::TooLong));
    let doubled = codec::to_base64url(br#"["salt","name",{"a":1,"a":2}]"#);
    assert!(matches!(Disclosure::parse(&doubled), Err(DisclosureError::Json(_))));
}

#[test]
fn documents_and_disclosures_that_do_not_fit_are_refused() {
    let (a, element) = (of(json!(["salt", "a", 1])).unwrap(), of(json!(["salt", 1])).unwrap());
    let sd = |digest: &str| json!({"_sd": [digest]});
    let refused = |document: Value, disclosures: &[Disclosure]| reveal(&document, disclosures).unwrap_err();
    assert_eq!(refused(json!({}), std::slice::from_ref(&a)), DisclosureError::Unreferenced);
    assert_eq!(refused(sd(a.digest()), &[a.clone(), a.clone()]), DisclosureError::Doubled);
    let twice = json!({"_sd": [a.digest()], "b": {"_sd": [a.digest()]}});
    assert_eq!(refused(twice.clone(), std::slice::from_ref(&a)), DisclosureError::Doubled);
    assert_eq!(refused(twice, &[]), DisclosureError::Doubled, "also of what is not disclosed");
    assert_eq!(
        refused(json!({"a": 2, "_sd": [a.digest()]}), std::slice::from_ref(&a)),
        DisclosureError::NameTaken
    );
    let other_a = of(json!(["other", "a", 1])).unwrap();
    let both = json!({"_sd": [a.digest(), other_a.digest()]});
    assert_eq!(refused(both, &[a.clone(), other_a]), DisclosureError::NameTaken);
    assert_eq!(refused(sd(element.digest()), std::slice::from_ref(&element)), DisclosureError::Malformed);
    assert_eq!(
        refused(json!({"b": [{"...": a.digest()}]}), std::slice::from_ref(&a)),
        DisclosureError::Malformed
    );
    assert_eq!(refused(json!({"b": [{"...": "x", "c": 1}]}), &[]), DisclosureError::Reserved);
    assert_eq!(refused(json!({"...": "x"}), &[]), DisclosureError::Reserved);
    assert_eq!(refused(json!({"b": {"_sd_alg": "sha-256"}}), &[]), DisclosureError::Reserved);
    assert_eq!(refused(json!({"_sd_alg": "sha-512"}), &[]), DisclosureError::Algorithm);
    assert_eq!(refused(json!({"_sd_alg": 256}), &[]), DisclosureError::Algorithm);
    assert_eq!(refused(json!({"_sd": "x"}), &[]), DisclosureError::Malformed);
    assert_eq!(refused(json!({"_sd": [1]}), &[]), DisclosureError::Malformed);
    assert_eq!(refused(json!({"b": [{"...": 1}]}), &[]), DisclosureError::Malformed);
    assert_eq!(refused(json!([]), &[]), DisclosureError::Malformed);
    assert_eq!(refused(json!({}), &vec![a; MAX_DISCLOSURES + 1]), DisclosureError::TooMany);
}

#[test]
fn disclosures_within_disclosures_are_bounded_in_depth() {
    // Each holds the digest of the one before, four levels deeper.
    let mut inner = of(json!(["salt", "x", 1])).unwrap();
    let mut all = vec![inner.clone()];
    for _ in 0..12 {
        inner = of(json!(["salt", "x", {"x": {"x": {"_sd": [inner.digest()]}}}])).unwrap();
        all.push(inner.clone());
    }
    assert_eq!(reveal(&json!({"_sd": [inner.digest()]}), &all).unwrap_err(), DisclosureError::TooDeep);
}

#[test]
fn what_cannot_be_hidden_is_refused() {
    let document = json!({"a": {"b": 1}, "c": [1], "d": 2});
    let refused = |texts: &[&str]| conceal(&document, &pointers(texts), 0, &SEED).unwrap_err();
    for texts in
        [&[""][..], &["/x"], &["/d/x"], &["/c/1"], &["/c/00"], &["/c/-"], &["/a", "/a"], &["/c/0", "/c/0"]]
    {
        assert_eq!(refused(texts), DisclosureError::Pointer, "{texts:?}");
    }
    for reserved in [json!({"_sd": []}), json!({"a": {"...": 1}}), json!({"a": [{"_sd_alg": 1}]})] {
        assert_eq!(conceal(&reserved, &[], 0, &SEED).unwrap_err(), DisclosureError::Reserved);
    }
    assert_eq!(conceal(&document, &[], MAX_DECOYS_AND_ONE, &SEED).unwrap_err(), DisclosureError::TooMany);
    assert_eq!("a/b".parse::<Pointer>(), Err(DisclosureError::Pointer));
    assert_eq!("/a~2".parse::<Pointer>(), Err(DisclosureError::Pointer));
}

const MAX_DECOYS_AND_ONE: usize = 17;

#[test]
fn a_document_with_nothing_hidden_is_left_as_it_is() {
    let document = json!({"a": 1});
    assert_eq!(conceal(&document, &[], 4, &SEED).unwrap().document, document);
}

#[test]
fn choosing_what_is_not_there_is_refused_and_what_is_open_needs_nothing() {
    let document = json!({"a": 1, "b": 2});
    let concealed = conceal(&document, &pointers(&["/a"]), 0, &SEED).unwrap();
    let choose = |texts: &[&str]| {
        choose(&concealed.document, &concealed.disclosures, &pointers(texts)).map(|c| c.len())
    };
    assert_eq!(choose(&["/b"]), Ok(0));
    assert_eq!(choose(&["/a", "/b"]), Ok(1));
    assert_eq!(choose(&["/x"]), Err(DisclosureError::Pointer));
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|n| json!(n)),
        "[a-z~/]{0,4}".prop_map(|t| json!(t)),
        Just(json!(null))
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| json!(v)),
            prop::collection::btree_map("[a-e~/]{1,3}", inner, 0..4).prop_map(|m| json!(m)),
        ]
    });
    prop::collection::btree_map("[a-e~/]{1,3}", tree, 0..5).prop_map(|m| json!(m))
}

fn places(value: &Value, at: &Pointer, found: &mut Vec<Pointer>) {
    let mut below = |step: String, value: &Value| {
        let place = Pointer::of(at.steps().iter().cloned().chain([step]));
        places(value, &place, found);
        found.push(place);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| below(name.clone(), value)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value))
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn what_was_hidden_is_revealed_as_it_was(document in documents(), picks in any::<u64>(), seed in any::<[u8; 32]>()) {
        let mut all = Vec::new();
        places(&document, &Pointer::default(), &mut all);
        let hidden: Vec<_> = all.iter().enumerate().filter(|(at, _)| picks >> (at % 64) & 1 == 1).map(|(_, p)| p.clone()).collect();
        let concealed = conceal(&document, &hidden, 1, &seed).unwrap();
        prop_assert_eq!(reveal(&concealed.document, &concealed.disclosures).unwrap().document, document.clone());
        // A choice shows what was wanted, and reveals no other disclosure's value.
        if let Some(wanted) = hidden.first() {
            let shown: Vec<_> = choose(&concealed.document, &concealed.disclosures, std::slice::from_ref(wanted)).unwrap().into_iter().cloned().collect();
            let places: Vec<_> = reveal(&concealed.document, &shown).unwrap().disclosed;
            prop_assert!(!places.is_empty());
            prop_assert_eq!(shown.len(), hidden.iter().filter(|place| wanted.is_at_or_below(place)).count());
        }
        // One disclosure of a changed byte belongs to nothing.
        if let Some(first) = concealed.disclosures.first() {
            let mut bent = concealed.disclosures.clone();
            bent[0] = Disclosure::new(b"another salt", first.name(), first.value()).unwrap();
            prop_assert!(reveal(&concealed.document, &bent).is_err());
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Disclosure::parse(&text);
        let _ = Disclosure::parse(&codec::to_base64url(&bytes));
        let _ = text.parse::<Pointer>();
    }

    #[test]
    fn pointers_are_written_as_they_are_read(steps in prop::collection::vec("[a-z~/]{0,3}", 0..4)) {
        let pointer = Pointer::of(steps);
        prop_assert_eq!(pointer.to_string().parse::<Pointer>(), Ok(pointer));
    }
}
