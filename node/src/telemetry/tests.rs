//! Tests of the log.

use super::*;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// Where a test reads what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged of `text`, as a field by Display and by Debug and as a message.
fn logged(text: &str) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || OneLine(writer.clone())).finish();
    tracing::subscriber::with_default(subscriber, || tracing::info!(%text, ?text, "{text}"));
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_variable_says_what_is_logged_else_the_configuration_and_a_filter_that_is_none_is_refused() {
    let usual = Log::default();
    assert_eq!(said(None, &usual).unwrap().to_string(), said(Some("  "), &usual).unwrap().to_string());
    assert!(said(None, &usual).unwrap().to_string().contains("info"));
    let quiet = Log { filter: "warn".to_owned(), ..Log::default() };
    assert_eq!(said(None, &quiet).unwrap().to_string(), "warn");
    assert_eq!(said(Some("debug"), &quiet).unwrap().to_string(), "debug");
    assert_eq!(said(Some("info,marque=loud"), &quiet).unwrap_err().code, "configuration");
    let loud = Log { filter: "info,marque=loud".to_owned(), ..Log::default() };
    assert!(said(None, &loud).unwrap_err().reason.contains("log.filter"));
}

#[test]
fn escape_sequences_and_line_ends_of_others_are_neutralised() {
    let line = logged("x\u{1b}[2J\u{9b}31m\r\n2026-01-01 INFO forged\u{2028}\u{202e}y");
    assert_eq!(line.matches('\n').count(), 1, "{line:?}");
    assert!(line.ends_with("y\n") || line.ends_with("\"\n"), "{line:?}");
    assert!(!line.trim_end_matches('\n').contains(moves), "{line:?}");
    assert!(line.contains("forged"), "the text is there: {line:?}");
}

proptest! {
    #[test]
    fn every_record_is_one_line_without_control_characters(text in "\\PC*|(?s).{0,64}") {
        let line = logged(&text);
        prop_assert_eq!(line.matches('\n').count(), 1);
        prop_assert!(!line.trim_end_matches('\n').contains(moves));
    }
}

//
#[test]
fn a_log_on_a_full_disk_loses_records_and_does_not_stop_the_node() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let mut log = OneLine(Full);
    assert_eq!(log.write(b"a record\n").ok(), Some(9));
    assert!(log.flush().is_ok());
}
