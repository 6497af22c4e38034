//! SD-JWTs among the credentials of a presentation: identities that show a part, links that must not, and
//! bindings of the holder.

use super::*;
use crate::claims::{Approval, Parent};
use crate::disclosure::Pointer;
use crate::secure::Draft;
use crate::secure::sd_jwt::{BindingDraft, SdJwt};
use did_resolver::time::UnixSeconds;
use world::{AUDIENCE, NONCE};

const PROFILES: [Envelope; 2] = [Envelope::VcSdJwt, Envelope::DcSdJwt];

/// Its place among the credentials of the journey: the AgentCredential of the holder.
const OWN: usize = 4;

fn pointers(texts: &[&str]) -> Vec<Pointer> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn concealing(by: &Party, envelope: Envelope, payload: &Value, hidden: &[&str]) -> Secured {
    let hidden = pointers(hidden);
    let kind = by.public().kind();
    let draft = Draft::concealing(envelope, payload, (&hidden, 2, &[5; 32]), &by.key_id(), kind).unwrap();
    let signature = by.sign_bytes(draft.signing_input());
    draft.attach(&by.public(), &signature).unwrap()
}

/// The journey, in which the holder's identity hides `hidden`.
fn journey(envelope: Envelope, hidden: &[&str], add: Value) -> (World, Vec<Secured>) {
    let mut world = World::new(envelope);
    let mut credentials = world.plain_journey();
    let mut payload = credentials[OWN].payload().clone();
    payload.as_object_mut().unwrap().extend(add.as_object().unwrap().clone());
    credentials[OWN] = concealing(&world.bravo, envelope, &payload, hidden);
    (world, credentials)
}

fn bound(secured: &Secured, by: &Party, verifier: (&str, &str), at: UnixSeconds) -> Secured {
    let draft = BindingDraft::new(secured.sd_jwt().unwrap(), by.public().kind(), verifier, at).unwrap();
    let signature = by.sign_bytes(draft.signing_input());
    let bound: SdJwt = draft.attach(&by.public(), &signature).unwrap();
    Secured::parse(Content::Credential, secured.envelope(), bound.to_text().as_bytes(), 1 << 18).unwrap()
}

// of its ceiling the holder shows what the verifier needs.
#[test]
fn an_identity_shows_the_part_of_its_ceiling_that_is_needed_and_no_more_counts() {
    for envelope in PROFILES {
        let hidden: Vec<String> = (0..3).map(|n| format!("/credentialSubject/capabilities/{n}")).collect();
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        let (world, mut credentials) = journey(envelope, &hidden, json!({}));
        assert_eq!(verified(presented(&world, credentials.clone())).capabilities, scope(&["calendar:read"]));
        let whole = credentials[OWN].clone();
        credentials[OWN] = whole.disclosing(&pointers(&hidden[..1])).unwrap();
        let shown = &credentials[OWN].payload()["credentialSubject"]["capabilities"];
        assert_eq!(*shown, json!(["calendar:read"]));
        assert!(!credentials[OWN].to_text().contains("mail"));
        assert_eq!(verified(presented(&world, credentials.clone())).capabilities, scope(&["calendar:read"]));
        credentials[OWN] = whole.disclosing(&pointers(&hidden[1..])).unwrap();
        let widened = (Code::DelegationWidened, "chain[1].capabilities".to_owned());
        assert_eq!(code_of(&world, credentials), widened);
    }
}

#[test]
fn an_identity_that_holds_back_what_is_needed_is_refused() {
    for envelope in PROFILES {
        for needed in ["owner", "name", "domain", "capabilities", "subjectStatus"] {
            let place = format!("/credentialSubject/{needed}");
            let (world, mut credentials) = journey(envelope, &[&place], json!({}));
            verified(presented(&world, credentials.clone()));
            credentials[OWN] = credentials[OWN].disclosing(&[]).unwrap();
            let refused = code_of(&world, credentials);
            assert_eq!(refused, (Code::CredentialMalformed, format!("verifiableCredential[4].{needed}")));
        }
    }
}

// MODEL.md, "Credentials": a child names its parent by what was signed, and that must be all there is.
#[test]
fn a_link_with_claims_that_can_be_held_back_is_refused_shown_or_not() {
    for envelope in PROFILES {
        let mut world = World::new(envelope);
        let credentials = world.plain_journey();
        let payload = credentials[1].payload().clone();
        let travel = world.travel.clone();
        let plain = concealing(&travel, envelope, &payload, &[]);
        let hides = concealing(&travel, envelope, &payload, &["/credentialSubject/capabilities"]);
        let with = |link: Secured| {
            let mut credentials = credentials.clone();
            credentials[1] = link;
            presented(&world, credentials)
        };
        verified(with(plain.clone()));
        let refusal = (Code::CredentialMalformed, "chain[1]".to_owned());
        assert_eq!(refused(with(hides.clone())), refusal);
        assert_eq!(refused(with(hides.disclosing(&[]).unwrap())).0, Code::CredentialMalformed);
        let calendar = world.calendar.clone();
        let tied = bound(&plain, &calendar, (AUDIENCE, NONCE), NOW);
        assert_eq!(refused(with(tied)), refusal, "a link is for every verifier");
    }
}

#[test]
fn nothing_but_an_identity_may_hold_something_back() {
    for envelope in PROFILES {
        let (mut world, mut credentials) = journey(envelope, &[], json!({}));
        let (alice, alpha, calendar) = (world.alice.clone(), world.alpha.clone(), world.calendar.clone());
        let approval = Approval {
            id: calendar.did,
            capability: "calendar:read".parse().unwrap(),
            action: [1; 32],
            mandate: Parent { id: read(&credentials[1]).id, digest: credentials[1].digest() },
        };
        let payload = world.credential(&alice, &alpha, 600, Claims::Approval(approval)).to_json();
        credentials.push(concealing(&alice, envelope, &payload, &[]));
        verified(presented(&world, credentials.clone()));
        credentials[5] = concealing(&alice, envelope, &payload, &["/credentialSubject/capability"]);
        let refusal = (Code::CredentialMalformed, "verifiableCredential[5]".to_owned());
        assert_eq!(code_of(&world, credentials), refusal);
    }
}

//
#[test]
fn a_binding_must_be_the_holders_for_this_verifier_and_nonce() {
    for envelope in PROFILES {
        let (world, credentials) = journey(envelope, &[], json!({}));
        let with = |at: usize, by: &Party, verifier, time| {
            let mut credentials = credentials.clone();
            credentials[at] = bound(&credentials[at], by, verifier, time);
            presented(&world, credentials)
        };
        let unproven = |at: usize| (Code::PossessionUnproven, format!("identities[{at}]"));
        verified(with(OWN, &world.calendar, (AUDIENCE, NONCE), NOW));
        assert_eq!(refused(with(OWN, &world.travel, (AUDIENCE, NONCE), NOW)), unproven(2));
        assert_eq!(refused(with(OWN, &world.calendar, ("did:web:other", NONCE), NOW)), unproven(2));
        assert_eq!(refused(with(OWN, &world.calendar, (AUDIENCE, "nonce-2"), NOW)), unproven(2));
        let old = NOW.minus(Duration::from_secs(361));
        assert_eq!(refused(with(OWN, &world.calendar, (AUDIENCE, NONCE), old)), unproven(2));
        // Whoever passed something on is not here to bind anything.
        assert_eq!(refused(with(3, &world.travel, (AUDIENCE, NONCE), NOW)), unproven(1));
    }
}

//
#[test]
fn a_credential_that_names_its_holders_key_must_be_bound_by_that_key() {
    let keyed = Party::of_key("a key of the holder");
    let cnf = json!({"cnf": {"jwk": keyed.public().to_jwk().unwrap()}});
    let (world, credentials) = journey(Envelope::VcSdJwt, &[], cnf);
    let unproven = (Code::PossessionUnproven, "identities[2]".to_owned());
    assert_eq!(code_of(&world, credentials.clone()), unproven);
    let with = |by: &Party| {
        let mut credentials = credentials.clone();
        credentials[OWN] = bound(&credentials[OWN], by, (AUDIENCE, NONCE), NOW);
        presented(&world, credentials)
    };
    verified(with(&keyed));
    assert_eq!(refused(with(&world.calendar)), unproven);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    //
    /// Whatever is held back, a verdict never allows more than with everything shown.
    #[test]
    fn holding_back_never_widens(shown in prop::collection::vec(any::<bool>(), 8), dc in any::<bool>()) {
        let envelope = PROFILES[usize::from(dc)];
        let places = [
            "/credentialSubject/capabilities/0", "/credentialSubject/capabilities/1",
            "/credentialSubject/capabilities/2", "/credentialSubject/capabilities",
            "/credentialSubject/name", "/credentialSubject/owner", "/credentialSubject/subjectStatus/0",
            "/credentialSubject/type",
        ];
        let (world, mut credentials) = journey(envelope, &places, json!({}));
        let all = verified(presented(&world, credentials.clone())).capabilities;
        let wanted: Vec<&str> =
            places.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(place, _)| *place).collect();
        credentials[OWN] = credentials[OWN].disclosing(&pointers(&wanted)).unwrap();
        match presented(&world, credentials) {
            Outcome::Verified(verdict) => prop_assert!(verdict.capabilities.is_within(&all)),
            Outcome::Refused(_) => {}
            Outcome::Wants(wants) => prop_assert!(false, "{wants:?}"),
        }
    }
}
