//! Logs: made here and by others, attacked, and put together in every order.

use super::*;
use crate::codec;
use crate::jcs;
use crate::keys::PublicKey;
use crate::methods;
use crate::proof::{Suite, hash_data};
use crate::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Map, Value, json};

mod approved;
mod attacks;
mod forks;
mod keys;
mod lifecycle;
mod many;
mod properties;
mod scid;
mod vectors;
mod witness_attacks;
mod witnessed;

/// When the logs of these tests begin.
const START: u64 = 1_800_000_000;

/// A verifier's clock a day later.
const NOW: UnixSeconds = UnixSeconds::new(START + 86_400);

fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(START + seconds)
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(seed: u8) -> PublicKey {
    PublicKey::ed25519(secret(seed).verifying_key().as_bytes()).unwrap()
}

fn genesis() -> Genesis {
    Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: vec!["agents".to_owned(), "bot".to_owned()],
        document: json!({
            "@context": ["https://www.w3.org/ns/did/v1"],
            "controller": "did:webvh:{SCID}:acme.example:agents:bot",
        }),
        update_keys: vec![key(1)],
        next_key_hashes: vec![],
        time: at(0),
        portable: false,
        ttl_seconds: None,
    }
}

fn signed(draft: EntryDraft, seed: u8) -> Vec<u8> {
    let input = draft.signing_input(&key(seed)).unwrap();
    let signature = secret(seed).sign(&input).to_bytes();
    draft.attach(&key(seed), &signature).unwrap()
}

/// A log of one entry by key 1.
fn first(genesis: Genesis) -> Log {
    Log::verify(&signed(create(genesis).unwrap(), 1), NOW).unwrap()
}

/// `log` with an entry more.
fn then(log: &Log, change: Change, seconds: u64, seed: u8) -> Log {
    let line = signed(log.append(change, at(seconds), NOW).unwrap(), seed);
    match log.extend(&[log.bytes(), &line].concat(), NOW) {
        Ok(Extension::Longer(longer)) => longer,
        other => panic!("{other:?}"),
    }
}

/// A log of `n` entries, of which each adds a name.
fn long(n: u64) -> Log {
    (1..n).fold(first(genesis()), |log, i| then(&log, renamed(&log, i), i, 1))
}

fn renamed(log: &Log, i: u64) -> Change {
    let mut document = log.head().document().json().clone();
    document["alsoKnownAs"] = json!([format!("did:web:name-{i}.example")]);
    Change { document: Some(document), ..Change::default() }
}

/// An entry with correct hashes and signature, whatever it says.
struct Forged {
    previous: String,
    number: u32,
    time: String,
    parameters: Value,
    state: Value,
    options: Map<String, Value>,
}

impl Forged {
    /// What would follow `log`, by key `seed`.
    fn after(log: &Log, seed: u8) -> Self {
        let head = log.head();
        Self {
            previous: head.id.clone(),
            number: head.number + 1,
            time: head.time.plus(std::time::Duration::from_secs(1)).to_string(),
            parameters: json!({}),
            state: head.document().json().clone(),
            options: options(seed),
        }
    }

    /// A first entry by key 1, whose SCID fits.
    fn first(parameters: Value, state: Value) -> Self {
        let preliminary = json!({"versionId": "{SCID}", "versionTime": at(0).to_string(), "parameters": parameters, "state": state});
        let scid = entry::hash_of(&preliminary).unwrap();
        let placed: Value = serde_json::from_str(&preliminary.to_string().replace("{SCID}", &scid)).unwrap();
        Self {
            previous: scid,
            number: 1,
            time: at(0).to_string(),
            parameters: placed["parameters"].clone(),
            state: placed["state"].clone(),
            options: options(1),
        }
    }

    fn signed(&self, seed: u8) -> Vec<u8> {
        serde_json::to_vec(&self.entry(seed)).unwrap()
    }

    fn entry(&self, seed: u8) -> Value {
        let mut entry = json!({
            "versionId": self.previous, "versionTime": self.time,
            "parameters": self.parameters, "state": self.state,
        });
        let hash = codec::multihash_base58btc(&jcs::canonical(&entry).unwrap());
        entry["versionId"] = json!(format!("{}-{hash}", self.number));
        let input = hash_data(Suite::EddsaJcs2022, &entry, &self.options).unwrap();
        let mut proof = self.options.clone();
        let signature = secret(seed).sign(&input).to_bytes();
        proof.insert("proofValue".to_owned(), json!(codec::to_multibase_z(&signature)));
        entry["proof"] = json!([proof]);
        entry
    }
}

fn options(seed: u8) -> Map<String, Value> {
    let json = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofPurpose": "assertionMethod",
        "verificationMethod": methods::key_id(&key(seed)).unwrap().as_str(),
    });
    json.as_object().unwrap().clone()
}

/// `threshold` of the witnesses with these seeds.
fn witnesses(threshold: usize, seeds: &[u8]) -> Witnesses {
    Witnesses::new(threshold, seeds.iter().map(|seed| key(*seed)).collect()).unwrap()
}

fn watched_by(witnesses: Witnesses) -> Oversight {
    Oversight { witnesses: Some(witnesses), watchers: None }
}

/// A proof by `signer` over `signed`, in the name of key `named`.
fn witness_proof(signed: &str, named: u8, signer: u8) -> Value {
    let mut proof = options(named);
    let input = hash_data(Suite::EddsaJcs2022, &json!({"versionId": signed}), &proof).unwrap();
    let signature = secret(signer).sign(&input).to_bytes();
    proof.insert("proofValue".to_owned(), json!(codec::to_multibase_z(&signature)));
    Value::Object(proof)
}

/// A file in which each of `seeds` approves each of `ids`.
fn approvals(ids: &[&str], seeds: &[u8]) -> Vec<u8> {
    let proofs = |id: &&str| seeds.iter().map(|seed| witness_proof(id, *seed, *seed)).collect::<Vec<_>>();
    records(&ids.iter().map(|id| (*id, proofs(id))).collect::<Vec<_>>())
}

fn records(records: &[(&str, Vec<Value>)]) -> Vec<u8> {
    let records: Value =
        records.iter().map(|(id, proofs)| json!({"versionId": id, "proof": proofs})).collect();
    records.to_string().into_bytes()
}

/// Unverified bytes of entries, and their versionIds.
struct Lines {
    bytes: Vec<u8>,
    ids: Vec<String>,
}

impl Lines {
    /// A first entry under these witnesses, then one entry each that sets what is given. Key 1 signs.
    fn of(first: Option<Witnesses>, rest: &[Option<Witnesses>]) -> Self {
        let draft = create_with(genesis(), &Oversight { witnesses: first, watchers: None }).unwrap();
        let mut lines = Self { bytes: Vec::new(), ids: Vec::new() };
        lines.push(draft);
        for witnesses in rest {
            let parameters = witnesses.as_ref().map_or(json!({}), |w| json!({"witness": w.to_json()}));
            lines.follow(parameters);
        }
        lines
    }

    fn push(&mut self, draft: EntryDraft) {
        self.ids.push(draft.version().id.clone());
        self.bytes.extend(signed(draft, 1));
    }

    /// An entry more with these parameters, by key 1.
    fn follow(&mut self, parameters: Value) {
        let last = self.bytes.trim_ascii_end().split(|b| *b == b'\n').next_back().unwrap();
        let last: Value = serde_json::from_slice(last).unwrap();
        let forged = Forged {
            previous: self.ids.last().unwrap().clone(),
            number: u32::try_from(self.ids.len()).unwrap() + 1,
            time: at(self.ids.len() as u64).to_string(),
            parameters,
            state: last["state"].clone(),
            options: options(1),
        };
        let entry = forged.entry(1);
        self.ids.push(entry["versionId"].as_str().unwrap().to_owned());
        self.bytes.extend(serde_json::to_vec(&entry).unwrap());
        self.bytes.push(b'\n');
    }

    fn id(&self, number: usize) -> &str {
        &self.ids[number - 1]
    }

    fn verify(&self, witness: &[u8]) -> Result<Log, LogError> {
        Log::verify_with(&self.bytes, Some(witness), NOW)
    }

    /// The first entries.
    fn beginning(&self, n: usize) -> Vec<u8> {
        self.bytes.split_inclusive(|b| *b == b'\n').take(n).flatten().copied().collect()
    }
}

/// Why `line` may not follow `log`.
fn refusal(log: &Log, line: &[u8]) -> EntryError {
    why(log.extend(&[log.bytes(), line].concat(), NOW).unwrap_err())
}

fn why(error: LogError) -> EntryError {
    match error {
        LogError::Entry { why, .. } => why,
        other => panic!("{other:?}"),
    }
}
