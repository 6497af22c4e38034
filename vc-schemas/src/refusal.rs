//! A refusal: the code, where in what was presented, and one fixed sentence.

use crate::code::Code;
use serde_json::{Value, json};
use std::fmt;

/// One step on the way from the presentation to the part that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A member.
    Name(&'static str),
    /// A place in a list, from 0.
    Index(usize),
}

/// The way from the presentation to the part that failed, such as `["chain", 1, "capabilities"]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The presentation itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The link at this place of the chain.
    #[must_use]
    pub fn link(at: usize) -> Self {
        Self(vec![Step::Name("chain"), Step::Index(at)])
    }

    /// The identity credential of whoever stands at this place of the path: 0 is the principal,
    /// `n` the subject of link `n - 1`.
    #[must_use]
    pub fn identity(at: usize) -> Self {
        Self(vec![Step::Name("identities"), Step::Index(at)])
    }

    /// The approval.
    #[must_use]
    pub fn approval() -> Self {
        Self(vec![Step::Name("approval")])
    }

    /// The credential at this place of the presentation, whatever it is.
    #[must_use]
    pub fn entry(at: usize) -> Self {
        Self(vec![Step::Name("verifiableCredential"), Step::Index(at)])
    }

    /// One member further.
    #[must_use]
    pub fn then(mut self, member: &'static str) -> Self {
        self.0.push(Step::Name(member));
        self
    }

    /// One place of a list further, from 0.
    #[must_use]
    pub fn at(mut self, place: usize) -> Self {
        self.0.push(Step::Index(place));
        self
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The JSON array.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let step = |step: &Step| match step {
            Step::Name(name) => json!(name),
            Step::Index(at) => json!(at),
        };
        self.0.iter().map(step).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Name(name) if n == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(at) => write!(f, "[{at}]")?,
            }
        }
        Ok(())
    }
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub code: Code,
    /// Where.
    pub path: Path,
    /// What exactly, in words that quote nothing of what was presented.
    pub detail: &'static str,
}

impl Refusal {
    /// A refusal of what stands at `path`.
    #[must_use]
    pub const fn new(code: Code, path: Path, detail: &'static str) -> Self {
        Self { code, path, detail }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        if self.path.steps().is_empty() { Ok(()) } else { write!(f, " (at {})", self.path) }
    }
}

impl std::error::Error for Refusal {}
