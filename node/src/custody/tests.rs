//! One contract, on each place that keys can be in: the file, a token, a keyring.

use super::*;
use crate::identity;
use crate::signing::{ASSERTION, NEXT_UPDATE, P256, UPDATE};
use did_resolver::document::{Relationship, VerificationMethod};
use did_resolver::keys::KeyKind;
use did_resolver::webvh::Log;
use marque_flows::ports::keys::{KeyRole, Keys as _, Signed};
use marque_store::keyfile::Kdf;
use marque_store::secret::Passphrase;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const DOMAIN: &str = "contract.test";
const ISSUERS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384];
const EVERYTHING: [Signed; 6] = [
    Signed::Credential,
    Signed::Membership,
    Signed::StatusList,
    Signed::Announcement,
    Signed::Bundle,
    Signed::Document,
];

/// What holds of each: keys are made once and found again; each signs what its role is for and nothing else; what they
/// sign verifies; who is no issuer signs nothing.
fn contract(custody: Custody) {
    let custody = &Arc::new(custody);
    let taken = |file: KeyFile, log: &Log, issuers: &[KeyKind]| {
        DomainKeys::take(Arc::clone(custody), Arc::new(Mutex::new(file)), log, issuers)
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let passphrase = || Passphrase::new("a passphrase".to_owned()).unwrap();
    let quick = Kdf { m_kib: 8, t: 1, p: 1 };
    let mut file = KeyFile::create(&path, &passphrase(), quick).unwrap();
    let absent =
        taken(KeyFile::create(&folder.path().join("empty.json"), &passphrase(), quick).unwrap(), &log(), &[]);
    let absent = absent.unwrap_err();
    assert_eq!(absent.code, "keys", "{absent}");
    for role in [ASSERTION, P256, UPDATE] {
        assert!(!custody.has(&file, role).unwrap(), "{role}");
        custody.make(&mut file, role).unwrap();
        assert!(custody.has(&file, role).unwrap(), "{role}");
        assert_eq!(custody.make(&mut file, role).unwrap_err().code, "keys", "{role} is not made anew");
    }
    file.save().unwrap();
    let reopened = || KeyFile::open(&path, &passphrase()).unwrap();

    let first = reopened();
    let need = |role| custody.need(&first, role).unwrap();
    let (assertion, p256, update) = (need(ASSERTION), need(P256), need(UPDATE));
    let next = SecretKey::generate(KeyKind::Ed25519).unwrap();
    let new = identity::Keys {
        assertion: assertion.public(),
        p256: p256.public(),
        update: &update,
        next_update: next.public(),
    };
    let own = identity::genesis(DOMAIN, &[], new, signing::now()).unwrap();

    let mut file = reopened();
    make_issuers(custody, &mut file, &ISSUERS).unwrap();
    let keys = taken(reopened(), &own, &ISSUERS).unwrap();
    make_issuers(custody, &mut reopened(), &ISSUERS).unwrap();
    let again = taken(reopened(), &own, &ISSUERS).unwrap();
    assert_eq!(again.issuers(), keys.issuers(), "issuers are made once");
    let other = taken(reopened(), &log(), &[]).unwrap_err();
    assert_eq!(other.code, "key-not-authorised", "a log that lists other keys: {other}");

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (role, kind) in [(KeyRole::Assertion, KeyKind::Ed25519), (KeyRole::Tokens, KeyKind::P256)] {
            let (public, id) = keys.public(role);
            assert_eq!((public.kind(), &public), (kind, &again.public(role).0));
            assert!(own.document().unwrap().methods().iter().any(|method| method.id == id));
            for what in EVERYTHING {
                for message in [&b""[..], b"text", &[1; 70_000]] {
                    let signed = keys.sign(role, what, message).await;
                    assert_eq!(signed.is_ok(), role.signs(what), "{role:?} {what:?}");
                    if let Ok(signature) = signed {
                        public.verify(message, &signature).unwrap();
                    }
                }
            }
        }
        let issuers = keys.issuers();
        assert_eq!(issuers.iter().map(|(key, _)| key.kind()).collect::<Vec<_>>(), ISSUERS);
        for (public, id) in issuers {
            let signature = keys.sign_as(&id, b"document").await.unwrap();
            public.verify(b"document", &signature).unwrap();
        }
        let (_, own_id) = keys.public(KeyRole::Assertion);
        assert!(keys.sign_as(&own_id, b"document").await.is_err(), "the domain is none of its issuers");
        // As many as ask at once are answered, or refused; none waits for good.
        let many = (0..32).map(|_| keys.sign(KeyRole::Assertion, Signed::StatusList, b"all"));
        for signed in futures::future::join_all(many).await {
            assert!(signed.is_ok(), "{signed:?}");
        }
    });

    // What follows is durable before it is told, is told again, and signs once the log lists it.
    let current = own.document().unwrap();
    let next_of = |keys: &DomainKeys, log: &Log| runtime.block_on(keys.make_next(log)).unwrap();
    let made = next_of(&keys, &own);
    let started_again = taken(reopened(), &own, &ISSUERS).unwrap();
    assert_eq!(next_of(&started_again, &own), made);
    let old = keys.public(KeyRole::Assertion);
    assert_eq!(started_again.signer_by(current), Some(old.1.clone()));
    let later = SecretKey::generate(KeyKind::Ed25519).unwrap();
    let new = identity::Keys {
        assertion: &made.assertion,
        p256: &made.tokens,
        update: &next,
        next_update: later.public(),
    };
    let rotated = identity::rotate(&own, new, identity::Rotation::Planned, signing::now()).unwrap();
    let signs =
        |keys: &DomainKeys| runtime.block_on(keys.sign(KeyRole::Assertion, Signed::StatusList, b"list"));
    keys.follow(&listed(&rotated, true)).unwrap();
    assert_eq!(keys.public(KeyRole::Assertion), old, "those that go on for a while");
    keys.follow(&listed(&rotated, false)).unwrap();
    made.assertion.verify(b"list", &signs(&keys).unwrap()).unwrap();
    assert_eq!(keys.public(KeyRole::Tokens).0, made.tokens);
    assert!(keys.follow(&listed(&log(), false)).is_err());
    assert!(signs(&keys).is_err(), "the newest log lists keys that are elsewhere");
    keys.follow(&listed(&rotated, false)).unwrap();
    assert!(signs(&keys).is_ok());

    // What is made after that takes the place of keys that are over, and of none that signs or is about to.
    let third = taken(reopened(), &rotated, &ISSUERS).unwrap();
    assert_eq!(third.public(KeyRole::Assertion).0, made.assertion);
    third.follow(&listed(&rotated, true)).unwrap();
    assert_eq!(third.public(KeyRole::Assertion), old);
    let made_next = next_of(&third, &rotated);
    assert!(made_next.assertion != old.0 && made_next.assertion != made.assertion);
    for (log, key) in [(&own, &old.0), (&rotated, &made.assertion)] {
        let still = taken(reopened(), log, &ISSUERS).unwrap();
        assert_eq!(still.public(KeyRole::Assertion).0, *key);
    }
    let last = SecretKey::generate(KeyKind::Ed25519).unwrap();
    let new = identity::Keys {
        assertion: &made_next.assertion,
        p256: &made_next.tokens,
        update: &later,
        next_update: last.public(),
    };
    let compromised = identity::Rotation::Compromised;
    let twice =
        identity::rotate(&rotated, new, compromised, signing::now().plus(Duration::from_secs(60))).unwrap();
    third.follow(&listed(&twice, false)).unwrap();
    assert_eq!(third.public(KeyRole::Assertion).0, made_next.assertion);
    next_of(&third, &twice);
    let over = taken(reopened(), &own, &ISSUERS).unwrap_err();
    assert_eq!(over.code, "key-not-authorised", "{over}");
    assert_eq!(
        taken(reopened(), &twice, &ISSUERS).unwrap().public(KeyRole::Assertion).0,
        made_next.assertion
    );

    if !matches!(**custody, Custody::File) {
        let file = reopened();
        assert_eq!(file.names().count(), 0, "the file has none of them");
        custody.forget(&[ASSERTION, P256, UPDATE, "issuer-ed25519", "issuer-p256", "issuer-p384"]);
        custody.forget(&signing::ASSERTIONS);
        custody.forget(&signing::P256S);
        assert!(!custody.has(&file, ASSERTION).unwrap());
    }
}

/// What the newest version lists for a while, or for good.
fn listed(log: &Log, for_a_while: bool) -> Vec<&VerificationMethod> {
    let listed = log.document().unwrap().listed(Relationship::AssertionMethod);
    listed.filter(|method| method.expires.is_some() == for_a_while).collect()
}

/// The log of a domain whose keys are nowhere.
fn log() -> Log {
    let keys: Vec<_> = [ASSERTION, P256, UPDATE, NEXT_UPDATE]
        .into_iter()
        .map(|role| SecretKey::generate(signing::kind(role)).unwrap())
        .collect();
    let [assertion, p256, update, next] = &keys[..] else { panic!("four keys") };
    let new = identity::Keys {
        assertion: assertion.public(),
        p256: p256.public(),
        update,
        next_update: next.public(),
    };
    identity::genesis(DOMAIN, &[], new, signing::now()).unwrap()
}

//
#[test]
fn the_contract_holds_of_the_key_file() {
    contract(Custody::File);
}

//
#[test]
fn the_contract_holds_of_a_token() {
    const PIN: &str = "483912";
    let module = Path::new("/usr/lib/softhsm/libsofthsm2.so");
    if !module.exists() {
        assert!(std::env::var_os("CI").is_none(), "SoftHSM2 is not installed: apt-get install softhsm2");
        println!("SKIPPED: SoftHSM2 is not installed (apt-get install softhsm2)");
        return;
    }
    if std::env::var_os("MARQUE_PIN_FILE").is_some() {
        let keys = Keys {
            backend: KeysBackend::Pkcs11,
            pkcs11_module: module.display().to_string(),
            pkcs11_token: "marque".to_owned(),
            kdf_kib: 8,
            ..Keys::default()
        };
        return contract(Custody::open(&keys, DOMAIN).unwrap());
    }
    // The module finds its tokens by a variable of the process.
    let folder = tempfile::tempdir().unwrap();
    let (tokens, configuration) = (folder.path().join("tokens"), folder.path().join("softhsm2.conf"));
    let pin = folder.path().join("pin");
    std::fs::create_dir(&tokens).unwrap();
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    std::fs::write(&pin, PIN).unwrap();
    let mut made = Command::new("softhsm2-util");
    made.args(["--init-token", "--free", "--label", "marque", "--pin", PIN, "--so-pin", "so-pin"]);
    assert!(made.env("SOFTHSM2_CONF", &configuration).output().unwrap().status.success());
    let mut own = Command::new(std::env::current_exe().unwrap());
    own.args(["--exact", "custody::tests::the_contract_holds_of_a_token", "--nocapture"]);
    own.env("SOFTHSM2_CONF", &configuration).env("MARQUE_PIN_FILE", &pin);
    let output = own.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{}: {said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

//
#[cfg(feature = "keyring")]
#[test]
fn the_contract_holds_of_a_keyring() {
    if std::env::var_os("MARQUE_TEST_KEYRING").is_none() {
        assert!(std::env::var_os("CI").is_none(), "no keyring for tests: tests/keyring has one");
        println!("SKIPPED: no keyring for tests (tests/keyring runs this with one)");
        return;
    }
    let keys = Keys { backend: KeysBackend::Keyring, ..Keys::default() };
    contract(Custody::open(&keys, DOMAIN).unwrap());
}
