//! `approve`: an owner approves one use of a capability that its mandate gives only with an approval of each
//! use. What is signed is the digest of exactly that use: by this agent, under its own link, at this verifier,
//! with these arguments, once.

use super::arguments::{capability, credential_format, name, ttl};
use super::delegate::{no_mandate, read_mandate};
use super::one_use::OneUse;
use super::party::Party;
use super::session::Session;
use crate::data::Kind;
use crate::failure::{Failure, Local};
use crate::files;
use crate::mandate::{self, Mandate};
use crate::output::{Answer, words};
use crate::signing;
use crate::wallet::Wallet;
use clap::Args;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;
use vc_schemas::chain::Link;
use vc_schemas::claims::{Approval, Claims, Parent};
use vc_schemas::code::Code;
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::delegation::scope::Capability;
use vc_schemas::secure::{Content, Envelope, Secured};

/// How long an approval can be used unless --ttl says otherwise: the use is about to happen.
const LIFE: Duration = Duration::from_secs(600);

/// Approve one use of a capability that needs it.
///
/// Prints the approval, for the agent to present with it: marque present --approval FILE. It counts once, and
/// until then marque credential revoke takes it back.
#[derive(Debug, Args)]
pub struct Approve {
    /// Who approves: the owner that the mandate begins with, whose keys are here
    #[arg(value_parser = name)]
    owner: String,
    /// The agent whose use it is, by name; its wallet is here
    #[arg(value_parser = name, required_unless_present = "mandate")]
    agent: Option<String>,
    /// The mandate that the agent will present, or - for stdin [default: the newest in the wallet that allows it]
    #[arg(long, value_name = "FILE", conflicts_with = "agent")]
    mandate: Option<String>,
    /// What it may do
    #[arg(long, alias = "cap", value_parser = capability)]
    capability: Capability,
    /// At which verifier
    #[arg(long = "aud", value_name = "DID")]
    audience: String,
    #[command(flatten)]
    one_use: OneUse,
    /// Until when it can be used, such as 10m [default: 10m, and not longer than the mandate]
    #[arg(long, value_parser = ttl)]
    ttl: Option<Duration>,
    /// How it is secured: vc+jwt, vc+cose, vc, vc+sd-jwt, dc+sd-jwt, or vnd.marque.vc+cose
    #[arg(long, default_value = "vc+jwt", value_parser = credential_format)]
    format: Envelope,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Approve {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let request = self.one_use.request(Some(self.capability.clone()))?;
        let action = request.action(&self.audience);
        let action = action.ok_or_else(|| usage("no capability is named", ""))?;
        let digest = action.digest().ok_or_else(|| {
            usage("an argument has no canonical form", "Numbers beyond 2^53 have none: write them as text.")
        })?;
        let client = session.client()?;
        let now = signing::now();
        let given = self.mandate.as_deref().map(read_mandate).transpose()?;
        let owner = Party::open(session, Kind::Owner, &self.owner)?;
        let mandate = match given {
            Some(mandate) => mandate,
            None => self.choose(session, &owner, now)?,
        };
        let link = self.fits(&mandate, owner.did())?;
        let ends = mandate.valid_until();
        if ends <= now {
            return Err(Failure::of(Code::CredentialExpired).because("the mandate is past its end"));
        }
        let credential = Credential {
            id: uuid_urn(signing::random()?),
            issuer: owner.did().clone(),
            valid_from: now,
            valid_until: self.ttl.map_or_else(|| now.plus(LIFE).min(ends), |life| now.plus(life)),
            status: owner.reserve(&client).await?,
            claims: Claims::Approval(Approval {
                id: link.delegation.id.clone(),
                capability: self.capability.clone(),
                action: digest,
                mandate: Parent { id: link.credential.id.clone(), digest: link.digest },
            }),
        };
        let secured = owner.sign(Content::Credential, self.format, credential.to_json())?;
        client.post("/v1/approvals", &json!({"approval": mandate::encode(&secured)})).await?;
        self.hand_over(&secured, &credential, &action.to_json())
    }

    /// The newest mandate of the agent that needs this approval by this owner. Where none does, the newest says
    /// why.
    fn choose(&self, session: &Session, owner: &Party, now: UnixSeconds) -> Result<Mandate, Failure> {
        let agent = self.agent.as_deref().unwrap_or_default();
        let wallet = Wallet::load(session.data(), Kind::Agent, agent, now)?.ok_or_else(|| {
            let reason = format!("the wallet of {agent} is not in {}", session.data().path().display());
            Failure::of(Code::AgentUnknown).because(reason).so("Name what it holds with --mandate FILE.")
        })?;
        let mut first = None;
        for mandate in wallet.mandates.iter().rev().filter(|mandate| mandate.subject() == Some(wallet.did()))
        {
            match self.fits(mandate, owner.did()) {
                Ok(_) => return Ok(mandate.clone()),
                Err(failure) => {
                    first.get_or_insert(failure);
                }
            }
        }
        Err(first.unwrap_or_else(|| no_mandate(agent)))
    }

    /// The agent's own link, where this owner can approve this use of it.
    fn fits<'a>(&self, mandate: &'a Mandate, owner: &Did) -> Result<&'a Link, Failure> {
        let link = mandate.links().last().ok_or_else(|| Failure::of(Code::ChainEmpty))?;
        let delegation = &link.delegation;
        if delegation.principal != *owner {
            let reason = format!("the mandate is of {}, who alone approves", words(&delegation.principal));
            return Err(Failure::of(Code::ApprovalMismatch).because(reason).so("Let that owner approve."));
        }
        if !delegation.capabilities.iter().any(|held| *held == self.capability) {
            return Err(usage(
                format!("the mandate does not hold {}", self.capability),
                "An approval gives nothing: marque delegate does.",
            ));
        }
        if !delegation.constraints.asks_approval(&self.capability) {
            let reason = format!("the mandate lets {} be used without an approval", self.capability);
            return Err(usage(reason, "marque delegate --needs-approval asks for one."));
        }
        match &delegation.constraints.audience {
            Some(meant) if !meant.contains(&self.audience) => {
                Err(usage("the mandate is not for that verifier", "Its link names those that it is for."))
            }
            _ => Ok(link),
        }
    }

    fn hand_over(
        &self,
        secured: &Secured,
        credential: &Credential,
        action: &serde_json::Value,
    ) -> Result<Answer, Failure> {
        let text = mandate::encode(secured);
        let until = credential.valid_until.to_string();
        let agent = credential.claims.subject();
        let document = json!({
            "approval": text,
            "format": self.format.format(Content::Credential),
            "id": credential.id,
            "agent": agent.as_str(),
            "action": action,
            "validUntil": until,
        });
        let said = format!(
            "{} may once, until {until}, do exactly this: {action}\n\
             Take it back, as long as it was not used: marque credential revoke {}",
            words(agent),
            credential.id
        );
        Ok(match &self.out {
            Some(path) => {
                files::replace(path, format!("{text}\n").as_bytes())?;
                Answer::new(document, String::new()).saying(format!("The approval is in {}.", path.display()))
            }
            None => Answer::new(document, format!("{text}\n")),
        }
        .saying(said))
    }
}

fn usage(reason: impl Into<String>, action: &str) -> Failure {
    Failure::local(Local::Usage, reason, action)
}
