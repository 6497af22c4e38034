//! Tests of small files.

use super::*;

#[test]
fn what_is_longer_than_its_bound_is_not_read() {
    assert_eq!(read_bounded(&b"1234"[..], 4).unwrap().as_deref(), Some(&b"1234"[..]));
    assert_eq!(read_bounded(&b"12345"[..], 4).unwrap(), None);
    assert_eq!(read_bounded(io::repeat(7), 4).unwrap(), None);
}

#[test]
fn a_file_is_replaced_whole_and_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    replace(&path, b"one").unwrap();
    replace(&path, b"two").unwrap();
    assert_eq!(read(&path, 3).unwrap(), b"two");
    assert!(read(&path, 2).is_err());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_file_that_is_not_there_is_none_and_not_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(read_if_there(&dir.path().join("x"), 9).unwrap(), None);
    assert!(read(&dir.path().join("x"), 9).is_err());
    remove(&dir.path().join("x")).unwrap();
}
