//! `issue`: a credential of any kind, by the node in the name of its domain; or signed here, by an owner or agent
//! of this folder or by the key of a key file in the name of its did:key. What is signed here asks nothing of a
//! node, so nothing is reserved and nothing can be revoked that does not say itself where its status stands.

mod by_node;

use super::arguments::{credential_format, did, name, pointer, ttl};
use super::party::Party;
use super::session::Session;
use crate::data::Kind;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use crate::signing;
use clap::Args;
use did_resolver::did::{Did, DidUrl};
use did_resolver::json;
use did_resolver::methods;
use did_resolver::time::UnixSeconds;
use marque_store::keyfile::{Kdf, KeyFile};
use marque_store::secret::SecretKey;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;
use vc_schemas::claims::Claims;
use vc_schemas::context::{self, CREDENTIALS_V2};
use vc_schemas::credential::{self, uuid_urn};
use vc_schemas::data_model;
use vc_schemas::disclosure::Pointer;
use vc_schemas::refusal::Path;
use vc_schemas::secure::{Content, Draft, Envelope, MAX_CREDENTIAL_BYTES, SecureError, Secured};

/// How long a credential counts unless it says so itself or --ttl does: a day, as an AgentCredential.
const LIFE: Duration = credential::AGENT_LIFE;

/// The context that lends a meaning to terms that no other context defines (VC Data Model 2.0, section 5.2).
const UNDEFINED_TERMS: &str = "https://www.w3.org/ns/credentials/undefined-terms/v2";

/// What to do about a wrong call.
const HELP: &str = "marque issue --help says what it takes.";

/// Digests of nothing beside those of claims that can be held back.
const DECOYS: usize = 2;

/// Issue a credential.
#[derive(Debug, Args)]
pub struct Issue {
    /// The claims about its subject, or a whole credential document: JSON, a file, or - for stdin
    input: String,
    /// The type beside VerifiableCredential, where claims are given
    #[arg(long = "type", value_name = "TYPE")]
    of_type: Option<String>,
    /// About whom, where the claims do not say
    #[arg(long, value_name = "DID", value_parser = did)]
    subject: Option<Did>,
    /// Who issues: an owner whose keys are here [default: the domain, by its node]
    #[arg(long, value_parser = name, value_name = "NAME", conflicts_with_all = ["agent", "signer"])]
    owner: Option<String>,
    /// Who issues: an agent whose keys are here
    #[arg(long, value_parser = name, value_name = "NAME", conflicts_with = "signer")]
    agent: Option<String>,
    /// Issue in the name of the did:key of a key in this key file
    #[arg(long = "key-file", value_name = "FILE")]
    signer: Option<PathBuf>,
    /// Which key: assertion (Ed25519, the default), p256 (ES256), or another name in the key file
    #[arg(long = "key", value_name = "NAME")]
    role: Option<String>,
    /// Make the key file, with an assertion and a p256 key, where there is none
    #[arg(long = "make-key", requires = "signer")]
    make: bool,
    /// How it is secured: vc+jwt, vc+cose, vc, vc+sd-jwt, dc+sd-jwt, or vnd.marque.vc+cose
    #[arg(long, default_value = "vc+jwt", value_parser = credential_format)]
    format: Envelope,
    /// A place that its holder may hold back, such as /credentialSubject/name, in an SD-JWT; once for each
    #[arg(long = "hide", value_name = "POINTER", value_parser = pointer)]
    hidden: Vec<Pointer>,
    /// How long it counts, where the document does not say: 30m, 24h
    #[arg(long, value_parser = ttl)]
    ttl: Option<Duration>,
    /// What the node can do with it later: revocation, suspension (marque credential revoke ID)
    #[arg(
        long = "status", value_name = "PURPOSE", value_delimiter = ',',
        value_parser = ["revocation", "suspension"], conflicts_with_all = ["owner", "agent", "signer"]
    )]
    statuses: Vec<String>,
}

/// Whoever issues.
struct Issuer<'a> {
    did: Did,
    key_id: DidUrl,
    key: &'a SecretKey,
}

impl Issue {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let input = files::read_named(&self.input, MAX_CREDENTIAL_BYTES)?;
        let given = json::parse(input.trim_ascii(), MAX_CREDENTIAL_BYTES)
            .map_err(|error| usage(format!("{}: {error}", self.input)))?;
        let Value::Object(given) = given else { return Err(usage("neither claims nor a credential")) };
        if self.owner.is_none() && self.agent.is_none() && self.signer.is_none() {
            return self.by_node(session, given).await;
        }
        self.here(session, given)
    }

    /// Signs what was given with a key that is here.
    fn here(&self, session: &Session, given: Map<String, Value>) -> Result<Answer, Failure> {
        let party = match (&self.owner, &self.agent) {
            (Some(owner), _) => Some(Party::open(session, Kind::Owner, owner)?),
            (None, Some(agent)) => Some(Party::open(session, Kind::Agent, agent)?),
            (None, None) => None,
        };
        let file = match &party {
            Some(_) => None,
            None => Some(self.open_key_file(session)?),
        };
        let issuer = self.issuer(party.as_ref(), file.as_ref())?;
        let document = self.document(given, &issuer.did, signing::now())?;
        check(&document)?;
        Ok(issued(&self.secure(&document, &issuer)?))
    }

    fn open_key_file(&self, session: &Session) -> Result<KeyFile, Failure> {
        let path = self.signer.as_ref().ok_or_else(|| usage("nobody issues"))?;
        if self.make && !path.exists() {
            let keys = |error| signing::keys(&error);
            let mut file = KeyFile::create(path, session.passphrase()?, Kdf::default()).map_err(keys)?;
            signing::make(&mut file, signing::ASSERTION)?;
            signing::make(&mut file, signing::P256)?;
            file.save().map_err(keys)?;
            return Ok(file);
        }
        KeyFile::open(path, session.passphrase()?).map_err(|error| signing::keys(&error))
    }

    fn issuer<'a>(&self, party: Option<&'a Party>, file: Option<&'a KeyFile>) -> Result<Issuer<'a>, Failure> {
        let keys = party.map(|party| &party.keys).or(file).ok_or_else(|| usage("nobody issues"))?;
        let key = signing::key(keys, self.role.as_deref().unwrap_or(signing::ASSERTION))?;
        let unfit = |_| usage("a key of that kind has no did:key that issues");
        let (did, key_id) = match party {
            Some(party) => {
                let document = party.document()?;
                let id = signing::key_id(document, key.public());
                (document.id().clone(), id.cloned().ok_or_else(|| usage("its DID does not list that key"))?)
            }
            None => (
                methods::key_did(key.public()).map_err(unfit)?,
                methods::key_id(key.public()).map_err(unfit)?,
            ),
        };
        Ok(Issuer { did, key_id, key })
    }

    /// The document to secure: as it was given, or made of claims. What it must say and does not is added.
    fn document(&self, given: Map<String, Value>, issuer: &Did, now: UnixSeconds) -> Result<Value, Failure> {
        let mut document = if given.contains_key("@context") {
            if self.of_type.is_some() || self.subject.is_some() {
                return Err(usage("a whole credential says its type and its subject itself"));
            }
            given
        } else {
            let of_type = self.of_type.as_deref();
            let of_type = of_type.ok_or_else(|| usage("claims need a type: name it with --type"))?;
            let mut subject = given;
            if let Some(did) = &self.subject
                && subject.insert("id".to_owned(), json!(did.as_str())).is_some()
            {
                return Err(usage("the claims name their subject, and --subject does too"));
            }
            let own = Claims::TYPES.contains(&of_type);
            let context = if own { context::own() } else { json!([CREDENTIALS_V2, UNDEFINED_TERMS]) };
            let members = json!({
                "@context": context,
                "type": ["VerifiableCredential", of_type],
                "credentialSubject": subject,
            });
            members.as_object().cloned().unwrap_or_default()
        };
        let named = document.get("issuer").map(|issuer| issuer.get("id").unwrap_or(issuer));
        if named.is_some_and(|named| named != issuer.as_str()) {
            return Err(usage(format!("it names another issuer than {issuer}")));
        }
        let from = document.get("validFrom").and_then(Value::as_str);
        let from = from.and_then(|text| UnixSeconds::parse(text).ok()).unwrap_or(now);
        let until = from.plus(self.ttl.unwrap_or(LIFE)).to_string();
        let usual = [
            ("id", json!(uuid_urn(signing::random()?))),
            ("issuer", json!(issuer.as_str())),
            ("validFrom", json!(now.to_string())),
            ("validUntil", json!(until)),
        ];
        for (name, value) in usual {
            document.entry(name).or_insert(value);
        }
        Ok(Value::Object(document))
    }

    fn secure(&self, document: &Value, issuer: &Issuer<'_>) -> Result<Secured, Failure> {
        let kind = issuer.key.kind();
        let is_sd_jwt = matches!(self.format, Envelope::VcSdJwt | Envelope::DcSdJwt);
        let draft = if is_sd_jwt {
            let seed = signing::random()?;
            let hidden = (self.hidden.as_slice(), DECOYS, &seed);
            Draft::concealing(self.format, document, hidden, &issuer.key_id, kind)
        } else if self.hidden.is_empty() {
            Draft::new(Content::Credential, self.format, document.clone(), issuer.key_id.clone(), kind)
        } else {
            Err(SecureError::Type)
        };
        let refused = |error: SecureError| {
            let refusal = error.refusal(Content::Credential, Path::root());
            Failure::from(refusal).because(error.to_string()).by_caller()
        };
        let draft = draft.map_err(|error| match error {
            SecureError::Type => usage("only an SD-JWT can hide something: --format vc+sd-jwt"),
            error => refused(error),
        })?;
        let signature = issuer.key.sign(draft.signing_input());
        let signature = signature.map_err(|error| signing::keys(&error.into()))?;
        draft.attach(issuer.key.public(), &signature).map_err(refused)
    }
}

/// What there is to say of a credential that was issued; the text alone for people.
fn issued(secured: &Secured) -> Answer {
    let (document, key_id) = (secured.payload(), secured.key_id());
    let text = secured.to_text().into_owned();
    let answer = json!({
        "credential": text,
        "format": secured.envelope().format(Content::Credential),
        "id": document.get("id"),
        "issuer": key_id.did().as_str(),
        "keyId": key_id.as_str(),
        "validUntil": document.get("validUntil"),
    });
    Answer::new(answer, format!("{text}\n"))
}

/// Whether it conforms: to the data model, and to its own type where that is one of Marque's. A link
/// is signed by `delegate` alone, which knows what its issuer may pass on.
fn check(document: &Value) -> Result<(), Failure> {
    data_model::Credential::read(document).map_err(|problem| {
        let refusal = vc_schemas::refusal::Refusal::new(
            vc_schemas::code::Code::CredentialMalformed,
            problem.path,
            problem.detail,
        );
        Failure::from(refusal).by_caller()
    })?;
    if context::check(document).is_err() {
        return Ok(());
    }
    let read = credential::Credential::read(document).map_err(|error| {
        let reason = match error {
            credential::CredentialError::Context => "its contexts are not those of its type".to_owned(),
            credential::CredentialError::Malformed(member) => format!("{member} is missing or malformed"),
            credential::CredentialError::ConstraintUnknown => {
                "it has a constraint that is not known".to_owned()
            }
        };
        Failure::of(vc_schemas::code::Code::CredentialMalformed).because(reason).by_caller()
    })?;
    if matches!(read.claims, Claims::Delegation(_)) {
        let action = "marque delegate signs it, and knows what its issuer may pass on.";
        return Err(Failure::local(Local::Usage, "a link of a chain is not issued so", action));
    }
    Ok(())
}

fn usage(reason: impl Into<String>) -> Failure {
    Failure::local(Local::Usage, reason, HELP)
}
