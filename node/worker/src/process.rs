//! One worker process: started, bounded, asked, ended.

use crate::limits::{CPU_TIME, DEADLINE, MAX_MEMORY_BYTES, START_WITHIN};
use crate::wire::{self, Answer, Ask, Hello, Question, Say, VERSION};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A worker that said it is there, and is bounded.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    questions: ChildStdin,
    answers: ChildStdout,
    asked: u64,
    /// How long it took for all its questions: at least its processor time, for it has one thread.
    busy: Duration,
}

impl Process {
    /// Starts a worker. It gets no environment and no question before it is bounded.
    pub(crate) async fn start(program: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let (Some(questions), Some(mut answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a pipe of the worker is missing"));
        };
        // What it says first shows that its program is loaded, after which it needs to open nothing.
        let hello: Hello = timeout(START_WITHIN, wire::read(&mut answers)).await??;
        if hello.version != VERSION {
            return Err(io::Error::other(format!("it speaks version {}, not {VERSION}", hello.version)));
        }
        let id = child.id().ok_or_else(|| io::Error::other("it has ended"))?;
        bound(id)?;
        Ok(Self { child, questions, answers, asked: 0, busy: Duration::ZERO })
    }

    /// Whether the next question could be the one that exceeds its processor time.
    pub(crate) fn is_spent(&self) -> bool {
        self.busy.saturating_add(DEADLINE) >= CPU_TIME
    }

    /// Asks one question. After an error the worker is of no more use.
    pub(crate) async fn ask(&mut self, ask: Ask<'_>) -> io::Result<Say> {
        let began = Instant::now();
        self.asked += 1;
        let question = Question { id: self.asked, ask };
        let answered = timeout(DEADLINE, async {
            wire::write(&mut self.questions, &question).await?;
            wire::read::<Answer>(&mut self.answers).await
        });
        let answer = answered.await??;
        self.busy = self.busy.saturating_add(began.elapsed());
        if answer.id == question.id {
            Ok(answer.say)
        } else {
            Err(io::Error::other("it answers another question"))
        }
    }

    /// Ends the worker, and waits until it has ended.
    pub(crate) async fn end(mut self) {
        if let Err(error) = self.child.kill().await {
            tracing::warn!(%error, "a worker could not be ended");
        }
    }
}

/// Bounds the process `id`, from outside; both bounds of each, so that it cannot raise them again.
#[cfg(target_os = "linux")]
fn bound(id: u32) -> io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit, setpriority_process};
    /// Standard input, output and error are there; nothing else can be opened.
    const OPEN: u64 = 3;
    /// Below whatever else the machine does.
    const NICE: i32 = 10;
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    let id = id.ok_or_else(|| io::Error::other("not the id of a process"))?;
    let limits = [
        (Resource::Cpu, CPU_TIME.as_secs()),
        (Resource::As, MAX_MEMORY_BYTES),
        (Resource::Nofile, OPEN),
        (Resource::Nproc, 0),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        prlimit(Some(id), resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(setpriority_process(Some(id), NICE)?)
}

/// Where a process cannot be bounded from outside, there is no worker.
#[cfg(not(target_os = "linux"))]
fn bound(_id: u32) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "a worker cannot be bounded on this system"))
}
