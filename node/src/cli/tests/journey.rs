//! From an owner to a presentation that verifies, command by command, against the stand-in of a node.

use super::super::*;
use super::stand_in::{NONCE, StandIn};
use crate::data::{Data, Kind};
use crate::identity::{self, Keys, Rotation};
use crate::mandate::Mandate;
use crate::mandate::tests::{Party, pair, scope};
use crate::signing::{self, ASSERTION, NEXT_UPDATE, P256, UPDATE};
use crate::wallet::Wallet;
use marque_store::keyfile::KeyFile;
use marque_store::secret::Passphrase;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::check::{Held, Outcome, Verdict, check};
use vc_schemas::code::Code;
use vc_schemas::facts::{Anchor, DidFact, Expect, Facts, ListFact, Recognition, Request};
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::bitstring::{Bits, MIN_ENTRIES};
use vc_schemas::status::{ListDraft, StatusList};

struct Folder {
    _dir: tempfile::TempDir,
    data: Data,
    node: Arc<StandIn>,
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse".to_owned()).unwrap()
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = Data::at(dir.path().to_owned());
        let keys = crate::config::Keys { kdf_kib: 8, ..Default::default() };
        let log = init::initialise(
            &data,
            "alpha.test",
            &passphrase(),
            (&keys, &crate::custody::Custody::File),
            None,
        )
        .unwrap();
        std::fs::write(data.config(), "domain = \"alpha.test\"\n[keys]\nkdf_kib = 8\n").unwrap();
        let key = KeyFile::open(&data.node_keys(), &passphrase()).unwrap().remove(ASSERTION).unwrap();
        let node = StandIn::serve(&data, Party { log, key });
        Self { _dir: dir, data, node }
    }

    fn run(&self, line: &str) -> Result<Answer, Failure> {
        let cli = Cli::try_parse_from(format!("marque {line}").split(' ')).unwrap();
        let session = Session::with(self.data.clone(), passphrase());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(dispatch(cli.command, session))
    }

    fn done(&self, line: &str) -> Answer {
        self.run(line).unwrap_or_else(|failure| panic!("{line}: {failure}"))
    }

    fn with_agents() -> Self {
        let folder = Self::new();
        folder.done("owner create alice");
        folder.done("agent create travel-bot --owner alice --cap calendar:read,calendar:write --max-depth 2");
        folder.done("agent create calendar-bot --owner alice --cap calendar:read");
        folder
    }

    fn wallet(&self, name: &str) -> Wallet {
        Wallet::load(&self.data, Kind::Agent, name, signing::now()).unwrap().unwrap()
    }

    /// What a verifier that trusts this domain says of what `present` printed.
    fn verify(&self, printed: &str, envelope: Envelope) -> Result<Verdict, Code> {
        let bytes = envelope.bytes_of(printed.trim(), 1 << 20).unwrap();
        let secured = Secured::parse(Content::Presentation, envelope, &bytes, 1 << 20).unwrap();
        let held = Held::read(secured).unwrap();
        let (mut facts, now) = (Facts::default(), signing::now());
        let mut know = |log: &did_resolver::webvh::Log| {
            let document = Arc::new(log.document().unwrap().clone());
            facts.insert_did(log.did().clone(), DidFact::Active { document, version: log.head().number });
        };
        know(&self.node.domain.log);
        self.node.known.lock().unwrap().values().for_each(|known| know(&known.log));
        for entry in [pair().revocation, pair().suspension] {
            let draft = ListDraft {
                url: entry.list,
                issuer: self.node.domain.did().clone(),
                purpose: entry.purpose,
                sequence: 1,
                issued: now,
                valid_until: now.plus(Duration::from_secs(600)),
                ttl: Duration::from_secs(300),
                bits: Bits::new(MIN_ENTRIES).unwrap(),
            };
            let (document, key) = (self.node.domain.log.document().unwrap(), &self.node.domain.key);
            let payload = draft.payload().unwrap();
            let secured =
                signing::secure(Content::Credential, Envelope::Jwt, payload, document, key).unwrap();
            let list = Arc::new(StatusList::verified(secured, document, now).unwrap());
            facts.insert_list(ListFact { list, revoked_ever: None });
        }
        let anchor = Anchor { capabilities: scope(&["calendar:read", "calendar:write"]), resources: None };
        let scid = self.node.domain.log.scid().to_owned();
        let expect = Expect {
            audience: "did:web:verifier.example".to_owned(),
            nonce: NONCE.to_owned(),
            domains: BTreeMap::from([(scid, Recognition { suspended: false, anchor })]),
            principals: BTreeMap::new(),
            status_max_age: Duration::from_secs(300),
            deferrable: scope(&[]),
            skew: Duration::from_secs(60),
            request: Request::default(),
        };
        match check(&held, &facts, &expect, now) {
            Outcome::Verified(verdict) => Ok(*verdict),
            Outcome::Refused(refusal) => Err(refusal.code),
            Outcome::Wants(wants) => panic!("wants {wants:?}"),
        }
    }
}

const PRESENT: &str = "present --agent calendar-bot --nonce nonce-1 --aud did:web:verifier.example";

#[test]
fn what_is_delegated_and_presented_verifies_in_each_envelope() {
    for envelope in Envelope::ALL {
        let link = envelope.format(Content::Credential);
        let envelope = Some(envelope).filter(|envelope| envelope.secures(Content::Presentation));
        let envelope = envelope.unwrap_or(Envelope::VcSdJwt);
        let presentation = envelope.format(Content::Presentation);
        let folder = Folder::with_agents();
        let line = "delegate travel-bot calendar-bot --cap calendar:read --ttl 30m --max-depth 1";
        let answer = folder.done(&format!("{line} --format {link}"));
        assert!(answer.human.contains("travel-bot@alpha.test -> calendar-bot@alpha.test  calendar:read"));
        let printed = folder.done(&format!("{PRESENT} --format {presentation}"));
        let verdict = folder.verify(&printed.human, envelope).unwrap();
        assert_eq!(verdict.links.len(), 2);
        assert_eq!(verdict.capabilities, scope(&["calendar:read"]));
        assert!(verdict.principal.as_str().ends_with(":owners:alice"));
    }
}

#[test]
fn making_an_agent_also_delegates_to_it() {
    let folder = Folder::with_agents();
    let wallet = folder.wallet("travel-bot");
    assert_eq!(wallet.mandates.len(), 1);
    assert!(!wallet.credential.is_empty());
    assert_eq!(folder.node.links.lock().unwrap().len(), 2);
    let only = folder.done("agent create third --owner alice --cap a:b --did-only");
    assert_eq!(only.human.trim(), folder.wallet("third").did().as_str());
}

#[test]
fn a_widening_link_is_refused_before_anything_is_sent() {
    //
    let folder = Folder::with_agents();
    let before = folder.node.links.lock().unwrap().len();
    let key = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    let failure = folder.run(&format!("delegate travel-bot {key} --cap mail:send")).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.exit), ("AID-009", Exit::Denied));
    let failure = folder.run("delegate travel-bot calendar-bot --cap calendar:write").unwrap_err();
    assert_eq!(failure.code, "AID-009", "above the ceiling of its subject");
    assert_eq!(folder.node.links.lock().unwrap().len(), before);
}

#[test]
fn a_mandate_for_somebody_elsewhere_is_printed_and_can_be_continued_from_a_file() {
    let folder = Folder::with_agents();
    let key = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    let answer = folder.done(&format!("delegate travel-bot {key} --cap calendar:read"));
    let mandate = Mandate::parse(answer.human.trim().as_bytes()).unwrap();
    assert_eq!(mandate.subject().unwrap().as_str(), key);
    let file = folder.data.path().join("m.json");
    let out = file.display();
    folder.done(&format!("delegate alice calendar-bot --cap calendar:read --max-depth 1 --out {out}"));
    folder.done(&format!("delegate calendar-bot travel-bot --cap calendar:read --mandate {out}"));
    assert_eq!(folder.wallet("travel-bot").mandates.last().unwrap().links().len(), 2);
    let wrong = folder.run(&format!("{} --mandate {out}", PRESENT.replace("calendar-bot", "travel-bot")));
    assert_eq!(wrong.unwrap_err().exit, Exit::Usage, "it was not given to that agent");
}

#[test]
fn after_a_rotation_the_new_keys_present_and_links_of_compromised_ones_are_refused() {
    //
    let folder = Folder::with_agents();
    folder.done("delegate travel-bot calendar-bot --cap calendar:read");
    folder.done("agent rotate calendar-bot");
    folder.done("agent rotate travel-bot");
    let keys = KeyFile::open(&folder.data.party_keys(Kind::Agent, "travel-bot"), &passphrase()).unwrap();
    assert_eq!(keys.names().collect::<Vec<_>>(), [ASSERTION, NEXT_UPDATE, P256, UPDATE]);
    let update = keys.get(UPDATE).unwrap().public();
    assert!(folder.wallet("travel-bot").log.parameters().update_keys().contains(update));
    let printed = folder.done(PRESENT).human;
    assert!(folder.verify(&printed, Envelope::Jwt).is_ok(), "a planned rotation breaks nothing");
    folder.done("agent rotate travel-bot --compromised");
    assert_eq!(
        folder.verify(&folder.done(PRESENT).human, Envelope::Jwt).unwrap_err(),
        Code::KeyNotAuthorised
    );
    folder.done("delegate travel-bot calendar-bot --cap calendar:read");
    assert!(folder.verify(&folder.done(PRESENT).human, Envelope::Jwt).is_ok());
    folder.done("owner rotate alice");
    assert!(folder.verify(&folder.done(PRESENT).human, Envelope::Jwt).is_ok());
}

#[test]
fn a_rotation_that_was_cut_off_is_finished_by_the_next_command() {
    let folder = Folder::with_agents();
    let keys = folder.data.party_keys(Kind::Agent, "travel-bot");
    let wallet = folder.data.wallet(Kind::Agent, "travel-bot");
    let (old_keys, old_wallet) = (std::fs::read(&keys).unwrap(), std::fs::read(&wallet).unwrap());
    let session = || Session::with(folder.data.clone(), passphrase());
    // The key file as it is while the node is asked: old keys, and those of the rotation.
    let mut party = party::Party::open(&session(), Kind::Agent, "travel-bot").unwrap();
    for (pending, _) in party::PENDING {
        signing::make(&mut party.keys, pending).unwrap();
    }
    party.keys.save().unwrap();
    let pending = std::fs::read(&keys).unwrap();
    drop(party);
    // The node never heard of it: it is dropped, and the next one works.
    folder.done("agent rotate travel-bot");
    assert_eq!(folder.wallet("travel-bot").log.head().number, 2);
    // Keys and wallet from before that rotation cannot write to the log any more, and say so.
    for stale in [old_keys, pending] {
        std::fs::write(&keys, stale).unwrap();
        std::fs::write(&wallet, &old_wallet).unwrap();
        assert_eq!(folder.run("agent rotate travel-bot").unwrap_err().exit, Exit::Conflict);
    }
}

#[test]
fn a_rotation_that_the_node_accepted_is_not_lost_with_its_answer() {
    let folder = Folder::with_agents();
    let session = Session::with(folder.data.clone(), passphrase());
    let mut party = party::Party::open(&session, Kind::Agent, "calendar-bot").unwrap();
    for (pending, _) in party::PENDING {
        signing::make(&mut party.keys, pending).unwrap();
    }
    party.keys.save().unwrap();
    let [assertion, p256, next] =
        party::PENDING.map(|(pending, _)| signing::key(&party.keys, pending).unwrap());
    let keys = Keys {
        assertion: assertion.public(),
        p256: p256.public(),
        update: signing::key(&party.keys, NEXT_UPDATE).unwrap(),
        next_update: next.public(),
    };
    let log = identity::rotate(&party.wallet.log, keys, Rotation::Compromised, signing::now()).unwrap();
    let place = ("agents", "calendar-bot".to_owned());
    folder.node.known.lock().unwrap().get_mut(&place).unwrap().log = log;
    let printed = folder.done(PRESENT).human;
    assert_eq!(folder.verify(&printed, Envelope::Jwt).unwrap_err(), Code::KeyNotAuthorised);
    folder.done("agent rotate calendar-bot");
    assert_eq!(folder.wallet("calendar-bot").log.head().number, 3);
    assert!(folder.verify(&folder.done(PRESENT).human, Envelope::Jwt).is_ok());
}

#[test]
fn a_name_is_given_once_and_a_refused_one_leaves_no_keys() {
    let folder = Folder::with_agents();
    assert_eq!(folder.run("owner create alice").unwrap_err().exit, Exit::Conflict);
    let refused = folder.run("agent create lost --owner nobody --cap a:b").unwrap_err();
    assert_eq!(refused.exit, Exit::NotFound);
    assert!(!folder.data.party_keys(Kind::Agent, "lost").exists());
    assert!(!folder.data.wallet(Kind::Agent, "lost").exists());
}

#[test]
fn a_dry_run_changes_nothing() {
    let folder = Folder::with_agents();
    let answer = folder.done("agent revoke travel-bot --dry-run");
    assert_eq!(answer.document["dryRun"], true);
    folder.done("agent rotate travel-bot --dry-run");
    assert_eq!(folder.wallet("travel-bot").log.head().number, 1);
}

#[test]
fn a_token_of_another_node_is_refused() {
    let folder = Folder::new();
    std::fs::write(folder.data.admin_token(), "wrong\n").unwrap();
    assert_eq!(folder.run("owner ls").unwrap_err().code, Code::AdminTokenWrong.as_str());
}
