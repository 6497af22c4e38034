//! The command line: what can be typed, and who answers it (PRODUCT.md, "Command line").

mod arguments;
mod session;
mod party;
mod init;
mod node;
mod subject;
mod rotate;
mod domain;
mod delegate;
mod one_use;
mod approve;
mod holder;
mod present;
mod issue;
mod explain;
mod offline;
mod verify;
mod export;
mod history;
mod resolve;
mod inspect;
mod conformance;
mod credential;
mod did;
mod peer;
mod events;
mod status_list;
mod trust;
mod settings;
mod doctor;
mod store;
mod backup;
mod pages;

use crate::dumps;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use session::Session;
use std::path::PathBuf;
use std::process::ExitCode;

/// Identities, credentials and delegations for AI agents, verified peer to peer across trust domains.
#[derive(Debug, Parser)]
#[command(name = "marque", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Where `--help` shows what holds for every command.
const EVERY: &str = "For every command";

/// What holds for every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The data folder [default: $XDG_DATA_HOME/marque or ~/.local/share/marque]
    #[arg(long, global = true, env = "MARQUE_DATA", hide_env_values = true, value_name = "DIR", help_heading = EVERY)]
    pub data: Option<PathBuf>,
    /// A configuration file in place of config.toml in the data folder
    #[arg(long, global = true, value_name = "FILE", help_heading = EVERY)]
    pub config: Option<PathBuf>,
    /// Answer with one JSON document
    #[arg(long, global = true, help_heading = EVERY)]
    pub json: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a trust domain: its keys, its identity, its data folder
    Init(init::Init),
    /// Run the node of this data folder
    Up(node::Up),
    /// What the node is, holds and knows of others
    Status,
    /// The domain itself: its own keys
    #[command(subcommand)]
    Domain(domain::DomainCommand),
    /// People and organisations that answer for agents
    #[command(subcommand)]
    Owner(subject::OwnerCommand),
    /// Agents of this domain
    #[command(subcommand)]
    Agent(subject::AgentCommand),
    /// Pass authority on: sign the next link of a chain
    Delegate(Box<delegate::Delegate>),
    /// Approve one use of a capability that needs it, as the owner that a mandate begins with
    Approve(Box<approve::Approve>),
    /// Answer a verifier's nonce with a mandate or chosen credentials, signed by who holds them
    Present(Box<present::Present>),
    /// Issue a credential of any kind: by the node in the domain's name, or with a key that is here
    Issue(Box<issue::Issue>),
    /// Verify a presentation, or make a nonce for one
    Verify(verify::Verify),
    /// Write what is held into a file for others
    #[command(subcommand)]
    Export(export::ExportCommand),
    /// Resolve a DID or DID URL
    Resolve(resolve::Resolve),
    /// Say what something is: a DID, a log, a key, a credential, a status list, a join token
    Inspect(inspect::Inspect),
    /// What a status list says, in any encoding, without a node
    #[command(subcommand)]
    StatusList(status_list::StatusListCommand),
    /// Credentials that this domain issued or registered
    #[command(subcommand)]
    Credential(credential::CredentialCommand),
    /// DIDs with two histories, and which of them counts here
    #[command(subcommand)]
    Did(did::DidCommand),
    /// Nodes of other domains
    #[command(subcommand)]
    Peer(peer::PeerCommand),
    /// What the node hears, takes and refuses, as it happens; one object a line with --json
    Events,
    /// Domains that this node recognises, and what they may root here
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Three trust domains as three real nodes on this machine: delegate, verify, revoke
    Demo(node::Demo),
    /// Answer the W3C test suite for securing credentials with JOSE and COSE
    #[command(subcommand, hide = true)]
    Conformance(conformance::ConformanceCommand),
    /// The configuration
    #[command(subcommand)]
    Config(settings::ConfigCommand),
    /// What is wrong with this node, and what to type
    Doctor,
    /// What this node keeps, looked at and mended while the node does not run
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Copies of what this node keeps, each in one encrypted file; made while the node runs
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Print what makes a shell complete this program's commands
    Completions(pages::Completions),
    /// Write the manual pages into a folder
    Man(pages::Man),
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error).into(),
    };
    let as_json = cli.global.json;
    let result = dumps::forbid()
        .and_then(|()| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(|error| Failure::local(Local::File, format!("no runtime: {error}"), ""))
        })
        .and_then(|runtime| runtime.block_on(run(cli)));
    match result {
        Ok(answer) if answer.print(as_json).is_ok() => Exit::Done.into(),
        Ok(_) => Exit::Internal.into(),
        Err(failure) => {
            output::print_failure(&failure, as_json);
            failure.exit.into()
        }
    }
}

/// Help and version are answers; anything else is a wrong call, also under `--json`.
fn unparsed(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        return if error.print().is_ok() { Exit::Done } else { Exit::Internal };
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        output::print_failure(&misuse(error), true);
    } else {
        drop(error.print());
    }
    Exit::Usage
}

/// What is wrong with the call, in one line.
fn misuse(error: &clap::Error) -> Failure {
    let reason = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a command is missing".to_owned()
    } else {
        let text = error.to_string();
        let said = text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim);
        let said = said.filter(|line| !line.is_empty() && !line.starts_with("For more information"));
        said.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
    };
    Failure::local(Local::Usage, reason, "marque help lists the commands; --help says more of each.")
}

async fn run(cli: Cli) -> Result<Answer, Failure> {
    // What needs no node needs no data folder either.
    if let Some(answer) = offline(&cli) {
        return answer;
    }
    let session = Session::new(cli.global)?;
    dispatch(cli.command, session).await
}

fn offline(cli: &Cli) -> Option<Result<Answer, Failure>> {
    match &cli.command {
        Command::Resolve(resolve) => resolve.offline(cli.global.json),
        Command::Verify(verify) => verify.offline(&cli.global),
        Command::Inspect(inspect) => Some(inspect.run()),
        Command::StatusList(command) => Some(command.run()),
        Command::Conformance(command) => Some(command.run()),
        Command::Completions(completions) => Some(Ok(completions.run())),
        Command::Man(man) => Some(man.run()),
        _ => None,
    }
}

async fn dispatch(command: Command, session: Session) -> Result<Answer, Failure> {
    match command {
        Command::Init(init) => init.run(&session),
        Command::Up(up) => up.run(session).await,
        Command::Status => node::status(&session).await,
        Command::Domain(command) => command.run(&session).await,
        Command::Owner(command) => command.run(&session).await,
        Command::Agent(command) => command.run(&session).await,
        Command::Delegate(delegate) => delegate.run(&session).await,
        Command::Approve(approve) => approve.run(&session).await,
        Command::Present(present) => present.run(&session).await,
        Command::Issue(issue) => issue.run(&session).await,
        Command::Export(command) => command.run(&session).await,
        Command::Verify(verify) => verify.run(&session).await,
        Command::Resolve(resolve) => resolve.run(&session).await,
        Command::Inspect(inspect) => inspect.run(),
        Command::StatusList(command) => command.run(),
        Command::Conformance(command) => command.run(),
        Command::Completions(completions) => Ok(completions.run()),
        Command::Man(man) => man.run(),
        Command::Credential(command) => command.run(&session).await,
        Command::Did(command) => command.run(&session).await,
        Command::Peer(command) => command.run(&session).await,
        Command::Events => events::follow(&session).await,
        Command::Trust(command) => command.run(&session).await,
        Command::Demo(demo) => demo.run(&session).await,
        Command::Config(command) => command.run(&session),
        Command::Doctor => doctor::run(&session).await,
        Command::Store(command) => command.run(&session).await,
        Command::Backup(command) => command.run(&session),
    }
}

#[cfg(test)]
mod tests;
