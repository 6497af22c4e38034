//! A domain whose keys are in a token: SoftHSM2, as a module that the program loads like that of any hardware.

use crate::process::{Domain, secret};
use crate::rotation::taken_over;
use data_encoding::{BASE64, HEXLOWER};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Where Debian's package puts it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

const PIN: &str = "PIN-of-tests-483912";

/// A token, and a domain whose keys are in it.
struct Guarded {
    token: TempDir,
    domain: Domain,
}

impl Guarded {
    /// Makes a token, and the domain by `init`; none where there is no SoftHSM2.
    fn init(name: &str) -> Option<Self> {
        if !Path::new(MODULE).exists() {
            assert!(std::env::var_os("CI").is_none(), "SoftHSM2 is not installed: apt-get install softhsm2");
            println!("SKIPPED: SoftHSM2 is not installed (apt-get install softhsm2)");
            return None;
        }
        let token = tempfile::tempdir().unwrap();
        let tokens = token.path().join("tokens");
        std::fs::create_dir(&tokens).unwrap();
        let configuration = format!("directories.tokendir = {}\n", tokens.display());
        std::fs::write(token.path().join("softhsm2.conf"), configuration).unwrap();
        secret(&token.path().join("pin"), &format!("{PIN}\n"));
        secret(&token.path().join("wrong-pin"), "not-the-PIN-9999\n");
        let mut made = Command::new("softhsm2-util");
        made.args(["--init-token", "--free", "--label", "marque", "--pin", PIN, "--so-pin", "so-pin"]);
        made.env("SOFTHSM2_CONF", token.path().join("softhsm2.conf"));
        assert!(made.output().unwrap().status.success());
        let variables = variables(token.path(), "pin");
        let flags = ["--keys", "pkcs11", "--module", MODULE, "--token", "marque"];
        Some(Self { domain: Domain::init_guarded(name, &flags, variables), token })
    }

    /// Runs a command with another PIN.
    fn with_pin(&self, pin: &str, arguments: &[&str]) -> Output {
        let mut command = self.domain.command(arguments);
        command.envs(variables(self.token.path(), pin)).stdin(std::process::Stdio::null());
        command.output().unwrap()
    }

    fn away(&self) -> PathBuf {
        self.token.path().join("away")
    }

    fn tokens(&self) -> PathBuf {
        self.token.path().join("tokens")
    }
}

fn variables(token: &Path, pin: &str) -> Vec<(String, String)> {
    let path = |name: &str| token.join(name).display().to_string();
    vec![("SOFTHSM2_CONF".to_owned(), path("softhsm2.conf")), ("MARQUE_PIN_FILE".to_owned(), path(pin))]
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

//
#[test]
fn a_domain_whose_keys_are_in_a_token_issues_verifies_rotates_and_goes_on_after_it_was_killed() {
    let Some(mut guarded) = Guarded::init("alpha.test") else { return };
    let configuration = std::fs::read_to_string(guarded.domain.data().join("config.toml")).unwrap();
    assert!(configuration.contains("backend = \"pkcs11\""), "{configuration}");
    let log = guarded.domain.folder.path().join("node.log");
    guarded.domain.tell(&log);
    let kinds = ("MARQUE_ISSUE__DID_KEYS", "[\"ed25519\",\"p256\",\"p384\"]");
    let at_once = ("MARQUE_KEYS__LEAD_SECONDS", "0");
    guarded.domain.up_with(&[("MARQUE_LOG", "trace"), kinds, at_once]);
    let alpha = &guarded.domain;
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    assert_eq!(alpha.verifies(alpha, "bot").json["verified"], true);
    alpha.done(&["agent", "rotate", "bot"]);
    assert_eq!(alpha.verifies(alpha, "bot").json["verified"], true);
    // The domain's own keys too, which are made in the token.
    alpha.done(&["domain", "rotate"]);
    let by = taken_over(alpha);
    assert_eq!(alpha.verifies(alpha, "bot").json["verified"], true);
    let doctor = alpha.run(&["doctor"]);
    let keys = doctor.json["findings"].as_array().unwrap().iter().find(|one| one["about"] == "keys").unwrap();
    assert_eq!(keys["level"], "good", "{keys}");

    guarded.domain.kill();
    guarded.domain.up_with(&[kinds]);
    let alpha = &guarded.domain;
    assert_eq!(alpha.verifies(alpha, "bot").json["verified"], true, "by the same keys");
    assert_eq!(taken_over(alpha), by);
    alpha.done(&["agent", "revoke", "bot"]);
    guarded.domain.stop();

    // No secret key of the domain is in its folder, and the PIN is nowhere.
    let passphrase = marque_store::secret::Passphrase::new("a passphrase for tests".to_owned()).unwrap();
    let file = guarded.domain.data().join("keys/node.json");
    let file = marque_store::keyfile::KeyFile::open(&file, &passphrase).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["node"], "libp2p's own");
    let forms = [PIN.to_owned(), HEXLOWER.encode(PIN.as_bytes()), BASE64.encode(&PIN.as_bytes()[..18])];
    let mut seen = 0;
    for path in files(guarded.domain.folder.path()).into_iter().chain(files(&guarded.tokens())) {
        let bytes = std::fs::read(&path).unwrap();
        for form in &forms {
            let is_there = bytes.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!is_there, "the PIN is in {}", path.display());
        }
        seen += bytes.len();
    }
    assert!(seen > 100_000, "the log says much: {seen}");
}

//
#[test]
fn a_node_does_not_start_with_a_wrong_pin_without_its_token_or_with_a_key_less() {
    let Some(mut guarded) = Guarded::init("alpha.test") else { return };
    let refused = |guarded: &Guarded, pin: &str, code: &str, word: &str| {
        let output = guarded.with_pin(pin, &["up", "--while-stdin", "--json"]);
        let said = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned();
        assert!(
            !output.status.success() && said.contains(&format!("\"{code}\"")) && said.contains(word),
            "{said}"
        );
        assert!(!said.contains("9999") && !said.contains(PIN), "{said}");
    };
    refused(&guarded, "wrong-pin", "passphrase", "refuses the PIN");
    refused(&guarded, "no-such-file", "passphrase", "MARQUE_PIN_FILE");
    std::fs::rename(guarded.tokens(), guarded.away()).unwrap();
    std::fs::create_dir(guarded.tokens()).unwrap();
    refused(&guarded, "pin", "keys", "no token of the label");
    let doctor = guarded.domain.run(&["doctor"]);
    let found = doctor.json["findings"].as_array().unwrap();
    let keys = found.iter().find(|one| one["about"] == "keys").unwrap();
    assert_eq!(keys["level"], "bad", "{keys}");
    std::fs::remove_dir(guarded.tokens()).unwrap();
    std::fs::rename(guarded.away(), guarded.tokens()).unwrap();

    // A second domain of this name finds the first one's keys, and touches none of them.
    let other = guarded.token.path().join("other");
    let again =
        ["init", "--domain", "alpha.test", "--keys", "pkcs11", "--module", MODULE, "--token", "marque"];
    let mut command = guarded.domain.command(&again);
    command.env("MARQUE_DATA", &other).stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("marque alpha.test assertion"), "{said}");
    assert!(!other.join("domain.jsonl").exists());
    guarded.domain.up();
    guarded.domain.stop();

    let mut gone = Command::new("softhsm2-util");
    gone.args(["--delete-token", "--token", "marque"]);
    gone.env("SOFTHSM2_CONF", guarded.token.path().join("softhsm2.conf"));
    assert!(gone.output().unwrap().status.success());
    let mut new = Command::new("softhsm2-util");
    new.args(["--init-token", "--free", "--label", "marque", "--pin", PIN, "--so-pin", "so-pin"]);
    new.env("SOFTHSM2_CONF", guarded.token.path().join("softhsm2.conf"));
    assert!(new.output().unwrap().status.success());
    refused(&guarded, "pin", "keys", "there is no key");
}
