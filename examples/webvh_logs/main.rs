//! A controller without a node: writes did:webvh logs by floor 0 alone, each in two steps, so that the
//! library never sees a secret key.
//!
//!     cargo run -p marque-examples --example webvh_logs -- FOLDER
//!
//! puts `NAME.jsonl` and, where witnesses approve, `NAME.witness.json` into the folder: a key rotation,
//! pre-rotation that begins, goes on and ends, witnesses that change, a deactivation, a move, and one log
//! with all of it. Other implementations read them in `tests/interop`. The keys are made from their names,
//! so that everybody knows them: copy the calls, not the keys.

use did_resolver::codec;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{
    Change, EntryDraft, Genesis, Log, Oversight, SCID_PLACEHOLDER, WitnessDraft, WitnessProofs, Witnesses,
    create_with, key_hash,
};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// When the first entry of each log is made.
const BEGIN: &str = "2026-01-01T00:00:00Z";

/// Between two entries.
const STEP: Duration = Duration::from_secs(24 * 3_600);

/// A key of another kind, for the documents: nothing here signs with it.
const P256: &str = "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match std::env::args()
        .nth(1)
        .ok_or("a folder is wanted".into())
        .and_then(|folder| run(Path::new(&folder)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let logs = [
        ("rotation", rotation()?),
        ("pre-rotation", pre_rotation()?),
        ("witness", witness()?),
        ("deactivation", deactivation()?),
        ("move", moved()?),
        ("everything", everything()?),
    ];
    for (name, log) in logs {
        std::fs::write(folder.join(format!("{name}.jsonl")), log.bytes())?;
        let proofs = log.witness_proofs();
        if !proofs.is_empty() {
            std::fs::write(folder.join(format!("{name}.witness.json")), proofs.to_bytes())?;
        }
        println!("{name}: {} versions of {}", log.versions().count(), log.did());
    }
    Ok(())
}

/// An Ed25519 key pair. A real one is random, and the secret half is where only its owner reads it.
struct Key {
    secret: SigningKey,
    public: PublicKey,
}

impl Key {
    fn of(name: &str) -> Outcome<Self> {
        let secret = SigningKey::from_bytes(&codec::sha256(name.as_bytes()));
        let public = PublicKey::ed25519(secret.verifying_key().as_bytes())?;
        Ok(Self { secret, public })
    }

    fn sign(&self, input: &[u8]) -> [u8; 64] {
        self.secret.sign(input).to_bytes()
    }
}

/// A log on its way: what was written, and the time of the next entry.
struct Author {
    log: Option<Log>,
    proofs: WitnessProofs,
    next: UnixSeconds,
}

impl Author {
    fn new() -> Outcome<Self> {
        Ok(Self { log: None, proofs: WitnessProofs::default(), next: UnixSeconds::parse(BEGIN)? })
    }

    fn log(&self) -> Outcome<&Log> {
        self.log.as_ref().ok_or_else(|| "there is no log yet".into())
    }

    /// The first entry.
    fn create(&mut self, genesis: Genesis, oversight: &Oversight, by: &Key, seen: &[&Key]) -> Outcome<()> {
        let draft = create_with(Genesis { time: self.next, ..genesis }, oversight)?;
        self.finish(draft, by, seen)
    }

    /// The next entry.
    fn append(&mut self, change: Change, oversight: &Oversight, by: &Key, seen: &[&Key]) -> Outcome<()> {
        let draft = self.log()?.append_with(change, oversight, self.next, self.next)?;
        self.finish(draft, by, seen)
    }

    /// Has `by` sign and `seen` approve, and verifies the whole as any reader would.
    fn finish(&mut self, draft: EntryDraft, by: &Key, seen: &[&Key]) -> Outcome<()> {
        let signature = by.sign(&draft.signing_input(&by.public)?);
        let line = draft.attach(&by.public, &signature)?;
        for witness in seen {
            let draft = WitnessDraft::new(self.log.as_ref(), &line, &witness.public, self.next)?;
            let signature = witness.sign(draft.signing_input());
            self.proofs.merge(draft.attach(&signature)?);
        }
        let bytes = [self.log.as_ref().map(Log::bytes).unwrap_or_default(), &line].concat();
        self.log = Some(Log::verify_with(&bytes, Some(&self.proofs.to_bytes()), self.next)?);
        self.next = self.next.plus(STEP);
        Ok(())
    }

    fn done(self) -> Outcome<Log> {
        self.log.ok_or_else(|| "there is no log".into())
    }
}

/// A document in which `keys` authenticate and assert.
fn document(did: &str, keys: &[&PublicKey], services: &Value) -> Value {
    let id = |at: usize| format!("{did}#key-{}", at + 1);
    let methods = keys.iter().enumerate().map(|(at, key)| {
        json!({"id": id(at), "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey()})
    });
    let ids: Vec<String> = (0..keys.len()).map(id).collect();
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": methods.collect::<Vec<_>>(),
        "authentication": ids,
        "assertionMethod": ids,
        "service": services,
    })
}

fn genesis(path: &[&str], document: Value, update: &Key) -> Outcome<Genesis> {
    Ok(Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: path.iter().map(|&segment| segment.to_owned()).collect(),
        document,
        update_keys: vec![update.public.clone()],
        next_key_hashes: Vec::new(),
        time: UnixSeconds::parse(BEGIN)?,
        portable: false,
        ttl_seconds: None,
    })
}

fn placeholder(path: &str) -> String {
    format!("did:webvh:{SCID_PLACEHOLDER}:acme.example{path}")
}

fn watched(threshold: usize, witnesses: &[&Key]) -> Outcome<Oversight> {
    let keys = witnesses.iter().map(|key| key.public.clone()).collect();
    Ok(Oversight { witnesses: Some(Witnesses::new(threshold, keys)?), watchers: None })
}

fn unwatched() -> Oversight {
    Oversight { witnesses: Some(Witnesses::none()), watchers: None }
}

fn inbox(url: &str) -> Value {
    json!([{"id": "#inbox", "type": "MessageInbox", "serviceEndpoint": url}])
}

/// Keys of the document and of the log are replaced, and a service comes and goes.
fn rotation() -> Outcome<Log> {
    let (first, second) = (Key::of("rotation 1")?, Key::of("rotation 2")?);
    let (old, new) = (Key::of("rotation old")?.public, Key::of("rotation new")?.public);
    let (p256, same) = (PublicKey::from_multikey(P256)?, Oversight::default());
    let mut author = Author::new()?;
    author.create(
        genesis(&[], document(&placeholder(""), &[&old], &json!([])), &first)?,
        &same,
        &first,
        &[],
    )?;
    let did = author.log()?.did().to_string();
    let both = document(&did, &[&old, &new, &p256], &inbox("https://acme.example/inbox"));
    let keys = Some(vec![second.public.clone()]);
    author.append(
        Change { document: Some(both), update_keys: keys, ..Change::default() },
        &same,
        &first,
        &[],
    )?;
    let one = document(&did, &[&new], &json!([]));
    author.append(Change { document: Some(one), ..Change::default() }, &same, &second, &[])?;
    author.done()
}

/// Each entry commits to the key of the next one, until one commits to none.
fn pre_rotation() -> Outcome<Log> {
    let keys = [Key::of("pre 1")?, Key::of("pre 2")?, Key::of("pre 3")?];
    let ([first, second, third], same) = (&keys, Oversight::default());
    let state = document(&placeholder(":agents:bot"), &[&Key::of("pre agent")?.public], &json!([]));
    let begin = genesis(&["agents", "bot"], state, first)?;
    let mut author = Author::new()?;
    let committed = Genesis { next_key_hashes: vec![key_hash(&second.public)], ..begin };
    author.create(committed, &same, first, &[])?;
    for (by, next) in [(second, vec![key_hash(&third.public)]), (third, Vec::new())] {
        let update_keys = Some(vec![by.public.clone()]);
        let change = Change { update_keys, next_key_hashes: Some(next), ..Change::default() };
        author.append(change, &same, by, &[])?;
    }
    let state = document(author.log()?.did().as_str(), &[&Key::of("pre later")?.public], &json!([]));
    author.append(Change { document: Some(state), ..Change::default() }, &same, third, &[])?;
    author.done()
}

/// Two of three witnesses, then another one alone, then nobody.
fn witness() -> Outcome<Log> {
    let update = Key::of("witness update")?;
    let (a, b, c, d) =
        (Key::of("witness a")?, Key::of("witness b")?, Key::of("witness c")?, Key::of("witness d")?);
    let state = document(&placeholder(""), &[&Key::of("witness owner")?.public], &json!([]));
    let mut author = Author::new()?;
    author.create(genesis(&[], state, &update)?, &watched(2, &[&a, &b, &c])?, &update, &[&a, &b])?;
    author.append(Change::default(), &Oversight::default(), &update, &[&b, &c])?;
    author.append(Change::default(), &watched(1, &[&d])?, &update, &[&a, &c])?;
    author.append(Change::default(), &unwatched(), &update, &[&d])?;
    author.append(Change::default(), &Oversight::default(), &update, &[])?;
    author.done()
}

/// An end, after which nobody can add anything.
fn deactivation() -> Outcome<Log> {
    let (update, same) = (Key::of("end update")?, Oversight::default());
    let state = document(&placeholder(""), &[&Key::of("end owner")?.public], &json!([]));
    let mut author = Author::new()?;
    author.create(genesis(&[], state, &update)?, &same, &update, &[])?;
    let change = Change { deactivate: true, update_keys: Some(Vec::new()), ..Change::default() };
    author.append(change, &same, &update, &[])?;
    author.done()
}

/// The same log under another name.
fn moved() -> Outcome<Log> {
    let (update, same, owner) =
        (Key::of("move update")?, Oversight::default(), Key::of("move owner")?.public);
    let begin = genesis(&[], document(&placeholder(""), &[&owner], &json!([])), &update)?;
    let mut author = Author::new()?;
    author.create(Genesis { portable: true, ..begin }, &same, &update, &[])?;
    let old = author.log()?.did().to_string();
    let mut state = document(&old.replace("acme.example", "bravo.example"), &[&owner], &json!([]));
    if let Some(members) = state.as_object_mut() {
        members.insert("alsoKnownAs".to_owned(), json!([old]));
    }
    author.append(Change { document: Some(state), ..Change::default() }, &same, &update, &[])?;
    author.done()
}

/// Rotation, pre-rotation, witnesses and deactivation in one log.
fn everything() -> Outcome<Log> {
    let keys = [Key::of("all 1")?, Key::of("all 2")?, Key::of("all 3")?, Key::of("all 4")?];
    let [first, second, third, fourth] = &keys;
    let (a, b, same) = (Key::of("all witness a")?, Key::of("all witness b")?, Oversight::default());
    let (old, new) = (Key::of("all old")?.public, Key::of("all new")?.public);
    let state = document(&placeholder(":agents:bot"), &[&old], &inbox("https://acme.example/bot"));
    let begin = genesis(&["agents", "bot"], state, first)?;
    let mut author = Author::new()?;
    let committed =
        Genesis { next_key_hashes: vec![key_hash(&second.public)], ttl_seconds: Some(600), ..begin };
    author.create(committed, &watched(2, &[&a, &b])?, first, &[&a, &b])?;
    let state = document(author.log()?.did().as_str(), &[&old, &new], &inbox("https://acme.example/new"));
    let change = |by: &Key, next: &Key| Change {
        update_keys: Some(vec![by.public.clone()]),
        next_key_hashes: Some(vec![key_hash(&next.public)]),
        ..Change::default()
    };
    author.append(Change { document: Some(state), ..change(second, third) }, &same, second, &[&a, &b])?;
    author.append(change(third, fourth), &watched(1, &[&b])?, third, &[&a, &b])?;
    let end = Change { next_key_hashes: Some(Vec::new()), deactivate: true, ..change(fourth, fourth) };
    author.append(end, &same, fourth, &[&b])?;
    author.done()
}
