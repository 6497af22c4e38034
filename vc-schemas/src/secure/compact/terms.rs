//! The term table: texts that every credential has, by their numbers. docs/compact.md says how it grows.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The version of the table, which each document names.
pub(super) const VERSION: u64 = 1;

/// The table of that version: one term a line, the first has number 0. What is signed stands on these
/// numbers for ever, so nothing in this file ever changes: more terms are another version.
pub(super) const TEXT: &str = include_str!("../../../terms/compact-v1.txt");

/// Most terms of a table: a number is one byte where it stands for a value.
const MAX_TERMS: usize = 256;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(TEXT));

struct Table {
    by_number: Vec<&'static str>,
    by_text: HashMap<&'static str, u8>,
    /// Bytes of the longest.
    longest: usize,
}

impl Table {
    fn new(text: &'static str) -> Self {
        let by_number: Vec<_> = text.lines().take(MAX_TERMS).collect();
        let by_text = (0..=u8::MAX).zip(&by_number).map(|(number, term)| (*term, number)).collect();
        let longest = by_number.iter().map(|term| term.len()).max().unwrap_or_default();
        Self { by_number, by_text, longest }
    }
}

/// The term with this number.
pub(super) fn term(number: u64) -> Option<&'static str> {
    TABLE.by_number.get(usize::try_from(number).ok()?).copied()
}

/// The number of this term.
pub(super) fn number(text: &str) -> Option<u8> {
    if text.len() > TABLE.longest { None } else { TABLE.by_text.get(text).copied() }
}
