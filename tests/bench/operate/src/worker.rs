//! Processes of this program that do one thing: each measured alone, and told line by line when to go on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process that is told what to do.
pub struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts this program with these arguments, on this core where one is given.
    pub fn start(core: Option<u32>, arguments: &[&str]) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = on(core, program.to_str().unwrap());
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        Self { child, stdin, stdout }
    }

    /// Tells it a line and waits for its answer.
    pub fn ask(&mut self, line: &str) -> String {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
        self.hear()
    }

    /// The next line that it says.
    pub fn hear(&mut self) -> String {
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        assert!(answer.ends_with('\n'), "a worker ended");
        answer.trim_end().to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A command that runs on one core only.
pub fn on(core: Option<u32>, program: &str) -> Command {
    match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string(), program]);
            command
        }
        None => Command::new(program),
    }
}

/// For a worker: does `work` for each line that comes.
pub fn obey(mut work: impl FnMut(&str) -> String) {
    for line in std::io::stdin().lock().lines() {
        println!("{}", work(&line.unwrap()));
    }
}
