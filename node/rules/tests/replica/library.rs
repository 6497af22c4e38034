//! Real did:webvh logs, written once for all worlds: each DID has a trunk, of which the key changes, and
//! forks of it at every version, by the key that was current there.

use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{
    Change, EntryDraft, Genesis, Log, Oversight, WitnessDraft, WitnessProofs, Witnesses, create_with,
};
use ed25519_dalek::{Signer, SigningKey};
use marque_rules::replica::{Item, Scid, floor};
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Trust domains.
pub(crate) const DOMAINS: usize = 5;

/// Agents of a domain; the last one has witnesses.
pub(crate) const AGENTS: usize = 3;

/// Versions of a trunk. The update key changes with the third and the fifth.
pub(crate) const VERSIONS: usize = 6;

/// All of it lies before the first moment of a world.
const WRITTEN: u64 = 1_790_000_000;
const READ: UnixSeconds = UnixSeconds::new(WRITTEN + 1_000_000);

const WITNESSES: [u8; 3] = [201, 202, 203];
const THRESHOLD: usize = 2;

pub(crate) static LIBRARY: LazyLock<Library> =
    LazyLock::new(|| Library { domains: (0..DOMAINS).map(DomainStories::write).collect() });

pub(crate) struct Library {
    pub(crate) domains: Vec<DomainStories>,
}

impl Library {
    pub(crate) fn of(&self, scid: &Scid) -> Option<&DomainStories> {
        self.domains.iter().find(|domain| domain.scid == *scid)
    }
}

/// A domain: its own log, then those of its agents.
pub(crate) struct DomainStories {
    pub(crate) scid: Scid,
    pub(crate) did: Did,
    pub(crate) stories: Vec<Story>,
}

pub(crate) struct Story {
    pub(crate) did: Did,
    pub(crate) trunk: Vec<Telling>,
    pub(crate) forks: Vec<Fork>,
    pub(crate) is_witnessed: bool,
}

/// A log, and the files by which its witnesses approve it.
pub(crate) struct Telling {
    pub(crate) log: Log,
    /// Item of the log.
    pub(crate) item: Item,
    /// By two witnesses, by two others, by all. None where there are no witnesses.
    pub(crate) approvals: Vec<Vec<u8>>,
    /// By one witness too few.
    pub(crate) too_few: Option<Vec<u8>>,
}

/// Another history from version `at` on.
pub(crate) struct Fork {
    pub(crate) at: u32,
    /// The version of the trunk that retired its key.
    pub(crate) retired: Option<u32>,
    pub(crate) tellings: Vec<Telling>,
}

pub(crate) fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(seed: u8) -> PublicKey {
    PublicKey::ed25519(secret(seed).verifying_key().as_bytes()).unwrap()
}

/// The key by which a domain signs envelopes from version `number` of its log on, and its name.
pub(crate) fn envelope_key(domain: usize, number: u32) -> (u8, String) {
    let which = (number - 1) / 2;
    (100 + domain as u8 * 10 + which as u8, format!("key-{which}"))
}

fn signed(draft: EntryDraft, seed: u8) -> Vec<u8> {
    let signature = secret(seed).sign(&draft.signing_input(&public(seed)).unwrap()).to_bytes();
    draft.attach(&public(seed), &signature).unwrap()
}

fn approvals(held: Option<&Log>, line: &[u8], witnesses: &[u8]) -> Vec<u8> {
    let mut file = WitnessProofs::default();
    for seed in witnesses {
        let draft = WitnessDraft::new(held, line, &public(*seed), READ).unwrap();
        let signature = secret(*seed).sign(draft.signing_input()).to_bytes();
        file.merge(draft.attach(&signature).unwrap());
    }
    file.to_bytes()
}

fn telling(held: Option<&Telling>, line: &[u8], is_witnessed: bool) -> Telling {
    let [one, two, three] = WITNESSES;
    let log = held.map(|held| &held.log);
    let file = |witnesses: &[u8]| approvals(log, line, witnesses);
    let (files, too_few) = if is_witnessed {
        (vec![file(&[one, two]), file(&[two, three]), file(&WITNESSES)], Some(file(&[three])))
    } else {
        (Vec::new(), None)
    };
    let approved = files.first().map(Vec::as_slice);
    let log = match log {
        Some(log) => log.then(line, approved, READ).unwrap(),
        None => Log::verify_with(line, approved, READ).unwrap(),
    };
    let item = floor::log_item(log.did(), &log);
    Telling { log, item, approvals: files, too_few }
}

/// What a new version changes.
struct Next {
    by: u8,
    to: Option<u8>,
    word: String,
    method: Option<(u8, String)>,
}

fn next(held: &Telling, next: &Next, is_witnessed: bool) -> Telling {
    let log = &held.log;
    let mut document = log.head().document().json().clone();
    document["alsoKnownAs"] = json!([format!("did:web:{}.example", next.word)]);
    if let Some((seed, name)) = &next.method {
        let method = method(log.did().as_str(), *seed, name);
        document["assertionMethod"].as_array_mut().unwrap().push(method["id"].clone());
        document["verificationMethod"].as_array_mut().unwrap().push(method);
    }
    let update_keys = next.to.map(|to| vec![public(to)]);
    let change = Change { document: Some(document), update_keys, ..Change::default() };
    let time = UnixSeconds::new(log.head().time.get() + 1);
    let line = signed(log.append(change, time, READ).unwrap(), next.by);
    telling(Some(held), &line, is_witnessed)
}

fn method(did: &str, seed: u8, name: &str) -> Value {
    json!({
        "id": format!("{did}#{name}"), "controller": did,
        "type": "Multikey", "publicKeyMultibase": public(seed).to_multikey(),
    })
}

impl DomainStories {
    fn write(domain: usize) -> Self {
        let own = Story::write(domain, 0);
        let scid = Scid::of(&own.did).unwrap();
        let did = own.did.clone();
        let stories = std::iter::once(own).chain((1..=AGENTS).map(|agent| Story::write(domain, agent)));
        Self { scid, did, stories: stories.collect() }
    }
}

impl Story {
    /// The log of a domain, or of its agent of this number.
    fn write(domain: usize, agent: usize) -> Self {
        let is_witnessed = agent == AGENTS;
        let own = agent == 0;
        let host = format!("d{domain}.example");
        let path = if own { vec![] } else { vec![format!("a{agent}")] };
        // Update keys of one DID: one, one and one more with each rotation.
        let key = |n: u8| 1 + (domain * (AGENTS + 1) + agent) as u8 * 4 + n;
        let place = if own { host.clone() } else { format!("{host}:a{agent}") };
        let mut document = json!({"controller": format!("did:webvh:{{SCID}}:{place}")});
        if own {
            let (seed, name) = envelope_key(domain, 1);
            let method = method(&format!("did:webvh:{{SCID}}:{place}"), seed, &name);
            document["assertionMethod"] = json!([method["id"]]);
            document["verificationMethod"] = json!([method]);
        }
        let witnesses = || Witnesses::new(THRESHOLD, WITNESSES.map(public).to_vec()).unwrap();
        let oversight = Oversight { witnesses: is_witnessed.then(witnesses), watchers: None };
        let genesis = Genesis {
            host,
            port: None,
            path,
            document,
            update_keys: vec![public(key(0))],
            next_key_hashes: vec![],
            time: UnixSeconds::new(WRITTEN),
            portable: false,
            ttl_seconds: None,
        };
        let line = signed(create_with(genesis, &oversight).unwrap(), key(0));
        let mut trunk = vec![telling(None, &line, is_witnessed)];
        let current = |number: usize| key(u8::from(number >= 3) + u8::from(number >= 5));
        let mut forks = Vec::new();
        for number in 2..=VERSIONS {
            let held = &trunk[number - 2];
            let by = current(number - 1);
            for thief in [false, true] {
                // The thief rotates at once to a key of his own, and goes on with it.
                let to = thief.then_some(200);
                let word = |n| format!("fork{number}{}{n}", if thief { "t" } else { "s" });
                let first = next(held, &Next { by, to, word: word(1), method: None }, is_witnessed);
                let then = Next { by: to.unwrap_or(by), to: None, word: word(2), method: None };
                let second = next(&first, &then, is_witnessed);
                let at = number as u32;
                forks.push(Fork { at, retired: None, tellings: vec![first, second] });
            }
            let to = (current(number) != by).then(|| current(number));
            let method = (own && number % 2 == 1).then(|| envelope_key(domain, number as u32));
            let then = next(held, &Next { by, to, word: format!("v{number}"), method }, is_witnessed);
            trunk.push(then);
        }
        let last = &trunk[VERSIONS - 1].log;
        for fork in &mut forks {
            let by = fork.tellings[0].log.signer(fork.at).unwrap();
            fork.retired = last.retired_at(&by, fork.at);
        }
        Self { did: last.did().clone(), trunk, forks, is_witnessed }
    }
}
