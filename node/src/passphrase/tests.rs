//! Tests of passphrases from files.

use super::*;

#[test]
fn a_file_that_holds_no_passphrase_is_named_and_the_variable_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let long = vec![b'x'; MAX_PASSPHRASE_BYTES + 1];
    for bytes in [&b""[..], b"\n", b"\xff", &long, &[&long[..], &long].concat()] {
        std::fs::write(&path, bytes).unwrap();
        let failure = from_file(OF_BACKUP, &path).unwrap_err();
        assert!(failure.reason.contains(path.to_str().unwrap()), "{failure}");
        assert!(failure.action.contains(OF_BACKUP.variable), "{failure}");
    }
    std::fs::write(&path, "a passphrase\r\n").unwrap();
    assert!(from_file(OF_BACKUP, &path).is_ok());
}
