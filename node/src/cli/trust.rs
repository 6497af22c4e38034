//! `trust`: which domains count here, and for what (MODEL.md, "Delegation", rules 5 and 6).

use super::arguments::{DryRun, capability, did};
use super::session::Session;
use crate::client::{Client, segment};
use crate::failure::Failure;
use crate::output::{self, Answer};
use clap::{Args, Subcommand};
use did_resolver::did::Did;
use serde_json::{Value, json};
use vc_schemas::delegation::scope::Capability;

/// Domains that count here.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Recognise a domain, in place of what was said of it before
    Add {
        /// The domain's DID; its name alone proves nothing
        #[arg(value_parser = did)]
        did: Did,
        /// What its owners may root here; without it, nothing: only its agents are known
        #[arg(long = "cap", value_delimiter = ',', value_parser = capability, value_name = "CAPABILITY")]
        capabilities: Vec<Capability>,
        /// Only for these resources
        #[arg(long, value_delimiter = ',')]
        resource: Vec<String>,
    },
    /// Let nothing of a domain count for now, and let its nodes go; what it may root is kept for resume
    Suspend {
        /// The domain's DID
        #[arg(value_parser = did)]
        did: Did,
    },
    /// Recognise a suspended domain again, as before
    Resume {
        /// The domain's DID
        #[arg(value_parser = did)]
        did: Did,
    },
    /// Recognise a domain no more; what was said of it is forgotten
    Remove(Remove),
    /// What is said of one
    Show {
        /// The domain's DID
        #[arg(value_parser = did)]
        did: Did,
        /// Print the DomainRecognitionCredential that states it to others
        #[arg(long)]
        credential: bool,
    },
    /// All that are recognised, and who states that it recognises this domain
    Ls {
        /// Whom this domain states that it recognises, in place of that
        #[arg(long, value_parser = did, value_name = "DID")]
        of: Option<Did>,
    },
}

/// Which to recognise no more.
#[derive(Debug, Args)]
pub struct Remove {
    /// The domain's DID
    #[arg(value_parser = did)]
    did: Did,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl TrustCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let client = session.client()?;
        match self {
            Self::Add { did, capabilities, resource } => {
                let capabilities: Value = capabilities.iter().map(Capability::as_str).collect();
                let mut body = json!({"did": did.as_str(), "capabilities": capabilities});
                if let (Some(members), false) = (body.as_object_mut(), resource.is_empty()) {
                    members.insert("resources".to_owned(), json!(resource));
                }
                let answer = client.post("/v1/trust", &body).await?;
                let may = output::text(&answer, "capabilities");
                let may =
                    if may.is_empty() { "nothing: only its agents are known here".to_owned() } else { may };
                let human = output::facts(&[
                    ("domain", output::text(&answer, "domain")),
                    ("did", output::text(&answer, "did")),
                    ("may root", may),
                ]);
                Ok(Answer::new(answer, human))
            }
            Self::Suspend { did } => {
                let next = format!("To let it count again: marque trust resume {did}");
                Ok(act(&client, did, "suspend", "suspended").await?.saying(next))
            }
            Self::Resume { did } => act(&client, did, "resume", "resumed").await,
            Self::Remove(Remove { did, dry }) => {
                let (now, path) = (client.get(&path(did)).await?, path(did));
                let domain = output::text(&now, "domain");
                if dry.dry_run {
                    let document = json!({"dryRun": true, "verb": "remove", "trust": now});
                    return Ok(Answer::new(document, format!("would recognise {domain} no more\n")));
                }
                let answer = client.post(&format!("{path}/remove"), &json!({})).await?;
                let human = output::facts(&[("removed", domain), ("did", did.to_string())]);
                let next =
                    "Mandates that it rooted are refused from now on: marque verify says root-not-anchored.";
                Ok(Answer::new(answer, human).saying(next))
            }
            Self::Show { did, credential: true } => {
                let answer = client.get(&format!("{}/credential", path(did))).await?;
                let human = format!("{}\n", output::text(&answer, "credential"));
                Ok(Answer::new(answer, human))
            }
            Self::Show { did, credential: false } => {
                let answer = client.get(&path(did)).await?;
                let heads = ["domain", "may root", "resources", "suspended", "did"];
                let facts: Vec<_> = heads.into_iter().zip(row(&answer)).collect();
                let human = output::facts(&facts);
                Ok(Answer::new(answer, human))
            }
            Self::Ls { of: Some(of) } => stated(&client, of).await,
            Self::Ls { of: None } => {
                let mut answer = client.get("/v1/trust").await?;
                let by = client.get("/v1/recognitions").await?;
                let heads = ["DOMAIN", "MAY ROOT", "RESOURCES", "SUSPENDED", "DID"];
                let none = "no domain is recognised: marque trust add DID --cap CAPABILITY";
                let rows: Vec<Vec<String>> = output::items(&answer, "trust").iter().map(row).collect();
                let mut human = output::table(&heads, &rows, none);
                let heads = ["RECOGNISED BY", "FOR", "RESOURCES", "SUSPENDED", "STATED", "DID"];
                let by = output::items(&by, "recognisedBy");
                if !by.is_empty() {
                    let rows: Vec<Vec<String>> = by.iter().map(stated_row).collect();
                    human = format!("{human}\n{}", output::table(&heads, &rows, ""));
                }
                if let Some(members) = answer.as_object_mut() {
                    members.insert("recognisedBy".to_owned(), json!(by));
                }
                Ok(Answer::new(answer, human))
            }
        }
    }
}

async fn act(client: &Client, did: &Did, verb: &str, done: &str) -> Result<Answer, Failure> {
    let answer = client.post(&format!("{}/{verb}", path(did)), &json!({})).await?;
    let human = output::facts(&[(done, output::text(&answer, "domain")), ("did", did.to_string())]);
    Ok(Answer::new(answer, human))
}

/// Whom a domain states that it recognises.
async fn stated(client: &Client, did: &Did) -> Result<Answer, Failure> {
    let answer = client.get(&format!("/v1/recognitions/{}", segment(did.as_str()))).await?;
    let heads = ["DOMAIN", "FOR", "RESOURCES", "SUSPENDED", "DID"];
    let rows: Vec<Vec<String>> = output::items(&answer, "recognises").iter().map(row).collect();
    let whole = answer.get("whole") == Some(&Value::Bool(true));
    let none = if whole { "it states that it recognises nobody" } else { "it states nothing" };
    let human = output::table(&heads, &rows, none);
    let human = if whole || rows.is_empty() { human } else { format!("{human}and perhaps others\n") };
    Ok(Answer::new(answer, human))
}

fn path(did: &Did) -> String {
    format!("/v1/trust/{}", segment(did.as_str()))
}

/// A domain that states that it recognises this one, as a row of the table.
fn stated_row(by: &Value) -> Vec<String> {
    let mut row = row(by);
    row.insert(row.len().saturating_sub(1), output::text(by, "issued"));
    row
}

/// A domain as a row of the table.
fn row(domain: &Value) -> Vec<String> {
    let text = |name, otherwise: &str| match output::text(domain, name) {
        text if text.is_empty() => otherwise.to_owned(),
        text => text,
    };
    let suspended = if domain.get("suspended") == Some(&Value::Bool(true)) { "yes" } else { "no" };
    vec![
        text("domain", ""),
        text("capabilities", "nothing"),
        text("resources", "any"),
        suspended.to_owned(),
        text("did", ""),
    ]
}
