//! G13: records of 1.5 KB, durable by the hundred, into the store of Marque and into what one could take instead.
//!
//! Each candidate is a process. They take turns, ten thousand records at a time, and are measured then.

use crate::goals::{Bound, Goals};
use crate::machine::{anonymous, median, processor, size, written};
use crate::worker::{Worker, obey};
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use marque_store::{IndexEngine, Options, Store};
use redb::{Database, Durability, TableDefinition};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Instant;

const PAYLOAD: usize = 1_500;
const BATCH: u64 = 100;
const TURN: u64 = 10_000;

/// Where the growth is looked at first.
const EARLY: u64 = 200_000;

const LOG: &str = "bare log, appended to";
const PLACED: &str = "bare log, its room taken before";
const INDEX: &str = "Marque";
const SLED_INDEX: &str = "Marque, index in sled";
const REDB_INDEX: &str = "Marque, index in redb";
const SLED: &str = "sled with the bodies inside";
const REDB: &str = "redb with the bodies inside";

/// Each with the log that all are compared to, so that no more than 8 GB lie on the disk.
const GROUPS: [&[&str]; 3] = [&[LOG, PLACED, INDEX], &[LOG, SLED_INDEX, REDB_INDEX], &[LOG, SLED, REDB]];

/// What the log of Marque takes at once.
const SEGMENT: u64 = 64 << 20;

/// A DID as a key, in no order.
fn key(n: u64) -> Vec<u8> {
    let digest = did_resolver::codec::sha256(&n.to_be_bytes());
    format!("did:webvh:{}:bench.example:agents:bot#0", did_resolver::codec::to_base64url(&digest))
        .into_bytes()
}

/// What no disk and no engine makes smaller.
fn value(n: u64) -> Vec<u8> {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(PAYLOAD + 8);
    while bytes.len() < PAYLOAD {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(PAYLOAD);
    bytes
}

/// Takes batches, each durable when this returns.
type Take = Box<dyn FnMut(Vec<(Vec<u8>, Vec<u8>)>)>;

fn candidate(name: &str, dir: &Path) -> Take {
    match name {
        LOG | PLACED => {
            let (mut file, mut room, mut length) = (File::create(dir.join("log")).unwrap(), 0, 0);
            let takes_room = name == PLACED;
            Box::new(move |batch| {
                let mut bytes = Vec::new();
                for (key, value) in batch {
                    bytes.extend_from_slice(&(key.len() as u32).to_be_bytes());
                    bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
                    bytes.extend_from_slice(&key);
                    bytes.extend_from_slice(&value);
                }
                length += bytes.len() as u64;
                while takes_room && room < length {
                    std::io::copy(&mut std::io::repeat(0).take(SEGMENT), &mut file).unwrap();
                    room += SEGMENT;
                    file.seek(SeekFrom::Start(length - bytes.len() as u64)).unwrap();
                }
                file.write_all(&bytes).unwrap();
                file.sync_data().unwrap();
            })
        }
        INDEX | SLED_INDEX | REDB_INDEX => {
            let index = match name {
                SLED_INDEX => IndexEngine::Sled,
                REDB_INDEX => IndexEngine::Redb,
                _ => IndexEngine::default(),
            };
            let store = Store::open(dir, Options { index, ..Options::default() }).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            Box::new(move |batch| {
                let write = |(key, value)| Write {
                    table: Table::Logs,
                    key,
                    value: Some(value),
                    expect: Expect::Absent,
                };
                runtime.block_on(store.commit(batch.into_iter().map(write).collect())).unwrap();
            })
        }
        SLED => {
            let db =
                sled::Config::new().path(dir).cache_capacity(64 << 20).flush_every_ms(None).open().unwrap();
            Box::new(move |batch| {
                let mut writes = sled::Batch::default();
                batch.into_iter().for_each(|(key, value)| writes.insert(key, value));
                db.apply_batch(writes).unwrap();
                db.flush().unwrap();
            })
        }
        REDB => {
            let table: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("logs");
            let mut builder = Database::builder();
            let db = builder.set_cache_size(64 << 20).create(dir.join("redb")).unwrap();
            Box::new(move |batch| {
                let mut write = db.begin_write().unwrap();
                write.set_durability(Durability::Immediate).unwrap();
                {
                    let mut table = write.open_table(table).unwrap();
                    for (key, value) in &batch {
                        table.insert(key.as_slice(), value.as_slice()).unwrap();
                    }
                }
                write.commit().unwrap();
            })
        }
        other => panic!("no candidate {other}"),
    }
}

/// The process of one candidate.
pub fn worker(name: &str, dir: &str) {
    let mut take = candidate(name, Path::new(dir));
    let mut next = 0;
    obey(|_| {
        // What is not the engine's is not measured.
        let batches: Vec<Vec<_>> = (next..next + TURN)
            .step_by(BATCH as usize)
            .map(|first| (first..first + BATCH).map(|n| (key(n), value(n))).collect())
            .collect();
        next += TURN;
        let me = std::process::id();
        let (began, before) = (Instant::now(), processor(me));
        batches.into_iter().for_each(&mut take);
        let (took, now) = (began.elapsed().as_secs_f64(), processor(me));
        format!("{took} {} {}", now.0 - before.0, now.1 - before.1)
    });
}

/// Microseconds of processor time of a record, in the program and in the kernel.
struct Growth {
    last: (f64, f64),
    first: (f64, f64),
}

struct Run {
    name: &'static str,
    worker: Worker,
    dir: tempfile::TempDir,
    seconds: Vec<f64>,
    /// Seconds in the program and in the kernel for it, of each turn.
    cpu: Vec<(f64, f64)>,
}

impl Run {
    fn start(name: &'static str) -> Self {
        let dir = tempfile::tempdir_in(".").unwrap();
        let worker = Worker::start(None, &["intake-worker", name, dir.path().to_str().unwrap()]);
        Self { name, worker, dir, seconds: Vec::new(), cpu: Vec::new() }
    }

    fn turn(&mut self) {
        let answer = self.worker.ask("go");
        let numbers: Vec<f64> = answer.split(' ').map(|number| number.parse().unwrap()).collect();
        self.seconds.push(numbers[0]);
        self.cpu.push((numbers[1], numbers[2]));
    }

    fn payload(&self) -> f64 {
        let each = PAYLOAD + key(0).len();
        self.seconds.len() as f64 * TURN as f64 * each as f64
    }

    /// Microseconds of processor time of a record, over these turns: in the program, and in the kernel for it.
    fn cpu_of(turns: &[(f64, f64)]) -> (f64, f64) {
        let of = |seconds: f64| seconds * 1e6 / (turns.len() as f64 * TURN as f64);
        (of(turns.iter().map(|turn| turn.0).sum()), of(turns.iter().map(|turn| turn.1).sum()))
    }

    /// The same of the last and of the first so many turns.
    fn growth(&self, turns: usize) -> Growth {
        Growth {
            last: Self::cpu_of(&self.cpu[self.cpu.len() - turns..]),
            first: Self::cpu_of(&self.cpu[..turns]),
        }
    }

    fn print(&self, log: &Self) {
        let last = &self.cpu[self.cpu.len().saturating_sub((EARLY / TURN) as usize)..];
        let (pid, records) = (self.worker.pid(), self.seconds.len() as f64 * TURN as f64);
        let (program, kernel) = Self::cpu_of(last);
        println!(
            "  {:<28} {:>7.0}/s {:>6.2} of the log  cpu {program:>5.1} us + kernel {kernel:>4.1} us  written {:>5.2} x  disk {:>5.2} x  memory {:>4.0} MB",
            self.name,
            records / self.seconds.iter().sum::<f64>(),
            self.against(log),
            written(pid) / self.payload(),
            size(self.dir.path()) / self.payload(),
            anonymous(pid) / 1e6,
        );
    }

    /// The rate as a part of that of the bare log: the median of the turns.
    fn against(&self, log: &Self) -> f64 {
        median(log.seconds.iter().zip(&self.seconds).map(|(log, this)| log / this).collect())
    }
}

/// G13.
pub fn run(records: u64, goals: &mut Goals) {
    let early = (EARLY.min(records / 2) / TURN).max(1) as usize;
    for group in GROUPS {
        let mut runs: Vec<Run> = group.iter().map(|name| Run::start(name)).collect();
        for turn in 1..=(records / TURN) as usize {
            runs.iter_mut().for_each(Run::turn);
            if turn == early || turn as u64 == records / TURN {
                println!(
                    "\nG13: {} records of {PAYLOAD} bytes, durable each {BATCH}, in turns of {TURN}",
                    turn as u64 * TURN
                );
                runs.iter().for_each(|run| run.print(&runs[0]));
            }
        }
        for run in &runs {
            if run.name != INDEX {
                continue;
            }
            let note = |what: &str| what.to_owned();
            for log in &runs[..2] {
                let what = note(&format!("rate / {}, fdatasync", log.name));
                goals.note("G13", what, run.against(log), Bound::Least(0.7));
            }
            let (log, Growth { last, first }) = (runs[0].growth(early), run.growth(early));
            let what = format!("processor time of a record, the last {} / the first", early as u64 * TURN);
            goals.note("G13", note(&what), (last.0 + last.1) / (first.0 + first.1), Bound::Most(1.3));
            goals.note("G13", note("  of this in the program"), last.0 / first.0, Bound::Most(1.3));
            goals.note(
                "G13",
                note("  of this in the kernel, which writes pages: beside the same of the bare log"),
                (last.1 / first.1) / (log.last.1 / log.first.1),
                Bound::Most(1.3),
            );
            goals.note(
                "G13",
                note("disk / payload with its key"),
                size(run.dir.path()) / run.payload(),
                Bound::Most(1.2),
            );
        }
    }
}
