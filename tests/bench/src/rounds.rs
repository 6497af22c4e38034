//! Interleaved rounds: what makes a ratio of two times worth something on a machine that drifts.

use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::hint::black_box;

/// Rounds; the median of each candidate over all of them counts.
const ROUNDS: usize = 21;

/// What is measured: a name, how often it runs in a round, and the work.
pub struct Candidate<'a> {
    name: String,
    repeats: u32,
    work: Box<dyn FnMut() -> usize + 'a>,
}

impl<'a> Candidate<'a> {
    /// Work that is done `repeats` times in each round; a round should take some milliseconds.
    pub fn new(name: &str, repeats: u32, work: impl FnMut() -> usize + 'a) -> Self {
        Self { name: name.to_owned(), repeats, work: Box::new(work) }
    }
}

/// Median microseconds of processor time of one run of each candidate, in order.
pub fn medians(candidates: &mut [Candidate<'_>]) -> Vec<f64> {
    let mut times = vec![Vec::with_capacity(ROUNDS); candidates.len()];
    for round in 0..=ROUNDS {
        for (candidate, times) in candidates.iter_mut().zip(&mut times) {
            let start = cpu_nanoseconds();
            for _ in 0..candidate.repeats {
                black_box((candidate.work)());
            }
            // The first round warms up.
            if round > 0 {
                times.push((cpu_nanoseconds() - start) / 1e3 / f64::from(candidate.repeats));
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[ROUNDS / 2]
        })
        .collect()
}

/// What this thread has used of a processor: other load moves it less than the time of day.
fn cpu_nanoseconds() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 * 1e9 + used.tv_nsec as f64
}

/// Measures, and prints each as a multiple of the first.
pub fn compare(title: &str, mut candidates: Vec<Candidate<'_>>) {
    let medians = medians(&mut candidates);
    let mut out = format!("\n{title} (median of {ROUNDS} interleaved rounds)\n");
    for (candidate, median) in candidates.iter().zip(&medians) {
        let _ = writeln!(out, "  {:<58} {median:>10.2} us {:>9.3} x", candidate.name, median / medians[0]);
    }
    print!("{out}");
}
