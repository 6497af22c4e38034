//! What needs no token.

use super::*;

#[test]
fn no_pin_is_given_where_a_wrong_one_would_lock_the_token() {
    assert_eq!(may_log_in(false, false), Ok(()));
    assert_eq!(may_log_in(false, true), Err(Error::Locked));
    assert_eq!(may_log_in(true, false), Err(Error::Locked));
}

#[test]
fn a_module_that_is_none_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.so");
    assert!(matches!(Link::new(&path, "token").open(), Err(Error::Module(_))), "there is none");
    std::fs::write(&path, b"no library at all").unwrap();
    assert!(matches!(Link::new(&path, "token").open(), Err(Error::Module(_))), "it is no library");
}
