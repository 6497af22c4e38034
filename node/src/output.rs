//! What a command says: data on stdout, talk on stderr; one JSON document under `--json`.

use crate::failure::Failure;
use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;
use serde_json::Value;
use std::io::{self, Write as _};

/// What a command has to say once it is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The one document under `--json`; null where it was printed before.
    pub document: Value,
    /// The same for people, on stdout.
    pub human: String,
    /// What is not data, for people only; a line each.
    pub talk: Vec<String>,
}

impl Answer {
    /// An answer of a document and its human form.
    #[must_use]
    pub const fn new(document: Value, human: String) -> Self {
        Self { document, human, talk: Vec::new() }
    }

    /// The same with a line of talk.
    #[must_use]
    pub fn saying(mut self, line: impl Into<String>) -> Self {
        self.talk.push(line.into());
        self
    }

    /// Prints it.
    ///
    /// # Errors
    /// Where stdout cannot be written to.
    pub fn print(&self, as_json: bool) -> io::Result<()> {
        if as_json {
            return if self.document.is_null() { Ok(()) } else { data(&self.document.to_string()) };
        }
        let printed = data(&plain(&self.human));
        for line in &self.talk {
            talk(line);
        }
        printed
    }
}

/// Prints a failure: to stderr for people, as one document on stdout under `--json`.
pub fn print_failure(failure: &Failure, as_json: bool) {
    if as_json {
        // Nobody reads: the exit code still says it.
        drop(data(&failure.to_json().to_string()));
    } else {
        talk(&failure.to_string());
    }
}

/// A line to stderr. It is lost where nobody reads.
pub fn talk(line: &str) {
    drop(writeln!(io::stderr().lock(), "{}", plain(line)));
}

/// Data to stdout, which ends with one line end; nothing where it is empty.
///
/// # Errors
/// Where stdout cannot be written to.
pub fn data(text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    stdout.flush()
}

/// `text` without what [`moves`] but line ends: what comes from other domains must not move a terminal's
/// cursor.
#[must_use]
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if moves(c) && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Whether a terminal or a reader of lines takes the character for more than text: control characters,
/// line and paragraph separators, and what turns the direction of writing (UAX #9, section 2).
#[must_use]
pub fn moves(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A table with aligned columns; without rows it is `none`.
#[must_use]
pub fn table(heads: &[&str], rows: &[Vec<String>], none: &str) -> String {
    if rows.is_empty() {
        return format!("{none}\n");
    }
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain(heads.get(at).map(|head| head.chars().count())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut heads.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Rows of `name  value`; empty values are left out.
#[must_use]
pub fn facts(rows: &[(&str, String)]) -> String {
    let shown = || rows.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(name, _)| name.len()).max().unwrap_or_default();
    shown().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

/// A member of an answer as text: lists with commas, nothing where it is missing.
#[must_use]
pub fn text(json: &Value, name: &str) -> String {
    match json.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(","),
        Some(other) => other.to_string(),
    }
}

/// The items of a list in an answer.
#[must_use]
pub fn items<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A table of the list `name` of an answer, one column for each pair of head and member.
#[must_use]
pub fn list(json: &Value, name: &str, columns: &[(&str, &str)], none: &str) -> String {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let rows: Vec<Vec<String>> = items(json, name)
        .iter()
        .map(|item| columns.iter().map(|(_, member)| text(item, member)).collect())
        .collect();
    table(&heads, &rows, none)
}

/// A DID in words, where its location names an owner or agent. It is a label, and proves nothing.
#[must_use]
pub fn words(did: &Did) -> String {
    let id = WebvhId::parse(did).ok();
    match id.as_ref().map(|id| (id.host(), id.path())) {
        Some((host, [kind, name])) if kind == "agents" || kind == "owners" => format!("{name}@{host}"),
        Some((host, [])) => host.to_owned(),
        _ => did.to_string(),
    }
}

/// A DID in words, which is left as it is where it is none.
#[must_use]
pub fn in_words(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), |did: Did| words(&did))
}

#[cfg(test)]
mod tests;
