//! The processes of the demo: each node is `marque up`, each act a `marque` command, as typed.

use super::PATIENCE;
use super::report::Report;
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::signing;
use did_resolver::codec;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The domains. Names under `.test` are labels and are never looked up.
pub(super) const ALPHA: usize = 0;
pub(super) const BRAVO: usize = 1;
pub(super) const CHARLIE: usize = 2;
const NAMES: [&str; 3] = ["alpha", "bravo", "charlie"];

/// Most output of one command that is read.
const MAX_OUTPUT: u64 = 4 * 1024 * 1024;

/// How long one command may take.
const COMMAND_TIME: Duration = Duration::from_secs(30);

/// How long is waited between two looks at something that is to come.
const LOOK: Duration = Duration::from_millis(10);

/// One domain's node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) data: Data,
    pub(super) did: String,
    child: Option<Child>,
}

/// All three.
#[derive(Debug)]
pub(super) struct Nodes {
    program: PathBuf,
    passphrase: PathBuf,
    keep: bool,
    all: Vec<Node>,
}

/// What a command answered: its exit code and its JSON document.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) exit: i32,
    pub(super) json: Value,
}

impl Output {
    pub(super) fn text(&self, member: &str) -> String {
        self.json.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// `verified`, or the code of the refusal.
    pub(super) fn verdict(&self) -> String {
        let code = |json: &Value| json.get("code").and_then(Value::as_str).map(str::to_owned);
        if self.exit == 0 && self.json.get("verified") == Some(&Value::Bool(true)) {
            return "verified".to_owned();
        }
        let code = code(&self.json).or_else(|| self.json.get("error").and_then(code));
        code.unwrap_or_else(|| format!("exit {}", self.exit))
    }
}

impl Nodes {
    /// No nodes yet.
    pub(super) fn new(folder: &Path, keep: bool) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(|error| failure(error.to_string()))?;
        let passphrase = folder.join("passphrase");
        let text = codec::to_base64url(&signing::random::<18>()?);
        files::replace(&passphrase, text.as_bytes())?;
        Ok(Self { program, passphrase, keep, all: Vec::new() })
    }

    /// Makes three domains and starts their nodes.
    pub(super) async fn start(&mut self, report: &mut Report) -> Result<(), Failure> {
        let folder = self.passphrase.with_file_name("");
        report.chapter("Three trust domains, each with a node of its own");
        let began = Instant::now();
        for name in NAMES {
            let data = Data::at(folder.join(name));
            self.all.push(Node { data, did: String::new(), child: None });
            let place = self.all.len() - 1;
            let domain = format!("{name}.test");
            let made = self.done(place, &["init", "--domain", &domain]).await?;
            self.node_mut(place)?.did = made.text("did");
            self.up(place).await?;
            report.say(&format!("  {domain} is {}", made.text("did")));
        }
        report.step("three nodes are up", "up", "up", began.elapsed());
        Ok(())
    }

    pub(super) fn node(&self, place: usize) -> Result<&Node, Failure> {
        self.all.get(place).ok_or_else(|| failure("no such node".to_owned()))
    }

    fn node_mut(&mut self, place: usize) -> Result<&mut Node, Failure> {
        self.all.get_mut(place).ok_or_else(|| failure("no such node".to_owned()))
    }

    /// Where the passphrase of every key file of the demo is.
    pub(super) fn passphrase(&self) -> &Path {
        &self.passphrase
    }

    fn command(&self, place: usize) -> Result<Command, Failure> {
        let mut command = Command::new(&self.program);
        command.env("MARQUE_DATA", self.node(place)?.data.path());
        command.env("MARQUE_PASSPHRASE_FILE", &self.passphrase);
        // What is typed to stop the demo is for the demo alone: it stops the rest.
        command.process_group(0);
        command.env("MARQUE_LOG__FORMAT", "plain");
        // One second between rounds of anti-entropy, so that nobody has to wait for a late joiner.
        command.env("MARQUE_MESH__SYNC_SECONDS", "1");
        Ok(command)
    }

    /// A domain of somebody whom nobody knows: made, and never started.
    pub(super) async fn stranger(&self) -> Result<Node, Failure> {
        let folder = self.passphrase.with_file_name("stranger");
        let data = Data::at(folder);
        let mut command = self.command(ALPHA)?;
        command.arg("--data").arg(data.path()).args(["init", "--domain", "stranger.test"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().await.map_err(|error| failure(error.to_string()))?;
        if !status.success() {
            return Err(failure("the stranger's domain could not be made".to_owned()));
        }
        Ok(Node { data, did: String::new(), child: None })
    }

    /// Starts a node and waits until it is ready. Alpha has no public listener: what others know of it
    /// they know from the mesh.
    pub(super) async fn up(&mut self, place: usize) -> Result<(), Failure> {
        let mut command = self.command(place)?;
        command.args([
            "up",
            "--admin",
            "127.0.0.1:0",
            "--health",
            "127.0.0.1:0",
            "--p2p",
            "/ip4/127.0.0.1/tcp/0",
        ]);
        if place == ALPHA {
            command.arg("--no-public");
        } else {
            command.args(["--public", "127.0.0.1:0"]);
        }
        let about = self.node(place)?.data.node();
        files::remove(&about)?;
        let log = std::fs::File::create(self.node(place)?.data.path().join("up.log"));
        let log = log.map_err(|error| failure(error.to_string()))?;
        command.stdout(Stdio::null()).stderr(log);
        if self.keep {
            command.stdin(Stdio::null());
        } else {
            // The node ends with this process, however this process ends.
            command.arg("--while-stdin").stdin(Stdio::piped()).kill_on_drop(true);
        }
        let child = command.spawn().map_err(|error| failure(error.to_string()))?;
        let child = self.node_mut(place)?.child.insert(child);
        let deadline = Instant::now() + PATIENCE;
        while !about.exists() {
            let ended = child.try_wait().ok().flatten();
            if ended.is_some() || Instant::now() > deadline {
                let log = self.node(place)?.data.path().join("up.log");
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(failure(format!("a node did not start: {}", said.trim())));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Stops a node, at once and without warning: `kill -9`.
    pub(super) async fn kill(&mut self, place: usize) -> Result<(), Failure> {
        if let Some(mut child) = self.node_mut(place)?.child.take() {
            child.kill().await.map_err(|error| failure(error.to_string()))?;
        }
        Ok(())
    }

    pub(super) async fn stop_all(&mut self) {
        for node in &mut self.all {
            if let Some(mut child) = node.child.take() {
                // It may have ended by itself.
                let _ended = child.kill().await;
            }
        }
    }

    /// Runs a command with `--json`, with `input` on its standard input.
    pub(super) async fn run(
        &self,
        place: usize,
        arguments: &[&str],
        input: &[u8],
    ) -> Result<Output, Failure> {
        let mut command = self.command(place)?;
        command.args(arguments).arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null()).kill_on_drop(true);
        let io = |error: std::io::Error| failure(error.to_string());
        let mut child = command.spawn().map_err(io)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let work = async {
            if let Some(mut stdin) = stdin {
                // A command that does not read its input closes it.
                let _closed = stdin.write_all(input).await;
            }
            let mut printed = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(MAX_OUTPUT).read_to_end(&mut printed).await?;
            }
            Ok::<_, std::io::Error>((child.wait().await?, printed))
        };
        let ended = tokio::time::timeout(COMMAND_TIME, work).await;
        let (status, printed) =
            ended.map_err(|_| failure(format!("{arguments:?} did not end")))?.map_err(io)?;
        let json = serde_json::from_slice(&printed).unwrap_or(Value::Null);
        Ok(Output { exit: status.code().unwrap_or(-1), json })
    }

    /// Runs a command that must succeed.
    pub(super) async fn done(&self, place: usize, arguments: &[&str]) -> Result<Output, Failure> {
        let output = self.run(place, arguments, b"").await?;
        if output.exit == 0 {
            Ok(output)
        } else {
            let name = NAMES.get(place).copied().unwrap_or_default();
            Err(failure(format!("at {name}, marque {}: {}", arguments.join(" "), output.json)))
        }
    }

    /// Runs a command again and again until `good` holds of its answer, or patience ends.
    pub(super) async fn until(
        &self,
        place: usize,
        arguments: &[&str],
        good: impl Fn(&Output) -> bool,
    ) -> Result<Output, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.run(place, arguments, b"").await?;
            if good(&output) || Instant::now() > deadline {
                return Ok(output);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What to type to go on by hand; in any shell that has functions.
    pub(super) fn what_to_try(&self) -> String {
        let mut text = String::from("\nThe nodes are up. To go on by hand, paste this:\n\n");
        text.push_str(&format!("  export MARQUE_PASSPHRASE_FILE='{}'\n", self.passphrase.display()));
        for (name, node) in NAMES.iter().zip(&self.all) {
            let (program, data) = (self.program.display(), node.data.path().display());
            text.push_str(&format!("  {name}() {{ '{program}' --data '{data}' \"$@\"; }}\n"));
        }
        text.push_str(
            "\nAn agent of alpha's shows charlie what it may do:\n\n  \
             alpha agent create my-bot --owner alice --cap calendar:read\n  \
             ask=$(charlie verify --new-nonce --json)\n  \
             nonce=$(printf %s \"$ask\" | jq -r .nonce) aud=$(printf %s \"$ask\" | jq -r .audience)\n  \
             alpha present --agent my-bot --nonce \"$nonce\" --aud \"$aud\" > my-bot.jwt\n  \
             charlie verify my-bot.jwt\n\n\
             A second time it is a replay. Take it back, and see who knows whom:\n\n  \
             charlie verify my-bot.jwt\n  alpha agent revoke my-bot\n  alpha agent ls\n  \
             charlie peer ls\n  charlie trust ls\n\nTo end the nodes and remove their folder:\n\n  kill",
        );
        for node in &self.all {
            text.push_str(&format!(" {}", node.pid()));
        }
        let folder = self.passphrase.with_file_name("");
        text.push_str(&format!("; sleep 1; rm -r '{}'\n", folder.display()));
        text
    }

    /// The same for programs.
    pub(super) fn kept(&self) -> Value {
        let nodes = NAMES.iter().zip(&self.all).map(|(name, node)| {
            json!({"domain": format!("{name}.test"), "data": node.data.path(), "pid": node.pid()})
        });
        json!({"passphraseFile": self.passphrase, "nodes": nodes.collect::<Value>()})
    }
}

impl Node {
    fn pid(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).unwrap_or_default()
    }
}

pub(super) fn failure(reason: String) -> Failure {
    Failure::local(Local::Demo, reason, "The demo could not go on; every node was stopped.")
}
