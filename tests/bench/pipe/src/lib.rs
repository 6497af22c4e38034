//! The pipe between the bench and a comparator, and the clock that both read.
//!
//! A comparator is a process: what it links, and with which features, stays its own. It makes its work
//! ready once, and then does it as often as it is told and says how much processor time that took, so
//! that the rounds of all candidates interleave although they live in several processes.
//!
//! Requests are a line, `prepare NAME LENGTH...` followed by that many bytes, or `run WORK REPEATS`;
//! answers are a line, `ready RESULT`, `took NANOSECONDS` or `failed REASON`.

use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What is measured. It answers how many things it found good, which must be the same each time.
pub type Work<'a> = Box<dyn FnMut() -> usize + 'a>;

/// What this thread has used of a processor: other load moves it less than the time of day.
#[must_use]
pub fn cpu_nanoseconds() -> u64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(used.tv_sec).unwrap_or_default() * 1_000_000_000
        + u64::try_from(used.tv_nsec).unwrap_or_default()
}

/// Does work, and says how long that took this thread.
///
/// # Errors
/// Where a result is not the one that is expected.
pub fn measure(work: &mut Work<'_>, repeats: u32, expected: usize) -> Result<u64, String> {
    let mut odd = None;
    let start = cpu_nanoseconds();
    for _ in 0..repeats {
        let result = black_box(work());
        if result != expected {
            odd = Some(result);
        }
    }
    let took = cpu_nanoseconds() - start;
    odd.map_or(Ok(took), |result| Err(format!("{result} where there were {expected}")))
}

/// The comparator's end: answers until the bench hangs up. `prepare` makes work of a name and its
/// inputs, and is where to test that what is measured says no to what is wrong.
///
/// # Errors
/// Where the pipe breaks, or what comes through it is no request.
pub fn serve(prepare: impl Fn(&str, &[Vec<u8>]) -> Result<Work<'static>, String>) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut all: Vec<(Work<'static>, usize)> = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = match words.as_slice() {
            ["prepare", name, lengths @ ..] => {
                let mut inputs = Vec::new();
                for length in lengths {
                    let mut bytes = vec![0; number(length)?];
                    input.read_exact(&mut bytes)?;
                    inputs.push(bytes);
                }
                prepare(name, &inputs).map(|mut work| {
                    let result = work();
                    all.push((work, result));
                    format!("ready {result}")
                })
            }
            ["run", index, repeats] => {
                let (work, expected) =
                    all.get_mut(number(index)?).ok_or_else(|| io::Error::other("no such work"))?;
                let repeats = u32::try_from(number(repeats)?).map_err(io::Error::other)?;
                measure(work, repeats, *expected).map(|took| format!("took {took}"))
            }
            _ => return Err(io::Error::other("no request")),
        };
        writeln!(
            output,
            "{}",
            answer.unwrap_or_else(|reason| format!("failed {}", reason.replace('\n', " ")))
        )?;
        output.flush()?;
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(io::Error::other)
}

/// The bench's end of the pipe to a comparator.
#[derive(Debug)]
pub struct Comparator {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    works: usize,
}

impl Comparator {
    /// Starts a comparator.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(program: &Path) -> io::Result<Self> {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let output = BufReader::new(output.ok_or_else(|| io::Error::other("no pipe"))?);
        Ok(Self { child, input, output, works: 0 })
    }

    /// Has work made ready, and run once: its number, and how many things it found good.
    ///
    /// # Errors
    /// Where the comparator says so, or is gone.
    pub fn prepare(&mut self, name: &str, inputs: &[&[u8]]) -> io::Result<(usize, usize)> {
        let lengths: String = inputs.iter().map(|input| format!(" {}", input.len())).collect();
        let result =
            self.ask(&[format!("prepare {name}{lengths}\n").as_bytes(), &inputs.concat()].concat(), "ready")?;
        self.works += 1;
        Ok((self.works - 1, number(&result)?))
    }

    /// Nanoseconds of processor time that a work takes `repeats` times.
    ///
    /// # Errors
    /// As [`Comparator::prepare`].
    pub fn run(&mut self, work: usize, repeats: u32) -> io::Result<u64> {
        self.ask(format!("run {work} {repeats}\n").as_bytes(), "took")?.parse().map_err(io::Error::other)
    }

    fn ask(&mut self, request: &[u8], expected: &str) -> io::Result<String> {
        let input = self.input.as_mut().ok_or_else(|| io::Error::other("no pipe"))?;
        input.write_all(request)?;
        input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        match line.trim_end().split_once(' ') {
            Some((word, rest)) if word == expected => Ok(rest.to_owned()),
            _ => Err(io::Error::other(format!("a comparator said: {line}"))),
        }
    }
}

impl Drop for Comparator {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
