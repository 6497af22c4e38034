//! Server-sent events (HTML Living Standard, section 9.2), as a node sends them: read in pieces, bounded.

use did_resolver::json;
use serde_json::Value;

/// Longest line: an event with a subject at its cap, escaped, has 13 KiB.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// What happened.
    pub(super) name: String,
    /// The rest, an object.
    pub(super) data: Value,
}

impl Event {
    /// All of it in one object.
    pub(super) fn document(&self) -> Value {
        let mut document = self.data.clone();
        if let Some(members) = document.as_object_mut() {
            members.entry("event").or_insert_with(|| self.name.clone().into());
        }
        document
    }
}

/// A stream as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    line: Vec<u8>,
    name: String,
    data: String,
}

impl Reading {
    /// The events that are complete with `bytes`.
    ///
    /// # Errors
    /// What is wrong with the stream; it is not to be read further.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, &'static str> {
        let mut events = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                if self.line.len() >= MAX_LINE_BYTES {
                    return Err("a line is too long");
                }
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            events.extend(self.line(&line)?);
        }
        Ok(events)
    }

    /// Takes one line; an empty one completes an event.
    fn line(&mut self, line: &[u8]) -> Result<Option<Event>, &'static str> {
        let line = std::str::from_utf8(line).map_err(|_| "a line is not UTF-8")?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            if data.is_empty() {
                return Ok(None);
            }
            let data = json::parse(data.as_bytes(), MAX_LINE_BYTES).map_err(|_| "an event is not JSON")?;
            return if data.is_object() {
                Ok(Some(Event { name, data }))
            } else {
                Err("an event is no object")
            };
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            // A node says an event in one line.
            "data" if self.data.is_empty() => value.clone_into(&mut self.data),
            "data" => return Err("an event has two lines"),
            // Comments, and fields that are not sent.
            _ => {}
        }
        Ok(None)
    }
}
