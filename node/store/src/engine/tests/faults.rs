//! The embedded engine on a disk that fails: at each operation that changes it, in each way, with and
//! without a loss of power afterwards.

use super::*;
use crate::contract::delete;
use crate::disk::sim::{Harm, Operation, Sim};
use crate::index::memory::Memory;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// A short segment, so that a run begins some.
const SEGMENT: u64 = 4_096;

/// Rounds of work between two compactions.
const COMPACTED_AFTER: u32 = 6;

type Key = (Table, Vec<u8>);
type Value = Option<Vec<u8>>;

/// What the users of a store were told, over all its crashes.
struct World {
    disk: Sim,
    dir: tempfile::TempDir,
    index: IndexEngine,
    /// As acknowledged, or as read once the store was open again.
    held: BTreeMap<Key, Value>,
    /// What was asked for since, with an unknown outcome.
    maybe: BTreeMap<Key, Vec<Value>>,
    /// Status indices that somebody was given.
    given: BTreeSet<u32>,
    /// Heads that were signed, by height.
    signed: BTreeMap<u32, Vec<u8>>,
    /// Makes each value another one.
    token: u32,
    /// Compactions that replaced something.
    compacted: u32,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn number_in(value: &[u8]) -> u32 {
    u32::from_be_bytes(*value.first_chunk().unwrap())
}

impl World {
    fn new(seed: u64, index: IndexEngine) -> Self {
        let (disk, dir) = (Sim::new(seed), tempfile::tempdir().unwrap());
        let (held, maybe, given, signed) = Default::default();
        Self { disk, dir, index, held, maybe, given, signed, token: 0, compacted: 0 }
    }

    fn in_memory(seed: u64) -> Self {
        Self::new(seed, IndexEngine::Memory(Arc::new(Memory::default())))
    }

    fn open(&self) -> Result<Store, OpenError> {
        let index = self.index.clone();
        let options =
            Options { cache_bytes: 1024 * 1024, segment_bytes: SEGMENT, index, ..Options::default() };
        // A test beside this one that starts a process holds the lock with it until that has begun.
        let began = Instant::now();
        loop {
            let opened = Store::open_on(Arc::new(self.disk.clone()), self.dir.path(), options.clone(), false);
            match opened {
                Err(OpenError::Locked { .. }) if began.elapsed() < Duration::from_secs(20) => {
                    thread::yield_now();
                }
                opened => return opened,
            }
        }
    }

    fn value(&mut self, number: u32, length: usize) -> Vec<u8> {
        self.token += 1;
        let mut value = number.to_be_bytes().to_vec();
        value.extend_from_slice(&self.token.to_be_bytes());
        value.resize(length.max(8), u8::try_from(self.token % 251).unwrap());
        value
    }

    /// Commits batches at once. Answers the first outcome that is unknown.
    async fn commit(&mut self, store: &Store, batches: Vec<Vec<Write>>) -> Result<(), StoreError> {
        let outcomes = join_all(batches.iter().map(|batch| store.commit(batch.clone()))).await;
        for (batch, outcome) in batches.into_iter().zip(&outcomes) {
            for write in batch {
                let key = (write.table, write.key);
                match outcome {
                    Ok(()) => {
                        if let (Table::Indices, n) = (write.table, number_in(&key.1)) {
                            assert!(self.given.insert(n), "status index {n} was given out twice");
                        }
                        if let (Table::ListStates, Some(head)) = (write.table, &write.value) {
                            let second = self.signed.insert(number_in(head), head.clone());
                            assert_eq!(second, None, "a second head was signed");
                        }
                        self.held.insert(key, write.value);
                    }
                    Err(_) => self.maybe.entry(key).or_default().push(write.value),
                }
            }
        }
        outcomes.into_iter().collect()
    }

    /// What users do: reserve an index, sign the next head, write, delete.
    async fn work(&mut self, store: &Store, rounds: u32) -> Result<(), StoreError> {
        for round in 0..rounds {
            let next = store.get(Table::Node, b"next").await?;
            let n = next.as_ref().map_or(0, |s| number_in(&s.value));
            let expect = next.map_or(Expect::Absent, |s| Expect::Version(s.version));
            let reserve = vec![
                Write { expect, ..put(Table::Node, b"next", &self.value(n + 1, 8)) },
                Write { expect: Expect::Absent, ..put(Table::Indices, &n.to_be_bytes(), &self.value(n, 8)) },
            ];
            let head = store.get(Table::ListStates, b"head").await?;
            let height = head.as_ref().map_or(0, |s| number_in(&s.value));
            let expect = head.map_or(Expect::Absent, |s| Expect::Version(s.version));
            let sign =
                vec![Write { expect, ..put(Table::ListStates, b"head", &self.value(height + 1, 600)) }];
            let log = put(Table::Logs, &(round % 5).to_be_bytes(), &self.value(round, 700));
            let gone = delete(Table::Logs, &((round + 2) % 5).to_be_bytes());
            self.commit(store, vec![reserve, sign, vec![log, gone]]).await?;
            if round % COMPACTED_AFTER == 1 {
                self.compact(store).await?;
            }
        }
        Ok(())
    }

    /// Compacts. What goes wrong with that is no reason to take no commits, and hides nothing.
    async fn compact(&mut self, store: &Store) -> Result<(), StoreError> {
        match store.compact(&mut |_, _| ()) {
            Ok(done) => self.compacted += u32::from(done.replaced > 0),
            Err(error) => assert!(matches!(error, OpenError::Io { .. }), "{error:?}"),
        }
        // A disk that is gone shows nothing.
        if self.disk.is_there() { self.look(store).await } else { Ok(()) }
    }

    /// What is there must be what somebody was told, or what was asked for; and then it stays.
    async fn look(&mut self, store: &Store) -> Result<(), StoreError> {
        let mut found = BTreeMap::new();
        for table in [Table::Node, Table::Indices, Table::ListStates, Table::Logs] {
            for row in store.scan(table, b"", None, MAX_SCAN).await? {
                found.insert((table, row.key), row.stored.value);
            }
        }
        let keys: BTreeSet<Key> =
            self.held.keys().chain(self.maybe.keys()).chain(found.keys()).cloned().collect();
        for key in keys {
            let now = found.remove(&key);
            let held = self.held.get(&key).cloned().flatten();
            let asked = self.maybe.get(&key).is_some_and(|values| values.contains(&now));
            assert!(now == held || asked, "{key:?}: acknowledged {held:?}, found {now:?}");
            if let (Table::Indices, Some(_)) = (key.0, &now) {
                self.given.insert(number_in(&key.1));
            }
            if let (Table::ListStates, Some(head)) = (key.0, &now) {
                let stands = self.signed.entry(number_in(head)).or_insert_with(|| head.clone());
                assert_eq!(stands, head, "a second head would be signed");
            }
            self.held.insert(key, now);
        }
        self.maybe.clear();
        Ok(())
    }

    /// One life of the process. Whatever goes wrong, the store says it and takes nothing further.
    fn live(&mut self, rounds: u32) -> Result<(), String> {
        let store = self.open().map_err(|e| e.to_string())?;
        // What a compaction had moved when it was interrupted is known without reading the whole log.
        assert_ne!(store.recovery().rebuilt, Some(Rebuilt::Mismatch));
        block_on(async {
            self.look(&store).await.map_err(|e| e.to_string())?;
            let Err(error) = self.work(&store, rounds).await else { return Ok(()) };
            assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
            let further = store.commit(vec![put(Table::Claims, b"further", b"")]).await;
            assert!(matches!(further, Err(StoreError::Unavailable(_))), "{further:?}");
            if self.disk.is_there() {
                assert_eq!(further, Err(error.clone()), "the store says which error, and goes on saying it");
            }
            store.get(Table::Node, b"next").await.map_err(|e| format!("a read: {e}"))?;
            Err(error.to_string())
        })
    }
}

/// A fault in a run, and another while the store recovers from it. Answers what they met.
fn two_faults(mut world: World, at: usize, harm: Harm, power: bool) -> [Option<Operation>; 2] {
    world.live(2).unwrap();
    let before = world.disk.operations().len();
    world.disk.harm(before + at, harm);
    let mut lives = vec![world.live(10)];
    if lives[0].is_ok() {
        // A store that closes says nothing.
        lives.push(world.live(0));
    }
    let met = world.disk.operations().get(before + at).copied();
    world.disk.mend();
    if power {
        world.disk.cycle_power();
    }
    let recovering = world.disk.operations().len() + at % 18;
    world.disk.harm(recovering, HARMS[at % HARMS.len()]);
    lives.push(world.live(0));
    let met_again = world.disk.operations().get(recovering).copied();
    world.disk.mend();
    let said = format!("{met:?} {harm:?} at {at}, power lost: {power}, after {lives:?}");
    for _ in 0..2 {
        world.live(4).unwrap_or_else(|e| panic!("{said}: {e}"));
        world.disk.cycle_power();
    }
    assert!(world.compacted > 0, "{said}: nothing was ever compacted");
    let store = world.open().unwrap_or_else(|e| panic!("{said}: {e}"));
    store.verify().unwrap_or_else(|e| panic!("{said}: {e}"));
    [met, met_again]
}

const HARMS: [Harm; 5] = [Harm::Error, Harm::Full, Harm::ReadOnly, Harm::Kill, Harm::Power];

//
#[test]
fn a_fault_at_any_write_sync_or_rename_loses_nothing_that_was_acknowledged() {
    let mut met = BTreeMap::<Operation, usize>::new();
    for at in 0.. {
        let mut any = false;
        for (n, harm) in HARMS.into_iter().enumerate() {
            for power in [false, true] {
                let seed = at * 16 + n as u64 * 2 + u64::from(power);
                let at = usize::try_from(at).unwrap();
                let [first, second] = two_faults(World::in_memory(seed), at, harm, power);
                any |= first.is_some();
                for operation in [first, second].into_iter().flatten() {
                    *met.entry(operation).or_default() += 1;
                }
            }
        }
        if !any {
            break;
        }
    }
    println!("injected: {met:?}");
    assert!(met.values().sum::<usize>() >= 1_000, "{met:?}");
    use Operation::{Create, Remove, Rename, SetLength, Sync, SyncDir, Write};
    for operation in [Create, Write, SetLength, Sync, Rename, Remove, SyncDir] {
        assert!(met.contains_key(&operation), "{operation:?} was never harmed");
    }
}

//
#[test]
fn a_fault_harms_no_store_whose_index_is_on_disk() {
    let mut met = 0;
    for (n, at) in (0..100).step_by(2).enumerate() {
        let harm = HARMS[n % HARMS.len()];
        let engine = ENGINES[n % ENGINES.len()].clone();
        let world = World::new(n as u64, engine);
        met += usize::from(two_faults(world, at, harm, n % 2 == 0)[0].is_some());
    }
    assert!(met >= 40, "{met}");
}
