//! The embedded engine under the contract, and under what happens to disks and processes.

use super::*;
use crate::contract::{self, put};
use crate::index;
use futures::future::join_all;
use marque_flows::ports::records::{Expect, MAX_SCAN, Records as _, Row, StoreError, Stored, Table, Write};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

mod compaction;
mod faults;

fn open(dir: &Path) -> Result<Store, OpenError> {
    Store::open(dir, Options { cache_bytes: 1024 * 1024, ..Options::default() })
}

/// What opens once no process that a test beside this one starts holds the lock with it, which it does until it has
/// begun.
pub(crate) fn patient<T>(open: impl Fn() -> Result<T, OpenError>) -> T {
    let began = Instant::now();
    loop {
        match open() {
            Err(OpenError::Locked { .. }) if began.elapsed() < Duration::from_secs(20) => thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

fn number(n: u32) -> Vec<Write> {
    vec![put(Table::Decisions, &n.to_be_bytes(), format!("decision {n}").as_bytes())]
}

/// The numbers whose record reads back as written.
async fn numbers(store: &Store) -> Vec<u32> {
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|n: &u32| n.to_be_bytes());
        let rows = store.scan(Table::Decisions, b"", after.as_ref().map(|a| &a[..]), MAX_SCAN).await.unwrap();
        if rows.is_empty() {
            return found;
        }
        for row in rows {
            let n = u32::from_be_bytes(row.key.try_into().unwrap());
            assert_eq!(row.stored.value, format!("decision {n}").into_bytes());
            found.push(n);
        }
    }
}

async fn filled(dir: &Path, upto: u32) {
    filled_on(dir, upto, &IndexEngine::default()).await;
}

async fn filled_on(dir: &Path, upto: u32, engine: &IndexEngine) {
    let store = patient(|| Store::open(dir, on(engine)));
    for n in 0..upto {
        store.commit(number(n)).await.unwrap();
    }
    store.close().await;
}

fn segment(dir: &Path) -> PathBuf {
    dir.join("log/00000000000000000001.seg")
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() { copy_all(&path, &to) } else { assert!(fs::copy(&path, &to).is_ok()) }
    }
}

/// The maps on disk that an operator can choose.
const ENGINES: [IndexEngine; 3] = [IndexEngine::Lsm, IndexEngine::Sled, IndexEngine::Redb];

fn on(index: &IndexEngine) -> Options {
    Options { cache_bytes: 1024 * 1024, index: index.clone(), ..Options::default() }
}

#[tokio::test]
async fn the_embedded_engine_keeps_the_contract() {
    for engine in ENGINES {
        let dir = tempfile::tempdir().unwrap();
        let store = patient(|| Store::open(dir.path(), on(&engine)));
        contract::holds(&store).await.unwrap();
        assert!(store.verify().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_map_that_is_changed_for_another_is_made_anew_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 30).await;
    for engine in [&ENGINES[1], &ENGINES[2], &ENGINES[0]] {
        let store = patient(|| Store::open(dir.path(), on(engine)));
        assert_eq!(store.recovery().rebuilt, Some(Rebuilt::Format));
        assert_eq!(numbers(&store).await, (0..30).collect::<Vec<_>>());
        store.close().await;
        let store = patient(|| Store::open(dir.path(), on(engine)));
        assert_eq!(store.recovery(), &Recovery::default());
        store.close().await;
    }
}

// R-346
#[tokio::test]
async fn an_index_that_was_not_closed_catches_up() {
    for engine in &ENGINES {
        let origin = tempfile::tempdir().unwrap();
        let store = patient(|| Store::open(origin.path(), on(engine)));
        for n in 0..50 {
            store.commit(number(n)).await.unwrap();
        }
        let killed = tempfile::tempdir().unwrap();
        // As a process that dies leaves it: what is in memory only is not in its files.
        copy_all(origin.path(), killed.path());
        store.close().await;
        let store = patient(|| Store::open(killed.path(), on(engine)));
        assert_eq!((store.recovery().rebuilt, numbers(&store).await.len()), (None, 50), "{engine:?}");
        store.close().await;
    }
}

// R-346
#[tokio::test]
async fn what_took_long_to_replay_is_replayed_once_however_often_the_process_dies() {
    let count = u32::try_from(index::REPLAYED_ONCE).unwrap() + 50;
    for engine in &ENGINES {
        let mut dir = tempfile::tempdir().unwrap();
        let mut store = patient(|| Store::open(dir.path(), on(engine)));
        for n in 0..count {
            store.commit(number(n)).await.unwrap();
        }
        // The first process that dies leaves what it leaves; each further one what it was told at its start.
        for death in 0..3 {
            let killed = tempfile::tempdir().unwrap();
            copy_all(dir.path(), killed.path());
            store.close().await;
            dir = killed;
            store = patient(|| Store::open(dir.path(), on(engine)));
            let replayed = store.recovery().replayed;
            assert_eq!(store.recovery().rebuilt, None);
            assert!(death == 0 || replayed < index::REPLAYED_ONCE, "{engine:?}, death {death}: {replayed}");
        }
        assert_eq!(numbers(&store).await, (0..count).collect::<Vec<_>>());
        store.close().await;
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| open(dir.path()));
    contract::fill(&store).await.unwrap();
    store.close().await;
    let store = patient(|| open(dir.path()));
    assert_eq!(store.recovery(), &Recovery::default());
    contract::is_filled(&store).await.unwrap();
    drop(store);
    let small = Options { segment_bytes: 4_096, ..Options::default() };
    let store = patient(|| Store::open(dir.path(), small.clone()));
    contract::fill(&store).await.unwrap();
    drop(store);
    let store = patient(|| Store::open(dir.path(), small.clone()));
    contract::is_filled(&store).await.unwrap();
    assert!(fs::read_dir(dir.path().join("log")).unwrap().count() > 10);
}

#[tokio::test]
async fn a_version_is_the_same_after_opening_again_and_after_a_rebuild() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 5).await;
    let key = 3_u32.to_be_bytes();
    let before = patient(|| open(dir.path())).get(Table::Decisions, &key).await.unwrap().unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = patient(|| open(dir.path()));
    assert_eq!(store.get(Table::Decisions, &key).await.unwrap().unwrap(), before);
    let next = Write { expect: Expect::Version(before.version), ..put(Table::Decisions, &key, b"x") };
    store.commit(vec![next]).await.unwrap();
}

#[tokio::test]
async fn after_close_every_call_is_refused_and_the_folder_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| open(dir.path()));
    let clone = store.clone();
    let waiting = join_all((0..50).map(|n| clone.commit(number(n))));
    let (outcomes, ()) = futures::join!(waiting, store.close());
    assert!(outcomes.iter().all(|o| matches!(o, Ok(()) | Err(StoreError::Unavailable(_)))));
    assert!(matches!(clone.commit(number(0)).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(clone.get(Table::Logs, b"x").await, Err(StoreError::Unavailable(_))));
    assert!(matches!(clone.scan(Table::Logs, b"x", None, 1).await, Err(StoreError::Unavailable(_))));
    let again = patient(|| open(dir.path()));
    assert!(again.epoch() > store.epoch());
    let acknowledged = outcomes.iter().filter(|o| o.is_ok()).count();
    assert_eq!(numbers(&again).await.len(), acknowledged);
}

#[tokio::test]
async fn a_second_opener_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let held = patient(|| open(dir.path()));
    let pid = Some(std::process::id());
    let refused = open(dir.path()).unwrap_err();
    assert_eq!(refused, OpenError::Locked { file: dir.path().join("lock"), pid });
    held.commit(number(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn commits_that_wait_together_share_a_synchronisation() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| open(dir.path()));
    let tasks = (0..16_u32).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (task..1_000).step_by(16) {
                store.commit(number(n)).await.unwrap();
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    let stats = store.stats();
    assert_eq!(stats.commits, 1_000);
    assert!(stats.syncs < stats.commits, "{stats:?}");
    assert_eq!(numbers(&store).await, (0..1_000).collect::<Vec<_>>());
    assert_eq!(store.verify().unwrap(), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_counters_that_race_no_step_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let store = patient(|| open(dir.path()));
    let tasks = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                loop {
                    let now = store.get(Table::Node, b"counter").await.unwrap();
                    let expect = now.as_ref().map_or(Expect::Absent, |s| Expect::Version(s.version));
                    let value = now.map_or(0, |s| s.value[0]) + 1;
                    match store.commit(vec![Write { expect, ..put(Table::Node, b"counter", &[value]) }]).await
                    {
                        Ok(()) => break,
                        Err(error) => assert_eq!(error, StoreError::Conflict(0)),
                    }
                }
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(Result::unwrap);
    assert_eq!(store.get(Table::Node, b"counter").await.unwrap().unwrap().value, [160]);
}

/// Puts garbage in place of every file below a folder.
fn garble(dir: &Path) {
    let garbage: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { garble(&path) } else { fs::write(path, &garbage).unwrap() }
    }
}

// R-346
#[tokio::test]
async fn an_index_that_is_gone_or_garbage_is_rebuilt_from_the_log() {
    type Harm = fn(&Path, &IndexEngine);
    fn mark(d: &Path, engine: &IndexEngine, v: u32, state: &str) {
        let mark = format!(r#"{{"v":{v},"engine":"{}","state":"{state}","boot":"another"}}"#, engine.name());
        fs::write(d.join("index.mark"), mark).unwrap();
    }
    let cases: [(Rebuilt, Harm); 8] = [
        (Rebuilt::Missing, |d, _| fs::remove_dir_all(d.join("index")).unwrap()),
        (Rebuilt::Unclean, |d, _| fs::remove_file(d.join("index.mark")).unwrap()),
        (Rebuilt::Unclean, |d, _| fs::write(d.join("index.mark"), "{").unwrap()),
        (Rebuilt::Unclean, |d, engine| mark(d, engine, 2, "open")),
        (Rebuilt::Format, |d, engine| mark(d, engine, 3, "closed")),
        (Rebuilt::Unreadable, |d, _| garble(&d.join("index"))),
        (Rebuilt::Unreadable, |d, _| {
            fs::remove_dir_all(d.join("index")).unwrap();
            fs::write(d.join("index"), "a file").unwrap();
        }),
        (Rebuilt::Mismatch, |d, engine| {
            let tree = engine.open(&d.join("index"), 1024 * 1024).unwrap();
            let key = |n: u32| index::tree_key(Table::Decisions as u8, &n.to_be_bytes());
            let entry = tree.get(&key(7)).unwrap();
            tree.apply(&[(&key(8), entry)]).unwrap();
            tree.flush().unwrap();
        }),
    ];
    for engine in &ENGINES {
        let origin = tempfile::tempdir().unwrap();
        filled_on(origin.path(), 200, engine).await;
        for (case, (why, harm)) in cases.iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            copy_all(origin.path(), dir.path());
            harm(dir.path(), engine);
            let store = patient(|| Store::open(dir.path(), on(engine)));
            assert_eq!(store.recovery().rebuilt, Some(*why), "{engine:?}, case {case}");
            assert_eq!(store.recovery().replayed, 200);
            assert_eq!(numbers(&store).await, (0..200).collect::<Vec<_>>());
            // What nothing is wrong with is not kept for inspection.
            let is_damaged = !matches!(why, Rebuilt::Missing | Rebuilt::Format);
            assert_eq!(dir.path().join("index.damaged-1").exists(), is_damaged);
        }
    }
}

#[tokio::test]
async fn an_index_ahead_of_the_log_is_rebuilt_and_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 10).await;
    let length = fs::metadata(segment(dir.path())).unwrap().len();
    fs::OpenOptions::new().write(true).open(segment(dir.path())).unwrap().set_len(length - 1).unwrap();
    let store = patient(|| open(dir.path()));
    assert_eq!(store.recovery().rebuilt, Some(Rebuilt::Ahead));
    assert_eq!(store.recovery().torn.as_ref().unwrap().file, dir.path().join("log/torn-10.bin"));
    assert_eq!(numbers(&store).await, (0..9).collect::<Vec<_>>());
    // As long again, but another history.
    store.commit(number(77_777)).await.unwrap();
    let newer = fs::read(segment(dir.path())).unwrap();
    store.close().await;
    let other = tempfile::tempdir().unwrap();
    filled(other.path(), 12).await;
    fs::write(segment(other.path()), newer).unwrap();
    let store = open(other.path()).unwrap();
    assert_eq!(store.recovery().rebuilt, Some(Rebuilt::Ahead));
    assert_eq!(numbers(&store).await, (0..9).chain([77_777]).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_index_behind_the_log_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 10).await;
    let older = tempfile::tempdir().unwrap();
    copy_all(dir.path(), older.path());
    let store = patient(|| open(dir.path()));
    for n in 10..20 {
        store.commit(number(n)).await.unwrap();
    }
    store.close().await;
    fs::copy(segment(dir.path()), segment(older.path())).unwrap();
    let store = open(older.path()).unwrap();
    assert_eq!(store.recovery(), &Recovery { replayed: 10, ..Recovery::default() });
    assert_eq!(numbers(&store).await, (0..20).collect::<Vec<_>>());
}

// R-346
#[tokio::test]
async fn no_flipped_bit_of_the_log_yields_a_wrong_value() {
    let origin = tempfile::tempdir().unwrap();
    filled(origin.path(), 4).await;
    let whole = fs::read(segment(origin.path())).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let dir = tempfile::tempdir().unwrap();
        copy_all(origin.path(), dir.path());
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(segment(dir.path()), bytes).unwrap();
        match open(dir.path()) {
            Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "byte {at}: {error}"),
            Ok(store) => {
                let found = numbers(&store).await;
                let torn = store.recovery().torn.is_some();
                assert_eq!(found, (0..if torn { 3 } else { 4 }).collect::<Vec<_>>(), "byte {at}");
                if !torn {
                    assert!(matches!(store.verify(), Err(OpenError::Damaged { .. })), "byte {at}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_record_that_breaks_while_open_reads_as_damaged() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3).await;
    let store = patient(|| open(dir.path()));
    let mut bytes = fs::read(segment(dir.path())).unwrap();
    let at = bytes.windows(10).position(|w| w == b"decision 1").unwrap();
    bytes[at] ^= 1;
    fs::write(segment(dir.path()), bytes).unwrap();
    let read = async |n: u32| store.get(Table::Decisions, &n.to_be_bytes()).await;
    assert!(matches!(read(1).await, Err(StoreError::Damaged(_))));
    assert!(read(2).await.unwrap().is_some());
    assert!(matches!(store.scan(Table::Decisions, b"", None, 9).await, Err(StoreError::Damaged(_))));
    assert!(matches!(store.verify(), Err(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_committed_until_the_store_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 200, ..Options::default() };
    let store = patient(|| Store::open(dir.path(), options.clone()));
    store.commit(number(0)).await.unwrap();
    store.commit(number(1)).await.unwrap();
    let obstacle = dir.path().join("log/00000000000000000002.seg");
    fs::create_dir(&obstacle).unwrap();
    let mut outcome = Ok(());
    for n in 2..9 {
        outcome = store.commit(number(n)).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    let before = numbers(&store).await;
    fs::remove_dir(&obstacle).unwrap();
    assert!(matches!(store.commit(number(9)).await, Err(StoreError::Unavailable(_))));
    assert_eq!(numbers(&store).await, before, "reads go on");
    drop(store);
    let store = patient(|| Store::open(dir.path(), options.clone()));
    assert_eq!(numbers(&store).await, before);
    store.commit(number(9)).await.unwrap();
}

const CHILD: &str = "STORE_TEST_CHILD_DIR";

/// Not a test of its own: the process that the next test kills. It prints what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_commits_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = open(Path::new(&dir)).unwrap();
    let first = u32::try_from(store.epoch()).unwrap() * 1_000_000;
    let tasks = (0..4_u32).map(|task| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in (first + task..first + 1_000_000).step_by(4) {
                store.commit(number(n)).await.unwrap();
                // One write call per line, so that lines of tasks do not mix.
                io::Write::write_all(&mut io::stdout(), format!("\nacknowledged {n}.\n").as_bytes()).unwrap();
            }
        })
    });
    join_all(tasks).await;
}

// R-346
#[tokio::test]
async fn every_acknowledged_record_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=8_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::tests::child_that_commits_until_it_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            let Ok(line) = line else { break };
            // A line that the kill cut short lacks its full stop.
            if let Some(n) = line.strip_prefix("acknowledged ").and_then(|l| l.strip_suffix('.')) {
                acknowledged.push(n.parse::<u32>().unwrap());
                seen += 1;
                if seen == 40 * round {
                    child.kill().unwrap();
                }
            }
        }
        assert!(seen >= 40 * round, "the child stopped on its own");
        assert!(!child.wait().unwrap().success());
        // The store of the parent takes an epoch too, as its folder is the same.
        let store = patient(|| open(dir.path()));
        assert_eq!(store.recovery().rebuilt, None, "the kernel kept what the process had written");
        let found = numbers(&store).await;
        acknowledged.sort_unstable();
        assert!(acknowledged.iter().all(|n| found.binary_search(n).is_ok()), "round {round}");
        store.verify().unwrap();
        store.close().await;
    }
}
