//! `owner` and `agent`: making, listing and stopping those whom the domain vouches for.

use super::arguments::{DryRun, capability, name, ttl};
use super::delegate::{lines, next, store};
use super::party::{self, Party};
use super::rotate;
use super::session::Session;
use crate::client::Client;
use crate::data::Kind;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::files;
use crate::identity::{self, Keys};
use crate::link::{self, Terms};
use crate::output::{self, Answer};
use crate::signing::{self, ASSERTION, NEXT_UPDATE, P256, UPDATE};
use crate::wallet::{Lock, Wallet};
use clap::{Args, Subcommand, ValueEnum};
use did_resolver::did::Did;
use marque_store::keyfile::KeyFile;
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::delegation::scope::{Capability, Scope};
use vc_schemas::secure::Envelope;

/// People and organisations.
#[derive(Debug, Subcommand)]
pub enum OwnerCommand {
    /// Make an owner: its keys stay in this data folder
    Create {
        /// Its name
        #[arg(value_parser = name)]
        name: String,
        /// What it is
        #[arg(long, value_enum, default_value_t = OwnerKind::Person)]
        kind: OwnerKind,
    },
    /// All owners of the domain
    Ls,
    /// One owner
    Show(Named),
    /// Replace its keys
    Rotate(rotate::Rotate),
    /// Stop it, and everything that it delegated, until it is resumed
    Suspend(Stop),
    /// Let it act again
    Resume(Stop),
    /// Stop it, and everything that it delegated, for good
    Revoke(Stop),
}

/// What an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnerKind {
    /// A natural person
    Person,
    /// A legal person
    Organization,
}

/// Agents.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Make an agent, and sign its owner's link to it
    Create(CreateAgent),
    /// All agents of the domain
    Ls,
    /// One agent
    Show(Named),
    /// Replace its keys
    Rotate(rotate::Rotate),
    /// Stop it until it is resumed
    Suspend(Stop),
    /// Let it act again
    Resume(Stop),
    /// Stop it for good
    Revoke(Stop),
}

/// Make an agent.
#[derive(Debug, Args)]
pub struct CreateAgent {
    /// Its name
    #[arg(value_parser = name)]
    name: String,
    /// Who answers for it
    #[arg(long, value_parser = name, value_name = "OWNER")]
    owner: String,
    /// What it may have at most, such as calendar:read,calendar:write
    #[arg(long = "cap", required = true, value_delimiter = ',', value_parser = capability, value_name = "CAPABILITY")]
    capabilities: Vec<Capability>,
    /// How long the owner's link counts
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// How many links may follow the owner's
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=8))]
    max_depth: Option<u8>,
    /// Print the DID and nothing else
    #[arg(long)]
    did_only: bool,
}

/// Whom.
#[derive(Debug, Args)]
pub struct Named {
    /// Its name
    #[arg(value_parser = name)]
    name: String,
}

/// Whom to stop or let act again.
#[derive(Debug, Args)]
pub struct Stop {
    /// Its name
    #[arg(value_parser = name)]
    name: String,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl OwnerCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let kind = Kind::Owner;
        match self {
            Self::Create { name, kind } => create_owner(session, name, *kind).await,
            Self::Ls => {
                let answer = session.client()?.get("/v1/owners").await?;
                let columns =
                    [("NAME", "name"), ("KIND", "kind"), ("STATE", "state"), ("CREATED", "created")];
                let human =
                    output::list(&answer, "owners", &columns, "no owners yet: marque owner create NAME");
                Ok(Answer::new(answer, human))
            }
            Self::Show(named) => show(session, kind, &named.name).await,
            Self::Rotate(rotate) => rotate.run(session, kind).await,
            Self::Suspend(stop) => stop.act(session, kind, "suspend").await,
            Self::Resume(stop) => stop.act(session, kind, "resume").await,
            Self::Revoke(stop) => stop.act(session, kind, "revoke").await,
        }
    }
}

impl AgentCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let kind = Kind::Agent;
        match self {
            Self::Create(create) => create.run(session).await,
            Self::Ls => {
                let answer = session.client()?.get("/v1/agents").await?;
                let columns = [
                    ("NAME", "name"),
                    ("OWNER", "owner"),
                    ("STATE", "state"),
                    ("MAY AT MOST", "capabilities"),
                ];
                let none = "no agents yet: marque agent create NAME --owner OWNER --cap CAPABILITY";
                let human = output::list(&answer, "agents", &columns, none);
                Ok(Answer::new(answer, human))
            }
            Self::Show(named) => show(session, kind, &named.name).await,
            Self::Rotate(rotate) => rotate.run(session, kind).await,
            Self::Suspend(stop) => stop.act(session, kind, "suspend").await,
            Self::Resume(stop) => stop.act(session, kind, "resume").await,
            Self::Revoke(stop) => stop.act(session, kind, "revoke").await,
        }
    }
}

impl Stop {
    async fn act(&self, session: &Session, kind: Kind, verb: &str) -> Result<Answer, Failure> {
        let client = session.client()?;
        let path = format!("/v1/{}/{}", kind.plural(), self.name);
        if self.dry.dry_run {
            let now = client.get(&path).await?;
            let (did, state) = (output::text(&now, "did"), output::text(&now, "state"));
            let human = format!("would {verb} {} {} ({did}), which is {state}\n", kind.as_str(), self.name);
            let document =
                json!({"dryRun": true, "verb": verb, "name": self.name, "did": did, "state": state});
            let answer = Answer::new(document, human);
            let last = verb == "revoke";
            return Ok(if last { answer.saying("A revocation cannot be undone.") } else { answer });
        }
        let answer = client.post(&format!("{path}/{verb}"), &json!({})).await?;
        let human = format!("{} is {}\n", self.name, output::text(&answer, "state"));
        Ok(Answer::new(answer, human))
    }
}

async fn show(session: &Session, kind: Kind, name: &str) -> Result<Answer, Failure> {
    let answer = session.client()?.get(&format!("/v1/{}/{name}", kind.plural())).await?;
    let text = |member| output::text(&answer, member);
    let mut human = output::facts(&[
        ("name", text("name")),
        ("did", text("did")),
        ("kind", text("kind")),
        ("owner", text("owner")),
        ("state", text("state")),
        ("may at most", text("capabilities")),
        ("version", text("versionNumber")),
        ("created", text("created")),
    ]);
    if !output::items(&answer, "history").is_empty() {
        let columns = [("TIME", "time"), ("EVENT", "event")];
        human.push_str(&output::list(&answer, "history", &columns, ""));
    }
    Ok(Answer::new(answer, human))
}

async fn create_owner(session: &Session, name: &str, kind: OwnerKind) -> Result<Answer, Failure> {
    let word = match kind {
        OwnerKind::Person => "person",
        OwnerKind::Organization => "organization",
    };
    let lock = Lock::take(session.data())?;
    let (party, answer) = create(session, &lock, Kind::Owner, name, json!({"kind": word})).await?;
    let human = output::facts(&[("owner", name.to_owned()), ("did", party.did().to_string())]);
    Ok(Answer::new(answer, human)
        .saying(format!("Next: marque agent create NAME --owner {name} --cap CAPABILITY")))
}

impl CreateAgent {
    async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let scope = Scope::new(self.capabilities.iter().cloned())
            .map_err(|error| Failure::local(Local::Usage, error.to_string(), ""))?;
        let client = session.client()?;
        let owner = match party::is_here(session, Kind::Owner, &self.owner) {
            true => Some(Party::open(session, Kind::Owner, &self.owner)?),
            false => None,
        };
        let lock = Lock::take(session.data())?;
        let more = json!({"owner": self.owner, "capabilities": scope.to_json()});
        let (mut agent, mut answer) = create(session, &lock, Kind::Agent, &self.name, more).await?;
        let did = agent.did().clone();
        let mut human = output::facts(&[
            ("agent", self.name.clone()),
            ("did", did.to_string()),
            ("owner", self.owner.clone()),
            ("may at most", output::text(&json!({"c": scope.to_json()}), "c")),
        ]);
        let mut talk = Vec::new();
        match owner {
            Some(owner) => {
                let terms = Terms {
                    capabilities: scope.clone(),
                    life: Some(self.ttl),
                    max_depth: self.max_depth,
                    ..Terms::default()
                };
                let now = signing::now();
                let planned = link::plan((owner.did(), &did), None, &terms, Some(&scope), now)?;
                let issued = owner.issue(&client, planned, None, Envelope::Jwt).await;
                let mandate = issued.map_err(|failure| {
                    let reason = format!("the agent is made, but nothing is delegated to it: {}", failure.reason);
                    failure.because(reason)
                })?;
                human.push_str(&lines(&mandate));
                if let Some(members) = answer.as_object_mut() {
                    members.insert("mandate".to_owned(), mandate.to_json());
                }
                store(session, &lock, &mut agent.wallet, &self.name, mandate)?;
                talk.push(next(&self.name));
            }
            None => talk.push(format!(
                "The keys of {owner} are not here, so nothing is delegated yet: run marque delegate {owner} {} \
                 --cap CAPABILITY where they are.",
                self.name,
                owner = self.owner
            )),
        }
        let human = if self.did_only { format!("{did}\n") } else { human };
        Ok(Answer { document: answer, human, talk })
    }
}

/// Makes keys, log and wallet, and registers them with the node.
///
/// An attempt of which the outcome is not known leaves keys and wallet where they are; the next one
/// takes them up.
async fn create(
    session: &Session,
    lock: &Lock,
    kind: Kind,
    name: &str,
    more: Value,
) -> Result<(Party, Value), Failure> {
    let (data, client) = (session.data(), session.client()?);
    let config = session.configuration()?;
    let word = kind.as_str();
    let taken = match client.get(&format!("/v1/{}/{name}", kind.plural())).await {
        Ok(_) => true,
        Err(failure) if failure.exit == Exit::NotFound => false,
        Err(failure) => return Err(failure),
    };
    if taken {
        return Err(Failure::of(Code::NameTaken).because(format!("the domain has or had {word} {name}")));
    }
    let party = if party::is_here(session, kind, name) {
        Party::open(session, kind, name)?
    } else {
        make(session, lock, kind, name, &config.domain, config.kdf())?
    };
    let answer = match register(&client, &party, more).await {
        Ok(answer) => answer,
        Err(failure) => {
            // Refused, so there is nobody of that name: its keys are of no use.
            if !matches!(failure.exit, Exit::Unreachable | Exit::Internal) {
                files::remove(&data.party_keys(kind, name))?;
                files::remove(&data.wallet(kind, name))?;
            }
            return Err(failure);
        }
    };
    let mut party = party;
    party.wallet.credential = output::text(&answer, "credential");
    party.wallet.save(data, kind, name, lock)?;
    Ok((party, answer))
}

fn make(
    session: &Session,
    lock: &Lock,
    kind: Kind,
    name: &str,
    domain: &str,
    kdf: marque_store::keyfile::Kdf,
) -> Result<Party, Failure> {
    let data = session.data();
    // The passphrase must be the one of the folder, or half of its files would open and half not.
    KeyFile::open(&data.node_keys(), session.passphrase()?).map_err(|error| signing::keys(&error))?;
    let path = data.party_keys(kind, name);
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    if path.exists() {
        // Without a wallet no log was ever sent: an attempt that was cut off.
        files::remove(&path)?;
    }
    let mut keys =
        KeyFile::create(&path, session.passphrase()?, kdf).map_err(|error| signing::keys(&error))?;
    for role in [ASSERTION, P256, UPDATE, NEXT_UPDATE] {
        signing::make(&mut keys, role)?;
    }
    let log = identity::genesis(
        domain,
        &[kind.plural(), name],
        Keys {
            assertion: signing::key(&keys, ASSERTION)?.public(),
            p256: signing::key(&keys, P256)?.public(),
            update: signing::key(&keys, UPDATE)?,
            next_update: signing::key(&keys, NEXT_UPDATE)?.public(),
        },
        signing::now(),
    )?;
    keys.save().map_err(|error| signing::keys(&error))?;
    let wallet = Wallet::new(log);
    wallet.save(data, kind, name, lock)?;
    Ok(Party { kind, name: name.to_owned(), wallet, keys })
}

async fn register(client: &Client, party: &Party, more: Value) -> Result<Value, Failure> {
    let nonce = client.post("/v1/nonces", &json!({})).await?;
    let audience: Did = output::text(&nonce, "audience")
        .parse()
        .map_err(|_| party::malformed("no audience came with the nonce"))?;
    let key = signing::key(&party.keys, ASSERTION)?;
    let nonce = output::text(&nonce, "nonce");
    let proof = identity::possession(party.document()?, key, (&audience, &nonce), signing::now())?;
    let mut body = json!({
        "name": party.name,
        "log": String::from_utf8_lossy(party.wallet.log.bytes()),
        "proof": String::from_utf8_lossy(proof.bytes()),
    });
    if let (Some(members), Value::Object(more)) = (body.as_object_mut(), more) {
        members.extend(more);
    }
    client.post(&format!("/v1/{}", party.kind.plural()), &body).await
}
