//! Backups of a node that runs and is used, and data folders made from them.

use crate::kills::Place;
use crate::process::{Answer, Domain, PATIENCE};
use crate::service::metrics;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The key file passphrase of these domains is another.
const PASSPHRASE: &str = "a passphrase for backups";

fn secret(domain: &Domain, name: &str, text: &str) -> PathBuf {
    let path = domain.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs `backup` in the data folder `data`.
fn backup_in(domain: &Domain, data: &Path, passphrase: &Path, arguments: &[&str]) -> Answer {
    let mut command = domain.command(&[&["backup"], arguments].concat());
    command.arg("--json").env("MARQUE_DATA", data).env("MARQUE_BACKUP_PASSPHRASE_FILE", passphrase);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Answer { exit: output.status.code().unwrap_or(-1), json }
}

fn backup(domain: &Domain, arguments: &[&str]) -> Answer {
    let passphrase = secret(domain, "backup-passphrase", PASSPHRASE);
    backup_in(domain, &domain.data(), &passphrase, arguments)
}

fn code(answer: &Answer) -> &str {
    answer.json["error"]["code"].as_str().unwrap_or_default()
}

/// Credentials that were acknowledged, each with whether it was revoked.
type Told = BTreeMap<String, bool>;

/// Issues and revokes until told to stop.
fn load(place: &Place, did: &str, told: &Mutex<Told>, stop: &AtomicBool) {
    for n in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let id = format!("urn:uuid:00000000-0000-4000-8000-{n:012x}");
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "id": id,
            "issuer": did, "credentialSubject": {"id": "did:example:pat"},
        });
        let body = json!({"credential": credential, "options": {"statusPurposes": ["revocation"]}});
        place.post("/credentials/issue", &body).unwrap();
        told.lock().unwrap().insert(id.clone(), false);
        if n % 2 == 0 {
            place.post(&format!("/v1/credentials/{id}/revoke"), &json!({})).unwrap();
            told.lock().unwrap().insert(id, true);
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

//
#[test]
fn a_backup_of_a_node_under_load_brings_back_all_that_was_acknowledged_before_it() {
    let mut alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    let (file, keys) = (alpha.folder.path().join("alpha.backup"), alpha.folder.path().join("alpha.keys"));
    let place = Place::of(&alpha);
    let (told, stop, did) = (Mutex::new(Told::new()), AtomicBool::new(false), alpha.did.clone());
    let before = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load(&place, &did, &told, &stop));
        let deadline = Instant::now() + PATIENCE;
        while told.lock().unwrap().len() < 20 {
            assert!(Instant::now() < deadline && !loading.is_finished(), "nothing is acknowledged");
            std::thread::yield_now();
        }
        let before = told.lock().unwrap().clone();
        let sequence = place.list("revocation").unwrap().sequence;
        let made = backup(&alpha, &["create", text(&file), "--keys", text(&keys)]);
        assert_eq!(made.exit, 0, "{}", made.json);
        stop.store(true, Ordering::Relaxed);
        assert!(
            made.json["store"]["marks"]["lists"]["revocation"].as_u64().unwrap() >= sequence,
            "{}",
            made.json
        );
        before
    });
    assert!(before.values().any(|revoked| *revoked));
    let sealed = [std::fs::read(&file).unwrap(), std::fs::read(&keys).unwrap()].concat();
    assert!(!sealed.windows(6).any(|bytes| bytes == b"config"), "it is not encrypted");
    let again = backup(&alpha, &["create", text(&file)]);
    assert_eq!((again.exit, code(&again)), (2, "usage"), "{}", again.json);

    let verified = backup(&alpha, &["verify", text(&file)]);
    assert_eq!(verified.exit, 0, "{}", verified.json);
    let log = &verified.json["store"]["log"];
    assert!(log["floors"]["records"].as_u64().unwrap() >= 3, "{log}");
    assert!(log["revokedEver"]["records"].as_u64().unwrap() >= 1, "{log}");
    assert_eq!(verified.json["store"]["did"], alpha.did.as_str());
    let of_keys = backup(&alpha, &["verify", text(&keys)]).json;
    assert_eq!(of_keys["keys"]["files"], 5, "node, recovery, the organisation, alice, bot: {of_keys}");

    // A folder with anything in it is left as it is.
    let refused = backup(&alpha, &["restore", text(&file)]);
    assert_eq!((refused.exit, code(&refused)), (2, "usage"), "{}", refused.json);
    alpha.kill();

    // The old machine is gone: all that is left are the two files and their passphrases.
    let lost = alpha.folder.path().join("lost");
    let token = std::fs::read(alpha.data().join("admin.token")).unwrap();
    std::fs::rename(alpha.data(), &lost).unwrap();
    let swapped = backup(&alpha, &["restore", text(&keys)]);
    assert_eq!((swapped.exit, code(&swapped)), (2, "usage"), "{}", swapped.json);
    assert!(!alpha.data().exists());
    let restored = backup(&alpha, &["restore", text(&file), "--keys", text(&keys)]);
    assert_eq!(
        (restored.exit, &restored.json["next"]),
        (0, &json!("marque up --after-loss")),
        "{}",
        restored.json
    );
    assert_ne!(std::fs::read(alpha.data().join("admin.token")).unwrap(), token);
    assert_eq!(alpha.done(&["store", "verify"]).json["problems"], json!([]));

    let ports = ["--p2p", "/ip4/127.0.0.1/tcp/0", "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let unseen = alpha.run(&[&["up", "--health", "127.0.0.1:0"], &ports[..]].concat());
    assert_eq!((unseen.exit, code(&unseen)), (1, "file"), "{}", unseen.json);
    let reason = unseen.json["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("restored from a backup"), "{reason}");
    alpha.up_saying(&["--after-loss"], &[]);
    let place = Place::of(&alpha);
    let all = place.get("/v1/credentials");
    let states: BTreeMap<&str, &str> = all["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["state"].as_str().unwrap_or_default()))
        .collect();
    for (id, revoked) in &before {
        let state = states.get(id.as_str()).unwrap_or_else(|| panic!("{id} was acknowledged, and is gone"));
        assert!(!revoked || *state == "revoked", "{id}: {state}");
    }
    let sequence = verified.json["store"]["marks"]["lists"]["revocation"].as_u64().unwrap();
    let list = place.list("revocation").unwrap();
    assert!(list.sequence >= sequence, "{} after {sequence}", list.sequence);
    // Keys and wallets are there as well.
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    assert_eq!(alpha.verifies(&alpha, "bot").exit, 0);
    alpha.stop();
    alpha.up();
}

//
#[test]
fn a_backup_that_was_changed_or_is_opened_with_another_passphrase_is_refused_and_leaves_nothing() {
    let mut alpha = Domain::start("alpha.test");
    alpha.stop();
    // More than a chunk or two.
    std::fs::write(alpha.data().join("wallet/owners/filler.json"), vec![b' '; 200_000]).unwrap();
    let folder = alpha.folder.path().to_owned();
    let file = folder.join("alpha.backup");
    assert_eq!(backup(&alpha, &["create", text(&file)]).exit, 0);
    // One file is not for both, and none is written where the other cannot be.
    let one = folder.join("one.backup");
    for keys in [&one, &folder.join("./one.backup"), &file] {
        let refused = backup(&alpha, &["create", text(&one), "--keys", text(keys)]);
        assert_eq!((refused.exit, code(&refused)), (2, "usage"), "{}", refused.json);
        assert!(!one.exists(), "{}", keys.display());
    }
    let whole = std::fs::read(&file).unwrap();
    let chunk = 64 * 1024 + 16;
    let head = 8 + 2 + usize::from(u16::from_le_bytes([whole[8], whole[9]])) + 4;
    assert!(whole.len() > head + 2 * chunk, "{} bytes", whole.len());
    let part = |n: usize| &whole[head + n * chunk..head + (n + 1) * chunk];
    let mut flipped = whole.clone();
    flipped[head + chunk + 5] ^= 1;
    let cut = whole[..whole.len() - 1].to_vec();
    let early = whole[..head + chunk].to_vec();
    let swapped = [&whole[..head], part(1), part(0), &whole[head + 2 * chunk..]].concat();
    let passphrase = secret(&alpha, "backup-passphrase", PASSPHRASE);
    let data = folder.join("fresh/data");
    for (name, bytes) in [("flipped", flipped), ("cut", cut), ("early", early), ("swapped", swapped)] {
        let changed = folder.join(name);
        std::fs::write(&changed, bytes).unwrap();
        for command in ["verify", "restore"] {
            let refused = backup_in(&alpha, &data, &passphrase, &[command, text(&changed)]);
            assert_eq!((refused.exit, code(&refused)), (1, "backup-damaged"), "{name}: {}", refused.json);
        }
    }
    let other = secret(&alpha, "other", "another passphrase");
    for command in ["verify", "restore"] {
        let refused = backup_in(&alpha, &data, &other, &[command, text(&file)]);
        assert_eq!((refused.exit, code(&refused)), (2, "passphrase"), "{}", refused.json);
    }
    assert!(!data.exists());
    let left = || -> Vec<_> {
        std::fs::read_dir(folder.join("fresh")).unwrap().map(|e| e.unwrap().file_name()).collect()
    };
    assert!(left().is_empty(), "{:?}", left());
    assert_eq!(backup_in(&alpha, &data, &passphrase, &["restore", text(&file)]).exit, 0);
    assert_eq!(left(), ["data"]);
}

//
#[test]
fn a_restore_that_is_killed_leaves_a_whole_folder_or_none_and_can_be_repeated() {
    let mut alpha = Domain::start("alpha.test");
    alpha.stop();
    let (file, data) = (alpha.folder.path().join("alpha.backup"), alpha.folder.path().join("fresh/data"));
    assert_eq!(backup(&alpha, &["create", text(&file)]).exit, 0);
    let passphrase = secret(&alpha, "backup-passphrase", PASSPHRASE);
    let restore = || {
        let mut command = alpha.command(&["backup", "restore", text(&file), "--json"]);
        command.env("MARQUE_DATA", &data).env("MARQUE_BACKUP_PASSPHRASE_FILE", &passphrase);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let (mut killed, mut whole) = (0, 0);
    for n in 0..40_u64 {
        let mut child = restore();
        let until = Instant::now() + Duration::from_millis(n * 6);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ended = child.kill();
        child.wait().unwrap();
        if data.exists() {
            whole += 1;
            for name in
                ["config.toml", "domain.jsonl", "admin.token", "records-lost", "store/epoch", "store/log"]
            {
                assert!(data.join(name).exists(), "{name} in round {n}");
            }
            let mut verify = alpha.command(&["store", "verify", "--json"]);
            let verified = verify.env("MARQUE_DATA", &data).output().unwrap();
            assert!(verified.status.success(), "{verified:?}");
            std::fs::remove_dir_all(&data).unwrap();
        } else {
            killed += 1;
        }
    }
    println!("killed {killed} times before its end, {whole} times after it");
    assert!(killed > 0);
    assert_eq!(backup_in(&alpha, &data, &passphrase, &["restore", text(&file)]).exit, 0);
    assert!(data.join("config.toml").exists());
}

// R-346 R-343
#[test]
fn a_restored_node_signs_nothing_before_a_peer_has_given_back_what_was_revoked_since_the_backup() {
    let (mut alpha, mut bravo) = (Domain::start("alpha.test"), Domain::start("bravo.test"));
    bravo.meets(&alpha, "calendar:read");
    alpha.done(&["owner", "create", "alice"]);
    for agent in ["bot", "late"] {
        alpha.done(&["agent", "create", agent, "--owner", "alice", "--cap", "calendar:read"]);
        bravo.verifies_until(&alpha, agent, 0);
    }
    let (file, keys) = (alpha.folder.path().join("alpha.backup"), alpha.folder.path().join("alpha.keys"));
    let made = backup(&alpha, &["create", text(&file), "--keys", text(&keys)]);
    assert_eq!(made.exit, 0, "{}", made.json);
    // One is revoked since, one suspended, and others hear of it.
    let all = alpha.done(&["credential", "ls"]).json;
    let mandates =
        all["credentials"].as_array().unwrap().iter().filter(|one| one["type"] == "DelegationCredential");
    let ids: Vec<_> = mandates.map(|one| one["id"].as_str().unwrap()).collect();
    alpha.done(&["credential", "revoke", ids[0]]);
    alpha.done(&["credential", "suspend", ids[1]]);
    bravo.verifies_until(&alpha, "bot", 4);
    bravo.verifies_until(&alpha, "late", 4);
    let sequence = Place::of(&alpha).list("revocation").unwrap().sequence;
    // A change was heard of at once; the list itself is pulled.
    bravo.until(&["status"], |answer| {
        let lists = answer.json["mesh"]["lists"].as_array().unwrap().clone();
        lists.iter().filter(|list| list["sequence"].as_u64() >= Some(sequence)).count() >= 2
    });
    alpha.kill();
    bravo.stop();
    std::fs::remove_dir_all(alpha.data()).unwrap();
    let restored = backup(&alpha, &["restore", text(&file), "--keys", text(&keys)]);
    assert_eq!(restored.exit, 0, "{}", restored.json);

    // With nobody there it signs nothing, however often it starts.
    for flags in [&["--after-loss"][..], &[]] {
        alpha.up_saying(flags, &[]);
        let refused = alpha.run(&["owner", "create", "eve"]);
        assert_ne!(refused.exit, 0, "{}", refused.json);
        assert!(alpha.data().join("records-lost").exists());
        assert!(Place::of(&alpha).list("revocation").unwrap().sequence < sequence);
        assert_eq!(Place::of(&alpha).get("/v1/node")["readiness"]["status"], "signs-nothing");
        alpha.stop();
    }

    alpha.up();
    bravo.up();
    alpha.until(&["owner", "create", "eve"], |answer| answer.exit == 0);
    let list = Place::of(&alpha).list("revocation").unwrap();
    assert!(list.sequence > sequence, "{} after {sequence}", list.sequence);
    assert_eq!(Place::of(&alpha).get("/v1/node")["readiness"]["status"], "ok");
    let deadline = Instant::now() + PATIENCE;
    while alpha.data().join("records-lost").exists() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    for agent in ["bot", "late"] {
        assert_eq!(bravo.verifies(&alpha, agent).exit, 4, "{agent}: what was refused stays so");
    }
    // What is issued from now on stands on lists that were never used before.
    alpha.done(&["agent", "create", "new", "--owner", "alice", "--cap", "calendar:read"]);
    let agent = alpha.done(&["agent", "show", "new"]).text("did");
    let reserved = Place::of(&alpha).post("/v1/indices", &json!({"issuer": agent})).unwrap();
    assert!(reserved["revocation"].as_str().unwrap().ends_with("/status/revocation/1"), "{reserved}");
    bravo.verifies_until(&alpha, "new", 0);
    assert_eq!(bravo.done(&["status"]).json["mesh"]["contested"], 0);
}

// R-346 R-343
#[test]
fn a_restored_node_that_its_only_peer_refuses_signs_nothing_until_that_lets_it_in() {
    let soon = ("MARQUE_MESH__SYNC_SECONDS", "1");
    let (mut alpha, mut bravo) = (Domain::start("alpha.test"), Domain::init("bravo.test"));
    alpha.done(&["trust", "add", &bravo.did]);
    let address = format!("[\"{}\"]", alpha.about()["p2p"][0].as_str().unwrap());
    let (file, keys) = (alpha.folder.path().join("alpha.backup"), alpha.folder.path().join("alpha.keys"));
    let made = backup(&alpha, &["create", text(&file), "--keys", text(&keys)]);
    assert_eq!(made.exit, 0, "{}", made.json);
    alpha.kill();
    std::fs::remove_dir_all(alpha.data()).unwrap();
    let restored = backup(&alpha, &["restore", text(&file), "--keys", text(&keys)]);
    assert_eq!(restored.exit, 0, "{}", restored.json);
    alpha.up_saying(&["--after-loss"], &[soon]);
    bravo.up_with(&[("MARQUE_MESH__PEERS", &address), soon]);
    // Alpha lets bravo in and asks what it holds, and is refused in more rounds than it would wait for something new.
    alpha.until(&["peer", "ls"], |answer| answer.json["nodes"][0]["refuses"] == "not-admitted");
    let refused = || {
        let page = metrics(&alpha);
        let rows = page
            .lines()
            .filter(|row| row.starts_with("marque_sync_events_total") && row.contains("not-admitted"));
        rows.map(|row| row.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    alpha.until(&["status"], |_| refused() >= 14);
    assert_ne!(alpha.run(&["owner", "create", "eve"]).exit, 0);
    assert!(alpha.data().join("records-lost").exists());
    assert_eq!(Place::of(&alpha).get("/v1/node")["readiness"]["status"], "signs-nothing");

    bravo.done(&["trust", "add", &alpha.did]);
    alpha.until(&["owner", "create", "eve"], |answer| answer.exit == 0);
    assert_eq!(Place::of(&alpha).get("/v1/node")["readiness"]["status"], "ok");
}
