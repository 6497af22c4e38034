//! `delegate`: the next link of a chain.

use super::arguments::{amount, argument, capability, credential_format, did, ttl, workflow};
use super::party::{self, Party};
use super::session::Session;
use crate::client::{Client, segment};
use crate::data::Kind;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::files;
use crate::link::{self, Planned, Terms};
use crate::mandate::{self, Mandate};
use crate::output::{self, Answer, words};
use crate::signing;
use crate::wallet::{Lock, Wallet};
use clap::Args;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_rules::lifecycle::Standing;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use vc_schemas::claims::is_name;
use vc_schemas::code::Code;
use vc_schemas::delegation::budget::{Amount, Budget};
use vc_schemas::delegation::constraints::Workflow;
use vc_schemas::delegation::scope::{Capability, Scope};
use vc_schemas::secure::Envelope;

/// Pass authority on.
///
/// Where the subject's wallet is here, the mandate goes there and the chain is shown. Else the mandate is
/// printed, unless --out names a file for it.
#[derive(Debug, Args)]
pub struct Delegate {
    /// An owner or agent whose keys are here; owner:NAME or agent:NAME where both have the name
    from: String,
    /// An agent: its name, name@domain, or DID
    to: String,
    /// What, such as calendar:read
    #[arg(long = "cap", required = true, value_delimiter = ',', value_parser = capability, value_name = "CAPABILITY")]
    capabilities: Vec<Capability>,
    /// For how long, such as 30m [default: 1h, and not longer than what it was given]
    #[arg(long, value_parser = ttl)]
    ttl: Option<Duration>,
    /// How many links may follow
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=8))]
    max_depth: Option<u8>,
    /// Only at these verifiers
    #[arg(long, value_delimiter = ',', value_name = "DID")]
    audience: Vec<String>,
    /// Only for these resources
    #[arg(long, value_delimiter = ',')]
    resource: Vec<String>,
    /// Only for this purpose
    #[arg(long)]
    purpose: Option<String>,
    /// Only within this workflow, ID or ID/STEP
    #[arg(long, value_parser = workflow, value_name = "ID[/STEP]")]
    workflow: Option<Workflow>,
    /// Only with such an argument: CAPABILITY NAME=MIN..MAX, or CAPABILITY NAME=TEXT,TEXT
    #[arg(long = "argument", num_args = 2, value_names = ["CAPABILITY", "LIMIT"])]
    arguments: Vec<String>,
    /// Spend this much at most, such as 5000EUR; --accountant keeps count
    #[arg(long, value_parser = amount, requires = "accountant")]
    budget: Option<Amount>,
    /// Who keeps count of the budget
    #[arg(long, value_parser = did, requires = "budget", value_name = "DID")]
    accountant: Option<Did>,
    /// Capabilities that the subject may not pass on
    #[arg(long, value_delimiter = ',', value_parser = capability, value_name = "CAPABILITY")]
    not_delegatable: Vec<Capability>,
    /// Capabilities that count only with an approval of each use
    #[arg(long, value_delimiter = ',', value_parser = capability, value_name = "CAPABILITY")]
    needs_approval: Vec<Capability>,
    /// How the link is secured: vc+jwt, vc+cose, vc, vc+sd-jwt, dc+sd-jwt, or in the compact form
    /// vnd.marque.vc+cose
    #[arg(long, default_value = "vc+jwt", value_parser = credential_format)]
    format: Envelope,
    /// The mandate to continue, or - for stdin [default: the newest in the wallet that allows it]
    #[arg(long, value_name = "FILE")]
    mandate: Option<String>,
    /// Where to write the mandate
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// To whom.
struct Subject {
    did: Did,
    /// Its name, where it is an agent of this domain.
    name: Option<String>,
    /// What it may have at most, where that is known here.
    ceiling: Option<Scope>,
    /// Whether nothing that is given to it counts until it is resumed, as far as that is known here.
    is_suspended: bool,
}

impl Subject {
    /// Somebody of whom no more is known here.
    const fn elsewhere(did: Did) -> Self {
        Self { did, name: None, ceiling: None, is_suspended: false }
    }
}

impl Delegate {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let terms = self.terms()?;
        let client = session.client()?;
        let (kind, name) = delegator(session, &self.from)?;
        let given = self.mandate.as_deref().map(read_mandate).transpose()?;
        let to = subject(session, &client, &self.to).await?;
        let from = Party::open(session, kind, name)?;
        let now = signing::now();
        let (planned, above) = match kind {
            Kind::Owner if given.is_some() => {
                let reason = "an owner begins a chain, and continues none";
                return Err(Failure::local(Local::Usage, reason, "Leave out --mandate."));
            }
            Kind::Owner => (link::plan((from.did(), &to.did), None, &terms, to.ceiling.as_ref(), now)?, None),
            Kind::Agent => {
                let held = given.as_slice_or(&from.wallet.mandates);
                let (planned, above) = choose(&from, held, &to, &terms, now)?;
                (planned, Some(above))
            }
        };
        let mandate = from.issue(&client, planned, above.as_ref(), self.format).await?;
        self.hand_over(session, &to, mandate)
    }

    fn terms(&self) -> Result<Terms, Failure> {
        let set =
            |items: &[String]| (!items.is_empty()).then(|| items.iter().cloned().collect::<BTreeSet<_>>());
        let scope = |capabilities: &[Capability]| {
            Scope::new(capabilities.iter().cloned())
                .map_err(|error| Failure::local(Local::Usage, error.to_string(), ""))
        };
        let budget = self.budget.clone().zip(self.accountant.clone());
        Ok(Terms {
            capabilities: scope(&self.capabilities)?,
            life: self.ttl,
            max_depth: self.max_depth,
            audience: set(&self.audience),
            resource: set(&self.resource),
            purpose: self.purpose.clone(),
            workflow: self.workflow.clone(),
            arguments: self.arguments.chunks(2).map(argument).collect::<Result<_, _>>()?,
            budget: budget.map(|(limit, accountant)| Budget { limit, accountant }),
            not_delegatable: scope(&self.not_delegatable)?,
            needs_approval: scope(&self.needs_approval)?,
        })
    }

    fn hand_over(&self, session: &Session, to: &Subject, mandate: Mandate) -> Result<Answer, Failure> {
        let document = mandate.to_json();
        let shown = lines(&mandate);
        if let Some(path) = &self.out {
            files::replace(path, format!("{document}\n").as_bytes())?;
        }
        let here = to.name.as_deref().filter(|name| session.data().wallet(Kind::Agent, name).exists());
        if let Some(name) = here {
            let lock = Lock::take(session.data())?;
            if let Some(mut wallet) = Wallet::load(session.data(), Kind::Agent, name, signing::now())? {
                store(session, &lock, &mut wallet, name, mandate)?;
            }
        }
        let answer = match (here, &self.out) {
            (_, Some(path)) => {
                let line = format!("The mandate is in {}.", path.display());
                Answer::new(document, shown).saying(line)
            }
            (Some(name), None) => Answer::new(document, shown).saying(next(name)),
            (None, None) => {
                let human = format!("{document}\n");
                Answer::new(document, human).saying(shown.trim_end().to_owned()).saying(
                    "Give the mandate to its subject, who shows it with: marque present --mandate FILE. \
                         It is of use to nobody else.",
                )
            }
        };
        if !to.is_suspended {
            return Ok(answer);
        }
        Ok(answer.saying(format!(
            "Warning: {} is suspended. What is delegated to it does not count until it is resumed.",
            words(&to.did)
        )))
    }
}

/// The mandates to try: the one that was given, else those of the wallet.
trait Given {
    fn as_slice_or<'a>(&'a self, held: &'a [Mandate]) -> &'a [Mandate];
}

impl Given for Option<Mandate> {
    fn as_slice_or<'a>(&'a self, held: &'a [Mandate]) -> &'a [Mandate] {
        self.as_ref().map_or(held, std::slice::from_ref)
    }
}

/// The newest mandate that allows the link. Where none does, the newest says why.
fn choose(
    from: &Party,
    held: &[Mandate],
    to: &Subject,
    terms: &Terms,
    now: UnixSeconds,
) -> Result<(Planned, Mandate), Failure> {
    let mut first = None;
    for mandate in held.iter().rev().filter(|mandate| mandate.subject() == Some(from.did())) {
        match link::plan((from.did(), &to.did), Some(mandate), terms, to.ceiling.as_ref(), now) {
            Ok(planned) => return Ok((planned, mandate.clone())),
            Err(failure) => {
                first.get_or_insert(failure);
            }
        }
    }
    Err(first.unwrap_or_else(|| no_mandate(&from.name)))
}

/// The agent holds nothing that it could pass on or present.
pub(super) fn no_mandate(name: &str) -> Failure {
    Failure::of(Code::NotFound)
        .because(format!("{name} holds no mandate that still counts"))
        .so(format!("Let its owner delegate: marque delegate OWNER {name} --cap CAPABILITY."))
}

/// What an agent with a mandate does with it.
pub(super) fn next(name: &str) -> String {
    format!(
        "It is in the wallet of {name}. Next, where it is to be verified: marque verify --new-nonce; then \
         here: marque present --agent {name} --nonce NONCE --aud AUDIENCE"
    )
}

/// A mandate from a file or stdin.
pub(super) fn read_mandate(name: &str) -> Result<Mandate, Failure> {
    Mandate::parse(&files::read_named(name, mandate::MAX_BYTES)?)
}

/// Puts a mandate into the wallet of an agent.
pub(super) fn store(
    session: &Session,
    lock: &Lock,
    wallet: &mut Wallet,
    name: &str,
    mandate: Mandate,
) -> Result<(), Failure> {
    wallet.add(mandate, signing::now());
    wallet.save(session.data(), Kind::Agent, name, lock)
}

/// A chain, a link a line.
pub(super) fn lines(mandate: &Mandate) -> String {
    let line = |link: &vc_schemas::chain::Link| {
        let constraints = &link.delegation.constraints;
        let capabilities =
            output::text(&serde_json::json!({"c": link.delegation.capabilities.to_json()}), "c");
        let mut bounds = vec![format!("until {}", link.credential.valid_until)];
        let set = |name: &str, items: &Option<BTreeSet<String>>| {
            items.as_ref().map(|i| format!("{name} {}", i.iter().cloned().collect::<Vec<_>>().join(",")))
        };
        bounds.extend(constraints.max_depth.map(|depth| format!("{depth} more")));
        bounds.extend(set("at", &constraints.audience));
        bounds.extend(set("on", &constraints.resource));
        bounds.extend(constraints.purpose.as_ref().map(|purpose| format!("for {purpose}")));
        bounds.extend(constraints.workflow.as_ref().map(|w| format!("in {}", w.id)));
        bounds.extend(constraints.budget.as_ref().map(|b| format!("{} {}", b.limit.count(), b.limit.unit())));
        bounds.extend((!constraints.arguments.is_empty()).then(|| "with limited arguments".to_owned()));
        bounds.extend((!constraints.needs_approval.is_empty()).then(|| "with approvals".to_owned()));
        let (from, to) = (words(&link.credential.issuer), words(&link.delegation.id));
        format!("{from} -> {to}  {capabilities}  ({})\n  {}\n", bounds.join(", "), link.credential.id)
    };
    mandate.links().iter().map(line).collect()
}

/// Which owner or agent of this folder.
fn delegator<'a>(session: &Session, text: &'a str) -> Result<(Kind, &'a str), Failure> {
    let (kinds, name) = match text.split_once(':') {
        Some(("owner", name)) => (vec![Kind::Owner], name),
        Some(("agent", name)) => (vec![Kind::Agent], name),
        _ => (vec![Kind::Owner, Kind::Agent], text),
    };
    if !is_name(name) {
        return Err(Failure::of(Code::NameMalformed));
    }
    let here: Vec<Kind> = kinds.into_iter().filter(|kind| party::is_here(session, *kind, name)).collect();
    match here.as_slice() {
        [kind] => Ok((*kind, name)),
        [] => Err(Failure::of(Code::NotFound)
            .because(format!("no owner or agent {name} has its keys in {}", session.data().path().display()))
            .so("marque owner ls and marque agent ls list those of the domain.")),
        _ => Err(Failure::local(
            Local::Usage,
            format!("both an owner and an agent are called {name}"),
            format!("Write owner:{name} or agent:{name}."),
        )),
    }
}

/// Finds out who `text` is.
async fn subject(session: &Session, client: &Client, text: &str) -> Result<Subject, Failure> {
    if text.starts_with("did:") {
        let did: Did = text.parse().map_err(|_| Failure::of(Code::DidMalformed))?;
        let agents = client.get("/v1/agents").await?;
        let own = output::items(&agents, "agents").iter().find(|a| output::text(a, "did") == did.as_str());
        return match own {
            Some(agent) => read_agent(agent),
            None => Ok(Subject::elsewhere(did)),
        };
    }
    let (name, domain) = text.split_once('@').map_or((text, None), |(name, domain)| (name, Some(domain)));
    if !is_name(name) {
        return Err(Failure::of(Code::NameMalformed));
    }
    match domain {
        Some(domain) if domain != session.configuration()?.domain => {
            let answer = client.get(&format!("/v1/names/{}", segment(text))).await;
            let answer = answer.map_err(|failure| match failure.exit {
                Exit::NotFound => failure.so(format!(
                    "{domain} must have joined and be recognised: marque trust ls. Its agent's DID works as well."
                )),
                _ => failure,
            })?;
            let did = output::text(&answer, "did").parse().map_err(|_| party::malformed("no DID"))?;
            Ok(Subject::elsewhere(did))
        }
        _ => read_agent(&client.get(&format!("/v1/agents/{name}")).await?),
    }
}

fn read_agent(agent: &Value) -> Result<Subject, Failure> {
    let (name, state) = (output::text(agent, "name"), output::text(agent, "state"));
    let standing = Standing::parse(&state).ok_or_else(|| party::malformed("no state"))?;
    if standing == Standing::Revoked {
        return Err(Failure::of(Code::AgentRevoked)
            .because(format!("{name} is revoked: nothing that is delegated to it counts"))
            .so("It stays revoked; delegate to another agent: marque agent ls."));
    }
    let did = output::text(agent, "did").parse().map_err(|_| party::malformed("no DID"))?;
    let ceiling = agent.get("capabilities").map(Scope::read).transpose();
    let ceiling = ceiling.map_err(|_| party::malformed("no capabilities"))?;
    Ok(Subject { did, name: Some(name), ceiling, is_suspended: standing == Standing::Suspended })
}
