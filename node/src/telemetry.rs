//! The node's log, on stderr: plain lines on a terminal, one JSON object a line elsewhere (RFC 8259).
//!
//! `MARQUE_LOG` says what is logged, else `log.filter`, in the syntax of tracing-subscriber's `EnvFilter`: such as
//! `debug` or `info,marque_p2p=debug`. Only the node logs; a command talks.

use crate::config::{Log, LogFormat};
use crate::failure::{Failure, Local};
use crate::output::moves;
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, reload};

/// The variable that says what is logged, whatever the configuration says.
pub const VARIABLE: &str = "MARQUE_LOG";

/// The log of this process, once it began.
pub struct Logging {
    again: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}

impl Logging {
    /// Logs what this filter lets through from now on.
    pub(crate) fn filter(&self, filter: EnvFilter) {
        if let Err(error) = (self.again)(filter) {
            tracing::error!(%error, "what is logged cannot be changed");
        }
    }
}

/// Begins the log of this process.
///
/// # Errors
/// [`Local::Configuration`] where the filter is none: a misspelt one must not be a log that is empty.
pub fn init(log: &Log) -> Result<Logging, Failure> {
    let as_json = match log.format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Plain => false,
        LogFormat::Json => true,
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(log)?).with_ansi(false).with_writer(Stderr);
    // It would say so on the same stderr, and panic where that fails.
    let builder = builder.log_internal_errors(false);
    let failed = |error| Failure::local(Local::Configuration, format!("no log: {error}"), "");
    if as_json {
        let builder = builder.json().flatten_event(true).with_current_span(true).with_span_list(false);
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(failed)?;
        Ok(Logging { again: Box::new(move |filter| handle.reload(filter)) })
    } else {
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder.try_init().map_err(failed)?;
        Ok(Logging { again: Box::new(move |filter| handle.reload(filter)) })
    }
}

/// What is logged: what the variable says, else the configuration.
///
/// # Errors
/// [`Local::Configuration`].
pub(crate) fn filter(log: &Log) -> Result<EnvFilter, Failure> {
    said(std::env::var(VARIABLE).ok().as_deref(), log)
}

fn said(variable: Option<&str>, log: &Log) -> Result<EnvFilter, Failure> {
    let Some(text) = variable.filter(|text| !text.trim().is_empty()) else { return log.filter() };
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
