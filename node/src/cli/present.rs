//! `present`: a mandate, answered to one verifier's nonce.

use super::arguments::{name, presentation_format};
use super::delegate::{no_mandate, read_mandate};
use super::party::Party;
use super::session::Session;
use crate::data::Kind;
use crate::failure::{Failure, Local};
use crate::mandate::{self, Mandate};
use crate::output::Answer;
use crate::signing;
use clap::Args;
use serde_json::json;
use std::time::Duration;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Envelope};

/// How long a presentation counts: it answers one nonce, on its way to one verifier.
const LIFE: Duration = Duration::from_secs(120);

/// Answer a verifier's nonce.
#[derive(Debug, Args)]
pub struct Present {
    /// Who presents: an agent whose keys are here
    #[arg(long, value_parser = name, value_name = "NAME")]
    agent: String,
    /// The nonce that the verifier gave (marque verify --new-nonce)
    #[arg(long)]
    nonce: String,
    /// The verifier
    #[arg(long = "aud", value_name = "DID")]
    audience: String,
    /// The mandate, or - for stdin [default: the newest in the agent's wallet]
    #[arg(long, value_name = "FILE")]
    mandate: Option<String>,
    /// How it is secured: vp+jwt, vp, or vp+cose or its compact form vnd.marque.vp+cose (printed in base64url)
    #[arg(long, default_value = "vp+jwt", value_parser = presentation_format)]
    format: Envelope,
    /// Print a curl command that sends it, in place of the presentation
    #[arg(long)]
    curl: bool,
}

impl Present {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let client = session.client()?;
        let given = self.mandate.as_deref().map(read_mandate).transpose()?;
        let agent = Party::open(session, Kind::Agent, &self.agent)?;
        let mandate = match &given {
            Some(mandate) => mandate,
            None => self.choose(&agent)?,
        };
        if mandate.subject() != Some(agent.did()) {
            let reason = format!("the mandate is not given to {}", self.agent);
            return Err(Failure::local(Local::Usage, reason, "Only the last agent of a chain presents it."));
        }
        // The kind of envelope is the holder's choice only for what it signs itself.
        let own = agent.identity(&client, Envelope::Jwt).await?;
        let mut credentials = mandate.chain().to_vec();
        credentials.extend_from_slice(mandate.identities());
        credentials.push(own);
        let now = signing::now();
        let presentation = Presentation {
            holder: agent.did().clone(),
            audience: self.audience.clone(),
            nonce: self.nonce.clone(),
            issued: now,
            expires: now.plus(LIFE),
            credentials,
        };
        let secured = agent.sign(Content::Presentation, self.format, presentation.to_json())?;
        Presentation::read(&secured).map_err(|_| {
            Failure::local(Local::Usage, "the nonce or audience is empty, too long or not text", "")
        })?;
        let text = mandate::encode(&secured);
        let format = self.format.format(Content::Presentation);
        let document = json!({
            "presentation": text,
            "format": format,
            "holder": agent.did().as_str(),
            "audience": self.audience,
            "expires": presentation.expires.to_string(),
        });
        if !self.curl {
            return Ok(Answer::new(document, format!("{text}\n")));
        }
        let body = json!({"presentation": text, "format": format});
        // Base64url, dots and the format hold no quote that a shell would see.
        let human = format!(
            "curl -sS -X POST \"$VERIFIER/v1/verify\" -H 'content-type: application/json' --data '{body}'\n"
        );
        Ok(Answer::new(document, human).saying("Set VERIFIER to the public address of the verifier's node."))
    }

    /// The newest mandate of the wallet that is not meant for others only.
    fn choose<'a>(&self, agent: &'a Party) -> Result<&'a Mandate, Failure> {
        let meant = |mandate: &&Mandate| {
            let audience =
                mandate.links().last().and_then(|link| link.delegation.constraints.audience.as_ref());
            audience.is_none_or(|audience| audience.contains(&self.audience))
        };
        let mine = |mandate: &&Mandate| mandate.subject() == Some(agent.did());
        let found = agent.wallet.mandates.iter().rev().find(|m| mine(m) && meant(m));
        found.ok_or_else(|| no_mandate(&self.agent))
    }
}
