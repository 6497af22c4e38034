//! The node's log, on stderr: plain lines on a terminal, one JSON object a line elsewhere (RFC 8259).
//!
//! `MARQUE_LOG` says what is logged, in the syntax of tracing-subscriber's `EnvFilter`: `info` unless
//! set, or such as `debug` or `info,marque_p2p=debug`. Only the node logs; a command talks.

use crate::config::LogFormat;
use crate::failure::{Failure, Local};
use crate::output::moves;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// The variable that says what is logged.
pub const VARIABLE: &str = "MARQUE_LOG";

/// What is logged if nobody says: decisions and events of the node. What its libraries say of single
/// connections is left to who asks for it.
const DEFAULT_FILTER: &str = "info,libp2p_gossipsub=error,libp2p_swarm=error,sled=warn";

/// Begins the log of this process.
///
/// # Errors
/// [`Local::Configuration`] where the filter is none: a misspelt one must not be a log that is empty.
pub fn init(format: LogFormat) -> Result<(), Failure> {
    let filter = filter(std::env::var(VARIABLE).ok().as_deref())?;
    let as_json = match format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Plain => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Stderr);
    // It would say so on the same stderr, and panic where that fails.
    let builder = builder.log_internal_errors(false);
    let begun = if as_json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        builder.try_init()
    };
    begun.map_err(|error| Failure::local(Local::Configuration, format!("no log: {error}"), ""))
}

fn filter(text: Option<&str>) -> Result<EnvFilter, Failure> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or(DEFAULT_FILTER);
    EnvFilter::try_new(text).map_err(|error| {
        let reason = format!("{VARIABLE} is not a filter: {error}");
        Failure::local(Local::Configuration, reason, "Write it as info, or info,marque_p2p=debug.")
    })
}

/// Standard error, a line a record.
struct Stderr;

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = OneLine<io::StderrLock<'a>>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLine(io::stderr().lock())
    }
}

/// Writes each record as one line, whatever is in it: what others sent must neither move the cursor of
/// who reads the log, nor look like a record of its own.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    /// `record` is a whole one: the layer formats before it writes. What cannot be written, as where the
    /// log lies on a disk that is full, is lost: the node goes on.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut line: String = line.chars().map(|c| if moves(c) { '\u{fffd}' } else { c }).collect();
        line.push('\n');
        let _lost = self.0.write_all(line.as_bytes());
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _lost = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
