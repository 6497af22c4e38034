//! Interleaved rounds: what makes a ratio of two times worth something on a machine that drifts.

use marque_bench_pipe::{Comparator, Work, measure};
use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;

/// Rounds. In each, every candidate runs once; a ratio is the median of the ratios of the rounds.
const ROUNDS: usize = 21;

/// A comparator that several candidates live in.
pub type Shared = Rc<RefCell<Comparator>>;

/// What is measured: a name, how often it runs in a round, and the work.
pub struct Candidate<'a> {
    name: String,
    repeats: u32,
    expected: usize,
    place: Place<'a>,
}

enum Place<'a> {
    Here(Work<'a>),
    There(Shared, usize),
}

impl<'a> Candidate<'a> {
    /// Work that is done `repeats` times in each round; a round should take some milliseconds.
    ///
    /// # Panics
    /// Where the work finds nothing good: that is then not the work that was meant.
    pub fn new(name: &str, repeats: u32, mut work: impl FnMut() -> usize + 'a) -> Self {
        let expected = work();
        assert!(expected > 0, "{name}: nothing verified");
        Self { name: name.to_owned(), repeats, expected, place: Place::Here(Box::new(work)) }
    }

    /// Work that a comparator does, in its own process.
    ///
    /// # Panics
    /// Where the comparator cannot do it.
    pub fn there(name: &str, repeats: u32, comparator: &Shared, (work, inputs): (&str, &[&[u8]])) -> Self {
        let (index, expected) = comparator.borrow_mut().prepare(work, inputs).expect(name);
        assert!(expected > 0, "{name}: nothing verified");
        Self { name: name.to_owned(), repeats, expected, place: Place::There(Rc::clone(comparator), index) }
    }

    /// Microseconds of processor time of one run.
    fn round(&mut self) -> f64 {
        let took = match &mut self.place {
            Place::Here(work) => measure(work, self.repeats, self.expected).expect(&self.name),
            Place::There(comparator, work) => {
                comparator.borrow_mut().run(*work, self.repeats).expect(&self.name)
            }
        };
        took as f64 / 1e3 / f64::from(self.repeats)
    }
}

/// What was measured: each candidate's microseconds, round by round.
pub struct Measured {
    names: Vec<String>,
    rounds: Vec<Vec<f64>>,
}

impl Measured {
    fn times(&self, name: &str) -> &[f64] {
        let at = self.names.iter().position(|known| known == name);
        &self.rounds[at.unwrap_or_else(|| panic!("no candidate {name}"))]
    }

    /// How many times `other` fits into `name`, by the median of the rounds.
    pub fn ratio(&self, name: &str, other: &str) -> f64 {
        ratio(self.times(name), self.times(other))
    }

    /// Microseconds of one run, by the median of the rounds.
    pub fn median(&self, name: &str) -> f64 {
        median(self.times(name).to_vec())
    }
}

fn ratio(times: &[f64], others: &[f64]) -> f64 {
    median(times.iter().zip(others).map(|(time, other)| time / other).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures, and prints each as a multiple of the first.
pub fn compare(title: &str, mut candidates: Vec<Candidate<'_>>) -> Measured {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); candidates.len()];
    for round in 0..=ROUNDS {
        for (candidate, times) in candidates.iter_mut().zip(&mut rounds) {
            let time = candidate.round();
            // The first round warms up.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let mut out = format!("\n{title} (median of {ROUNDS} interleaved rounds)\n");
    for (candidate, times) in candidates.iter().zip(&rounds) {
        let (time, ratio) = (median(times.clone()), ratio(times, &rounds[0]));
        let _ = writeln!(out, "  {:<64} {time:>10.2} us {ratio:>9.3} x", candidate.name);
    }
    print!("{out}");
    Measured { names: candidates.into_iter().map(|candidate| candidate.name).collect(), rounds }
}
