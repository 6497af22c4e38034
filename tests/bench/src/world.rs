//! Two domains, an owner, three agents, and the chain that leads from the one to the last of the
//! others, in any envelope.

use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::claims::{Agent, Claims, Delegation, Owner, OwnerKind, Parent, StatusPair};
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::delegation::constraints::Constraints;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::facts::{Anchor, DidFact, Expect, Facts, ListFact, Recognition, Request};
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Draft, Envelope, Secured};
use vc_schemas::status::array::{Bits, MIN_ENTRIES, Width};
use vc_schemas::status::token_list::{Form, Token, TokenDraft, TokenList};
use vc_schemas::status::{ListDraft, Purpose, StatusEntry, StatusList};

/// The instant of every check.
pub const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

const AUDIENCE: &str = "did:webvh:verifier";
const NONCE: &str = "Ej1vXh2bUq0sVwq3n1mGxA";

/// Entries of each status list: the fewest that a list may have.
pub const ENTRIES: u32 = 131_072;

/// Whoever signs.
#[derive(Clone)]
pub struct Party {
    pub did: Did,
    key: SigningKey,
}

impl Party {
    /// A did:webvh at that place.
    pub fn new(place: &str) -> Self {
        let scid = codec::multihash_base58btc(place.as_bytes());
        let did = format!("did:webvh:{scid}:{place}").parse().unwrap();
        Self { did, key: SigningKey::from_bytes(&codec::sha256(place.as_bytes())) }
    }

    fn scid(&self) -> String {
        self.did.method_specific_id().split(':').next().unwrap().to_owned()
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn public(&self) -> PublicKey {
        PublicKey::ed25519(self.verifying_key().as_bytes()).unwrap()
    }

    /// What its newest log entry says.
    pub fn document(&self) -> Document {
        let (id, multikey) = (format!("{}#key-1", self.did), self.public().to_multikey());
        Document::parse(json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": self.did.as_str(),
            "verificationMethod": [{
                "id": id, "type": "Multikey", "controller": self.did.as_str(), "publicKeyMultibase": multikey,
            }],
            "assertionMethod": [id], "authentication": [id],
        }))
        .unwrap()
    }

    fn sign(&self, content: Content, envelope: Envelope, payload: Value) -> Signed {
        let key_id = self.did.with_fragment("key-1").unwrap();
        let draft = Draft::new(content, envelope, payload, key_id, self.public().kind()).unwrap();
        let (input, signature) = (draft.signing_input().to_vec(), self.key.sign(draft.signing_input()));
        let secured = draft.attach(&self.public(), &signature.to_bytes()).unwrap();
        Signed { key: self.verifying_key(), public: self.public(), input, signature, secured }
    }
}

/// Something that was signed: what a bare verification needs, and what Marque reads.
pub struct Signed {
    pub key: VerifyingKey,
    pub public: PublicKey,
    pub input: Vec<u8>,
    pub signature: Signature,
    pub secured: Secured,
}

/// Everybody, and what a verifier knows of them.
pub struct World {
    alpha: Party,
    bravo: Party,
    alice: Party,
    agents: Vec<Party>,
}

impl World {
    /// With so many agents in a chain, of the two domains in turn.
    pub fn new(hops: usize) -> Self {
        let agents = (0..hops).map(|hop| {
            let domain = if hop.is_multiple_of(2) { "alpha" } else { "bravo" };
            Party::new(&format!("{domain}.example:agents:calendar-bot-{hop}"))
        });
        Self {
            alpha: Party::new("alpha.example"),
            bravo: Party::new("bravo.example"),
            alice: Party::new("alpha.example:owners:alice"),
            agents: agents.collect(),
        }
    }

    fn domain(&self, hop: usize) -> &Party {
        if hop.is_multiple_of(2) { &self.alpha } else { &self.bravo }
    }

    /// alice -> agent -> agent ..., with the identity credentials of all, presented by the last: the
    /// links, the identity credentials, the presentation.
    pub fn chain(&self, envelope: Envelope) -> Vec<Signed> {
        let mut numbers = 100_u32..;
        let mut credential = |issuer: &Party, domain: &Party, life_seconds, claims| {
            let number = numbers.next().unwrap();
            Credential {
                id: uuid_urn(codec::sha256(&number.to_be_bytes())[..16].try_into().unwrap()),
                issuer: issuer.did.clone(),
                valid_from: NOW.minus(Duration::from_secs(100)),
                valid_until: NOW.plus(Duration::from_secs(life_seconds)),
                status: pair(domain, number),
                claims,
            }
        };
        let secure = |by: &Party, credential: &Credential| {
            by.sign(Content::Credential, envelope, credential.to_json())
        };
        let mut signed = Vec::new();
        let mut parent = None;
        for (hop, agent) in self.agents.iter().enumerate() {
            let (issuer, domain) = match hop.checked_sub(1) {
                None => (&self.alice, &self.alpha),
                Some(before) => (&self.agents[before], self.domain(before)),
            };
            let all = ["calendar:write", "mail:send", "calendar:read"];
            let constraints = json!({
                "audience": [AUDIENCE],
                "resource": ["https://calendar.example/alice"],
                "purpose": "plan a journey",
                "maxDepth": 7 - hop,
            });
            let claims = Claims::Delegation(Delegation {
                id: agent.did.clone(),
                principal: self.alice.did.clone(),
                capabilities: scope(&all[hop.min(2)..]),
                constraints: Constraints::read(&constraints).unwrap(),
                parent: parent.take(),
            });
            let link = credential(issuer, domain, 3_000 - hop as u64, claims);
            let secured = secure(issuer, &link);
            parent = Some(Parent { id: link.id.clone(), digest: secured.secured.digest() });
            signed.push(secured);
        }
        let owner = Owner {
            id: self.alice.did.clone(),
            kind: OwnerKind::Person,
            domain: "alpha.example".to_owned(),
            status: pair(&self.alpha, 10),
        };
        let owner = credential(&self.alpha, &self.alpha, 80_000, Claims::Owner(owner));
        signed.push(secure(&self.alpha, &owner));
        for (hop, agent) in self.agents.iter().enumerate() {
            let domain = self.domain(hop);
            let claims = Claims::Agent(Agent {
                id: agent.did.clone(),
                name: format!("calendar-bot-{hop}"),
                domain: "acme.example".to_owned(),
                owner: self.alice.did.clone(),
                capabilities: scope(&["calendar:read", "calendar:write", "mail:send", "files:read"]),
                status: pair(domain, 20 + hop as u32),
            });
            let identity = credential(domain, domain, 80_000, claims);
            signed.push(secure(domain, &identity));
        }
        let holder = self.agents.last().unwrap_or(&self.alice).clone();
        let presentation = Presentation {
            holder: holder.did.clone(),
            audience: AUDIENCE.to_owned(),
            nonce: NONCE.to_owned(),
            issued: NOW,
            expires: NOW.plus(Duration::from_secs(120)),
            credentials: signed.iter().map(|one| one.secured.clone()).collect(),
        };
        signed.push(holder.sign(Content::Presentation, envelope, presentation.to_json()));
        signed
    }

    /// What a verifier knows that has everything in memory.
    pub fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for party in [&self.alpha, &self.bravo, &self.alice].into_iter().chain(&self.agents) {
            let document = Arc::new(party.document());
            facts.insert_did(party.did.clone(), DidFact::Active { document, version: 1 });
        }
        for domain in [&self.alpha, &self.bravo] {
            for purpose in [Purpose::Revocation, Purpose::Suspension] {
                let (secured, document) = list(domain, purpose, ENTRIES, 100);
                let list = StatusList::verified(secured, &document, NOW).unwrap();
                facts.insert_list(ListFact { list: Arc::new(list), revoked_ever: None });
            }
        }
        facts
    }

    /// What it asks.
    pub fn expect(&self) -> Expect {
        let anchor = Anchor {
            capabilities: scope(&["calendar:read", "calendar:write", "mail:send"]),
            resources: None,
        };
        Expect {
            audience: AUDIENCE.to_owned(),
            nonce: NONCE.to_owned(),
            domains: BTreeMap::from([
                (self.alpha.scid(), Recognition { suspended: false, anchor }),
                (self.bravo.scid(), Recognition::default()),
            ]),
            principals: BTreeMap::new(),
            status_max_age: Duration::from_secs(300),
            deferrable: Scope::default(),
            skew: Duration::from_secs(60),
            request: Request {
                capability: Some("calendar:read".parse().unwrap()),
                resource: Some("https://calendar.example/alice".to_owned()),
                purpose: Some("plan a journey".to_owned()),
                ..Request::default()
            },
        }
    }
}

fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|text| text.parse().unwrap())).unwrap()
}

/// The URL of a domain's list.
pub fn list_url(domain: &Party, purpose: Purpose) -> String {
    format!(
        "https://{}/status/{}",
        domain.did.method_specific_id().split(':').nth(1).unwrap(),
        purpose.as_str()
    )
}

fn pair(domain: &Party, index: u32) -> StatusPair {
    let entry = |purpose| StatusEntry { purpose, index, list: list_url(domain, purpose) };
    StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
}

/// An array of which one entry in `one_in` is set.
fn bits(entries: u32, one_in: u32) -> Bits {
    // What the chains point at is never set.
    let lowest = if entries < MIN_ENTRIES { 0 } else { 1_000 };
    let mut bits = Bits::wide(entries, Width::One).unwrap();
    let set: BTreeSet<u32> = (0_u64..)
        .map(|number| (spread(number) % u64::from(entries)) as u32)
        .filter(|index| *index >= lowest)
        .take((entries / one_in) as usize)
        .collect();
    for index in set {
        bits.set(index).unwrap();
    }
    bits
}

/// A Status List Token of which one entry in `one_in` is set, with the document that verifies it.
pub fn token(domain: &Party, entries: u32, one_in: u32, form: Form) -> (Token, Document) {
    let list = TokenList {
        url: list_url(domain, Purpose::Revocation),
        issuer: Some(domain.did.clone()),
        sequence: Some(1),
        issued: NOW,
        not_before: None,
        expires: Some(NOW.plus(Duration::from_secs(86_400))),
        ttl: Some(Duration::from_secs(300)),
        aggregation: None,
        bits: bits(entries, one_in),
    };
    let key_id = domain.did.with_fragment("key-1").unwrap();
    let draft = TokenDraft::new(&list, form, &key_id, domain.public().kind()).unwrap();
    let signature = domain.key.sign(draft.signing_input()).to_bytes();
    (draft.attach(&domain.public(), &signature).unwrap(), domain.document())
}

/// A bitstring list of which one entry in `one_in` is set, none of the first 1,000, with the document
/// that verifies it.
pub fn list(domain: &Party, purpose: Purpose, entries: u32, one_in: u32) -> (Secured, Document) {
    let draft = ListDraft {
        url: list_url(domain, purpose),
        issuer: domain.did.clone(),
        purpose,
        sequence: 1,
        issued: NOW,
        valid_until: NOW.plus(Duration::from_secs(86_400)),
        ttl: Duration::from_secs(300),
        bits: bits(entries, one_in),
    };
    (domain.sign(Content::Credential, Envelope::Jwt, draft.payload().unwrap()).secured, domain.document())
}

/// A number that has nothing to do with those of its neighbours (SplitMix64): a list whose set entries
/// keep a pattern would compress as no list does.
pub fn spread(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ mixed >> 31
}
