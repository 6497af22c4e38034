//! What `status-list` says of a list in each of its encodings, and how it ends.

use super::*;
use crate::exit::Exit;
use crate::mandate::tests::{NOW, Party};
use did_resolver::codec;
use did_resolver::document::Document;
use std::path::PathBuf;
use std::time::Duration;
use vc_schemas::secure::{Content, Envelope};
use vc_schemas::status::array::{Bits, MIN_ENTRIES};
use vc_schemas::status::token_list::{Form, TokenDraft, TokenList, array_for};
use vc_schemas::status::{ListDraft, Purpose};

const LIST: &str = "https://alpha.test/status/1";

/// A list in one encoding, in a file, with the log of its issuer beside it.
struct Files {
    _dir: tempfile::TempDir,
    list: PathBuf,
    log: PathBuf,
}

impl Files {
    fn new(list: &[u8], log: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (at, log_at) = (dir.path().join("list"), dir.path().join("did.jsonl"));
        std::fs::write(&at, list).unwrap();
        std::fs::write(&log_at, log).unwrap();
        Self { _dir: dir, list: at, log: log_at }
    }

    fn source(&self, verified: bool) -> Source {
        let name = |path: &PathBuf| path.to_str().unwrap().to_owned();
        Source { list: name(&self.list), issuer_log: verified.then(|| name(&self.log)) }
    }

    fn check(&self, index: u32, verified: bool, now: UnixSeconds) -> Result<Answer, Failure> {
        Check { source: self.source(verified), index }.at(now)
    }
}

fn bits() -> Bits {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    bits.set(7).unwrap();
    bits
}

/// A list of `party` with entry 7 set, in every encoding.
fn lists(party: &Party, purpose: Purpose, issued: UnixSeconds) -> Vec<Vec<u8>> {
    let until = issued.plus(Duration::from_secs(600));
    let draft = ListDraft {
        url: LIST.to_owned(),
        issuer: party.did().clone(),
        purpose,
        sequence: 3,
        issued,
        valid_until: until,
        ttl: Duration::from_secs(60),
        bits: bits(),
    };
    let document: &Document = party.log.document().unwrap();
    let mut lists = Vec::new();
    let hides = [Envelope::VcSdJwt, Envelope::DcSdJwt];
    for envelope in Envelope::ALL.into_iter().filter(|envelope| !hides.contains(envelope)) {
        let payload = draft.payload().unwrap();
        let list = signing::secure(Content::Credential, envelope, payload, document, &party.key).unwrap();
        lists.push(list.bytes().to_vec());
    }
    let key_id =
        signing::secure(Content::Credential, Envelope::Jwt, draft.payload().unwrap(), document, &party.key);
    let key_id = key_id.unwrap().key_id().clone();
    for form in Form::ALL {
        let list = TokenList {
            url: LIST.to_owned(),
            issuer: Some(party.did().clone()),
            sequence: Some(4),
            issued,
            not_before: None,
            expires: Some(until),
            ttl: None,
            aggregation: None,
            bits: array_for(purpose, &bits()).unwrap(),
        };
        let key = &party.key;
        let draft = TokenDraft::new(&list, form, &key_id, key.public().kind()).unwrap();
        let signature = key.sign(draft.signing_input()).unwrap();
        let token = draft.attach(key.public(), &signature).unwrap();
        lists.push(token.bytes().to_vec());
        if form == Form::Cwt {
            lists.push(codec::to_base64url(token.bytes()).into_bytes());
        }
    }
    lists
}

#[test]
fn an_entry_of_a_list_in_each_encoding_ends_with_the_exit_code_of_its_status() {
    let now = NOW;
    let party = Party::new(&[]);
    for (purpose, exit, code) in [
        (Purpose::Revocation, Exit::Revoked, Code::CredentialRevoked),
        (Purpose::Suspension, Exit::Revoked, Code::CredentialSuspended),
    ] {
        for list in lists(&party, purpose, now) {
            let files = Files::new(&list, party.log.bytes());
            for verified in [false, true] {
                let good = files.check(8, verified, now).unwrap();
                assert_eq!(good.document["status"], "valid");
                assert_eq!(good.document["verified"], verified);
                let bad = files.check(7, verified, now).unwrap_err();
                assert_eq!((bad.exit, bad.code.as_str()), (exit, code.as_str()));
                let beyond = files.check(MIN_ENTRIES, verified, now).unwrap_err();
                assert_eq!((beyond.exit, beyond.code.as_str()), (Exit::NotFound, "status-unknown"));
                let later = files.check(8, verified, now.plus(Duration::from_secs(600))).unwrap_err();
                assert_eq!((later.exit, later.code.as_str()), (Exit::NotFound, "status-stale"));
            }
            let shown = StatusListCommand::Show(files.source(true)).at(NOW).unwrap();
            assert_eq!((&shown.document["verified"], &shown.document["setCount"]), (&json!(true), &json!(1)));
            assert!(shown.human.contains("#7"), "{}", shown.human);
        }
    }
}

#[test]
fn a_list_that_another_domain_signed_or_that_is_none_is_refused() {
    let (party, other, now) = (Party::new(&[]), Party::new(&[]), NOW);
    for list in lists(&party, Purpose::Revocation, now) {
        let files = Files::new(&list, other.log.bytes());
        let failure = files.check(8, true, now).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Denied, "key-not-authorised"));
        let cut = Files::new(&list[..list.len() / 2], party.log.bytes());
        assert_eq!(cut.check(8, false, now).unwrap_err().exit, Exit::Usage);
    }
    for none in ["", "hello", "{}", "e30.e30.e30", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"]
    {
        let files = Files::new(none.as_bytes(), b"");
        assert_eq!(files.check(8, false, now).unwrap_err().exit, Exit::Usage, "{none}");
    }
}
