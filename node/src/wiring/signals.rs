//! What the process is told from outside: by signals, or by the end of standard input.

use crate::failure::{Failure, Local};
use std::io::IsTerminal as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What the node is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// To end in good order.
    Stop,
    /// To read its configuration again.
    Reload,
}

/// What was told since it was heard; nothing of it is lost while nobody waits.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    /// Whether a hangup says that the terminal is gone.
    has_terminal: bool,
    end_of_input: Option<oneshot::Receiver<()>>,
}

impl Signals {
    /// Hears from now on; before, a signal ends the process at once.
    ///
    /// # Errors
    /// [`Local::Usage`]: the system lets nobody hear.
    pub(crate) fn hear(while_stdin: bool) -> Result<Self, Failure> {
        let heard = |kind| {
            let failed =
                |error| Failure::local(Local::Usage, format!("signals cannot be heard: {error}"), "");
            signal(kind).map_err(failed)
        };
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hangup: heard(SignalKind::hangup())?,
            has_terminal: std::io::stdin().is_terminal(),
            end_of_input: while_stdin.then(end_of_stdin),
        })
    }

    /// Resolves when the process is told to stop.
    pub(crate) async fn stop(&mut self) {
        while self.next().await != Told::Stop {}
    }

    /// What the process is told next. Who hung up its terminal wants it to stop; without one, a hangup is how a daemon
    /// is told to read its configuration again.
    pub(crate) async fn next(&mut self) -> Told {
        let closed = async {
            match &mut self.end_of_input {
                // An error means that the reader is gone, which is an end as well.
                Some(end) => drop(end.await),
                None => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            () = closed => Told::Stop,
            _ = self.hangup.recv() => if self.has_terminal { Told::Stop } else { Told::Reload },
        }
    }
}

/// Resolves when standard input ends. A thread of its own reads it: it may block for ever, and the
/// process does not wait for it.
fn end_of_stdin() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _bytes = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        // Nobody waits any more where the node stops for another reason.
        let _told = ended.send(());
    });
    end
}
