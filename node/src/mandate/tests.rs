//! Tests of mandates, and a small world to make them in.

use super::*;
use crate::identity::{self, Keys};
use crate::link::{self, Terms};
use crate::signing;
use did_resolver::keys::KeyKind;
use did_resolver::webvh::Log;
use marque_store::secret::SecretKey;
use proptest::prelude::*;
use std::time::Duration;
use vc_schemas::claims::{Agent, Owner, OwnerKind, StatusPair};
use vc_schemas::credential::uuid_urn;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::status::{Purpose, StatusEntry};

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// Somebody with a log and the key that it lists first.
pub(crate) struct Party {
    pub(crate) log: Log,
    pub(crate) key: SecretKey,
}

impl Party {
    pub(crate) fn new(path: &[&str]) -> Self {
        let ed25519 = || SecretKey::generate(KeyKind::Ed25519).unwrap();
        let (key, update, next) = (ed25519(), ed25519(), ed25519());
        let p256 = SecretKey::generate(KeyKind::P256).unwrap();
        let keys = Keys {
            assertion: key.public(),
            p256: p256.public(),
            update: &update,
            next_update: next.public(),
        };
        let log = identity::genesis("alpha.test", path, keys, NOW).unwrap();
        Self { log, key }
    }

    pub(crate) fn did(&self) -> &Did {
        self.log.did()
    }

    pub(crate) fn sign(&self, envelope: Envelope, credential: &Credential) -> Secured {
        let (document, json) = (self.log.document().unwrap(), credential.to_json());
        signing::secure(Content::Credential, envelope, json, document, &self.key).unwrap()
    }
}

/// alice -> travel-bot -> calendar-bot, all of alpha.test.
pub(crate) struct World {
    pub(crate) envelope: Envelope,
    pub(crate) alpha: Party,
    pub(crate) alice: Party,
    pub(crate) travel: Party,
    pub(crate) calendar: Party,
}

pub(crate) fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}

pub(crate) fn terms(capabilities: &[&str]) -> Terms {
    Terms { capabilities: scope(capabilities), ..Terms::default() }
}

pub(crate) fn pair() -> StatusPair {
    let entry = |purpose: Purpose| StatusEntry {
        purpose,
        index: 7,
        list: format!("https://alpha.test/status/{}", purpose.as_str()),
    };
    StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
}

impl World {
    pub(crate) fn new(envelope: Envelope) -> Self {
        Self {
            envelope,
            alpha: Party::new(&[]),
            alice: Party::new(&["owners", "alice"]),
            travel: Party::new(&["agents", "travel-bot"]),
            calendar: Party::new(&["agents", "calendar-bot"]),
        }
    }

    fn issue(&self, subject: Claims) -> Secured {
        let credential = Credential {
            id: uuid_urn(signing::random().unwrap()),
            issuer: self.alpha.did().clone(),
            valid_from: NOW,
            valid_until: NOW.plus(Duration::from_secs(86_400)),
            status: pair(),
            claims: subject,
        };
        self.alpha.sign(self.envelope, &credential)
    }

    pub(crate) fn owner(&self, of: &Party) -> Secured {
        let (id, domain) = (of.did().clone(), "alpha.test".to_owned());
        self.issue(Claims::Owner(Owner { id, kind: OwnerKind::Person, domain, status: pair() }))
    }

    pub(crate) fn agent(&self, of: &Party) -> Secured {
        self.issue(Claims::Agent(Agent {
            id: of.did().clone(),
            name: "bot".to_owned(),
            domain: "alpha.test".to_owned(),
            owner: self.alice.did().clone(),
            capabilities: scope(&["calendar:read", "calendar:write"]),
            status: pair(),
        }))
    }

    pub(crate) fn link(&self, from: &Party, to: &Party, above: Option<&Mandate>, terms: &Terms) -> Secured {
        let planned = link::plan((from.did(), to.did()), above, terms, None, NOW).unwrap();
        let id = uuid_urn(signing::random().unwrap());
        from.sign(self.envelope, &planned.credential(id, from.did().clone(), pair()))
    }

    pub(crate) fn first(&self) -> Mandate {
        let terms = Terms { max_depth: Some(2), ..terms(&["calendar:read", "calendar:write"]) };
        let link = self.link(&self.alice, &self.travel, None, &terms);
        Mandate::new(vec![link], vec![self.owner(&self.alice)]).unwrap()
    }

    pub(crate) fn second(&self, first: &Mandate) -> Mandate {
        let link = self.link(&self.travel, &self.calendar, Some(first), &terms(&["calendar:read"]));
        let chain = [first.chain(), &[link]].concat();
        Mandate::new(chain, [first.identities(), &[self.agent(&self.travel)]].concat()).unwrap()
    }
}

fn refusal(json: &Value) -> String {
    Mandate::parse(json.to_string().as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_mandate_reads_back_as_it_was_written_in_both_envelopes() {
    for envelope in [Envelope::Jwt, Envelope::Cose] {
        let world = World::new(envelope);
        let mandate = world.second(&world.first());
        let json = mandate.to_json();
        let again = Mandate::parse(json.to_string().as_bytes()).unwrap();
        assert_eq!(again.to_json(), json);
        assert_eq!(again.links(), mandate.links());
        assert_eq!(again.subject(), Some(world.calendar.did()));
        assert_eq!((again.chain().len(), again.identities().len()), (2, 2));
    }
}

#[test]
fn a_mandate_of_another_form_is_refused() {
    let world = World::new(Envelope::Jwt);
    let json = world.first().to_json();
    let with = |member: &str, value: Value| {
        let mut changed = json.clone();
        changed[member] = value;
        changed
    };
    assert!(refusal(&with("marque", json!("keyfile"))).contains("marque"));
    assert!(refusal(&with("v", json!(2))).contains("version"));
    assert!(refusal(&with("extra", json!(1))).contains("members"));
    assert!(refusal(&with("chain", json!([]))).contains("chain-empty"));
    assert!(refusal(&with("chain", json!(["x"]))).contains("not a mandate"));
    assert!(refusal(&with("chain", json!([1]))).contains("not a mandate"));
    assert!(refusal(&with("chain", json["identities"].clone())).contains("DelegationCredential"));
    assert!(refusal(&with("identities", json["chain"].clone())).contains("none"));
    assert!(refusal(&with("chain", json!(vec![json["chain"][0].clone(); 9]))).contains("too long"));
    assert!(refusal(&with("identities", json!(vec![json["identities"][0].clone(); 2]))).contains("twice"));
    let doubled = json.to_string().replacen('{', "{\"v\":1,", 1);
    assert!(Mandate::parse(doubled.as_bytes()).is_err());
    assert!(Mandate::parse(&vec![b' '; MAX_BYTES + 1]).is_err());
}

#[test]
fn links_out_of_order_or_of_another_chain_are_refused() {
    //
    let world = World::new(Envelope::Jwt);
    let (first, other) = (world.first(), world.first());
    let second = world.second(&first);
    let json = second.to_json();
    let mut swapped = json.clone();
    swapped["chain"] = json!([json["chain"][1], json["chain"][0]]);
    assert!(Mandate::read(&swapped).is_err());
    let mut spliced = json.clone();
    spliced["chain"] = json!([other.to_json()["chain"][0], json["chain"][1]]);
    assert_eq!(Mandate::read(&spliced).unwrap_err().code, "parent-mismatch");
}

#[test]
fn an_identity_of_somebody_off_the_chain_is_refused() {
    let world = World::new(Envelope::Jwt);
    let first = world.first();
    let error = Mandate::new(first.chain().to_vec(), vec![world.agent(&world.calendar)]).unwrap_err();
    assert!(error.reason.contains("passed nothing on"), "{error}");
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
        drop(Mandate::parse(&bytes));
        drop(Mandate::parse(text.as_bytes()));
        drop(decode(&text, 1_000));
        let json = json!({"marque": "mandate", "v": 1, "chain": [text], "identities": []});
        prop_assert!(Mandate::read(&json).is_err());
    }
}
