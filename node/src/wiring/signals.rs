//! What the process is told from outside: by signals, or by the end of standard input.

use crate::failure::{Failure, Local};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// What was told since it was heard; nothing of it is lost while nobody waits.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
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
            end_of_input: while_stdin.then(end_of_stdin),
        })
    }

    /// Resolves when the process is told to stop.
    pub(crate) async fn stop(&mut self) {
        let closed = async {
            match &mut self.end_of_input {
                // An error means that the reader is gone, which is an end as well.
                Some(end) => drop(end.await),
                None => std::future::pending::<()>().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = closed => {}
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
