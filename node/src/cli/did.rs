//! `did`: what an operator decides about DIDs of whomever (MESH.md D7).

use super::arguments::{DryRun, did};
use super::session::Session;
use crate::client::segment;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer};
use clap::{Args, Subcommand};
use did_resolver::did::Did;
use did_resolver::json;
use did_resolver::webvh::{MAX_ENTRY_BYTES, MAX_LOG_BYTES, MAX_WITNESS_BYTES};
use serde_json::{Value, json};
use std::path::PathBuf;

/// DIDs.
#[derive(Debug, Subcommand)]
pub enum DidCommand {
    /// Take in the log of a DID of another domain, judged as if a peer had brought it
    Import(Import),
    /// DIDs with two valid histories: neither authorises anything until one is settled on
    #[command(subcommand)]
    Contested(ContestedCommand),
}

/// A log to take in.
#[derive(Debug, Args)]
pub struct Import {
    /// The DID that it is the log of
    #[arg(value_parser = did)]
    did: Did,
    /// Its did.jsonl, or - for stdin
    #[arg(long, value_name = "FILE")]
    log: String,
    /// Its did-witness.json
    #[arg(long, value_name = "FILE")]
    witness: Option<String>,
}

/// DIDs with two valid histories.
#[derive(Debug, Subcommand)]
pub enum ContestedCommand {
    /// All of them
    Ls,
    /// The histories of one
    Show(Show),
    /// Say which history counts on this node, after its owner confirmed it by another way
    Settle(Settle),
}

/// Which to show.
#[derive(Debug, Args)]
pub struct Show {
    /// The DID
    #[arg(value_parser = did)]
    did: Did,
    /// Write what proves the two histories to this file: anybody can check it with marque inspect
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
}

/// Which history counts.
#[derive(Debug, Args)]
pub struct Settle {
    /// The DID
    #[arg(value_parser = did)]
    did: Did,
    /// A versionId that only the history that counts has
    #[arg(long, value_name = "VERSION-ID")]
    version_id: String,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl DidCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Import(import) => import.run(session).await,
            Self::Contested(ContestedCommand::Ls) => list(session).await,
            Self::Contested(ContestedCommand::Show(show)) => show.run(session).await,
            Self::Contested(ContestedCommand::Settle(settle)) => settle.run(session).await,
        }
    }
}

impl Import {
    async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let log = files::read_named(&self.log, MAX_LOG_BYTES)?;
        let entries = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let entries =
            entries.map(|line| read(&self.log, line, MAX_ENTRY_BYTES)).collect::<Result<Value, _>>()?;
        let mut body = json!({"did": self.did.as_str(), "log": entries});
        if let (Some(name), Some(members)) = (&self.witness, body.as_object_mut()) {
            let file = files::read_named(name, MAX_WITNESS_BYTES)?;
            members.insert("witness".to_owned(), read(name, &file, MAX_WITNESS_BYTES)?);
        }
        let answer = session.client()?.post("/v1/webvh/import", &body).await?;
        let rows = ["outcome", "did", "versionId"].map(|name| (name, output::text(&answer, name)));
        let human = output::facts(&rows);
        Ok(Answer::new(answer, human))
    }
}

fn read(name: &str, bytes: &[u8], max_bytes: usize) -> Result<Value, Failure> {
    json::parse(bytes, max_bytes).map_err(|error| {
        let reason = format!("{name} is not JSON, line by line: {error}");
        Failure::local(Local::Usage, reason, "Give the did.jsonl and did-witness.json as they are published.")
    })
}

async fn list(session: &Session) -> Result<Answer, Failure> {
    let answer = session.client()?.get("/v1/contested").await?;
    let columns = [("STATE", "state"), ("SINCE", "seen"), ("PARTS AT", "at"), ("DID", "did")];
    let human = output::list(&answer, "contested", &columns, "no DID has two histories here");
    Ok(Answer::new(answer, human))
}

impl Show {
    async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let answer = session.client()?.get(&path(&self.did)).await?;
        let mut human = histories(&answer);
        if let Some(file) = &self.proof {
            let proof = answer.get("proof").map(Value::to_string).ok_or_else(|| {
                let reason = "the node holds one history alone by now";
                Failure::local(Local::Answer, reason, "Look again with marque did contested ls.")
            })?;
            files::replace(file, proof.as_bytes())?;
            human.push_str(&format!("proof written to {}\n", file.display()));
        }
        let next = format!(
            "Ask the owner, by another way than the network, which version is theirs. Then: marque did contested settle {} --version-id VERSION-ID",
            self.did
        );
        Ok(Answer::new(answer, human).saying(next))
    }
}

impl Settle {
    async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let client = session.client()?;
        if self.dry.dry_run {
            let now = client.get(&path(&self.did)).await?;
            let document = json!({
                "dryRun": true, "did": self.did.as_str(), "versionId": self.version_id, "state": now.get("state"),
            });
            let human =
                format!("would let the history with {} count of\n{}", self.version_id, histories(&now));
            return Ok(Answer::new(document, human));
        }
        let body = json!({"versionId": self.version_id});
        let answer = client.post(&format!("{}/settle", path(&self.did)), &body).await?;
        let human = histories(&answer);
        Ok(Answer::new(answer, human))
    }
}

/// The histories as a table.
fn histories(fork: &Value) -> String {
    let heads = ["COUNTS", "PARTS WITH", "NEWEST", "OF", "SIGNED BY"];
    let row = |branch: &Value| {
        let text = |name| output::text(branch, name);
        let counts = if branch.get("counts") == Some(&Value::Bool(true)) { "yes" } else { "no" };
        let [with, newest, of, by] = ["partsWith", "versionNumber", "versionTime", "signedBy"].map(text);
        vec![counts.to_owned(), with, newest, of, by]
    };
    let rows: Vec<Vec<String>> = output::items(fork, "branches").iter().map(row).collect();
    output::table(&heads, &rows, "no history is held")
}

fn path(did: &Did) -> String {
    format!("/v1/contested/{}", segment(did.as_str()))
}
