//! Two domains, an owner, agents and what they signed, made from fixed seeds.

use crate::claims::{Agent, Claims, Delegation, Owner, OwnerKind, Parent, StatusPair};
use crate::credential::{Credential, uuid_urn};
use crate::delegation::constraints::Constraints;
use crate::delegation::scope::Scope;
use crate::facts::{Anchor, DidFact, Expect, Facts, ListFact, Recognition, Request};
use crate::presentation::Presentation;
use crate::secure::{Content, Draft, Envelope, Secured};
use crate::status::bitstring::{Bits, MIN_ENTRIES};
use crate::status::{ListDraft, Purpose, StatusEntry, StatusList};
use did_resolver::codec;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::Document;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
pub(crate) const AUDIENCE: &str = "did:webvh:verifier";
pub(crate) const NONCE: &str = "nonce-1";

/// Whoever signs: a domain, an owner or an agent.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) did: Did,
    key: SigningKey,
}

impl Party {
    pub(crate) fn new(name: &str, host_path: &str) -> Self {
        let scid = codec::multihash_base58btc(format!("{name}/{host_path}").as_bytes());
        let did = format!("did:webvh:{scid}:{host_path}").parse().unwrap();
        Self { name: name.to_owned(), did, key: SigningKey::from_bytes(&codec::sha256(name.as_bytes())) }
    }

    /// A did:key.
    pub(crate) fn of_key(name: &str) -> Self {
        let key = SigningKey::from_bytes(&codec::sha256(name.as_bytes()));
        let public = PublicKey::ed25519(key.verifying_key().as_bytes()).unwrap();
        let did = format!("did:key:{}", public.to_multikey()).parse().unwrap();
        Self { name: name.to_owned(), did, key }
    }

    pub(crate) fn scid(&self) -> String {
        self.did.method_specific_id().split(':').next().unwrap().to_owned()
    }

    pub(crate) fn public(&self) -> PublicKey {
        PublicKey::ed25519(self.key.verifying_key().as_bytes()).unwrap()
    }

    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// Signs from now on with the key of another.
    pub(crate) fn take_key_of(&mut self, other: &Self) {
        self.key = other.key.clone();
    }

    fn fragment(&self) -> String {
        if self.did.method() == "key" { self.public().to_multikey() } else { "key-1".to_owned() }
    }

    pub(crate) fn document_json(&self) -> Value {
        let id = format!("{}#{}", self.did, self.fragment());
        json!({
            "id": self.did.as_str(),
            "verificationMethod": [{
                "id": id, "type": "Multikey", "controller": self.did.as_str(),
                "publicKeyMultibase": self.public().to_multikey(),
            }],
            "assertionMethod": [id], "authentication": [id],
        })
    }

    pub(crate) fn key_id(&self) -> DidUrl {
        self.did.with_fragment(&self.fragment()).unwrap()
    }

    pub(crate) fn sign(&self, content: Content, envelope: Envelope, payload: Value) -> Secured {
        let key_id = self.key_id();
        let kind = self.public().kind();
        let draft = match Draft::new(content, envelope, payload.clone(), key_id.clone(), kind) {
            // Claims cannot say all that a document can; what they cannot say is in the other profile.
            Err(_) if envelope == Envelope::DcSdJwt => {
                Draft::new(content, Envelope::VcSdJwt, payload, key_id, kind)
            }
            draft => draft,
        };
        let draft = draft.unwrap();
        let signature = self.key.sign(draft.signing_input()).to_bytes();
        draft.attach(&self.public(), &signature).unwrap()
    }
}

/// What a link is to say, beyond what follows from its place.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) capabilities: Vec<&'static str>,
    pub(crate) constraints: Value,
    pub(crate) life_seconds: u64,
}

pub(crate) fn terms(capabilities: &[&'static str]) -> Terms {
    Terms { capabilities: capabilities.to_vec(), constraints: json!({}), life_seconds: 3_000 }
}

pub(crate) struct World {
    pub(crate) envelope: Envelope,
    pub(crate) alpha: Party,
    pub(crate) bravo: Party,
    pub(crate) alice: Party,
    pub(crate) travel: Party,
    pub(crate) calendar: Party,
    pub(crate) revoked: BTreeMap<String, BTreeSet<u32>>,
    pub(crate) documents: BTreeMap<Did, Value>,
    next_index: u32,
}

pub(crate) fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}

/// The lists' URL by domain name and purpose.
pub(crate) fn list_url(domain: &Party, purpose: Purpose) -> String {
    format!("https://{}.test/status/{}", domain.name, purpose.as_str())
}

impl World {
    pub(crate) fn new(envelope: Envelope) -> Self {
        let alpha = Party::new("alpha", "alpha.test");
        let bravo = Party::new("bravo", "bravo.test");
        let alice = Party::new("alice", "alpha.test:owners:alice");
        let travel = Party::new("travel-bot", "alpha.test:agents:travel-bot");
        let calendar = Party::new("calendar-bot", "bravo.test:agents:calendar-bot");
        let documents = [&alpha, &bravo, &alice, &travel, &calendar]
            .into_iter()
            .map(|party| (party.did.clone(), party.document_json()))
            .collect();
        let revoked = BTreeMap::new();
        Self { envelope, alpha, bravo, alice, travel, calendar, revoked, documents, next_index: 10 }
    }

    fn pair(&mut self, domain: &Party) -> StatusPair {
        self.next_index += 1;
        let entry =
            |purpose| StatusEntry { purpose, index: self.next_index, list: list_url(domain, purpose) };
        StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
    }

    pub(super) fn credential(
        &mut self,
        issuer: &Party,
        domain: &Party,
        life_seconds: u64,
        claims: Claims,
    ) -> Credential {
        let status = self.pair(domain);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&self.next_index.to_be_bytes());
        Credential {
            id: uuid_urn(id),
            issuer: issuer.did.clone(),
            valid_from: NOW.minus(Duration::from_secs(100)),
            valid_until: NOW.plus(Duration::from_secs(life_seconds)),
            status,
            claims,
        }
    }

    pub(crate) fn owner_credential(&mut self, domain: &Party, owner: &Party) -> Credential {
        let status = self.pair(domain);
        let claims = Owner {
            id: owner.did.clone(),
            kind: OwnerKind::Person,
            domain: format!("{}.test", domain.name),
            status,
        };
        self.credential(domain, domain, 80_000, Claims::Owner(claims))
    }

    pub(crate) fn agent_credential(&mut self, domain: &Party, agent: &Party, ceiling: &[&str]) -> Credential {
        let status = self.pair(domain);
        let claims = Agent {
            id: agent.did.clone(),
            name: agent.name.clone(),
            domain: format!("{}.test", domain.name),
            owner: self.alice.did.clone(),
            capabilities: scope(ceiling),
            status,
        };
        self.credential(domain, domain, 80_000, Claims::Agent(claims))
    }

    pub(crate) fn link(
        &mut self,
        (issuer, domain): (&Party, &Party),
        subject: &Party,
        principal: &Party,
        parent: Option<&(Credential, Secured)>,
        terms: &Terms,
    ) -> (Credential, Secured) {
        let claims = Delegation {
            id: subject.did.clone(),
            principal: principal.did.clone(),
            capabilities: scope(&terms.capabilities),
            constraints: Constraints::read(&terms.constraints).unwrap(),
            parent: parent.map(|(c, s)| Parent { id: c.id.clone(), digest: s.digest() }),
        };
        let credential = self.credential(issuer, domain, terms.life_seconds, Claims::Delegation(claims));
        let secured = issuer.sign(Content::Credential, self.envelope, credential.to_json());
        (credential, secured)
    }

    pub(crate) fn secure(&self, by: &Party, credential: &Credential) -> Secured {
        by.sign(Content::Credential, self.envelope, credential.to_json())
    }

    /// The credentials of alice -> travel-bot -> calendar-bot: two links, three identities.
    pub(crate) fn journey(&mut self, first: &Terms, second: &Terms) -> Vec<Secured> {
        let ceiling = ["calendar:read", "calendar:write", "mail:send"];
        let (alpha, bravo) = (self.alpha.clone(), self.bravo.clone());
        let (alice, travel, calendar) = (self.alice.clone(), self.travel.clone(), self.calendar.clone());
        let root = self.link((&alice, &alpha), &travel, &alice, None, first);
        let next = self.link((&travel, &alpha), &calendar, &alice, Some(&root), second);
        let owner = self.owner_credential(&alpha, &alice);
        let one = self.agent_credential(&alpha, &travel, &ceiling);
        let two = self.agent_credential(&bravo, &calendar, &ceiling);
        vec![
            root.1,
            next.1,
            self.secure(&alpha, &owner),
            self.secure(&alpha, &one),
            self.secure(&bravo, &two),
        ]
    }

    /// alice -> travel-bot -> calendar-bot -> mail-bot: three links, four identities, and the last agent.
    pub(crate) fn three_hops(&mut self, terms: [&Terms; 3], ceilings: [&[&str]; 3]) -> (Party, Vec<Secured>) {
        let (alpha, bravo) = (self.alpha.clone(), self.bravo.clone());
        let (alice, travel, calendar) = (self.alice.clone(), self.travel.clone(), self.calendar.clone());
        let mail = Party::new("mail-bot", "alpha.test:agents:mail-bot");
        self.documents.insert(mail.did.clone(), mail.document_json());
        let one = self.link((&alice, &alpha), &travel, &alice, None, terms[0]);
        let two = self.link((&travel, &alpha), &calendar, &alice, Some(&one), terms[1]);
        let three = self.link((&calendar, &bravo), &mail, &alice, Some(&two), terms[2]);
        let owner = self.owner_credential(&alpha, &alice);
        let mut all = vec![one.1, two.1, three.1, self.secure(&alpha, &owner)];
        for ((agent, domain), ceiling) in
            [(&travel, &alpha), (&calendar, &bravo), (&mail, &alpha)].into_iter().zip(ceilings)
        {
            let credential = self.agent_credential(domain, agent, ceiling);
            all.push(self.secure(domain, &credential));
        }
        (mail, all)
    }

    pub(crate) fn plain_journey(&mut self) -> Vec<Secured> {
        self.journey(&terms(&["calendar:read", "calendar:write"]), &terms(&["calendar:read"]))
    }

    pub(crate) fn presentation(&self, holder: &Party, credentials: Vec<Secured>) -> Presentation {
        Presentation {
            holder: holder.did.clone(),
            audience: AUDIENCE.to_owned(),
            nonce: NONCE.to_owned(),
            issued: NOW,
            expires: NOW.plus(Duration::from_secs(120)),
            credentials,
        }
    }

    pub(crate) fn present(&self, holder: &Party, credentials: Vec<Secured>) -> Secured {
        let presentation = self.presentation(holder, credentials);
        holder.sign(Content::Presentation, self.envelope, presentation.to_json())
    }

    pub(crate) fn did_fact(&self, did: &Did) -> Option<DidFact> {
        let json = self.documents.get(did)?;
        Some(DidFact::Active { document: Arc::new(Document::parse(json.clone()).unwrap()), version: 1 })
    }

    pub(crate) fn list(&self, domain: &Party, purpose: Purpose, issued: UnixSeconds) -> ListFact {
        let url = list_url(domain, purpose);
        let mut bits = Bits::new(MIN_ENTRIES).unwrap();
        for index in self.revoked.get(&url).into_iter().flatten() {
            bits.set(*index).unwrap();
        }
        let draft = ListDraft {
            url,
            issuer: domain.did.clone(),
            purpose,
            sequence: 1,
            issued,
            valid_until: issued.plus(Duration::from_secs(86_400)),
            ttl: Duration::from_secs(300),
            bits,
        };
        let secured = domain.sign(Content::Credential, self.envelope, draft.payload().unwrap());
        let document = Document::parse(domain.document_json()).unwrap();
        let list = StatusList::verified(secured, &document, NOW).unwrap();
        ListFact { list: Arc::new(list), revoked_ever: None }
    }

    pub(crate) fn facts(&self) -> Facts {
        let mut facts = Facts::default();
        for did in self.documents.keys() {
            facts.insert_did(did.clone(), self.did_fact(did).unwrap());
        }
        for domain in [&self.alpha, &self.bravo] {
            for purpose in [Purpose::Revocation, Purpose::Suspension] {
                facts.insert_list(self.list(domain, purpose, NOW));
            }
        }
        facts
    }

    pub(crate) fn expect(&self) -> Expect {
        let anchor = Anchor { capabilities: scope(&["calendar:read", "calendar:write"]), resources: None };
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
            request: Request::default(),
        }
    }

    pub(crate) fn set(&mut self, entry: &StatusEntry) {
        self.revoked.entry(entry.list.clone()).or_default().insert(entry.index);
    }
}
