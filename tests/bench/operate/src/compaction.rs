//! What a compaction costs those who commit meanwhile.

use crate::machine::quantile;
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use marque_store::{Options, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const RECORDS: u64 = 200_000;
const BATCH: u64 = 500;
const PAYLOAD: usize = 1_500;

/// Commits that are timed while nothing is compacted, before and after.
const QUIET: usize = 1_000;

fn write(n: u64, round: u8) -> Write {
    let value = Some(vec![round; PAYLOAD]);
    Write { table: Table::Logs, key: n.to_be_bytes().to_vec(), value, expect: Expect::Any }
}

async fn commits(store: &Store, times: &mut Vec<f64>, goes_on: impl Fn(usize) -> bool) {
    while goes_on(times.len()) {
        let began = Instant::now();
        store.commit(vec![write(RECORDS + times.len() as u64, 2)]).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
}

fn print(name: &str, mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let (half, most) = (quantile(&times, 0.5), quantile(&times, 0.99));
    println!("  {name:<44} {:>6} commits  p50 {half:>7.2} ms  p99 {most:>7.2} ms", times.len());
    (half, most)
}

/// Commits of one record each, one after the other, while all of the log is written anew and while it is not.
pub fn run() {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(measured());
}

async fn measured() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let store = Store::open(dir.path(), Options::default()).unwrap();
    for first in (0..RECORDS).step_by(BATCH as usize) {
        store.commit((first..first + BATCH).map(|n| write(n, 0)).collect()).await.unwrap();
    }
    for first in (0..RECORDS).step_by(2 * BATCH as usize) {
        store.commit((first..first + BATCH).map(|n| write(n, 1)).collect()).await.unwrap();
    }
    println!(
        "\nCompaction of {} MB with a third of it dead, commits of one record meanwhile",
        RECORDS * 3 / 2 * PAYLOAD as u64 / 1_000_000
    );
    let mut quiet = Vec::new();
    commits(&store, &mut quiet, |done| done < QUIET).await;
    let over = Arc::new(AtomicBool::new(false));
    let pass = {
        let (store, over) = (store.clone(), Arc::clone(&over));
        std::thread::spawn(move || {
            let began = Instant::now();
            let done = store.compact(&mut |_, _| {}).unwrap();
            over.store(true, Ordering::Relaxed);
            (done, began.elapsed().as_secs_f64())
        })
    };
    let mut during = Vec::new();
    commits(&store, &mut during, |_| !over.load(Ordering::Relaxed)).await;
    let (done, took) = pass.join().unwrap();
    commits(&store, &mut quiet, |done| done < 2 * QUIET).await;
    println!(
        "  {} MB became {} MB in {took:.1} s, as fast as it goes",
        done.replaced / 1_000_000,
        done.written / 1_000_000
    );
    let (half, most) = print("nothing is compacted, before and after", quiet);
    let (half_during, most_during) = print("while it is compacted", during);
    println!("  p50 {:.2} x, p99 {:.2} x", half_during / half, most_during / most);
}
