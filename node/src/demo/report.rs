//! What happened, step by step: told while it happens, summed up in a table.

use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use vc_schemas::code::Code;

/// One step: what was to happen, what happened, and how long it took.
#[derive(Debug, Clone)]
struct Step {
    name: &'static str,
    expected: &'static str,
    got: String,
    took: Duration,
}

/// All steps so far.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    began: Instant,
    steps: Vec<Step>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        Self { json, began: Instant::now(), steps: Vec::new() }
    }

    /// Says something in between, to people only.
    pub(super) fn say(&self, text: &str) {
        if !self.json {
            // Nobody reads: the exit code still says how it ended.
            drop(output::data(&output::plain(text)));
        }
    }

    /// Begins a chapter.
    pub(super) fn chapter(&self, title: &str) {
        self.say(&format!("\n{title}"));
    }

    /// Takes down what came of a step.
    pub(super) fn step(&mut self, name: &'static str, expected: &'static str, got: &str, took: Duration) {
        let mark = if got == expected { "ok " } else { "NOT" };
        self.say(&format!("  {mark} {name}: {got} ({} ms)", took.as_millis()));
        if let Ok(code) = got.parse::<Code>() {
            self.say(&format!("      {}", code.meaning()));
        }
        self.steps.push(Step { name, expected, got: got.to_owned(), took });
    }

    pub(super) fn all_as_expected(&self) -> bool {
        self.steps.iter().all(|step| step.got == step.expected)
    }

    fn document(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            json!({
                "name": step.name,
                "expected": step.expected,
                "got": step.got,
                "milliseconds": u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
            })
        });
        json!({
            "asExpected": self.all_as_expected(),
            "milliseconds": u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "steps": steps.collect::<Value>(),
        })
    }

    fn table(&self) -> String {
        let width = |of: fn(&Step) -> usize| self.steps.iter().map(of).max().unwrap_or_default();
        let (name, expected) = (width(|s| s.name.len()), width(|s| s.expected.len()).max(8));
        let got = width(|s| s.got.len()).max(8);
        let mut table = String::from("\n");
        let _written = writeln!(
            table,
            "{:<name$}  {:<expected$}  {:<got$}  {:>7}",
            "STEP", "EXPECTED", "HAPPENED", "MS"
        );
        for step in &self.steps {
            let _written = writeln!(
                table,
                "{:<name$}  {:<expected$}  {:<got$}  {:>7}",
                step.name,
                step.expected,
                step.got,
                step.took.as_millis()
            );
        }
        let good = self.steps.iter().filter(|step| step.got == step.expected).count();
        let seconds = self.began.elapsed().as_secs_f32();
        let _written = writeln!(table, "{good} of {} steps as expected, in {seconds:.1} s", self.steps.len());
        table
    }

    pub(super) fn answer(&self) -> Answer {
        Answer::new(self.document(), self.table())
    }

    /// The failure where a step came out differently; the table goes with it.
    pub(super) fn failure(&self) -> Failure {
        let different: Vec<_> = self.steps.iter().filter(|step| step.got != step.expected).collect();
        let named: Vec<_> = different
            .iter()
            .map(|step| format!("{}: expected {}, got {}", step.name, step.expected, step.got))
            .collect();
        self.cut_off(Failure::local(Local::Demo, named.join("; "), "This is a defect: please report it."))
    }

    /// `failure`, with the steps so far.
    pub(super) fn cut_off(&self, failure: Failure) -> Failure {
        self.say(&self.table());
        Failure { report: Some(Box::new(self.document())), ..failure }
    }
}
