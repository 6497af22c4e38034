//! Backups of stores that are written to, and of what was done to backups since.

use super::*;
use crate::engine::tests::patient;
use crate::engine::{Options, Store};
use marque_flows::ports::records::{Expect, Records as _, Write as Put};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

const KDF: Kdf = Kdf { m_kib: 8, t: 1, p: 1 };

fn passphrase() -> Passphrase {
    Passphrase::new("a passphrase of a backup".to_owned()).unwrap()
}

/// Counts what is live in each table.
#[derive(Default)]
struct Live(BTreeMap<(Table, Vec<u8>), usize>);

impl Marks for Live {
    fn record(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match value {
            None => drop(self.0.remove(&(table, key.to_vec()))),
            Some(value) => drop(self.0.insert((table, key.to_vec()), value.len())),
        }
    }

    fn marks(&self) -> Value {
        json!({"live": self.0.len()})
    }
}

fn open(dir: &Path) -> Store {
    let options = Options { cache_bytes: 1024 * 1024, segment_bytes: 4_096, ..Options::default() };
    patient(|| Store::open(dir, options.clone()))
}

fn record(table: Table, n: u32, value: &[u8]) -> Put {
    Put { table, key: n.to_be_bytes().to_vec(), value: Some(value.to_vec()), expect: Expect::Any }
}

async fn fill(store: &Store, from: u32, upto: u32) {
    for n in from..upto {
        let floor = record(Table::Floors, n % 7, format!("floor {n}").as_bytes());
        store.commit(vec![record(Table::Decisions, n, &[7; 90]), floor]).await.unwrap();
    }
}

fn backed_up(dir: &Path, files: &[(&str, &[u8])]) -> (Vec<u8>, Contents) {
    let source = Source::take(dir).unwrap();
    let files: Vec<_> = files.iter().map(|(name, bytes)| Ok(((*name).to_owned(), bytes.to_vec()))).collect();
    let (mut out, secret) = (Vec::new(), (&passphrase(), KDF));
    let made = create(
        &mut out,
        secret,
        &json!({"of": "a test"}),
        files,
        Some(&source),
        &mut Live::default(),
        &mut |_, _| {},
    );
    (out, made.unwrap())
}

fn checked(backup: &[u8], into: Option<&Path>) -> Result<Contents, BackupError> {
    read(&mut &backup[..], &passphrase(), into, &mut Live::default(), &mut |_, _| {})
}

//
#[tokio::test]
async fn what_a_store_holds_comes_back_from_its_backup_with_the_files_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 0, 200).await;
    store.compact(&mut |_, _| {}).unwrap();
    fill(&store, 200, 300).await;
    // The node goes on; nothing was closed.
    let (backup, made) =
        backed_up(dir.path(), &[("config.toml", b"domain"), ("wallet/agents/bot.json", b"{}")]);
    store.close().await;
    let log = made.account.log.clone().unwrap();
    assert!(log.segments > 3, "{log:?}");
    assert_eq!((made.account.files, log.floors.records, &made.account.marks), (2, 7, &json!({"live": 307})));
    assert_eq!(checked(&backup, None).unwrap(), made);

    let into = tempfile::tempdir().unwrap();
    assert_eq!(checked(&backup, Some(into.path())).unwrap(), made);
    assert_eq!(fs::read(into.path().join("wallet/agents/bot.json")).unwrap(), b"{}");
    let again = open(&into.path().join("store"));
    for n in 0..300_u32 {
        assert!(again.get(Table::Decisions, &n.to_be_bytes()).await.unwrap().is_some(), "{n}");
    }
    let floor = again.get(Table::Floors, &6_u32.to_be_bytes()).await.unwrap().unwrap();
    assert_eq!(floor.value, b"floor 293");
    assert!(again.epoch() > log.epoch);
    again.close().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_is_in_it_whatever_is_written_and_compacted_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (acknowledged, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let writing = {
        let (store, acknowledged, done) = (store.clone(), Arc::clone(&acknowledged), Arc::clone(&done));
        tokio::spawn(async move {
            for n in 0.. {
                if done.load(Ordering::Relaxed) > 0 {
                    break;
                }
                fill(&store, n, n + 1).await;
                acknowledged.store(n + 1, Ordering::Release);
            }
        })
    };
    let compacting = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        std::thread::spawn(move || {
            while done.load(Ordering::Relaxed) == 0 {
                store.compact(&mut |_, _| {}).unwrap();
            }
        })
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut rounds = 0;
    while rounds < 20 || acknowledged.load(Ordering::Acquire) < 50 {
        assert!(std::time::Instant::now() < deadline, "{rounds}");
        let before = acknowledged.load(Ordering::Acquire);
        let (backup, made) = tokio::task::block_in_place(|| backed_up(dir.path(), &[]));
        let mut live = Live::default();
        let read = read(&mut &backup[..], &passphrase(), None, &mut live, &mut |_, _| {}).unwrap();
        assert_eq!(read, made);
        for n in 0..before {
            assert!(live.0.contains_key(&(Table::Decisions, n.to_be_bytes().to_vec())), "{n} of {before}");
        }
        rounds += 1;
    }
    done.store(1, Ordering::Relaxed);
    writing.await.unwrap();
    compacting.join().unwrap();
    store.close().await;
}

//
#[tokio::test]
async fn a_backup_that_is_not_as_it_was_made_is_refused_wherever_it_was_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 0, 1_500).await;
    store.close().await;
    let (backup, _) = backed_up(dir.path(), &[("domain.jsonl", b"log")]);
    let chunk = 64 * 1024 + 16;
    let head = 8 + 2 + usize::from(u16::from_le_bytes([backup[8], backup[9]])) + 4;
    assert!(backup.len() > head + 3 * chunk, "{}", backup.len());

    for at in (0..head).chain([head, head + chunk, head + 2 * chunk + 99, backup.len() - 1]) {
        let mut changed = backup.clone();
        changed[at] ^= 1;
        let refused = checked(&changed, None).unwrap_err();
        let fits = matches!(refused, BackupError::Damaged(_)) || at < 10 && refused == BackupError::Foreign;
        assert!(fits, "byte {at}: {refused:?}");
    }
    for length in [0, 5, head, head + 1, head + chunk, head + 2 * chunk, backup.len() - 1] {
        let refused = checked(&backup[..length], None).unwrap_err();
        assert!(matches!(refused, BackupError::Damaged(_) | BackupError::Foreign), "{length}: {refused:?}");
    }
    let part = |n: usize| &backup[head + n * chunk..head + (n + 1) * chunk];
    let rest = &backup[head + 2 * chunk..];
    let swapped = [&backup[..head], part(1), part(0), rest].concat();
    let doubled = [&backup[..head], part(0), part(0), part(1), rest].concat();
    let lost = [&backup[..head], part(0), rest].concat();
    let longer = [&backup[..], b"more"].concat();
    for changed in [swapped, doubled, lost, longer] {
        assert!(matches!(checked(&changed, None), Err(BackupError::Damaged(_))));
    }
    let other = Passphrase::new("another".to_owned()).unwrap();
    let wrong = read(&mut &backup[..], &other, None, &mut Live::default(), &mut |_, _| {});
    assert_eq!(wrong, Err(BackupError::WrongPassphrase));
}

//
#[tokio::test]
async fn a_store_that_is_damaged_is_not_backed_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 0, 100).await;
    store.close().await;
    let first = dir.path().join("log/00000000000000000001.seg");
    let mut bytes = fs::read(&first).unwrap();
    bytes[200] ^= 1;
    fs::write(&first, bytes).unwrap();
    let source = Source::take(dir.path()).unwrap();
    let none = Vec::<io::Result<(String, Vec<u8>)>>::new();
    let refused = create(
        &mut Vec::new(),
        (&passphrase(), KDF),
        &json!({}),
        none,
        Some(&source),
        &mut Live::default(),
        &mut |_, _| {},
    );
    assert!(matches!(refused, Err(BackupError::Store(OpenError::Damaged { .. }))), "{refused:?}");
}

#[test]
fn a_name_that_leaves_the_data_folder_is_no_name() {
    for name in ["", "/etc/passwd", "../key", "a/../../b", "./a", "a/b/c/d/e/f/g/h/i"] {
        assert_eq!(inside(name), None, "{name}");
    }
    assert_eq!(inside("wallet/agents/bot.json"), Some(Path::new("wallet/agents/bot.json")));
}
