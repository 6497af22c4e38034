//! The worker as the node knows it: a queue with a bound, and a task that keeps a process there.

use crate::contexts::Contexts;
use crate::limits::{FIRST_PAUSE, MAX_PAUSE, MAX_WAITING, PATIENCE};
use crate::process::Process;
use crate::wire::{Ask, Say};
use data_encoding::HEXLOWER;
use futures::future::BoxFuture;
use marque_flows::ports::suites::{Judged, Proven, Suites, SuitesError};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

type Reply = oneshot::Sender<Result<Judged, SuitesError>>;

/// The way to the worker.
#[derive(Debug)]
pub struct Worker {
    contexts: Arc<Contexts>,
    waiting: mpsc::Sender<(Proven, Reply)>,
}

/// Keeps a worker of `program` until `stopped`. It is started when it is first needed.
pub fn spawn(
    program: PathBuf,
    contexts: Contexts,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> (Worker, JoinHandle<()>) {
    let contexts = Arc::new(contexts);
    let (waiting, questions) = mpsc::channel(MAX_WAITING);
    let keeper = Keeper {
        program,
        contexts: Arc::clone(&contexts),
        process: None,
        pause: Duration::ZERO,
        not_before: Instant::now(),
    };
    let task = tokio::spawn(keeper.keep(questions, stopped));
    (Worker { contexts, waiting }, task)
}

impl Suites for Worker {
    fn has_context(&self, url: &str) -> bool {
        self.contexts.0.contains_key(url)
    }

    fn judge(&self, proven: Proven) -> BoxFuture<'_, Result<Judged, SuitesError>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            self.waiting.try_send((proven, reply)).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SuitesError::Busy,
                mpsc::error::TrySendError::Closed(_) => SuitesError::Down,
            })?;
            match timeout(PATIENCE, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => Err(SuitesError::Down),
                Err(_) => Err(SuitesError::Busy),
            }
        })
    }
}

struct Keeper {
    program: PathBuf,
    contexts: Arc<Contexts>,
    process: Option<Process>,
    /// How long nothing was started after the last failure.
    pause: Duration,
    not_before: Instant,
}

impl Keeper {
    async fn keep(
        mut self,
        mut questions: mpsc::Receiver<(Proven, Reply)>,
        stopped: impl Future<Output = ()>,
    ) {
        tokio::pin!(stopped);
        loop {
            let next = tokio::select! {
                () = &mut stopped => break,
                next = questions.recv() => next,
            };
            let Some((proven, reply)) = next else { break };
            // Who asked may have given up.
            if reply.is_closed() {
                continue;
            }
            let answer = tokio::select! {
                () = &mut stopped => break,
                answer = self.answer(&proven) => answer,
            };
            drop(reply.send(answer));
        }
        if let Some(process) = self.process.take() {
            process.end().await;
        }
    }

    async fn answer(&mut self, proven: &Proven) -> Result<Judged, SuitesError> {
        if self.process.as_ref().is_some_and(Process::is_spent) {
            self.end().await;
        }
        let contexts = Arc::clone(&self.contexts);
        let process = self.started().await?;
        let (document, key) = (proven.document.as_str(), proven.key.as_str());
        let said = process.ask(Ask::Verify { document, key, contexts: &contexts.0 }).await;
        match said.and_then(judged) {
            Ok(judged) => {
                self.pause = Duration::ZERO;
                Ok(judged)
            }
            Err(error) => {
                tracing::warn!(%error, "a proof was not judged, and its worker is ended");
                self.end().await;
                // The program starts well; it is what it was asked that it fails by.
                Err(SuitesError::Exhausted)
            }
        }
    }

    /// The worker, started if there is none. After a failure to start, nothing is tried for a while.
    async fn started(&mut self) -> Result<&mut Process, SuitesError> {
        if self.process.is_none() {
            if Instant::now() < self.not_before {
                return Err(SuitesError::Down);
            }
            match Process::start(&self.program).await {
                Ok(process) => self.process = Some(process),
                Err(error) => {
                    self.pause = self.pause.saturating_mul(2).clamp(FIRST_PAUSE, MAX_PAUSE);
                    self.not_before = Instant::now() + self.pause;
                    tracing::error!(%error, program = %self.program.display(), pause = ?self.pause,
                        "the worker does not start");
                }
            }
        }
        self.process.as_mut().ok_or(SuitesError::Down)
    }

    async fn end(&mut self) {
        if let Some(process) = self.process.take() {
            process.end().await;
        }
    }
}

fn judged(said: Say) -> io::Result<Judged> {
    Ok(match said {
        Say::Holds(hash) => Judged::Holds(HEXLOWER.decode(hash.as_bytes()).map_err(io::Error::other)?),
        Say::Fails => Judged::Fails,
        Say::Unprocessable(why) => {
            tracing::debug!(why, "a document is not canonicalised");
            Judged::Unprocessable
        }
    })
}
