//! What is wrong with a node, told by the program itself; what a shell and a manual know of it.

use crate::process::{Domain, marque};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

fn level<'a>(answer: &'a Value, about: &str) -> Vec<&'a str> {
    let found = answer["findings"].as_array().unwrap().iter();
    found.filter(|one| one["about"] == about).map(|one| one["level"].as_str().unwrap()).collect()
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_what_to_type() {
    // One that was never started: nobody waits for the port that it chose.
    let down = Domain::init("alpha.test").run(&["doctor"]);
    assert_eq!((down.exit, down.json["error"]["code"].as_str()), (1, Some("doctor")), "{}", down.json);
    assert_eq!(level(&down.json, "node"), ["bad"]);
    let node = down.json["findings"].as_array().unwrap().iter().find(|one| one["about"] == "node").unwrap();
    assert!(node["action"].as_str().unwrap().contains("marque up"), "{node}");
    // Nothing was asked of a node that does not run.
    assert_eq!(level(&down.json, "peers"), Vec::<&str>::new());

    let alpha = Domain::start("alpha.test");
    alpha.done(&["agent", "create", "bot", "--owner", "organization", "--cap", "calendar:read"]);
    let up = alpha.done(&["doctor"]).json;
    for about in
        ["clock", "disk", "node", "records", "listeners", "peers", "lists", "identities", "credentials"]
    {
        assert_eq!(level(&up, about), ["good"], "{about}: {up}");
    }
    assert_eq!(level(&up, "files"), ["look"], "the recovery key lies beside the others: {up}");

    std::fs::set_permissions(alpha.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = alpha.run(&["doctor"]);
    assert_eq!((open.exit, level(&open.json, "files")[0]), (1, "bad"), "{}", open.json);
    std::fs::set_permissions(alpha.data(), std::fs::Permissions::from_mode(0o700)).unwrap();

    // the passphrase, where others read it, and where it lies beside the keys.
    assert_eq!(level(&up, "keys"), ["good"], "a domain for trials: {up}");
    let passphrase = alpha.folder.path().join("passphrase");
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o644)).unwrap();
    let read = alpha.run(&["doctor"]);
    assert_eq!((read.exit, level(&read.json, "files")[0]), (1, "bad"), "{}", read.json);
    std::fs::set_permissions(alpha.folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(level(&alpha.run(&["doctor"]).json, "files"), ["look"], "nobody else enters its folder");
    let beside = alpha.data().join("passphrase");
    std::fs::copy(&passphrase, &beside).unwrap();
    let mut command = alpha.command(&["doctor", "--json"]);
    let said = command.env("MARQUE_PASSPHRASE_FILE", &beside).output().unwrap().stdout;
    assert_eq!(level(&serde_json::from_slice(&said).unwrap(), "keys"), ["bad"]);
    // And what is kept less well than it could be, of a domain that is not for trials.
    let acme = Domain::init("acme.example").run(&["doctor"]).json;
    assert_eq!(level(&acme, "keys"), ["look"], "{acme}");
}

#[test]
fn the_configuration_is_checked_without_a_node() {
    let alpha = Domain::init("alpha.test");
    assert_eq!(alpha.done(&["config", "check"]).json["domain"], "alpha.test");
    let config = alpha.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[mesh]\nsync_second = 3\n").replace("[mesh]\n#", "#")).unwrap();
    let refused = alpha.run(&["config", "check"]);
    assert_eq!(refused.exit, 2, "{}", refused.json);
    assert!(
        refused.json["error"]["action"].as_str().unwrap().contains("mesh.sync_seconds"),
        "{}",
        refused.json
    );
    std::fs::write(&config, &text).unwrap();

    // What cannot be, and what `up` would refuse: with what is to be done.
    let with = |flag: (&str, &str), arguments: &[&str]| {
        let mut command = alpha.command(arguments);
        let output = command.env(flag.0, flag.1).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let wrong = ("MARQUE_STATUS__TTL_SECONDS", "1");
    assert_eq!(with(wrong, &["config", "check", "--json"]).0, Some(2));
    let (exit, shown) = with(wrong, &["config", "show", "--origin", "--json"]);
    assert_eq!((exit, &shown["status.ttl_seconds"]["origin"]), (Some(0), &wrong.0.into()), "{shown}");
    for refused in [
        ("MARQUE_DOMAIN", "other.example"),
        ("MARQUE_LISTEN__HEALTH", "127.0.0.1:8640"),
        #[cfg(not(feature = "s3"))]
        ("MARQUE_PUBLISH__BUCKET", "https://s3.eu-central-1.amazonaws.com/acme"),
        #[cfg(not(feature = "postgres"))]
        ("MARQUE_STORE__ENGINE", "postgres"),
        #[cfg(not(feature = "keyring"))]
        ("MARQUE_KEYS__BACKEND", "keyring"),
    ] {
        let (exit, said) = with(refused, &["config", "check", "--json"]);
        assert_eq!((exit, &said["error"]["code"]), (Some(2), &"configuration".into()), "{refused:?}: {said}");
        let free = ["--p2p", "/ip4/127.0.0.1/tcp/0", "--admin", "127.0.0.1:0"];
        let up = with(refused, &[&["up", "--while-stdin", "--json"], &free[..]].concat());
        // A flag may mend it.
        assert!(refused.0.contains("LISTEN") || up == (exit, said), "{refused:?}: {up:?}");
        let (_, doctor) = with(refused, &["doctor", "--json"]);
        assert_eq!(level(&doctor, "configuration"), ["bad"], "{refused:?}: {doctor}");
    }
    // A helper program that is not there does not keep a node from its work; it is told.
    for (program, level_of_it) in [("/nowhere/marque-interop", "bad"), ("/usr", "bad"), ("/bin/sh", "look")] {
        let (_, doctor) = with(("MARQUE_INTEROP__PROGRAM", program), &["doctor", "--json"]);
        // Keys of tests are cheap to guess at, which is worth a look.
        assert_eq!(level(&doctor, "configuration")[0], level_of_it, "{program}: {doctor}");
    }
    // Before there is a node, a file without a domain is right.
    std::fs::remove_dir_all(alpha.data()).unwrap();
    alpha.done(&["config", "check"]);
}

#[test]
fn a_port_of_the_mesh_that_another_node_has_is_not_shared_with_it() {
    let alpha = Domain::start("alpha.test");
    let about = alpha.about();
    let taken = about["p2p"][0].as_str().unwrap();
    let (address, _) = taken.split_once("/p2p/").unwrap();
    let bravo = Domain::init("bravo.test");
    let free = ["--public", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"];
    let up = bravo.run(&[&["up", "--while-stdin", "--p2p", address], &free[..]].concat());
    assert_eq!(up.exit, 2, "{}", up.json);
    assert!(up.json["error"]["reason"].as_str().unwrap().contains(address), "{}", up.json);
    let mut command = bravo.command(&["doctor", "--json"]);
    let said = command.env("MARQUE_LISTEN__P2P", address).output().unwrap().stdout;
    let said: Value = serde_json::from_slice(&said).unwrap();
    let found = said["findings"].as_array().unwrap();
    assert!(
        found
            .iter()
            .any(|one| one["about"] == "listeners" && one["reason"].as_str().unwrap().contains("listen.p2p")),
        "{said}"
    );
}

#[test]
fn the_token_of_the_admin_api_is_replaced_by_deleting_it() {
    let mut alpha = Domain::start("alpha.test");
    let path = alpha.data().join("admin.token");
    let before = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let gone = alpha.run(&["status"]);
    assert_eq!((gone.exit, gone.json["error"]["code"].as_str()), (1, Some("file")), "{}", gone.json);
    assert!(gone.json["error"]["action"].as_str().unwrap().contains("Start the node again"), "{}", gone.json);
    alpha.stop();
    alpha.up();
    assert_ne!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    alpha.done(&["status"]);
}

#[test]
fn shells_complete_every_command_and_every_command_has_a_page() {
    let run = |arguments: &[&str]| {
        let output = marque().args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert!(script.contains("revoke-memberships") && script.contains("doctor"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("man1");
    run(&["man", "--dir", to.to_str().unwrap()]);
    for page in ["marque.1", "marque-doctor.1", "marque-peer-revoke-memberships.1"] {
        let text = std::fs::read_to_string(to.join(page)).unwrap();
        assert!(text.contains(".SH"), "{page}");
    }
}
