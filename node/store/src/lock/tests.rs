//! Tests of `lock`.

use super::*;
use crate::disk::Machine;
use std::fs;

#[test]
fn a_second_opener_is_refused_and_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let held = Lock::take(dir.path(), &Machine, || false).unwrap();
    assert_eq!(
        Lock::take(dir.path(), &Machine, || true).unwrap_err(),
        OpenError::Locked { file: dir.path().join("lock"), pid: Some(std::process::id()) }
    );
    drop(held);
    Lock::take(dir.path(), &Machine, || true).unwrap();
}

#[test]
fn each_opening_has_a_greater_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let epochs: Vec<u64> =
        (0..3).map(|_| Lock::take(dir.path(), &Machine, || false).unwrap().epoch()).collect();
    assert_eq!(epochs, [1, 2, 3]);
}

#[test]
fn an_epoch_that_is_lost_or_unreadable_is_not_started_anew() {
    let dir = tempfile::tempdir().unwrap();
    let epoch = dir.path().join("epoch");
    assert!(matches!(Lock::take(dir.path(), &Machine, || true), Err(OpenError::Damaged { .. })));
    for text in ["", "x", "18446744073709551615", "111111111111111111111111111111111111111"] {
        fs::write(&epoch, text).unwrap();
        assert!(
            matches!(Lock::take(dir.path(), &Machine, || true), Err(OpenError::Damaged { .. })),
            "{text}"
        );
    }
}
