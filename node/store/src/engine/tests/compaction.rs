//! The embedded engine while its log is compacted: what is acknowledged stays as it is, whoever reads and writes
//! meanwhile and however it is opened again.

use super::*;
use crate::audit;
use crate::contract::delete;
use crate::memory::Memory;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn small() -> Options {
    Options { cache_bytes: 1024 * 1024, segment_bytes: 2_048, ..Options::default() }
}

fn compact(store: &Store) -> Compaction {
    let mut last = 0;
    let done = store.compact(&mut |done, all| {
        assert!(last <= done && done <= all);
        last = done;
    });
    done.unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn bytes(dir: &Path) -> u64 {
    fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Whether `verify` finds nothing wrong.
fn is_whole(dir: &Path) {
    is_whole_as(dir, &small());
}

fn is_whole_as(dir: &Path, options: &Options) {
    let found = patient(|| audit::verify(dir, options, &mut |_, _| ()));
    assert_eq!((found.problems.as_slice(), found.compared), (&[][..], true), "{found:?}");
}

#[tokio::test]
async fn the_contract_holds_across_compactions() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(dir.path(), small()));
    contract::fill(&store).await.unwrap();
    let before = bytes(dir.path());
    let done = compact(&store);
    assert!(done.dead > 0 && done.written < done.replaced, "{done:?}");
    assert!(bytes(dir.path()) < before);
    contract::is_filled(&store).await.unwrap();
    store.verify().unwrap();
    store.close().await;
    for anew in [false, true] {
        is_whole(dir.path());
        let store = patient(|| Store::open_on(Arc::new(Machine), dir.path(), small(), anew));
        assert_eq!(store.recovery().rebuilt, anew.then_some(Rebuilt::Asked));
        contract::is_filled(&store).await.unwrap();
        store.close().await;
    }
    let store = patient(|| Store::open(dir.path(), small()));
    let (outcome, closed) = futures::join!(contract::holds(&store), async { compact(&store).closed });
    outcome.unwrap();
    assert!(closed > 0);
    compact(&store);
    contract::is_filled(&store).await.unwrap();
}

//
#[tokio::test]
async fn what_is_deleted_goes_and_does_not_come_back_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(dir.path(), small()));
    for n in 0..100 {
        store.commit(number(n)).await.unwrap();
    }
    for n in 0..100_u32 {
        store.commit(vec![delete(Table::Decisions, &n.to_be_bytes())]).await.unwrap();
    }
    store.commit(number(1_000)).await.unwrap();
    let next = store.get(Table::Decisions, &1_000_u32.to_be_bytes()).await.unwrap().unwrap().version;
    compact(&store);
    assert_eq!(numbers(&store).await, [1_000]);
    store.close().await;
    assert!(bytes(dir.path()) < 400, "{:?}", files(dir.path()));
    let store = patient(|| Store::rebuild(dir.path(), small()));
    assert_eq!(numbers(&store).await, [1_000]);
    store.commit(number(5)).await.unwrap();
    let version = store.get(Table::Decisions, &5_u32.to_be_bytes()).await.unwrap().unwrap().version;
    assert!(version > next, "versions grow past what is gone");
}

//
#[tokio::test]
async fn a_deletion_stays_as_long_as_what_it_deletes_could_return() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(dir.path(), small()));
    store.commit(number(1)).await.unwrap();
    compact(&store);
    // The record stands in what was compacted, its deletion behind it.
    store.commit(vec![delete(Table::Decisions, &1_u32.to_be_bytes())]).await.unwrap();
    store.close().await;
    let store = patient(|| Store::rebuild(dir.path(), small()));
    assert_eq!(numbers(&store).await, Vec::<u32>::new());
}

#[tokio::test]
async fn what_is_all_live_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(dir.path(), small()));
    for n in 0..400 {
        store.commit(number(n)).await.unwrap();
    }
    compact(&store);
    let before = files(dir.path());
    let done = compact(&store);
    // But for the end, which was not closed before.
    assert!(done.replaced < 3_000, "{done:?}");
    assert!(before.iter().filter(|name| files(dir.path()).contains(name)).count() > before.len() / 2);
    assert_eq!(numbers(&store).await, (0..400).collect::<Vec<_>>());
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_and_commits_go_on_while_the_log_is_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(dir.path(), small()));
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writers = (0..3_u8).map(|writer| {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut held = BTreeMap::new();
            let mut n = 0_u32;
            while !done.load(Ordering::Relaxed) {
                n += 1;
                let key = [writer, (n % 40) as u8];
                if n.is_multiple_of(7) {
                    store.commit(vec![delete(Table::Claims, &key)]).await.unwrap();
                    held.remove(&key);
                } else {
                    store.commit(vec![put(Table::Claims, &key, &n.to_be_bytes())]).await.unwrap();
                    held.insert(key, n.to_be_bytes().to_vec());
                }
                let look = [writer, (n * 13 % 40) as u8];
                let found = store.get(Table::Claims, &look).await.unwrap().map(|stored| stored.value);
                assert_eq!(found.as_ref(), held.get(&look));
                if n.is_multiple_of(10) {
                    let rows = store.scan(Table::Claims, &[writer], None, MAX_SCAN).await.unwrap();
                    assert_eq!(rows.len(), held.len());
                }
            }
            n
        })
    });
    let writers: Vec<_> = writers.collect();
    let passes = {
        let store = store.clone();
        tokio::task::spawn_blocking(move || (0..12).map(|_| compact(&store).replaced).sum::<u64>())
    };
    assert!(passes.await.unwrap() > 0);
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        assert!(writer.await.unwrap() > 0);
    }
    store.close().await;
    is_whole(dir.path());
}

#[tokio::test]
async fn a_store_in_use_compacts_itself_once_half_is_dead() {
    let dir = tempfile::tempdir().unwrap();
    let how = Background { every: Duration::from_millis(1), bytes_per_second: 1024 * 1024 * 1024 };
    let store = patient(|| Store::open(dir.path(), Options { background: Some(how.clone()), ..small() }));
    for round in 0..60_u8 {
        for key in 0..10_u8 {
            store.commit(vec![put(Table::Claims, &[key], &[round; 64])]).await.unwrap();
        }
    }
    let began = Instant::now();
    while !files(dir.path()).iter().any(|name| name.contains('-')) {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", files(dir.path()));
        store.commit(vec![put(Table::Claims, &[0], &[60; 64])]).await.unwrap();
    }
    for key in 1..10_u8 {
        let found = store.get(Table::Claims, &[key]).await.unwrap().unwrap();
        assert_eq!(found.value, [59; 64]);
    }
    store.close().await;
    // A pass may have been under way: the next opening finishes it.
    patient(|| Store::open(dir.path(), small())).close().await;
    is_whole(dir.path());
}

//
#[tokio::test]
async fn damage_of_what_was_compacted_is_found_and_named() {
    let origin = tempfile::tempdir().unwrap();
    let store = patient(|| Store::open(origin.path(), small()));
    for n in 0..20 {
        store.commit(number(n)).await.unwrap();
    }
    compact(&store);
    store.close().await;
    let name = files(origin.path()).into_iter().find(|name| name.contains('-')).unwrap();
    let whole = fs::read(origin.path().join("log").join(&name)).unwrap();
    for at in (0..whole.len()).step_by(5) {
        let dir = tempfile::tempdir().unwrap();
        copy_all(origin.path(), dir.path());
        let path = dir.path().join("log").join(&name);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let found = patient(|| audit::verify(dir.path(), &small(), &mut |_, _| ()));
        assert!(found.problems.iter().any(|problem| problem.file == path), "byte {at}: {found:?}");
        fs::write(&path, &whole[..at]).unwrap();
        let found = patient(|| audit::verify(dir.path(), &small(), &mut |_, _| ()));
        assert!(found.problems.iter().any(|problem| problem.file == path), "length {at}: {found:?}");
        fs::remove_file(&path).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

/// One act of a user or an operator.
#[derive(Debug, Clone)]
enum Act {
    Commit(Vec<(u8, Option<u16>, bool)>),
    Compact,
    Open,
    Rebuild,
}

fn act() -> impl Strategy<Value = Act> {
    let write = (0..12_u8, proptest::option::weighted(0.7, 0..900_u16), any::<bool>());
    prop_oneof![
        12 => proptest::collection::vec(write, 1..4).prop_map(Act::Commit),
        3 => Just(Act::Compact),
        1 => Just(Act::Open),
        1 => Just(Act::Rebuild),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    //
    #[test]
    fn whatever_is_written_compacted_and_opened_again_reads_as_in_memory(
        acts in proptest::collection::vec(act(), 1..60),
        engine in 0..ENGINES.len(),
    ) {
        let options = || Options { index: ENGINES[engine].clone(), ..small() };
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let model = Memory::default();
            let mut store = patient(|| Store::open(dir.path(), options()));
            for act in acts {
                match act {
                    Act::Commit(writes) => {
                        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                        for (key, length, expects) in writes {
                            let value = length.map(|length| vec![key; usize::from(length)]);
                            let write = |version: Option<u64>| Write {
                                table: Table::Claims,
                                key: vec![key],
                                value: value.clone(),
                                expect: match version {
                                    _ if !expects => Expect::Any,
                                    None => Expect::Absent,
                                    Some(version) => Expect::Version(version),
                                },
                            };
                            let version = |stored: Option<Stored>| stored.map(|stored| stored.version);
                            ours.push(write(version(store.get(Table::Claims, &[key]).await.unwrap())));
                            theirs.push(write(version(model.get(Table::Claims, &[key]).await.unwrap())));
                        }
                        assert_eq!(store.commit(ours).await, model.commit(theirs).await);
                    }
                    Act::Compact => assert!(compact(&store).closed > 0),
                    Act::Open | Act::Rebuild => {
                        store.close().await;
                        is_whole_as(dir.path(), &options());
                        let anew = matches!(act, Act::Rebuild);
                        store = patient(|| Store::open_on(Arc::new(Machine), dir.path(), options(), anew));
                    }
                }
                let rows = |rows: Vec<Row>| rows.into_iter().map(|r| (r.key, r.stored.value)).collect::<Vec<_>>();
                assert_eq!(
                    rows(store.scan(Table::Claims, b"", None, MAX_SCAN).await.unwrap()),
                    rows(model.scan(Table::Claims, b"", None, MAX_SCAN).await.unwrap())
                );
            }
            store.close().await;
        });
    }
}
