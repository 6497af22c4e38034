//! Tests of `keyfile`.

use super::*;
use did_resolver::keys::KeyKind;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// As cheap as Argon2id can be.
const CHEAP: Kdf = Kdf { m_kib: 8, t: 1, p: 1 };

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

/// A file with two keys, and what it says of them.
fn filled(path: &Path) -> String {
    let mut file = KeyFile::create(path, &passphrase("right"), CHEAP).unwrap();
    file.insert("agent#key-1", SecretKey::generate(KeyKind::Ed25519).unwrap()).unwrap();
    file.insert("agent#key-2", SecretKey::generate(KeyKind::P256).unwrap()).unwrap();
    file.save().unwrap();
    format!("{file:?}")
}

#[test]
fn keys_come_back_as_they_were_saved() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let mut file = KeyFile::create(&path, &passphrase("right"), CHEAP).unwrap();
    assert_eq!(KeyFile::open(&path, &passphrase("right")).unwrap().names().count(), 0);
    for (name, kind) in [("b", KeyKind::P256), ("a", KeyKind::Ed25519), ("\u{1} \"ä", KeyKind::P256)] {
        file.insert(name, SecretKey::generate(kind).unwrap()).unwrap();
    }
    file.save().unwrap();
    let read = KeyFile::open(&path, &passphrase("right")).unwrap();
    assert_eq!(read.names().collect::<Vec<_>>(), ["\u{1} \"ä", "a", "b"]);
    for name in file.names() {
        let (was, is) = (file.get(name).unwrap(), read.get(name).unwrap());
        assert_eq!((was.public(), was.expose()), (is.public(), is.expose()));
    }
    drop(file.remove("a").unwrap());
    file.save().unwrap();
    assert_eq!(KeyFile::open(&path, &passphrase("right")).unwrap().names().count(), 2);
}

#[test]
fn each_save_has_another_nonce_and_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let mut file = KeyFile::create(&path, &passphrase("right"), CHEAP).unwrap();
    file.insert("name", SecretKey::from_bytes(KeyKind::Ed25519, &[0; 32]).unwrap()).unwrap();
    let saved: Vec<String> = (0..3)
        .map(|_| {
            file.save().unwrap();
            fs::read_to_string(&path).unwrap()
        })
        .collect();
    assert!(saved[0] != saved[1] && saved[1] != saved[2] && saved[0] != saved[2]);
    assert!(saved.iter().all(|text| !text.contains("AAAAAAAAAAAA") && !text.contains("name\":{")));
}

#[test]
fn a_wrong_passphrase_and_a_changed_content_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    filled(&path);
    assert_eq!(KeyFile::open(&path, &passphrase("wrong")).unwrap_err(), KeyFileError::WrongPassphrase);
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("ciphertext").unwrap() + 20;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    fs::write(&path, [&text[..at], other, &text[at + 1..]].concat()).unwrap();
    assert_eq!(KeyFile::open(&path, &passphrase("right")).unwrap_err(), KeyFileError::Tampered);
}

#[test]
fn every_flipped_bit_is_refused_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let shown = filled(&path);
    let bytes = fs::read(&path).unwrap();
    let mut refused = 0;
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, flipped).unwrap();
        match KeyFile::open(&path, &passphrase("right")) {
            Ok(file) => assert_eq!(format!("{file:?}"), shown, "bit {bit}"),
            Err(_) => refused += 1,
        }
    }
    // White space may become other white space.
    assert!(refused > bytes.len() * 8 - 100, "{refused} of {}", bytes.len() * 8);
}

#[test]
fn a_file_that_asks_for_too_much_work_is_refused_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    filled(&path);
    let text = fs::read_to_string(&path).unwrap();
    for (was, is) in [
        ("\"m_kib\": 8", "\"m_kib\": 1048577"),
        ("\"m_kib\": 8", "\"m_kib\": 7"),
        ("\"t\": 1", "\"t\": 17"),
        ("\"t\": 1", "\"t\": 0"),
        ("\"p\": 1", "\"p\": 2"),
        ("\"p\": 1", "\"p\": 0"),
    ] {
        assert!(text.contains(was));
        fs::write(&path, text.replace(was, is)).unwrap();
        assert_eq!(KeyFile::open(&path, &passphrase("right")).unwrap_err(), KeyFileError::Kdf, "{is}");
    }
    fs::write(&path, text.replace("\"m_kib\": 8", "\"m_kib\": 9")).unwrap();
    assert_eq!(KeyFile::open(&path, &passphrase("right")).unwrap_err(), KeyFileError::WrongPassphrase);
}

#[test]
fn what_is_no_key_file_is_named_as_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let open = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        KeyFile::open(&path, &passphrase("right")).unwrap_err()
    };
    assert_eq!(open(&vec![b' '; MAX_FILE_BYTES + 1]), KeyFileError::TooLarge);
    assert_eq!(open(br#"{"marque":"keyfile","v":2,"new":[]}"#), KeyFileError::Version(2));
    for text in ["", "{}", "[]", r#"{"marque":"other","v":1}"#, r#"{"marque":"keyfile","v":1}"#] {
        assert_eq!(open(text.as_bytes()), KeyFileError::Malformed, "{text}");
    }
    let missing = KeyFile::open(&dir.path().join("none"), &passphrase("right")).unwrap_err();
    assert!(matches!(missing, KeyFileError::Io(_)));
}

#[test]
fn neither_a_file_nor_a_key_is_overwritten_by_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let shown = filled(&path);
    assert_eq!(KeyFile::create(&path, &passphrase("x"), CHEAP).unwrap_err(), KeyFileError::Exists);
    let mut file = KeyFile::open(&path, &passphrase("right")).unwrap();
    let other = || SecretKey::generate(KeyKind::Ed25519).unwrap();
    assert_eq!(file.insert("agent#key-1", other()), Err(KeyFileError::Exists));
    assert_eq!(file.insert("", other()), Err(KeyFileError::Name));
    assert_eq!(file.insert(&"n".repeat(MAX_NAME_BYTES + 1), other()), Err(KeyFileError::Name));
    assert_eq!(format!("{file:?}"), shown);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn keys_that_do_not_fit_are_refused_and_the_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let shown = filled(&path);
    let mut file = KeyFile::open(&path, &passphrase("right")).unwrap();
    for n in 0..400 {
        let key = SecretKey::from_bytes(KeyKind::Ed25519, &[7; 32]).unwrap();
        file.insert(&format!("{n}{}", "n".repeat(MAX_NAME_BYTES - 3)), key).unwrap();
    }
    assert_eq!(file.save(), Err(KeyFileError::TooLarge));
    assert_eq!(format!("{:?}", KeyFile::open(&path, &passphrase("right")).unwrap()), shown);
}

#[test]
fn only_the_owner_reads_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let file = KeyFile::create(&path, &passphrase("right"), CHEAP).unwrap();
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    file.save().unwrap();
    assert_eq!(mode(), 0o600);
}

#[test]
fn the_default_cost_is_that_of_owasp() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys.json");
    drop(KeyFile::create(&path, &passphrase("right"), Kdf::default()).unwrap());
    assert!(fs::read_to_string(&path).unwrap().contains("\"m_kib\": 19456"));
    KeyFile::open(&path, &passphrase("right")).unwrap();
}
