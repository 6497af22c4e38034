//! `present`: a mandate or chosen credentials, answered to one verifier's nonce.

use super::arguments::{name, pointer, presentation_format};
use super::delegate::{no_mandate, read_mandate};
use super::holder::Holder;
use super::party::Party;
use super::session::Session;
use crate::data::Kind;
use crate::failure::{Failure, Local};
use crate::files;
use crate::link::{self, Terms};
use crate::mandate::{self, Mandate};
use crate::output::Answer;
use crate::signing;
use clap::Args;
use marque_flows::present::{self, Verifier};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vc_schemas::chain::Link;
use vc_schemas::delegation::scope::{Capability, Scope};
use vc_schemas::disclosure::Pointer;
use vc_schemas::presentation::Presentation;
use vc_schemas::refusal::Path;
use vc_schemas::secure::sd_jwt::SdJwt;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, SecureError, Secured};

/// Answer a verifier's nonce.
#[derive(Debug, Args)]
pub struct Present {
    /// Who presents: an agent whose keys are here
    #[arg(long, value_parser = name, value_name = "NAME", required_unless_present = "owner")]
    agent: Option<String>,
    /// Who presents: an owner whose keys are here, who has credentials and no mandate
    #[arg(long, value_parser = name, value_name = "NAME", conflicts_with = "agent")]
    owner: Option<String>,
    /// The nonce that the verifier gave (marque verify --new-nonce)
    #[arg(long, required_unless_present = "did_only")]
    nonce: Option<String>,
    /// The verifier
    #[arg(long = "aud", value_name = "DID")]
    audience: String,
    /// The mandate, or - for stdin [default: the newest in the agent's wallet]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["credentials", "owner"])]
    mandate: Option<String>,
    /// What the owner approved of this use (marque approve), or - for stdin; it counts once
    #[arg(long, value_name = "FILE", conflicts_with_all = ["credentials", "owner", "pairwise"])]
    approval: Option<String>,
    /// A credential to show in place of a mandate: a file; once for each
    #[arg(long = "credential", value_name = "FILE")]
    credentials: Vec<String>,
    /// A claim to show of a credential that can hold it back, such as /credentialSubject/name; once for each
    #[arg(long = "disclose", value_name = "POINTER", value_parser = pointer)]
    disclosed: Vec<Pointer>,
    /// Show of the agent's own credential no more than the mandate needs
    #[arg(long, conflicts_with_all = ["credentials", "owner"])]
    minimal: bool,
    /// Present as a did:key that this verifier alone knows; a mandate is passed on to it for this verifier
    #[arg(long)]
    pairwise: bool,
    /// Print the DID that would present, and nothing else
    #[arg(long)]
    did_only: bool,
    /// Print the one credential, an SD-JWT, bound to the verifier, in place of a presentation of it
    #[arg(long, requires = "credentials", conflicts_with = "curl")]
    bound: bool,
    /// How it is secured: vp+jwt, vp+cose (then printed in base64url), vp or vp+sd-jwt
    #[arg(long, default_value = "vp+jwt", value_parser = presentation_format)]
    format: Envelope,
    /// Print a curl command that sends it, in place of the presentation
    #[arg(long)]
    curl: bool,
}

impl Present {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let (kind, name) = match (&self.agent, &self.owner) {
            (Some(agent), _) => (Kind::Agent, agent.as_str()),
            (None, Some(owner)) => (Kind::Owner, owner.as_str()),
            (None, None) => return Err(usage("nobody presents", "Name an agent with --agent.")),
        };
        // What cannot be read is said before a passphrase is asked for.
        let given = self.mandate.as_deref().map(read_mandate).transpose()?;
        let chosen =
            self.credentials.iter().map(|name| read_credential(name)).collect::<Result<Vec<_>, _>>()?;
        let approval = self.approval.as_deref().map(read_credential).transpose()?;
        let party = Party::open(session, kind, name)?;
        let holder = if self.pairwise {
            Holder::pairwise(session, &party, &self.audience)?
        } else {
            Holder::Own(&party)
        };
        if self.did_only {
            let did = holder.did();
            return Ok(Answer::new(json!({"holder": did.as_str()}), format!("{did}\n")));
        }
        let (credentials, links) = match (chosen.is_empty(), kind) {
            (false, _) => (chosen, Vec::new()),
            (true, Kind::Agent) => self.mandated(session, &party, &holder, (given, approval)).await?,
            (true, Kind::Owner) => {
                return Err(usage("an owner has no mandate", "Name what to show with --credential FILE."));
            }
        };
        let shown = present::shown(credentials, &links, &self.disclosed)
            .map_err(|refusal| Failure::from(refusal).by_caller())?;
        let nonce = self.nonce.as_deref().unwrap_or_default();
        let verifier = Verifier { audience: &self.audience, nonce };
        if self.bound { bound(&holder, shown, verifier) } else { self.presented(&holder, shown, verifier) }
    }

    fn presented(
        &self,
        holder: &Holder<'_>,
        shown: Vec<Secured>,
        verifier: Verifier<'_>,
    ) -> Result<Answer, Failure> {
        let presentation = present::presentation(holder.did(), verifier, shown, signing::now());
        let secured = holder.sign(Content::Presentation, self.format, presentation.to_json())?;
        Presentation::read(&secured)
            .map_err(|_| usage("the nonce or audience is empty, too long or not text", ""))?;
        let text = mandate::encode(&secured);
        let format = self.format.format(Content::Presentation);
        let document = json!({
            "presentation": text,
            "format": format,
            "holder": holder.did().as_str(),
            "audience": self.audience,
            "expires": presentation.expires.to_string(),
        });
        if !self.curl {
            return Ok(Answer::new(document, format!("{text}\n")));
        }
        // No quote ends what a shell takes as one word.
        let body = json!({"presentation": text, "format": format}).to_string().replace('\'', "\\u0027");
        let human = format!(
            "curl -sS -X POST \"$VERIFIER/v1/verify\" -H 'content-type: application/json' --data '{body}'\n"
        );
        Ok(Answer::new(document, human).saying("Set VERIFIER to the public address of the verifier's node."))
    }

    /// What a mandate and the holder's own credential make: all that its verifier needs, and the links.
    async fn mandated(
        &self,
        session: &Session,
        agent: &Party,
        holder: &Holder<'_>,
        (given, approval): (Option<Mandate>, Option<Secured>),
    ) -> Result<(Vec<Secured>, Vec<Link>), Failure> {
        let client = session.client()?;
        let mandate = match given {
            Some(mandate) => mandate,
            None => self.choose(agent, approval.as_ref())?.clone(),
        };
        if mandate.subject() != Some(agent.did()) {
            let reason = format!("the mandate is not given to {}", agent.name);
            return Err(usage(reason, "Only the last agent of a chain presents it."));
        }
        let envelope = if self.minimal { Envelope::VcSdJwt } else { Envelope::Jwt };
        let (mandate, own) = match holder {
            Holder::Own(_) => (mandate, Some(agent.identity(&client, envelope).await?)),
            Holder::Pairwise { .. } => {
                let terms = self.terms_of_pairwise(&mandate)?;
                let to = holder.did();
                let planned = link::plan((agent.did(), to), Some(&mandate), &terms, None, signing::now())?;
                (agent.issue(&client, planned, Some(&mandate), envelope).await?, None)
            }
        };
        let parts = [mandate.chain(), mandate.identities(), own.as_slice(), approval.as_slice()];
        Ok((parts.concat(), mandate.links().to_vec()))
    }

    /// All that the mandate lets its agent pass on, for this verifier alone.
    fn terms_of_pairwise(&self, mandate: &Mandate) -> Result<Terms, Failure> {
        let last = mandate.links().last().map(|link| &link.delegation);
        let stays = |capability: &Capability| {
            last.is_some_and(|link| link.constraints.not_delegatable.iter().any(|kept| kept == capability))
        };
        let held = last.into_iter().flat_map(|link| link.capabilities.iter());
        let capabilities = Scope::new(held.filter(|capability| !stays(capability)).cloned());
        Ok(Terms {
            capabilities: capabilities.map_err(|error| usage(error.to_string(), ""))?,
            audience: Some(BTreeSet::from([self.audience.clone()])),
            ..Terms::default()
        })
    }

    /// The newest mandate of the wallet that is not meant for others only, and that the approval is for.
    fn choose<'a>(&self, agent: &'a Party, approval: Option<&Secured>) -> Result<&'a Mandate, Failure> {
        let approved = approval.map(|approval| approval.payload().pointer("/credentialSubject/mandate/id"));
        let is_approved = |mandate: &&Mandate| {
            let id = mandate.links().last().map(|link| link.credential.id.as_str());
            approved.is_none_or(|approved| approved.and_then(Value::as_str) == id)
        };
        let meant = |mandate: &&Mandate| {
            let audience =
                mandate.links().last().and_then(|link| link.delegation.constraints.audience.as_ref());
            audience.is_none_or(|audience| audience.contains(&self.audience))
        };
        let mine = |mandate: &&Mandate| mandate.subject() == Some(agent.did());
        let found = agent.wallet.mandates.iter().rev().find(|m| mine(m) && meant(m) && is_approved(m));
        found.ok_or_else(|| match approval {
            Some(_) => usage(
                format!("the approval is for no mandate that {} holds", agent.name),
                "It is for one link: let it be approved again for the new one.",
            ),
            None => no_mandate(&agent.name),
        })
    }
}

/// The one SD-JWT with the holder's binding.
fn bound(holder: &Holder<'_>, shown: Vec<Secured>, verifier: Verifier<'_>) -> Result<Answer, Failure> {
    let [one] = shown.as_slice() else {
        return Err(usage("a binding is of one credential", "Name one with --credential FILE."));
    };
    let key = holder.key()?;
    let refused =
        |error: SecureError| Failure::from(error.refusal(Content::Credential, Path::root())).by_caller();
    let named = one.sd_jwt().map(SdJwt::holder_key).transpose().map_err(refused)?;
    if named.flatten().is_some_and(|named| named != *key.public()) {
        let action = "Its holder presents it; with --pairwise where it was issued to a pairwise DID.";
        return Err(usage("the credential is bound to the key of somebody else", action));
    }
    let draft = present::binding(one, verifier, key.kind(), signing::now()).map_err(refused)?;
    let signature = key.sign(draft.signing_input()).map_err(|error| signing::keys(&error.into()))?;
    let text = draft.attach(key.public(), &signature).map_err(refused)?.to_text();
    let document = json!({
        "presentation": text,
        "format": one.envelope().format(Content::Credential),
        "holder": holder.did().as_str(),
        "audience": verifier.audience,
    });
    Ok(Answer::new(document, format!("{text}\n")))
}

/// A credential from a file or stdin, in any envelope, or what `issue --json` printed.
fn read_credential(name: &str) -> Result<Secured, Failure> {
    // Four characters hold three bytes, and there is a line end or what `--json` puts around it.
    let bytes = files::read_named(name, MAX_CREDENTIAL_BYTES * 2)?;
    let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default();
    let json = did_resolver::json::parse(text.as_bytes(), MAX_CREDENTIAL_BYTES * 2).ok();
    let inner = json.as_ref().and_then(|json| json.get("credential")).and_then(Value::as_str);
    let text = inner.unwrap_or(text);
    let read = Secured::from_text(Content::Credential, Envelope::of_text(text), text, MAX_CREDENTIAL_BYTES);
    read.map_err(|error| {
        let refusal = error.refusal(Content::Credential, Path::root());
        let reason = format!("{name}: {}", refusal.detail);
        Failure::from(refusal).because(reason).by_caller()
    })
}

fn usage(reason: impl Into<String>, action: &str) -> Failure {
    Failure::local(Local::Usage, reason, action)
}
