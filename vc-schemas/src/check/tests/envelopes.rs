//! One chain, any envelopes, one verdict: what is wrong with a chain is said alike whatever secures it.

use super::world::{AUDIENCE, NONCE, NOW, Party, World};
use super::*;
use crate::facts::{Expect, Facts};
use crate::presentation::Presentation;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;

/// A chain before it is secured, and what a verifier knows and asks.
struct Case {
    world: World,
    payloads: Vec<Value>,
    signers: Vec<Party>,
    presenter: Party,
    presentation: Presentation,
    /// The envelope in which the first link is that the second one names, where it is another one.
    named_in_another: bool,
    /// What the verifier has not.
    without: Vec<String>,
    expect: Expect,
    now: UnixSeconds,
}

const OWNER: usize = 2;
const AGENT: usize = 3;
const LAST_AGENT: usize = 4;

impl Case {
    fn new() -> Self {
        let mut world = World::new(Envelope::Jwt);
        let payloads = world.plain_journey().iter().map(|secured| secured.payload().clone()).collect();
        let signers = [&world.alice, &world.travel, &world.alpha, &world.alpha, &world.bravo];
        let signers = signers.into_iter().cloned().collect();
        let presenter = world.calendar.clone();
        let presentation = world.presentation(&presenter, Vec::new());
        let (expect, named_in_another, without) = (world.expect(), false, Vec::new());
        Self {
            world,
            payloads,
            signers,
            presenter,
            presentation,
            named_in_another,
            without,
            expect,
            now: NOW,
        }
    }

    fn claims(&mut self, at: usize) -> &mut Value {
        &mut self.payloads[at]["credentialSubject"]
    }

    fn revoke(&mut self, status: &Value) {
        let list = status["statusListCredential"].as_str().unwrap().to_owned();
        let index = status["statusListIndex"].as_str().unwrap().parse().unwrap();
        self.world.revoked.entry(list).or_default().insert(index);
    }

    /// Secures everything, each credential, the presentation and the lists in an envelope of its own.
    fn outcome(mut self, envelopes: [Envelope; 7]) -> Outcome {
        let sign = |at: usize, payload: &Value, envelope| {
            self.signers[at].sign(Content::Credential, envelope, payload.clone())
        };
        let mut credentials: Vec<Secured> = Vec::new();
        for (at, payload) in self.payloads.iter().enumerate() {
            let mut payload = payload.clone();
            let parent = payload["credentialSubject"].get_mut("parent").filter(|_| at == 1);
            if let Some(digest) = parent.and_then(|parent| parent.get_mut("digestMultibase")) {
                let other = Envelope::ALL.into_iter().find(|envelope| *envelope != envelopes[0]).unwrap();
                let other = sign(0, &self.payloads[0], other);
                let named = if self.named_in_another { &other } else { &credentials[0] };
                *digest = json!(codec::digest_multibase(&named.digest()));
            }
            credentials.push(sign(at, &payload, envelopes[at]));
        }
        self.presentation.credentials = credentials;
        let presented = self.presenter.sign(Content::Presentation, envelopes[5], self.presentation.to_json());
        self.world.envelope = envelopes[6];
        let mut facts = Facts::default();
        for did in self.world.documents.keys().filter(|did| !self.without.contains(&did.to_string())) {
            facts.insert_did(did.clone(), self.world.did_fact(did).unwrap());
        }
        for domain in [&self.world.alpha, &self.world.bravo] {
            for purpose in [Purpose::Revocation, Purpose::Suspension] {
                if !self.without.contains(&world::list_url(domain, purpose)) {
                    facts.insert_list(self.world.list(domain, purpose, NOW));
                }
            }
        }
        match Held::read(presented) {
            Ok(held) => check(&held, &facts, &self.expect, self.now),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}

/// What an outcome says, the digests excepted that every envelope has of its own.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Verified(verdict) => format!("{verdict:?}"),
        other => format!("{other:?}"),
    }
}

type Wrong = (&'static str, Result<&'static str, Code>, fn(&mut Case));

/// What can be wrong with a chain; what is said of it, or that something is wanted.
const WRONG: [Wrong; 38] = [
    ("nothing", Ok("Verified"), |_| {}),
    ("a link is revoked", Err(Code::CredentialRevoked), |case| {
        let status = case.payloads[1]["credentialStatus"][0].clone();
        case.revoke(&status);
    }),
    ("a link is suspended", Err(Code::CredentialSuspended), |case| {
        let status = case.payloads[0]["credentialStatus"][1].clone();
        case.revoke(&status);
    }),
    ("a subject is revoked", Err(Code::AgentRevoked), |case| {
        let status = case.claims(AGENT)["subjectStatus"][0].clone();
        case.revoke(&status);
    }),
    ("a document is missing", Ok("Wants"), |case| case.without.push(case.world.alpha.did.to_string())),
    ("a list is missing", Ok("Wants"), |case| {
        case.without.push(world::list_url(&case.world.alpha, Purpose::Revocation));
    }),
    ("the lists are old", Err(Code::StatusStale), |case| {
        case.now = NOW.plus(Duration::from_secs(100));
        case.expect.status_max_age = Duration::from_secs(30);
    }),
    ("a capability is added", Err(Code::DelegationWidened), |case| {
        case.claims(1)["capabilities"] = json!(["calendar:read", "mail:send"]);
    }),
    ("a capability is above the ceiling", Err(Code::DelegationWidened), |case| {
        case.claims(0)["capabilities"] = json!(["calendar:read", "files:read"]);
    }),
    ("a constraint is loosened", Err(Code::DelegationWidened), |case| {
        case.claims(0)["constraints"] = json!({"maxDepth": 2, "purpose": "plan"});
    }),
    ("the chain is too deep", Err(Code::DelegationWidened), |case| {
        case.claims(0)["constraints"] = json!({"maxDepth": 0});
        case.claims(1)["constraints"] = json!({"maxDepth": 0});
    }),
    ("a constraint is unknown", Err(Code::ConstraintUnknown), |case| {
        case.claims(1)["constraints"] = json!({"moon": "full"});
    }),
    ("a link outlives the one before", Err(Code::DelegationWidened), |case| {
        case.payloads[1]["validUntil"] = json!(NOW.plus(Duration::from_secs(3_001)).to_string());
    }),
    ("a link is over", Err(Code::CredentialExpired), |case| {
        case.payloads[1]["validUntil"] = json!(NOW.minus(Duration::from_secs(61)).to_string());
    }),
    ("a link is of tomorrow", Err(Code::CredentialNotYetValid), |case| {
        case.payloads[1]["validFrom"] = json!(NOW.plus(Duration::from_secs(61)).to_string());
    }),
    ("an identity is over", Err(Code::CredentialExpired), |case| {
        case.payloads[OWNER]["validUntil"] = json!(NOW.minus(Duration::from_secs(61)).to_string());
    }),
    ("another principal", Err(Code::PrincipalMismatch), |case| {
        case.claims(1)["principal"] = json!(case.world.travel.did.as_str());
    }),
    ("the parent as it is secured in another envelope", Err(Code::ParentMismatch), |case| {
        case.named_in_another = true;
    }),
    ("another parent", Err(Code::ParentMismatch), |case| {
        case.claims(1)["parent"]["id"] = case.payloads[OWNER]["id"].clone();
    }),
    ("no parent", Err(Code::ParentMismatch), |case| {
        case.claims(1).as_object_mut().unwrap().remove("parent");
    }),
    ("a digest that is none", Err(Code::CredentialMalformed), |case| {
        case.claims(0)["parent"] = json!({"id": case.payloads[1]["id"], "digestMultibase": "uEiA"});
    }),
    ("links in another order", Err(Code::HolderMismatch), |case| {
        case.payloads.swap(0, 1);
        case.signers.swap(0, 1);
    }),
    ("a link is left out", Err(Code::PrincipalMismatch), |case| {
        case.payloads.remove(0);
        case.signers.remove(0);
    }),
    ("an identity is left out", Err(Code::IdentityMissing), |case| {
        case.payloads.remove(LAST_AGENT);
        case.signers.remove(LAST_AGENT);
    }),
    ("an identity twice", Err(Code::PresentationMalformed), |case| {
        case.payloads.push(case.payloads[OWNER].clone());
        case.signers.push(case.signers[OWNER].clone());
    }),
    ("a type that is unknown", Err(Code::CredentialMalformed), |case| {
        case.payloads[OWNER]["type"][1] = json!("KingCredential");
    }),
    ("another context", Err(Code::ContextUnknown), |case| {
        case.payloads[1]["@context"][1] = json!("https://evil.example/v1");
    }),
    ("a member that is unknown", Err(Code::CredentialMalformed), |case| {
        case.payloads[1]["note"] = json!(1.5)
    }),
    ("signed by somebody else", Err(Code::KeyNotAuthorised), |case| {
        case.signers[1] = Party::new("mallory", "evil.test");
    }),
    ("signed by another key of that id", Err(Code::SignatureInvalid), |case| {
        let mallory = Party::of_key("mallory");
        case.signers[1].take_key_of(&mallory);
    }),
    ("the key is rotated", Err(Code::SignatureInvalid), |case| {
        let mut json = case.world.bravo.document_json();
        json["verificationMethod"][0]["publicKeyMultibase"] =
            json!(Party::of_key("next").public().to_multikey());
        case.world.documents.insert(case.world.bravo.did.clone(), json);
    }),
    ("presented by somebody else", Err(Code::HolderMismatch), |case| {
        case.presenter = case.world.travel.clone();
        case.presentation.holder = case.world.travel.did.clone();
    }),
    ("presented by another key of that id", Err(Code::SignatureInvalid), |case| {
        case.presenter.take_key_of(&Party::of_key("mallory"));
    }),
    ("for another verifier", Err(Code::AudienceMismatch), |case| {
        case.presentation.audience = "did:web:evil.example".to_owned();
    }),
    ("for another nonce", Err(Code::NonceMismatch), |case| case.presentation.nonce = "nonce-2".to_owned()),
    ("the presentation is over", Err(Code::PresentationExpired), |case| {
        case.presentation.issued = NOW.minus(Duration::from_secs(200));
        case.presentation.expires = NOW.minus(Duration::from_secs(61));
    }),
    ("a domain that nobody recognises", Err(Code::DomainNotRecognised), |case| {
        case.expect.domains.remove(&case.world.bravo.scid());
    }),
    ("more is asked than is granted", Err(Code::CapabilityNotGranted), |case| {
        case.expect.request.capability = Some("calendar:write".parse().unwrap());
    }),
];

fn case(wrong: &Wrong) -> Case {
    let mut case = Case::new();
    assert_eq!((&*case.presentation.audience, &*case.presentation.nonce), (AUDIENCE, NONCE));
    (wrong.2)(&mut case);
    case
}

//
#[test]
fn what_is_wrong_with_a_chain_has_one_code_in_every_envelope() {
    let mut failed = Vec::new();
    for wrong in &WRONG {
        let mut all = Vec::new();
        for envelope in Envelope::ALL {
            let outcome = case(wrong).outcome([envelope; 7]);
            let as_it_should = match (&outcome, wrong.1) {
                (Outcome::Verified(_), Ok("Verified")) | (Outcome::Wants(_), Ok("Wants")) => true,
                (Outcome::Refused(refusal), Err(code)) => refusal.code == code,
                _ => false,
            };
            all.push(said(&outcome));
            if !as_it_should || all[0] != all[all.len() - 1] {
                failed.push(format!("{} in {envelope:?}: {outcome:?}", wrong.0));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    //
    #[test]
    fn verdicts_agree_whatever_secures_each_part(which in 0..WRONG.len(), envelopes in prop::array::uniform7(0..Envelope::ALL.len())) {
        let wrong = &WRONG[which];
        let one = case(wrong).outcome([Envelope::Jwt; 7]);
        let other = case(wrong).outcome(envelopes.map(|at| Envelope::ALL[at]));
        prop_assert_eq!(said(&one), said(&other), "{}", wrong.0);
    }
}

/// A presentation of three links with the identities of the four on them, as large as one is in use.
fn three_hops(envelope: Envelope) -> usize {
    let mut world = World::new(envelope);
    let (alpha, bravo, alice) = (world.alpha.clone(), world.bravo.clone(), world.alice.clone());
    let (travel, calendar) = (world.travel.clone(), world.calendar.clone());
    let mail = Party::new("mail-bot", "alpha.test:agents:mail-bot");
    let terms = |depth: u8| Terms {
        constraints: json!({
            "audience": [AUDIENCE],
            "resource": ["https://calendar.test/alice"],
            "purpose": "plan a journey",
            "maxDepth": depth,
        }),
        ..terms(&["calendar:read"])
    };
    let first = world.link((&alice, &alpha), &travel, &alice, None, &terms(2));
    let second = world.link((&travel, &alpha), &calendar, &alice, Some(&first), &terms(1));
    let third = world.link((&calendar, &bravo), &mail, &alice, Some(&second), &terms(0));
    let owner = world.owner_credential(&alpha, &alice);
    let mut credentials = vec![first.1, second.1, third.1, world.secure(&alpha, &owner)];
    for (domain, agent) in [(&alpha, &travel), (&bravo, &calendar), (&alpha, &mail)] {
        let identity =
            world.agent_credential(domain, agent, &["calendar:read", "calendar:write", "mail:send"]);
        credentials.push(world.secure(domain, &identity));
    }
    world.present(&mail, credentials).bytes().len()
}

#[test]
fn the_compact_form_of_three_hops_takes_less_than_a_third_of_the_bytes_of_a_jwt() {
    let [jwt, cose, proofs, compact, ..] = Envelope::ALL.map(three_hops);
    println!("three hops: vp+jwt {jwt}, vp+cose {cose}, vp {proofs}, compact {compact} bytes");
    assert!(compact * 100 <= jwt * 30, "{compact} of {jwt}");
    assert!(compact * 100 <= proofs * 45, "{compact} of {proofs}");
    assert!(compact < cose && cose < jwt);
}
