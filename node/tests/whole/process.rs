//! Nodes as processes: `marque` in a data folder of its own, on ports that the system chooses.

use serde_json::Value;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long something real may take before it counts as not coming. No claim about speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How much of a log is shown where something did not happen: what a node says in a minute that is not busy.
const LAST_LINES: usize = 60;

/// A domain with its data folder, whose node runs or not. It stops with the test.
pub(crate) struct Domain {
    pub(crate) folder: TempDir,
    pub(crate) did: String,
    /// Where the mesh listens: the same after a restart, as with any node that others are to find again.
    p2p: String,
    /// The network namespace in which its node and its commands run; none, that of the test.
    host: Option<String>,
    child: Option<Child>,
    /// Where what its node says goes.
    told: Option<PathBuf>,
    /// Variables that all its commands have.
    variables: Vec<(String, String)>,
}

/// The exit code and the JSON document of a command.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) exit: i32,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn text(&self, member: &str) -> String {
        self.json[member].as_str().unwrap_or_default().to_owned()
    }

    fn of(output: &Output) -> Self {
        let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Self { exit: output.status.code().unwrap_or(-1), json }
    }
}

/// The program.
const MARQUE: &str = env!("CARGO_BIN_EXE_marque");

/// Writes what only its owner may read.
pub(crate) fn secret(path: &Path, text: &str) {
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The program, as a command without a data folder.
pub(crate) fn marque() -> Command {
    let mut command = Command::new(MARQUE);
    command.env_remove("MARQUE_DATA").env_remove("MARQUE_PASSPHRASE_FILE");
    command
}

/// A port that nobody else gets before a node listens on it: below those that the system gives, and each once.
pub(crate) fn port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let nth = std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(12_000 + nth % 20_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Domain {
    /// A new domain, its node down.
    pub(crate) fn init(name: &str) -> Self {
        let port = port();
        Self::init_on(name, None, format!("/ip4/127.0.0.1/tcp/{port}"))
    }

    /// A new domain, its node down, whose mesh will listen at `p2p` of a host.
    pub(crate) fn init_on(name: &str, host: Option<String>, p2p: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        secret(&folder.path().join("passphrase"), "a passphrase for tests");
        let mut domain =
            Self { folder, did: String::new(), p2p, host, child: None, told: None, variables: Vec::new() };
        domain.did = domain.done(&["init", "--domain", name]).text("did");
        domain
    }

    /// A new domain, its node down, whose keys are where these flags and variables say.
    pub(crate) fn init_guarded(name: &str, flags: &[&str], variables: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        secret(&folder.path().join("passphrase"), "a passphrase for tests");
        let port = port();
        let p2p = format!("/ip4/127.0.0.1/tcp/{port}");
        let mut domain =
            Self { folder, did: String::new(), p2p, host: None, child: None, told: None, variables };
        domain.did = domain.done(&[&["init", "--domain", name], flags].concat()).text("did");
        domain
    }

    /// A new domain with its node up.
    pub(crate) fn start(name: &str) -> Self {
        let mut domain = Self::init(name);
        domain.up();
        domain
    }

    /// A second node of this domain, down: the same data folder, on addresses of its own.
    #[cfg(feature = "postgres")]
    pub(crate) fn twin(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copied =
            Command::new("cp").arg("-a").arg(self.folder.path().join(".")).arg(folder.path()).status();
        assert!(copied.unwrap().success());
        let port = port();
        let p2p = format!("/ip4/127.0.0.1/tcp/{port}");
        Self {
            folder,
            did: self.did.clone(),
            p2p,
            host: None,
            child: None,
            told: None,
            variables: Vec::new(),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match &self.host {
            None => marque(),
            Some(host) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", host, MARQUE]);
                command
            }
        };
        command.args(arguments).env("MARQUE_DATA", self.data());
        command.env("MARQUE_PASSPHRASE_FILE", self.folder.path().join("passphrase"));
        command.env("MARQUE_KEYS__KDF_KIB", "64").env("MARQUE_MESH__SYNC_SECONDS", "1");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn up(&mut self) {
        self.up_with(&[]);
    }

    /// Starts the node with variables of its own.
    pub(crate) fn up_with(&mut self, variables: &[(&str, &str)]) {
        self.up_saying(&[], variables);
    }

    /// Starts the node with flags and variables of its own.
    pub(crate) fn up_saying(&mut self, flags: &[&str], variables: &[(&str, &str)]) {
        self.begin(flags, variables);
        let about = self.data().join("node.json");
        let deadline = Instant::now() + PATIENCE;
        while !about.exists() {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the node ended: {ended:?}: {}", self.log());
            assert!(Instant::now() < deadline, "the node did not come up");
            std::thread::yield_now();
        }
    }

    /// Starts the node and kills it so much later, be it up by then or not.
    pub(crate) fn up_and_kill_after(&mut self, time: Duration) {
        let began = Instant::now();
        self.begin(&[], &[]);
        while began.elapsed() < time {
            std::thread::yield_now();
        }
        self.kill();
    }

    fn begin(&mut self, flags: &[&str], variables: &[(&str, &str)]) {
        let _gone = std::fs::remove_file(self.data().join("node.json"));
        let free = ["--public", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"];
        let mut command = self.command(&["up", "--while-stdin", "--p2p", &self.p2p]);
        command
            .args(free)
            .args(flags)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).unwrap());
        if let Some(path) = &self.told {
            let file = std::fs::File::options().create(true).append(true).open(path).unwrap();
            command.stdout(file.try_clone().unwrap()).stderr(file);
        }
        self.child = Some(command.spawn().unwrap());
    }

    /// What the node logged since it was started.
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Waits until the log of the node has records of this text, and returns them.
    pub(crate) fn logged(&self, text: &str) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            let records = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found: Vec<_> = records.filter(|record| record["message"] == text).collect();
            if !found.is_empty() {
                return found;
            }
            assert!(Instant::now() < deadline, "nothing is logged of {text:?}: {log}");
            std::thread::yield_now();
        }
    }

    /// Sends a signal to the node.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// From the next start on what the node says goes there, both of it.
    pub(crate) fn tell(&mut self, path: &std::path::Path) {
        self.told = Some(path.to_owned());
    }

    /// The process of the node.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Has the node die as of a defect that touches memory which is not its own.
    pub(crate) fn crash(&mut self) -> std::process::ExitStatus {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        // The first only takes the handler away by which Rust tells of an overflowing stack.
        loop {
            let _gone = Command::new("kill").args(["-SEGV", &child.id().to_string()]).status().unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not die");
        }
    }

    /// Stops in good order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    /// Waits until the node, told to stop by a signal, has ended in good order.
    pub(crate) fn ends(&mut self) {
        let mut child = self.child.take().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return assert!(status.success(), "{status}");
            }
            if Instant::now() > deadline {
                let _killed = child.kill();
                panic!("the node does not end");
            }
            std::thread::yield_now();
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// `kill -9`, by whoever is not the one that reaps it.
    #[cfg(feature = "postgres")]
    pub(crate) fn kill_from_outside(&self) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }

    /// What `node.json` says.
    pub(crate) fn about(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data().join("node.json")).unwrap()).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.pipe(arguments, b"")
    }

    /// Runs a command with `--json` and `input` on its standard input.
    pub(crate) fn pipe(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = self.command(arguments);
        command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // A command that does not read its input closes it.
        let _closed = child.stdin.take().unwrap().write_all(input);
        Answer::of(&child.wait_with_output().unwrap())
    }

    /// Runs a command that must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> Answer {
        let answer = self.run(arguments);
        assert_eq!(answer.exit, 0, "{arguments:?}: {}", answer.json);
        answer
    }

    /// Runs a command until it ends as wanted.
    pub(crate) fn until(&self, arguments: &[&str], wanted: impl Fn(&Answer) -> bool) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.run(arguments);
            if wanted(&answer) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{arguments:?}: {}\n{}", answer.json, self.last_logged());
        }
    }

    /// The end of the log of the node, which is mostly why something did not happen.
    fn last_logged(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Lets `agent` of `holder` present its newest mandate to this domain's node.
    pub(crate) fn verifies(&self, holder: &Self, agent: &str) -> Answer {
        let nonce = self.done(&["verify", "--new-nonce"]);
        let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
        let presented = holder.run(&["present", "--agent", agent, "--nonce", &nonce, "--aud", &audience]);
        assert_eq!(presented.exit, 0, "{}", presented.json);
        self.pipe(&["verify", "-"], presented.text("presentation").as_bytes())
    }

    /// Verifies until the exit code is `exit`.
    pub(crate) fn verifies_until(&self, holder: &Self, agent: &str, exit: i32) -> Answer {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.verifies(holder, agent);
            if answer.exit == exit {
                return answer;
            }
            assert!(Instant::now() < deadline, "still {}: {}", answer.exit, answer.json);
        }
    }

    /// Joins `host` and is recognised by it, and the other way round.
    pub(crate) fn meets(&self, host: &Self, capabilities: &str) {
        let token = host.done(&["peer", "invite"]).text("token");
        let joined = self.pipe(&["peer", "join", "-"], token.as_bytes());
        assert_eq!(joined.exit, 0, "{}", joined.json);
        self.done(&["trust", "add", &host.did, "--cap", capabilities]);
        host.done(&["trust", "add", &self.did]);
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}
