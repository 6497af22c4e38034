//! Tests of the place where a data folder is made.

use super::*;
use crate::exit::Exit;
use std::ffi::OsString;
use std::sync::atomic::{AtomicUsize, Ordering};

fn names(folder: &Path) -> Vec<OsString> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn one_restores_at_a_time_and_nothing_is_left_beside_what_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let place = Place::take(&data).unwrap();
    assert_eq!(Place::take(&data).err().unwrap().exit, Exit::Conflict);
    assert_eq!(Place::take(&data).err().unwrap().exit, Exit::Conflict, "who was refused removed the lock");
    place.put(&data).unwrap();
    drop(place);
    assert_eq!(names(dir.path()), ["data"]);
    drop(Place::take(&dir.path().join("given-up")).unwrap());
    assert_eq!(names(dir.path()), ["data"]);
}

#[test]
fn a_lock_that_is_removed_lets_in_no_two_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (inside, came) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    if let Ok(place) = Place::take(&data) {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        came.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                }
            });
        }
    });
    assert!(came.into_inner() > 0);
    assert!(names(dir.path()).is_empty());
}
