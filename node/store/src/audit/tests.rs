//! Tests of the audit: what is whole passes, whatever is wrong is named, and nothing is changed.

use super::*;
use crate::Store;
use crate::contract::{delete, put};
use crate::engine::tests::patient;
use crate::index::tree::Tree;
use marque_flows::ports::records::{MAX_SCAN, Records as _, Table};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;

fn options() -> Options {
    Options { cache_bytes: 1024 * 1024, segment_bytes: 1_024, ..Options::default() }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A store of `count` numbered records, of which every third was deleted, in segments of a kibibyte.
fn filled(dir: &Path, count: u32) {
    block_on(async {
        let store = patient(|| Store::open(dir, options()));
        for n in 0..count {
            store.commit(vec![put(Table::Logs, &n.to_be_bytes(), &[7; 50])]).await.unwrap();
            if n % 3 == 2 {
                store.commit(vec![delete(Table::Logs, &n.to_be_bytes())]).await.unwrap();
            }
        }
        store.close().await;
    });
}

fn audit(dir: &Path) -> Audit {
    patient(|| {
        let mut last = 0;
        verify(dir, &options(), &mut |done, all| {
            assert!(last <= done && done <= all);
            last = done;
        })
    })
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("log/{number:020}.seg"))
}

fn log_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn remedies(audit: &Audit) -> Vec<Remedy> {
    audit.problems.iter().map(|problem| problem.remedy).collect()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

//
#[test]
fn what_is_whole_passes_and_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 60);
    let before = (log_of(dir.path()), fs::read(dir.path().join("index.mark")).unwrap());
    let found = audit(dir.path());
    assert_eq!((found.problems.as_slice(), found.compared), (&[][..], true));
    assert_eq!((found.batches, found.records, found.torn_bytes, found.anew), (80, 40, 0, None));
    assert!(found.segments > 5);
    assert_eq!((log_of(dir.path()), fs::read(dir.path().join("index.mark")).unwrap()), before);
    let store = patient(|| Store::open(dir.path(), options()));
    assert_eq!(store.recovery(), &crate::Recovery::default());
}

#[test]
fn a_store_that_is_open_is_not_verified() {
    let dir = tempfile::tempdir().unwrap();
    let _store = patient(|| Store::open(dir.path(), options()));
    let refused = verify(dir.path(), &options(), &mut |_, _| ()).unwrap_err();
    assert!(matches!(refused, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
}

//
#[test]
fn each_segment_that_is_damaged_is_named_with_the_place() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 60);
    flip(&segment(dir.path(), 2), 40 + 30);
    flip(&segment(dir.path(), 4), 12);
    fs::remove_file(segment(dir.path(), 5)).unwrap();
    let found = audit(dir.path());
    let places: Vec<(&Path, Option<u64>)> =
        found.problems.iter().map(|problem| (problem.file.as_path(), problem.offset)).collect();
    for wanted in [(2, Some(40)), (4, Some(0)), (5, Some(0))] {
        let wanted = (segment(dir.path(), wanted.0), wanted.1);
        assert!(places.contains(&(&wanted.0, wanted.1)), "{wanted:?} of {places:?}");
    }
    assert!(remedies(&found).iter().all(|remedy| *remedy == Remedy::Restore));
    assert!(!found.compared);
}

//
#[test]
fn no_flipped_bit_of_the_log_is_passed_over() {
    let origin = tempfile::tempdir().unwrap();
    filled(origin.path(), 12);
    fs::remove_dir_all(origin.path().join("index")).unwrap();
    let first = fs::read(segment(origin.path(), 1)).unwrap();
    for at in (0..first.len()).step_by(7) {
        flip(&segment(origin.path(), 1), at);
        let found = audit(origin.path());
        assert_eq!(found.problems[0].file, segment(origin.path(), 1), "byte {at}: {found:?}");
        fs::write(segment(origin.path(), 1), &first).unwrap();
    }
    assert_eq!(audit(origin.path()).problems, []);
}

//
#[test]
fn an_index_that_says_otherwise_than_the_log_is_told_and_a_rebuild_mends_it() {
    type Harm = fn(&dyn Tree);
    fn key(n: u32) -> Vec<u8> {
        tree_key(Table::Logs as u8, &n.to_be_bytes())
    }
    fn put(tree: &dyn Tree, n: u32, entry: Option<Vec<u8>>) {
        tree.apply(&[(&key(n), entry)]).unwrap();
    }
    let cases: [(&str, Harm); 4] = [
        ("lacks 1 records", |tree| put(tree, 7, None)),
        ("at another place", |tree| {
            let mut entry = tree.get(&key(9)).unwrap().unwrap();
            entry[15] ^= 1;
            put(tree, 9, Some(entry));
        }),
        ("deleted here", |tree| put(tree, 2, tree.get(&key(1)).unwrap())),
        ("names 1 records", |tree| put(tree, 1_000, tree.get(&key(1)).unwrap())),
    ];
    for (what, harm) in cases {
        let dir = tempfile::tempdir().unwrap();
        // More than the samples of an opening at either end would find.
        filled(dir.path(), 12);
        let tree = options().index.open(&dir.path().join("index"), 1024 * 1024).unwrap();
        harm(tree.as_ref());
        tree.flush().unwrap();
        drop(tree);
        let found = audit(dir.path());
        assert!(found.problems.iter().any(|problem| problem.what.contains(what)), "{what}: {found:?}");
        assert!(remedies(&found).iter().all(|remedy| *remedy == Remedy::Rebuild));
        block_on(async {
            let store = patient(|| Store::rebuild(dir.path(), options()));
            assert!(store.recovery().rebuilt.is_some());
            assert_eq!(store.recovery().replayed, 16);
            assert_eq!(store.scan(Table::Logs, b"", None, MAX_SCAN).await.unwrap().len(), 8);
            store.close().await;
        });
        assert_eq!(audit(dir.path()).problems, []);
    }
}

//
#[test]
fn records_that_are_gone_are_told_and_a_rebuild_does_not_hide_it() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 6);
    let last = segment(dir.path(), audit(dir.path()).segments);
    let length = fs::metadata(&last).unwrap().len();
    fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(length - 1).unwrap();
    let found = audit(dir.path());
    assert_eq!(remedies(&found), [Remedy::Restore], "{found:?}");
    assert!(found.torn_bytes > 0);
    let store = patient(|| Store::rebuild(dir.path(), options()));
    assert_eq!(store.recovery().rebuilt, Some(Rebuilt::Ahead));
}

#[test]
fn what_was_never_acknowledged_is_no_problem() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 2);
    let mut bytes = fs::read(segment(dir.path(), 1)).unwrap();
    bytes.extend_from_slice(b"half a frame");
    fs::write(segment(dir.path(), 1), &bytes).unwrap();
    fs::write(segment(dir.path(), 2), b"half a header").unwrap();
    let found = audit(dir.path());
    assert_eq!((found.problems.as_slice(), found.torn_bytes), (&[][..], 12), "{found:?}");
    assert_eq!(fs::read(segment(dir.path(), 1)).unwrap(), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    //
    #[test]
    fn whatever_is_written_passes_and_is_counted(
        batches in proptest::collection::vec(
            proptest::collection::btree_map((0..2_u8, 0..12_u8), proptest::option::of(0..40_usize), 1..6),
            0..60,
        )
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut held, mut written) = (BTreeMap::new(), 0);
        let survey = block_on(async {
            let store = patient(|| Store::open(dir.path(), options()));
            for batch in &batches {
                let writes = batch.iter().map(|((table, key), value)| {
                    let table = if *table == 0 { Table::Logs } else { Table::Claims };
                    match value {
                        Some(length) => put(table, &[*key], &vec![*key; *length]),
                        None => delete(table, &[*key]),
                    }
                });
                store.commit(writes.collect()).await.unwrap();
                written += batch.len() as u64;
                for (key, value) in batch {
                    match value {
                        Some(_) => drop(held.insert(*key, ())),
                        None => drop(held.remove(key)),
                    }
                }
            }
            let survey = store.survey(&mut |_, _| ()).unwrap();
            store.close().await;
            survey
        });
        let live: u64 = survey.kinds.iter().map(|kind| kind.live).sum();
        let dead: u64 = survey.kinds.iter().map(|kind| kind.dead).sum();
        prop_assert_eq!((live, live + dead), (held.len() as u64, written));
        for (table, number) in [(Table::Logs, 0), (Table::Claims, 1)] {
            let wanted = held.keys().filter(|(of, _)| *of == number).count() as u64;
            let found = survey.kinds.iter().find(|kind| kind.table == Some(table)).map_or(0, |kind| kind.live);
            prop_assert_eq!(found, wanted);
        }
        let found = audit(dir.path());
        prop_assert_eq!(found.problems, []);
        prop_assert_eq!((found.records, found.batches, found.compared), (live, survey.batches, true));
    }
}
