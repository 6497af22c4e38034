//! The VC-API: what it issues it verifies, and a body of any other kind is refused with a problem.

use crate::world::{Answer, NOW, World, issuer_key};
use did_resolver::codec;
use did_resolver::document::Relationship;
use did_resolver::keys::KeyKind;
use did_resolver::methods;
use did_resolver::proof::{ChainLink, ProofDraft, ProofOptions, Suite};
use marque_store::secret::SecretKey;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use vc_schemas::secure::{Content, Draft, Envelope};

const ENVELOPES: [Envelope; 3] = [Envelope::Jwt, Envelope::Cose, Envelope::DataIntegrity];
const V2: &str = "https://www.w3.org/ns/credentials/v2";
const MALFORMED: &str = "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR";
const INSECURE: &str = "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR";
const PARSING: &str = "https://www.w3.org/TR/vc-data-model#PARSING_ERROR";
const RANGE: &str = "https://www.w3.org/TR/vc-data-model#RANGE_ERROR";

fn credential(issuer: &str) -> Value {
    json!({
        "@context": [V2, {"@vocab": "https://example.org/terms#"}],
        "type": ["VerifiableCredential", "AlumniCredential"],
        "issuer": {"id": issuer, "name": [{"@value": "École", "@language": "fr", "@direction": "ltr"}]},
        "validFrom": "2026-01-01T02:00:00+02:00",
        "credentialSubject": {"id": "did:example:pat", "alumniOf": "ACME", "year": 2020, "degree": {"of": "law"}},
    })
}

async fn issue(world: &World, credential: &Value, options: Value) -> Answer {
    world.post("/credentials/issue", &json!({"credential": credential, "options": options})).await
}

async fn issued(world: &World, credential: &Value, options: Value) -> Value {
    let answer = issue(world, credential, options).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()["verifiableCredential"].clone()
}

async fn verify(world: &World, credential: &Value) -> Answer {
    world.post("/credentials/verify", &json!({"verifiableCredential": credential})).await
}

async fn present(world: &World, presentation: &Value, options: Value) -> Answer {
    let body = json!({"verifiablePresentation": presentation, "options": options});
    world.post("/presentations/verify", &body).await
}

/// A refusal: not verified, and of this type.
fn refused(answer: &Answer, kind: &str) {
    let json = answer.json();
    answer.code();
    assert_eq!((answer.status, &json["type"]), (400, &json!(kind)), "{json}");
    assert_eq!(json["problemDetails"][0]["type"], kind, "{json}");
}

fn not_verified(answer: &Answer, kind: &str) {
    refused(answer, kind);
    assert_eq!(answer.json()["verified"], false);
}

/// A holder with a did:key.
struct Holder {
    key: SecretKey,
    did: String,
}

impl Holder {
    fn new(kind: KeyKind) -> Self {
        let key = SecretKey::generate(kind).unwrap();
        let did = methods::key_did(key.public()).unwrap().to_string();
        Self { key, did }
    }

    fn secure(&self, content: Content, envelope: Envelope, payload: Value) -> Value {
        let key_id = methods::key_id(self.key.public()).unwrap();
        let draft = Draft::new(content, envelope, payload, key_id, self.key.kind()).unwrap();
        let signature = self.key.sign(draft.signing_input()).unwrap();
        let secured = draft.attach(self.key.public(), &signature).unwrap();
        secured.to_embedded().unwrap_or_else(|| {
            let kind = match content {
                Content::Credential => "EnvelopedVerifiableCredential",
                Content::Presentation => "EnvelopedVerifiablePresentation",
            };
            json!({"@context": V2, "type": kind, "id": secured.to_data_url()})
        })
    }

    fn present(&self, envelope: Envelope, credentials: Value) -> Value {
        let payload = json!({
            "@context": [V2], "type": "VerifiablePresentation", "holder": self.did,
            "verifiableCredential": credentials, "nonce": "n-1", "aud": "verifier.test",
        });
        self.secure(Content::Presentation, envelope, payload)
    }
}

//
#[tokio::test]
async fn what_is_issued_in_any_format_and_by_any_key_is_verified() {
    let world = World::new().await;
    let mut issuers = vec![(world.alpha.did.to_string(), "eddsa-jcs-2022")];
    for kind in [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384] {
        let suite = if kind == KeyKind::Ed25519 { "eddsa-jcs-2022" } else { "ecdsa-jcs-2019" };
        issuers.push((methods::key_did(issuer_key(kind).public()).unwrap().to_string(), suite));
    }
    for (issuer, suite) in &issuers {
        let document = credential(issuer);
        for format in ["vc", "vc+jwt", "vc+cose", "vc+sd-jwt"] {
            let verifiable = issued(&world, &document, json!({"format": format})).await;
            if format == "vc" {
                assert_eq!(verifiable["proof"]["cryptosuite"], *suite);
                let mut unsecured = verifiable.clone();
                unsecured.as_object_mut().unwrap().remove("proof");
                assert_eq!(unsecured, document);
            } else {
                assert_eq!(verifiable["type"], "EnvelopedVerifiableCredential");
                let url = verifiable["id"].as_str().unwrap();
                assert!(url.starts_with(&format!("data:application/{format}")), "{url}");
            }
            let answer = verify(&world, &verifiable).await;
            assert_eq!((answer.status, &answer.json()["verified"]), (200, &json!(true)), "{}", answer.json());
            assert_eq!(answer.json()["checks"], json!(["proof", "validityPeriod", "credentialStatus"]));
            assert_eq!(answer.json()["problemDetails"], json!([]));
        }
        let verifiable = issued(&world, &document, json!({"cryptosuite": suite})).await;
        let method = verifiable["proof"]["verificationMethod"].as_str().unwrap();
        let chosen = issued(&world, &document, json!({"verificationMethod": method})).await;
        assert_eq!(chosen["proof"]["verificationMethod"], method);
    }
    // The default is a Data Integrity proof, and no options are needed.
    let answer = world.post("/credentials/issue", &json!({"credential": credential(&issuers[0].0)})).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["verifiableCredential"]["proof"]["type"], "DataIntegrityProof");
}

#[tokio::test]
async fn nobody_issues_without_the_admin_token_or_by_the_public_listener() {
    let world = World::new().await;
    let body = json!({"credential": credential(world.alpha.did.as_str())}).to_string();
    for path in ["/credentials/issue", "/credentials/derive", "/credentials/verify", "/presentations/verify"]
    {
        let request = || axum::http::Request::post(path).header("content-type", "application/json");
        let answer = world.public(request(), body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not-found"), "{path}");
        let request = request().body(body.clone().into()).unwrap();
        let answer = crate::world::answer(world.routers.admin.clone(), request).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "admin-token-missing"), "{path}");
    }
}

#[tokio::test]
async fn a_credential_that_does_not_conform_or_is_not_this_nodes_to_issue_is_refused() {
    let world = World::new().await;
    let before = world.state().await;
    let own = world.alpha.did.as_str();
    type Change = fn(&mut Value);
    let cases: Vec<(&str, Change, &str, Value)> = vec![
        (
            "no issuer",
            |c| drop(c.as_object_mut().unwrap().remove("issuer")),
            MALFORMED,
            json!(["credential", "issuer"]),
        ),
        (
            "a foreign issuer",
            |c| c["issuer"] = json!("did:example:other"),
            MALFORMED,
            json!(["credential", "issuer"]),
        ),
        (
            "a type without a context",
            |c| c["@context"] = json!([V2]),
            MALFORMED,
            json!(["credential", "type"]),
        ),
        (
            "no subject",
            |c| c["credentialSubject"] = json!([]),
            RANGE,
            json!(["credential", "credentialSubject"]),
        ),
        (
            "a proof",
            |c| c["proof"] = json!({"type": "DataIntegrityProof"}),
            MALFORMED,
            json!(["credential", "proof"]),
        ),
        (
            "over before it begins",
            |c| c["validUntil"] = json!("2025-01-01T00:00:00Z"),
            RANGE,
            json!(["credential", "validUntil"]),
        ),
        ("vc", |c| c["vc"] = json!({}), MALFORMED, json!(["credential"])),
        (
            "one of Marque's own types",
            |c| c["@context"] = json!([V2, "https://w3id.org/marque/v1"]),
            MALFORMED,
            json!(["credential", "type"]),
        ),
        (
            "Marque's context",
            |c| {
                c["@context"] = json!([V2, "https://w3id.org/marque/v1"]);
                c["type"] = json!(["VerifiableCredential", "AgentCredential"]);
            },
            MALFORMED,
            json!(["credential", "@context"]),
        ),
        (
            "a status list",
            |c| c["type"] = json!(["VerifiableCredential", "BitstringStatusListCredential"]),
            MALFORMED,
            json!(["credential", "type"]),
        ),
        (
            "the subject of a status list",
            |c| c["credentialSubject"]["type"] = json!(["BitstringStatusList"]),
            MALFORMED,
            json!(["credential", "type"]),
        ),
    ];
    for (name, change, kind, path) in cases {
        let mut document = credential(own);
        change(&mut document);
        let answer = issue(&world, &document, json!({})).await;
        refused(&answer, kind);
        assert_eq!(answer.json()["path"], path, "{name}");
    }
    for (option, value) in [
        ("format", json!("ldp_vc")),
        ("cryptosuite", json!("eddsa-rdfc-2022")),
        ("cryptosuite", json!(7)),
        ("verificationMethod", json!("did:example:other#key-1")),
        ("verificationMethod", json!("nonsense")),
        ("statusPurposes", json!(["message"])),
        ("statusPurposes", json!("revocation")),
        ("mandatoryPointers", json!(["/issuer"])),
        ("challenge", json!("n-1")),
    ] {
        let answer = issue(&world, &credential(own), json!({option: value})).await;
        assert_eq!(answer.status, 400, "{option}");
        answer.code();
        let path = if option == "challenge" { json!(["options"]) } else { json!(["options", option]) };
        assert_eq!(answer.json()["path"], path);
    }
    assert_eq!(world.state().await, before);
}

//
#[tokio::test]
async fn what_is_issued_with_a_status_can_be_suspended_resumed_and_revoked_by_its_id() {
    let world = World::new().await;
    world.faces.domain.refresh_lists().await.unwrap();
    let mut document = credential(world.alpha.did.as_str());
    let both = json!({"statusPurposes": ["revocation", "suspension"]});
    // Nobody could name it.
    let answer = issue(&world, &document, both.clone()).await;
    assert_eq!((answer.status, answer.json()["path"].clone()), (400, json!(["options", "credentialId"])));
    document["id"] = json!("https://alumni.example/credentials/1");
    for format in ["vc", "vc+jwt"] {
        let id = document["id"].as_str().unwrap().to_owned();
        let mut options = both.clone();
        options["format"] = json!(format);
        let verifiable = issued(&world, &document, options.clone()).await;
        assert_eq!(verify(&world, &verifiable).await.status, 200);
        if format == "vc" {
            let entries = verifiable["credentialStatus"].as_array().unwrap();
            let lists: Vec<_> = entries.iter().map(|entry| entry["statusListCredential"].clone()).collect();
            assert_eq!(
                lists,
                ["https://alpha.test/status/revocation", "https://alpha.test/status/suspension"]
            );
        }
        // One id, one credential with a status.
        let answer = issue(&world, &document, options).await;
        assert_eq!((answer.status, answer.code().as_str()), (409, "state-conflict"));
        let path = format!("/v1/credentials/{}", id.replace('/', "%2F").replace(':', "%3A"));
        assert_eq!(world.get(&path).await.json()["type"], "AlumniCredential");
        for (act, code) in [("suspend", "credential-suspended"), ("revoke", "credential-revoked")] {
            assert_eq!(world.post(&format!("{path}/{act}"), &json!({})).await.status, 200);
            let answer = verify(&world, &verifiable).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, code));
            assert_eq!(answer.json()["verified"], false);
            // Who does not ask is not told.
            let body = json!({"verifiableCredential": verifiable, "options": {"checks": ["proof"]}});
            let answer = world.post("/credentials/verify", &body).await;
            assert_eq!((answer.status, answer.json()["checks"].clone()), (200, json!(["proof"])));
        }
        document["id"] = json!("urn:uuid:0fc754bc-fc32-46a0-aec1-a5ef385e7ea0");
    }
    let listed = world.get("/v1/credentials").await.json();
    assert_eq!(listed["credentials"].as_array().unwrap().len(), 2);
    // A did:key has no place on the domain's lists.
    let did = methods::key_did(issuer_key(KeyKind::P256).public()).unwrap();
    let options = json!({"statusPurposes": ["revocation"], "credentialId": "urn:x:1"});
    let answer = issue(&world, &credential(did.as_str()), options).await;
    assert_eq!(answer.json()["path"], json!(["options", "statusPurposes"]));
}

//
#[tokio::test]
async fn what_does_not_hold_is_refused_with_the_problem_types_of_the_recommendation() {
    let world = World::new().await;
    let own = credential(world.alpha.did.as_str());
    let good = issued(&world, &own, json!({})).await;
    let mut changed = good.clone();
    changed["credentialSubject"]["alumniOf"] = json!("Another");
    not_verified(&verify(&world, &changed).await, INSECURE);
    let mut foreign = good.clone();
    foreign["issuer"] = json!("did:example:other");
    not_verified(&verify(&world, &foreign).await, INSECURE);
    let mut unsecured = good.clone();
    unsecured.as_object_mut().unwrap().remove("proof");
    not_verified(&verify(&world, &unsecured).await, INSECURE);
    let mut rdf = good.clone();
    rdf["proof"]["cryptosuite"] = json!("eddsa-rdfc-2022");
    not_verified(&verify(&world, &rdf).await, INSECURE);
    let mut purpose = good.clone();
    purpose["proof"]["proofPurpose"] = json!("authentication");
    not_verified(&verify(&world, &purpose).await, MALFORMED);
    let mut method = good.clone();
    method["proof"]["verificationMethod"] = json!("did:key:z6MkNothing#z6MkNothing");
    let answer = verify(&world, &method).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "did-malformed"));
    // Well signed, by somebody else's key.
    let mallory = Holder::new(KeyKind::Ed25519);
    for envelope in ENVELOPES {
        let answer = verify(&world, &mallory.secure(Content::Credential, envelope, own.clone())).await;
        not_verified(&answer, INSECURE);
        assert_eq!(answer.code(), "key-not-authorised");
    }
    let mut contexts = good.clone();
    contexts["@context"] = json!(["https://example.org/other", V2]);
    not_verified(&verify(&world, &contexts).await, MALFORMED);
    let url = json!({"@context": V2, "type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c"});
    not_verified(&verify(&world, &url).await, PARSING);
    for json in [json!("text"), json!([good]), json!(7), json!(null)] {
        not_verified(&verify(&world, &json).await, PARSING);
    }
    not_verified(&verify(&world, &json!({})).await, MALFORMED);
    // Time and unknown status have codes of their own.
    for (member, at, code) in [
        ("validFrom", "2036-01-01T00:00:00Z", "credential-not-yet-valid"),
        ("validUntil", "2026-06-01T00:00:00Z", "credential-expired"),
    ] {
        let mut document = own.clone();
        document[member] = json!(at);
        let answer = verify(&world, &issued(&world, &document, json!({})).await).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code));
        assert_eq!(answer.json()["path"], json!(["verifiableCredential", member]));
    }
    let mut elsewhere = own.clone();
    elsewhere["credentialStatus"] = json!({"type": "https://example.org/#OtherStatus"});
    let answer = verify(&world, &issued(&world, &elsewhere, json!({})).await).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "status-unknown"));
    assert_eq!(answer.json()["type"], "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR");
}

#[tokio::test]
async fn what_nobody_looked_at_is_told() {
    let world = World::new().await;
    let mut document = credential(world.alpha.did.as_str());
    document["credentialSchema"] = json!({"type": "JsonSchema", "id": "https://example.org/schema.json"});
    let verifiable = issued(&world, &document, json!({})).await;
    let body = json!({"verifiableCredential": verifiable, "options": {"returnCredential": true}});
    let answer = world.post("/credentials/verify", &body).await.json();
    assert_eq!(answer["verifiableCredential"], verifiable);
    assert_eq!(answer["warnings"][0]["path"], json!(["credentialSchema"]));
}

#[tokio::test]
async fn related_resources_that_are_at_hand_are_held_against_their_digests_and_no_other_is_fetched() {
    let world = World::new().await;
    let digest = |text: &[u8]| codec::digest_multibase(&codec::sha256(text));
    let (one, two) = ("https://example.org/one.png", "https://example.org/two.png");
    let mut document = credential(world.alpha.did.as_str());
    document["relatedResource"] = json!([
        {"id": one, "digestMultibase": digest(b"one")}, {"id": two, "digestMultibase": digest(b"two")},
    ]);
    let verifiable = issued(&world, &document, json!({})).await;
    let verify = async |resources: Value| {
        let options = json!({"relatedResources": resources});
        world
            .post("/credentials/verify", &json!({"verifiableCredential": verifiable, "options": options}))
            .await
    };
    let told = |answer: &Answer| {
        let json = answer.json();
        let checked = json["checks"].as_array().unwrap().contains(&json!("relatedResource"));
        let warned =
            json["warnings"].as_array().unwrap().iter().any(|w| w["path"] == json!(["relatedResource"]));
        (answer.status, checked, warned)
    };
    let data = |text: &[u8]| codec::to_base64url(text);
    assert_eq!(told(&verify(json!({})).await), (200, false, true));
    assert_eq!(told(&verify(json!({one: data(b"one")})).await), (200, false, true), "one is missing");
    assert_eq!(told(&verify(json!({one: data(b"one"), two: data(b"two")})).await), (200, true, false));
    let answer = verify(json!({one: data(b"one"), two: data(b"2")})).await;
    not_verified(&answer, INSECURE);
    assert_eq!(answer.json()["path"], json!(["verifiableCredential", "relatedResource", 1]));
    for wrong in [json!([]), json!({one: 1}), json!({one: "+"})] {
        let answer = verify(wrong).await;
        assert_eq!(
            (answer.status, answer.json()["path"].clone()),
            (400, json!(["options", "relatedResources"]))
        );
    }
    // In a presentation too, and by what its holder says of itself.
    let holder = Holder::new(KeyKind::Ed25519);
    let presentation = holder.present(Envelope::DataIntegrity, json!([verifiable]));
    let options = json!({"relatedResources": {two: data(b"2")}});
    let answer = present(&world, &presentation, options).await;
    assert_eq!(answer.json()["path"][3], "relatedResource", "{}", answer.json());
    not_verified(&answer, INSECURE);
}

fn options_of(by: &Holder, purpose: Relationship) -> ProofOptions {
    let bound = |text: &str| (purpose == Relationship::Authentication).then(|| text.to_owned());
    ProofOptions {
        suite: Suite::of(by.key.kind()).unwrap(),
        verification_method: methods::key_id(by.key.public()).unwrap(),
        purpose,
        created: None,
        expires: None,
        domain: bound("verifier.test"),
        challenge: bound("n-1"),
    }
}

/// A document with one more proof, beside the others or on top of those with these ids.
fn further(document: Value, by: &Holder, purpose: Relationship, link: &ChainLink) -> Value {
    let options = options_of(by, purpose);
    let draft = ProofDraft::further(document, &options, link).unwrap();
    let signature = by.key.sign(draft.signing_input()).unwrap();
    draft.attach(by.key.public(), &signature).unwrap()
}

//
#[tokio::test]
async fn a_credential_of_several_proofs_is_verified_where_each_of_them_holds() {
    let world = World::new().await;
    let (issuer, notary) = (Holder::new(KeyKind::Ed25519), Holder::new(KeyKind::P256));
    let (purpose, link) = (Relationship::AssertionMethod, ChainLink::default());
    let document = credential(&issuer.did);
    let set = further(
        issuer.secure(Content::Credential, Envelope::DataIntegrity, document.clone()),
        &notary,
        purpose,
        &link,
    );
    let first = ProofDraft::new(document, &options_of(&issuer, purpose)).unwrap().with_id("urn:x:1").unwrap();
    let signature = issuer.key.sign(first.signing_input()).unwrap();
    let first = first.attach(issuer.key.public(), &signature).unwrap();
    let on_top = ChainLink { id: Some("urn:x:2".to_owned()), previous: vec!["urn:x:1".to_owned()] };
    let chain = further(first, &notary, purpose, &on_top);
    for verifiable in [&set, &chain] {
        let answer = verify(&world, verifiable).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["warnings"][0]["path"], json!(["proof", 1]), "who else signed is told");
        // One that fails is enough, whichever it is.
        for at in [0, 1] {
            let mut bad = verifiable.clone();
            bad["proof"][at]["created"] = json!("2026-01-01T00:00:00Z");
            not_verified(&verify(&world, &bad).await, INSECURE);
        }
        let mut changed = verifiable.clone();
        changed["credentialSubject"]["alumniOf"] = json!("Another");
        not_verified(&verify(&world, &changed).await, INSECURE);
        // By somebody else alone it is none of its issuer's.
        let mut others = further(verifiable.clone(), &Holder::new(KeyKind::Ed25519), purpose, &link);
        others["proof"].as_array_mut().unwrap().remove(0);
        others["proof"]
            .as_array_mut()
            .unwrap()
            .first_mut()
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove("previousProof");
        let answer = verify(&world, &others).await;
        assert_eq!(answer.status, 400);
        let foreign = further(verifiable.clone(), &notary, Relationship::Authentication, &link);
        not_verified(&verify(&world, &foreign).await, MALFORMED);
        for (member, value) in [("nonce2", json!("x")), ("challenge", json!("n-1")), ("domain", json!(["a"]))]
        {
            let mut odd = verifiable.clone();
            odd["proof"][0][member] = value;
            assert_eq!(verify(&world, &odd).await.status, 400, "{member}");
        }
        let mut many = verifiable.clone();
        for _ in 2..8 {
            many = further(many, &notary, purpose, &link);
        }
        assert_eq!(verify(&world, &many).await.status, 200);
        let again = many["proof"][7].clone();
        many["proof"].as_array_mut().unwrap().push(again);
        assert_eq!(verify(&world, &many).await.status, 400, "nine");
    }
    // Of a chain nothing can be taken out that something builds on.
    let mut less = chain.clone();
    less["proof"].as_array_mut().unwrap().remove(0);
    not_verified(&verify(&world, &less).await, MALFORMED);
    let mut of_notary = set.clone();
    of_notary["issuer"]["id"] = json!(Holder::new(KeyKind::Ed25519).did);
    assert_eq!(verify(&world, &of_notary).await.status, 400);
}

#[tokio::test]
async fn several_proofs_that_cannot_be_made_are_refused_by_the_option_that_asks_for_them() {
    let world = World::new().await;
    let own = credential(world.alpha.did.as_str());
    let methods: Vec<String> =
        world.faces.domain.issuing_methods().iter().map(|(id, _)| id.to_string()).collect();
    let (one, foreign) = (&methods[0], methods.last().unwrap());
    for options in [
        json!({"verificationMethod": [one, foreign], "format": "vc+jwt"}),
        json!({"verificationMethod": [one, foreign], "cryptosuite": "eddsa-jcs-2022"}),
        json!({"verificationMethod": [one, one]}),
        json!({"verificationMethod": [one, foreign]}),
        json!({"verificationMethod": []}),
        json!({"verificationMethod": [7]}),
        json!({"verificationMethod": {}}),
    ] {
        let answer = issue(&world, &own, options.clone()).await;
        assert_eq!(answer.json()["path"], json!(["options", "verificationMethod"]), "{options}");
    }
    let answer = issue(&world, &own, json!({"proofChain": true})).await;
    assert_eq!(answer.json()["path"], json!(["options", "proofChain"]));
    assert_eq!(issue(&world, &own, json!({"verificationMethod": [one]})).await.status, 201);
}

#[tokio::test]
async fn a_presentation_of_several_proofs_answers_one_challenge_by_all_of_them() {
    let world = World::new().await;
    let (one, two) = (Holder::new(KeyKind::Ed25519), Holder::new(KeyKind::P256));
    let held = issued(&world, &credential(world.alpha.did.as_str()), json!({})).await;
    let signed = one.present(Envelope::DataIntegrity, json!([held]));
    let both = further(signed.clone(), &two, Relationship::Authentication, &ChainLink::default());
    let asked = json!({"challenge": "n-1", "domain": "verifier.test"});
    let answer = present(&world, &both, asked.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["warnings"][0]["path"], json!(["proof", 1]));
    let answer = present(&world, &both, json!({"challenge": "n-2"})).await;
    not_verified(&answer, "https://w3id.org/security#INVALID_CHALLENGE_ERROR");
    let answer = present(&world, &both, json!({"domain": "x"})).await;
    not_verified(&answer, "https://w3id.org/security#INVALID_DOMAIN_ERROR");
    let mut apart = both.clone();
    apart["proof"][1]["challenge"] = json!("n-2");
    not_verified(&present(&world, &apart, asked.clone()).await, MALFORMED);
    let mut unsaid = both.clone();
    unsaid["proof"][1].as_object_mut().unwrap().remove("challenge");
    not_verified(&present(&world, &unsaid, asked.clone()).await, MALFORMED);
    let mut stranger = both.clone();
    stranger["holder"] = json!("did:web:stranger.example");
    assert_eq!(present(&world, &stranger, asked).await.status, 400);
}

// R-043 R-160 R-161
#[tokio::test]
async fn a_status_is_set_entry_by_entry_as_the_vc_api_asks_for_it() {
    let world = World::new().await;
    world.faces.domain.refresh_lists().await.unwrap();
    let mut document = credential(world.alpha.did.as_str());
    document["id"] = json!("https://alumni.example/credentials/2");
    let id = document["id"].clone();
    let purposes = json!({"statusPurposes": ["revocation", "suspension"]});
    let verifiable = issued(&world, &document, purposes).await;
    let entries = &verifiable["credentialStatus"];
    let set = async |id: &Value, entry: &Value, status: Value| {
        let body = json!({"credentialId": id, "credentialStatus": entry, "status": status});
        world.post("/credentials/status", &body).await
    };
    let of = |purpose: &str| json!({"type": "BitstringStatusListEntry", "statusPurpose": purpose});
    let state = async |entry: &Value, status: bool| {
        let answer = set(&id, entry, json!(status)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        (answer.json()["state"].as_str().unwrap().to_owned(), verify(&world, &verifiable).await.status)
    };
    assert_eq!(state(&of("revocation"), false).await, ("active".to_owned(), 200), "nothing was to be done");
    assert_eq!(state(&entries[1], true).await, ("suspended".to_owned(), 400), "its own entry, whole");
    assert_eq!(state(&of("suspension"), false).await, ("active".to_owned(), 200));
    let shorter = json!({"type": "BitstringStatusList", "statusPurpose": "suspension"});
    assert_eq!(state(&shorter, true).await, ("suspended".to_owned(), 400));
    let mut foreign = entries[0].clone();
    foreign["statusListIndex"] = json!("7");
    for (entry, path) in [
        (of("refresh"), json!(["credentialStatus", "statusPurpose"])),
        (json!({"type": "Other", "statusPurpose": "revocation"}), json!(["credentialStatus", "type"])),
        (json!({"type": "BitstringStatusList"}), json!(["credentialStatus", "statusPurpose"])),
        (foreign, json!(["credentialStatus"])),
    ] {
        let answer = set(&id, &entry, json!(true)).await;
        assert_eq!((answer.status, answer.json()["path"].clone()), (400, path), "{entry}");
    }
    assert_eq!(set(&id, &of("revocation"), json!("yes")).await.json()["path"], json!(["status"]));
    assert_eq!(set(&json!("urn:x:none"), &of("revocation"), json!(true)).await.status, 404);
    assert_eq!(state(&of("revocation"), true).await.0, "revoked");
    for entry in [of("revocation"), of("suspension")] {
        assert_eq!(set(&id, &entry, json!(false)).await.status, 409, "revoked is for good");
    }
    // What it has no entry for cannot be said of it.
    document["id"] = json!("https://alumni.example/credentials/3");
    issued(&world, &document, json!({"statusPurposes": ["revocation"]})).await;
    assert_eq!(set(&document["id"], &of("suspension"), json!(true)).await.status, 409);
}

//
#[tokio::test]
async fn a_holder_discloses_what_it_chooses_and_only_of_an_sd_jwt() {
    let world = World::new().await;
    let own = credential(world.alpha.did.as_str());
    let options = json!({"format": "vc+sd-jwt", "mandatoryPointers": ["/credentialSubject/degree/of"]});
    let verifiable = issued(&world, &own, options).await;
    for (pointers, shown) in [
        (json!(["/credentialSubject/year"]), vec!["degree", "id", "year"]),
        (json!([]), vec!["degree", "id"]),
    ] {
        let body = json!({"verifiableCredential": verifiable, "options": {"selectivePointers": pointers}});
        let answer = world.post("/credentials/derive", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        let derived = answer.json()["verifiableCredential"].clone();
        assert_eq!(verify(&world, &derived).await.status, 200);
        let text = derived["id"].as_str().unwrap().split_once(',').unwrap().1.to_owned();
        let document = vc_schemas::secure::sd_jwt::SdJwt::parse(text.as_bytes(), text.len()).unwrap();
        let members = document.document()["credentialSubject"].as_object().unwrap();
        assert_eq!(members.keys().map(String::as_str).collect::<Vec<_>>(), shown);
    }
    let body = json!({"verifiableCredential": verifiable, "options": {"selectivePointers": ["/nothing"]}});
    refused(&world.post("/credentials/derive", &body).await, MALFORMED);
    for format in ["vc", "vc+jwt", "vc+cose"] {
        let verifiable = issued(&world, &own, json!({"format": format})).await;
        let body = json!({"verifiableCredential": verifiable, "options": {"selectivePointers": []}});
        refused(&world.post("/credentials/derive", &body).await, MALFORMED);
    }
}

#[tokio::test]
async fn a_presentation_and_its_credentials_are_verified_for_a_challenge_and_a_domain() {
    let world = World::new().await;
    let own = credential(world.alpha.did.as_str());
    let mut credentials = Vec::new();
    for format in ["vc", "vc+jwt", "vc+cose", "vc+sd-jwt"] {
        credentials.push(issued(&world, &own, json!({"format": format})).await);
    }
    let asked = json!({"challenge": "n-1", "domain": "verifier.test"});
    for kind in [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384] {
        let holder = Holder::new(kind);
        let mut own_word = credential(&holder.did);
        own_word["credentialSubject"] = json!({"id": holder.did, "likes": "tea"});
        let mut all = credentials.clone();
        all.push(own_word);
        for envelope in ENVELOPES {
            let presentation = holder.present(envelope, json!(all));
            let answer = present(&world, &presentation, asked.clone()).await;
            assert_eq!(answer.status, 200, "{kind:?} {envelope:?}: {}", answer.json());
            assert_eq!(answer.json()["checks"], json!(["proof", "challenge", "domain", "validityPeriod"]));
            assert_eq!(answer.json()["warnings"][0]["path"], json!(["verifiableCredential", 4]));
            for (option, code) in [("challenge", "nonce-mismatch"), ("domain", "audience-mismatch")] {
                let mut other = asked.clone();
                other[option] = json!("other");
                let answer = present(&world, &presentation, other).await;
                assert_eq!((answer.status, answer.code().as_str()), (400, code));
                assert_eq!(answer.json()["verified"], false);
            }
        }
    }
    let holder = Holder::new(KeyKind::Ed25519);
    // Somebody else's word is not secured by the presentation.
    let presentation = holder.present(Envelope::DataIntegrity, json!([own]));
    let answer = present(&world, &presentation, asked.clone()).await;
    not_verified(&answer, INSECURE);
    assert_eq!(answer.json()["path"], json!(["verifiablePresentation", "verifiableCredential", 0, "proof"]));
    // A credential that was changed, in a presentation that was not.
    let mut changed = credentials[0].clone();
    changed["credentialSubject"]["year"] = json!(1999);
    let presentation = holder.present(Envelope::Jwt, json!([credentials[1], changed]));
    not_verified(&present(&world, &presentation, asked.clone()).await, INSECURE);
    // Signed by one, held by another.
    let other = Holder::new(KeyKind::Ed25519);
    let payload = json!({"@context": [V2], "type": "VerifiablePresentation", "holder": other.did});
    let presentation = holder.secure(Content::Presentation, Envelope::DataIntegrity, payload);
    let answer = present(&world, &presentation, json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "holder-mismatch"));
    // Past its time.
    let payload =
        json!({"@context": [V2], "type": "VerifiablePresentation", "iat": NOW - 900, "exp": NOW - 600});
    for envelope in ENVELOPES {
        let presentation = holder.secure(Content::Presentation, envelope, payload.clone());
        assert_eq!(present(&world, &presentation, json!({})).await.status, 400, "{envelope:?}");
    }
}

#[tokio::test]
async fn an_unsigned_presentation_carries_signed_credentials_and_answers_no_challenge() {
    let world = World::new().await;
    let verifiable = issued(&world, &credential(world.alpha.did.as_str()), json!({"format": "vc+jwt"})).await;
    let presentation =
        json!({"@context": [V2], "type": "VerifiablePresentation", "verifiableCredential": verifiable});
    let answer = world.post("/presentations/verify", &json!({"presentation": presentation})).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!((&answer.json()["checks"], &answer.json()["warnings"][0]["path"]), (&json!([]), &json!([])));
    // It is nothing that a verifier asked for, and no verifiable presentation.
    let body = json!({"presentation": presentation, "options": {"challenge": "n-1"}});
    not_verified(&world.post("/presentations/verify", &body).await, INSECURE);
    not_verified(&present(&world, &presentation, json!({})).await, INSECURE);
    let both = json!({"presentation": presentation, "verifiablePresentation": presentation});
    assert_eq!(world.post("/presentations/verify", &both).await.code(), "request-malformed");
    // Its credentials are verified all the same.
    let mut open = presentation.clone();
    open["verifiableCredential"] = credential(world.alpha.did.as_str());
    let answer = world.post("/presentations/verify", &json!({"presentation": open})).await;
    not_verified(&answer, INSECURE);
}

struct Running {
    runtime: tokio::runtime::Runtime,
    world: World,
    good: Vec<(&'static str, Value)>,
}

static RUNNING: LazyLock<Running> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let own = credential(world.alpha.did.as_str());
    let verifiable = runtime.block_on(issued(&world, &own, json!({})));
    let sd_jwt = runtime.block_on(issued(&world, &own, json!({"format": "vc+sd-jwt"})));
    let holder = Holder::new(KeyKind::Ed25519);
    let presented = holder.present(Envelope::DataIntegrity, json!([verifiable, sd_jwt]));
    let good = vec![
        (
            "/credentials/issue",
            json!({"credential": own, "options": {"format": "vc", "credentialId": "urn:x:1"}}),
        ),
        (
            "/credentials/derive",
            json!({"verifiableCredential": sd_jwt, "options": {"selectivePointers": []}}),
        ),
        (
            "/credentials/verify",
            json!({"verifiableCredential": verifiable, "options": {"checks": ["proof"]}}),
        ),
        (
            "/presentations/verify",
            json!({"verifiablePresentation": presented, "options": {"challenge": "n-1"}}),
        ),
    ];
    Running { runtime, world, good }
});

/// Puts `value` in the place of the `at`th value of `json`, counted as they are met.
fn replace(json: &mut Value, at: &mut usize, value: &Value) {
    if *at == 0 {
        *json = value.clone();
    }
    *at = at.wrapping_sub(1);
    match json {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, at, value)),
        Value::Object(members) => members.values_mut().for_each(|member| replace(member, at, value)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_body_with_any_part_replaced_is_answered_or_refused_and_no_defect(
        which in 0..4_usize,
        at in 0..60_usize,
        value in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!(true)), Just(json!(-1)),
            Just(json!([[{}]])), Just(json!({"id": 7, "type": []})), Just(json!("")), Just(json!("did:key:z")),
            ".{0,12}".prop_map(Value::from),
        ],
    ) {
        let Running { runtime, world, good } = &*RUNNING;
        let (path, mut body) = good[which].clone();
        replace(&mut body, &mut at.clone(), &value);
        let answer = runtime.block_on(world.post(path, &body));
        let expected = [200, 201, 400].contains(&answer.status);
        prop_assert!(expected, "{} {}: {} {}", path, body, answer.status, answer.json());
        if answer.status == 400 {
            answer.code();
        }
    }
}
