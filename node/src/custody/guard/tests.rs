//! What is told of how keys are guarded.

use super::*;

fn told(
    backend: KeysBackend,
    is_software: bool,
    domain: &str,
    secret: Option<&Path>,
) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    look(backend, is_software, domain, folder.path(), secret).map(|weak| (weak.is_wrong, weak.reason))
}

//
#[test]
fn whatever_is_less_than_hardware_is_told_of_a_domain_that_is_not_for_trials() {
    for (backend, is_software, word) in [
        (KeysBackend::File, false, "in a file"),
        (KeysBackend::Keyring, false, "every program of this user"),
        (KeysBackend::Pkcs11, true, "SoftHSM"),
    ] {
        let (is_wrong, reason) = told(backend, is_software, "acme.example", None).unwrap();
        assert!(!is_wrong && reason.contains(word), "{reason}");
        assert_eq!(told(backend, is_software, "acme.test", None), None);
    }
    assert_eq!(told(KeysBackend::Pkcs11, false, "acme.example", None), None, "hardware");
    let (_, reason) =
        told(KeysBackend::File, false, "acme.example", Some(Path::new("/etc/marque/passphrase"))).unwrap();
    assert!(reason.contains("/etc/marque/passphrase"), "{reason}");
}

//
#[test]
fn a_passphrase_or_pin_that_lies_beside_the_keys_is_wrong_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(data.join("keys")).unwrap();
    let (inside, outside) = (data.join("keys/secret"), folder.path().join("secret"));
    let link = folder.path().join("link");
    std::fs::write(&inside, "x").unwrap();
    std::fs::write(&outside, "x").unwrap();
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    for backend in [KeysBackend::File, KeysBackend::Pkcs11, KeysBackend::Keyring] {
        let look = |secret: &Path| look(backend, false, "acme.test", &data, Some(secret));
        assert!(look(&inside).unwrap().is_wrong, "{backend:?}");
        assert!(look(&link).unwrap().is_wrong, "{backend:?}: by another name");
        assert_eq!(look(&outside), None, "{backend:?}");
    }
}
