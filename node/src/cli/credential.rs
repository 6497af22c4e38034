//! `credential`: what the domain issued or registered, links among them.

use super::arguments::{DryRun, credential_id};
use super::session::Session;
use crate::client::segment;
use crate::failure::Failure;
use crate::output::{self, Answer, in_words};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Credentials.
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// All of them
    Ls,
    /// One
    Show(Id),
    /// Stop it, and every link after it, for good
    Revoke(Act),
    /// Stop it, and every link after it, until it is resumed
    Suspend(Act),
    /// Let it count again
    Resume(Act),
}

/// Which.
#[derive(Debug, Args)]
pub struct Id {
    /// Its id, urn:uuid:...
    #[arg(value_parser = credential_id)]
    id: String,
}

/// Which to stop or let count again.
#[derive(Debug, Args)]
pub struct Act {
    /// Its id, urn:uuid:...
    #[arg(value_parser = credential_id)]
    id: String,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl CredentialCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Ls => {
                let answer = session.client()?.get("/v1/credentials").await?;
                let heads = ["ID", "TYPE", "STATE", "UNTIL", "FROM", "TO"];
                let rows: Vec<Vec<String>> = output::items(&answer, "credentials").iter().map(row).collect();
                let human = output::table(&heads, &rows, "no credentials yet");
                Ok(Answer::new(answer, human))
            }
            Self::Show(Id { id }) => {
                let answer = session.client()?.get(&path(id)).await?;
                let names = ["id", "type", "state", "issuer", "subject", "validUntil"];
                let rows = names.map(|name| (name, output::text(&answer, name)));
                let human = output::facts(&rows);
                Ok(Answer::new(answer, human))
            }
            Self::Revoke(act) => act.run(session, "revoke").await,
            Self::Suspend(act) => act.run(session, "suspend").await,
            Self::Resume(act) => act.run(session, "resume").await,
        }
    }
}

impl Act {
    async fn run(&self, session: &Session, verb: &str) -> Result<Answer, Failure> {
        let (client, id) = (session.client()?, &self.id);
        if self.dry.dry_run {
            let now = client.get(&path(id)).await?;
            let (kind, state) = (output::text(&now, "type"), output::text(&now, "state"));
            let document = json!({"dryRun": true, "verb": verb, "id": id, "type": kind, "state": state});
            return Ok(Answer::new(document, format!("would {verb} {kind} {id}, which is {state}\n")));
        }
        let answer = client.post(&format!("{}/{verb}", path(id)), &json!({})).await?;
        let human = format!("{id} is {}\n", output::text(&answer, "state"));
        Ok(Answer::new(answer, human))
    }
}

/// A credential as a row of the table; whom it is about by name.
fn row(credential: &Value) -> Vec<String> {
    let text = |name| output::text(credential, name);
    let mut row = ["id", "type", "state", "validUntil"].map(text).to_vec();
    row.extend(["issuer", "subject"].map(|name| in_words(&text(name))));
    row
}

fn path(id: &str) -> String {
    format!("/v1/credentials/{}", segment(id))
}
