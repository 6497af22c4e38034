//! What a resolution came to, where it came from, and what was asked on the way.

use super::basis::Basis;
use crate::lookups::Source;
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;
use vc_schemas::refusal::Refusal;

/// How good an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it came from, this time.
    pub source: Source,
    /// When somebody outside confirmed it last; `None` where nobody did since the node started.
    pub confirmed: Option<UnixSeconds>,
    /// Whether it is older than it should be: its source was asked, and is away.
    pub stale: bool,
    /// How many confirmed it then.
    pub sources: usize,
}

/// One place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub source: Source,
    /// What came of it, in a word.
    pub outcome: &'static str,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// More of it, for people.
    pub detail: String,
}

/// The steps in order.
#[derive(Debug, Default)]
pub(super) struct Trace(Vec<Step>);

impl Trace {
    pub(super) fn add(&mut self, source: Source, outcome: &'static str, began: Instant, detail: &str) {
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.push(Step { source, outcome, ms, detail: detail.to_owned() });
    }
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// By the rules of resolution there is none.
    Error(ResolutionError),
    /// Nobody could know, or the DID is contested: `did-unresolvable`, `did-contested`.
    Refused(Refusal),
}

/// The answer to a resolution.
#[derive(Debug)]
pub struct Answer {
    /// What was found.
    pub found: Result<(Arc<Resolution>, Standing), Unresolved>,
    /// What was looked at.
    pub trace: Vec<Step>,
    /// What it rests on, where that can be told: whoever keeps it asks [`Domain::stands`] before giving it again.
    ///
    /// [`Domain::stands`]: crate::domain::Domain::stands
    pub basis: Option<Basis>,
}

impl Answer {
    pub(super) fn new(
        found: Result<(Arc<Resolution>, Standing), Unresolved>,
        Trace(trace): Trace,
        basis: Option<Basis>,
    ) -> Self {
        Self { found, trace, basis }
    }

    /// `didResolutionMetadata` beside the content type: how good the answer is, and where it is wanted the
    /// trace.
    #[must_use]
    pub fn metadata(&self, with_trace: bool) -> Vec<(&'static str, Value)> {
        let mut members = Vec::new();
        if let Ok((_, standing)) = &self.found {
            members.push(("source", json!(standing.source.as_str())));
            members.push(("stale", json!(standing.stale)));
            members.push(("sources", json!(standing.sources.to_string())));
            members.extend(standing.confirmed.map(|at| ("confirmedAt", json!(at.to_string()))));
        }
        if with_trace {
            members.push(("trace", self.trace()));
        }
        members
    }

    /// What was looked at, step by step.
    #[must_use]
    pub fn trace(&self) -> Value {
        let step = |step: &Step| {
            json!({
                "source": step.source.as_str(), "outcome": step.outcome, "ms": step.ms, "detail": step.detail,
            })
        };
        self.trace.iter().map(step).collect()
    }
}
