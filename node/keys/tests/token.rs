//! Keys in SoftHSM2, a token that is a program: a real PKCS#11 module, loaded as any other.
//!
//! A module is one for a whole process, and finds its tokens by a variable, so each test runs in a process of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use did_resolver::keys::KeyKind;
use marque_keys::Error;
use marque_keys::pkcs11::Token;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const PIN: &str = "483912";
const KINDS: [(&str, KeyKind); 3] = [("a", KeyKind::Ed25519), ("b", KeyKind::P256), ("c", KeyKind::P384)];

/// Where Debian's packages put SoftHSM2, on any of its machines.
fn module() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/lib/softhsm/libsofthsm2.so");
    Some(usual).filter(|path| path.exists())
}

/// Runs `body` in a process of its own that has a token "marque" and no other.
fn with_token(test: &str, body: impl FnOnce(&Path)) {
    let Some(module) = module() else {
        assert!(std::env::var_os("CI").is_none(), "SoftHSM2 is not installed: apt-get install softhsm2");
        println!("SKIPPED: SoftHSM2 is not installed (apt-get install softhsm2)");
        return;
    };
    if std::env::var_os("MARQUE_TEST_TOKEN").is_some() {
        return body(&module);
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    std::fs::write(&configuration, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
    let mut made = Command::new("softhsm2-util");
    made.args(["--init-token", "--free", "--label", "marque", "--pin", PIN, "--so-pin", "so-pin"]);
    assert!(made.env("SOFTHSM2_CONF", &configuration).output().unwrap().status.success());
    let mut own = Command::new(std::env::current_exe().unwrap());
    own.args(["--exact", test, "--nocapture"]);
    own.env("SOFTHSM2_CONF", &configuration).env("MARQUE_TEST_TOKEN", &tokens);
    assert!(own.status().unwrap().success(), "in a process of its own");
}

fn pin(text: &str) -> Option<Zeroizing<String>> {
    Some(Zeroizing::new(text.to_owned()))
}

fn opened(module: &Path) -> Token {
    let token = Token::open(module, "marque").unwrap();
    assert!(token.wants_pin() && token.is_software());
    token.log_in(pin(PIN)).unwrap();
    token
}

/// The module as its other users have it, in this process.
fn beside(module: &Path) -> Pkcs11 {
    let library = Pkcs11::new(module).unwrap();
    let _runs = library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    library
}

//
#[test]
fn a_pair_of_each_kind_is_made_in_the_token_signs_there_and_never_leaves_it() {
    with_token("a_pair_of_each_kind_is_made_in_the_token_signs_there_and_never_leaves_it", |module| {
        let token = opened(module);
        for (name, kind) in KINDS {
            assert!(token.key(name).unwrap().is_none());
            let key = token.generate(name, kind).unwrap();
            assert_eq!(key.public().kind(), kind);
            for message in [&b""[..], b"text", &[7; 100_000]] {
                let signature = key.sign_and_wait(message).unwrap();
                key.public().verify(message, &signature).unwrap();
                assert_eq!(Some(signature.len()), kind.signature_bytes());
            }
            let again = token.key(name).unwrap().unwrap();
            assert_eq!(again.public(), key.public());
            assert_eq!(token.generate(name, kind).unwrap_err(), Error::Taken(name.to_owned()));
        }
        let library = beside(module);
        let slot = library.get_slots_with_initialized_token().unwrap()[0];
        let session = library.open_ro_session(slot).unwrap();
        let secrets = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
        assert_eq!(secrets.len(), KINDS.len());
        for secret in secrets {
            let shown = session.get_attributes(secret, &[AttributeType::Value]).unwrap();
            assert!(shown.is_empty(), "the token shows a secret");
            let always =
                [AttributeType::AlwaysSensitive, AttributeType::NeverExtractable, AttributeType::Local];
            let always = session.get_attributes(secret, &always).unwrap();
            let kept =
                [Attribute::AlwaysSensitive(true), Attribute::NeverExtractable(true), Attribute::Local(true)];
            assert_eq!(always, kept);
        }
        assert_eq!(token.missing(vec!["a".into(), "d".into()]).unwrap(), ["d"]);
        token.destroy("a").unwrap();
        assert!(token.key("a").unwrap().is_none());
        assert!(matches!(token.generate("x", KeyKind::X25519), Err(Error::Kind(_))));
    });
}

#[test]
fn a_pin_that_is_refused_is_given_once_and_never_again() {
    with_token("a_pin_that_is_refused_is_given_once_and_never_again", |module| {
        let token = Token::open(module, "marque").unwrap();
        assert_eq!(token.log_in(pin("wrong")), Err(Error::WrongPin));
        let library = beside(module);
        let slot = library.get_slots_with_initialized_token().unwrap()[0];
        // Somebody types the right one elsewhere, after which the token counts anew what was wrong.
        let session = library.open_ro_session(slot).unwrap();
        session.login(UserType::User, Some(&AuthPin::from(PIN))).unwrap();
        session.logout().unwrap();
        assert!(!library.get_token_info(slot).unwrap().user_pin_count_low());
        for _ in 0..3 {
            assert_eq!(token.key("a").unwrap_err(), Error::WrongPin);
            assert_eq!(token.log_in(pin(PIN)), Err(Error::WrongPin));
        }
        assert!(!library.get_token_info(slot).unwrap().user_pin_count_low(), "it was given again");
    });
}

#[test]
fn a_token_is_found_by_its_label_or_not_at_all() {
    with_token("a_token_is_found_by_its_label_or_not_at_all", |module| {
        assert_eq!(Token::open(module, "marquee").unwrap_err(), Error::NoToken("marquee".to_owned()));
        let mut twin = Command::new("softhsm2-util");
        twin.args(["--init-token", "--free", "--label", "marque", "--pin", PIN, "--so-pin", "so-pin"]);
        assert!(twin.output().unwrap().status.success());
        beside(module).finalize().unwrap();
        assert_eq!(Token::open(module, "marque").unwrap_err(), Error::SeveralTokens("marque".to_owned()));
    });
}

#[test]
fn a_session_that_is_lost_is_taken_up_again_and_a_token_that_is_gone_is_told_and_found_when_it_is_back() {
    with_token(
        "a_session_that_is_lost_is_taken_up_again_and_a_token_that_is_gone_is_told_and_found_when_it_is_back",
        |module| {
            let token = opened(module);
            let key = token.generate("a", KeyKind::Ed25519).unwrap();
            let library = beside(module);
            let slot = library.get_slots_with_initialized_token().unwrap()[0];
            let session = library.open_ro_session(slot).unwrap();
            session.logout().unwrap();
            drop(session);
            key.sign_and_wait(b"after somebody logged out").unwrap();
            library.finalize().unwrap();
            key.sign_and_wait(b"after the module was ended").unwrap();

            let tokens = PathBuf::from(std::env::var_os("MARQUE_TEST_TOKEN").unwrap());
            let away = tokens.with_extension("away");
            std::fs::rename(&tokens, &away).unwrap();
            std::fs::create_dir(&tokens).unwrap();
            beside(module).finalize().unwrap();
            assert!(matches!(key.sign_and_wait(b"without a token"), Err(Error::Lost(_))));
            std::fs::remove_dir(&tokens).unwrap();
            std::fs::rename(&away, &tokens).unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while let Err(error) = key.sign_and_wait(b"with it again") {
                assert!(matches!(error, Error::Lost(_)), "{error}");
                assert!(Instant::now() < deadline);
            }
        },
    );
}

#[test]
fn keys_that_are_two_or_half_or_not_protected_or_other_ones_than_before_are_refused() {
    with_token(
        "keys_that_are_two_or_half_or_not_protected_or_other_ones_than_before_are_refused",
        |module| {
            let token = opened(module);
            let key = token.generate("a", KeyKind::P256).unwrap();
            let library = beside(module);
            let slot = library.get_slots_with_initialized_token().unwrap()[0];
            let session = library.open_rw_session(slot).unwrap();
            let make = |name: &str, extractable: bool| {
                let both = |class| {
                    let label = Attribute::Label(name.as_bytes().to_vec());
                    vec![
                        Attribute::Token(true),
                        Attribute::KeyType(KeyType::EC),
                        label,
                        Attribute::Class(class),
                    ]
                };
                let mut public = both(ObjectClass::PUBLIC_KEY);
                let p256 = vec![0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
                public.extend([
                    Attribute::Private(false),
                    Attribute::Verify(true),
                    Attribute::EcParams(p256),
                ]);
                let mut private = both(ObjectClass::PRIVATE_KEY);
                private.extend([
                    Attribute::Private(true),
                    Attribute::Sign(true),
                    Attribute::Sensitive(true),
                    Attribute::Extractable(extractable),
                ]);
                let mechanism = cryptoki::mechanism::Mechanism::EccKeyPairGen;
                session.generate_key_pair(&mechanism, &public, &private).unwrap()
            };
            make("b", true);
            assert_eq!(token.key("b").unwrap_err(), Error::Unprotected("b".to_owned()));
            make("c", false);
            let (public, _) = make("c", false);
            assert_eq!(token.key("c").unwrap_err(), Error::Taken("c".to_owned()));
            session.destroy_object(public).unwrap();
            assert_eq!(token.key("c").unwrap_err(), Error::Taken("c".to_owned()));
            let (_, private) = make("d", false);
            session.destroy_object(private).unwrap();
            assert_eq!(token.key("d").unwrap_err(), Error::Missing("d".to_owned()));
            assert_eq!(token.generate("d", KeyKind::P256).unwrap_err(), Error::Taken("d".to_owned()));

            // What the token signs with is not what its owner knows it by.
            key.sign_and_wait(b"text").unwrap();
            token.destroy("a").unwrap();
            assert_eq!(key.sign_and_wait(b"text").unwrap_err(), Error::Missing("a".to_owned()));
            make("a", false);
            assert_eq!(key.sign_and_wait(b"text").unwrap_err(), Error::Faulty("a".to_owned()));
        },
    );
}
