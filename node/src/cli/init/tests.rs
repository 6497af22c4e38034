//! Tests of making a data folder.

use super::*;
use did_resolver::document::Relationship;
use did_resolver::webvh::key_hash;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// As `init` does, with keys in the file that are quick to open.
fn made(data: &Data, domain: &str) -> Result<Log, Failure> {
    let keys = config::Keys { kdf_kib: 8, ..Default::default() };
    initialise(data, domain, &passphrase(), (&keys, &Custody::File), None)
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse".to_owned()).unwrap()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_folder_has_the_domains_log_keys_token_and_configuration_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let data = Data::at(dir.path().join("node"));
    let log = made(&data, "acme.example").unwrap();
    let read = files::read(&data.domain_log(), 1 << 20).unwrap();
    let read = Log::verify(&read, signing::now()).unwrap();
    assert_eq!(read, log);
    assert!(log.did().as_str().ends_with(":acme.example"));
    for path in [data.node_keys(), data.recovery_keys(), data.admin_token(), data.config(), data.domain_log()]
    {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!((mode(data.path()), mode(&data.keys())), (0o700, 0o700));

    let keys = KeyFile::open(&data.node_keys(), &passphrase()).unwrap();
    assert_eq!(keys.names().collect::<Vec<_>>(), [ASSERTION, NODE, P256, UPDATE]);
    let listed: Vec<_> = log.document().unwrap().listed(Relationship::AssertionMethod).collect();
    assert_eq!(listed[0].key.as_ref(), Some(keys.get(ASSERTION).unwrap().public()));
    assert_eq!(listed[1].key.as_ref(), Some(keys.get(P256).unwrap().public()));
    let recovery = KeyFile::open(&data.recovery_keys(), &passphrase()).unwrap();
    assert_eq!(recovery.names().collect::<Vec<_>>(), [NEXT_UPDATE]);
    let hash = key_hash(recovery.get(NEXT_UPDATE).unwrap().public());
    assert_eq!(log.parameters().next_key_hashes(), [hash], "only the recovery key writes the next entry");

    let mut layers = crate::config::Layers::defaults().unwrap();
    layers.add_file(&data.config(), &files::read(&data.config(), 1 << 16).unwrap()).unwrap();
    assert_eq!(layers.build().unwrap().domain, "acme.example");
}

#[test]
fn a_folder_that_has_a_node_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = Data::at(dir.path().to_owned());
    assert!(refuse_node(&data).is_ok());
    made(&data, "acme.example").unwrap();
    let before = files::read(&data.domain_log(), 1 << 20).unwrap();
    assert!(refuse_node(&data).is_err());
    std::fs::remove_file(data.config()).unwrap();
    assert!(refuse_node(&data).is_err(), "any trace of a node is enough");
    assert_eq!(files::read(&data.domain_log(), 1 << 20).unwrap(), before);
}

#[test]
fn an_attempt_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let data = Data::at(dir.path().to_owned());
    assert!(made(&data, "localhost").is_err());
    assert!(refuse_node(&data).is_ok());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
