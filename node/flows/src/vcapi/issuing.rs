//! Issuing a credential of any kind, in the domain's name or in that of a did:key of this node.

use super::opened::{ENVELOPES, SUITES};
use super::proofs::{Proofs, refused};
use super::{Failure, enveloped};
use crate::domain::{Domain, put};
use crate::error::Error;
use crate::issue::credential_key;
use crate::ports::clock::random;
use crate::ports::keys::{KeyRole, Signed};
use crate::ports::records::{Expect, StoreError, Table};
use crate::record::{Decision, Kind};
use did_resolver::did::DidUrl;
use did_resolver::document::Relationship;
use did_resolver::keys::PublicKey;
use did_resolver::proof::{ChainLink, MAX_PROOFS, ProofDraft, ProofError, ProofOptions, Suite};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use vc_schemas::code::Code;
use vc_schemas::context::MARQUE_V1;
use vc_schemas::credential::uuid_urn;
use vc_schemas::data_model::{self, Context, Problem, is_url};
use vc_schemas::disclosure::Pointer;
use vc_schemas::refusal::Path;
use vc_schemas::secure::{Content, Draft, Envelope, MAX_CREDENTIAL_BYTES};
use vc_schemas::status::Purpose;

/// How often another status index is tried where somebody else was faster.
const MAX_TRIES: usize = 8;

/// Digests of nothing beside those of hidden claims, so that the number of these is not told.
const DECOYS: usize = 2;

/// Types that say what is revoked, and are the node's own to sign: another list under the domain's key would be
/// believed.
const OF_STATUS: [&str; 2] = ["BitstringStatusListCredential", "BitstringStatusList"];

/// What of a subject is never hidden: who it is and what it is.
const SHOWN: [&str; 2] = ["id", "type"];

/// The envelope of that format, of those in which credentials are issued here.
#[must_use]
pub fn issued_in(format: &str) -> Option<Envelope> {
    let mut issued = ENVELOPES.into_iter().chain([Envelope::VcSdJwt]);
    issued.find(|envelope| envelope.format(Content::Credential) == format)
}

/// How a credential is to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueOptions {
    /// How it is secured: as [`issued_in`] says.
    pub envelope: Envelope,
    /// By which cryptosuite, where that is said; it says which kind of key.
    pub cryptosuite: Option<String>,
    /// By which key, where that is said: one of the issuer. By several it is secured by a Data Integrity proof
    /// each.
    pub verification_methods: Vec<DidUrl>,
    /// Whether each of several proofs is made on top of the one before, in place of beside it.
    pub is_chained: bool,
    /// By what it can be named afterwards, where it has no id.
    pub credential_id: Option<String>,
    /// What can become of it: entries for these are added to its status.
    pub purposes: BTreeSet<Purpose>,
    /// What cannot be held back, where it is secured as an SD-JWT; its subjects' other claims can.
    pub mandatory: Vec<Pointer>,
}

impl Default for IssueOptions {
    fn default() -> Self {
        Self {
            envelope: Envelope::DataIntegrity,
            cryptosuite: None,
            verification_methods: Vec::new(),
            is_chained: false,
            credential_id: None,
            purposes: BTreeSet::new(),
            mandatory: Vec::new(),
        }
    }
}

/// A key that this node may issue with; without a role it is that of a did:key.
struct Issuing {
    role: Option<KeyRole>,
    key: PublicKey,
    id: DidUrl,
}

impl Domain {
    /// Issues `document`, a credential without what secures it, and gives the verifiable credential: the
    /// document with its proof, or an EnvelopedVerifiableCredential. What was issued is on record, and its
    /// status index durable, before it is given.
    ///
    /// # Errors
    /// [`Failure::Problem`] where the document does not conform or cannot be secured as it is wanted;
    /// [`Failure::Error`] with `state-conflict` where one with a status and this id was issued before.
    pub async fn issue_credential(&self, document: &Value, options: &IssueOptions) -> Result<Value, Failure> {
        let outcome = self.try_issue(document, options).await.map_err(|failure| {
            // The options have names of their own.
            let own = failure
                .refusal()
                .path
                .steps()
                .first()
                .is_some_and(|step| matches!(step, vc_schemas::refusal::Step::Name("options")));
            if own { failure } else { failure.under(&Path::root().then("credential")) }
        });
        if let Err(failure) = &outcome {
            let refusal = failure.refusal();
            let facts = json!({"act": "issue-credential", "path": refusal.path.to_json()});
            let decision = Decision::new(Kind::Refused, "", "refused").because(refusal.code);
            self.record(decision.with(facts)).await?;
        }
        outcome
    }

    async fn try_issue(&self, document: &Value, options: &IssueOptions) -> Result<Value, Failure> {
        let credential = data_model::Credential::read(document)?;
        if document.get("proof").is_some() {
            return Err(Failure::malformed(Path::root().then("proof"), "it has a proof already"));
        }
        not_of_marque(&credential)?;
        let issuing = self.keys_to_issue(&credential.issuer.id, options)?;
        let id = options.credential_id.as_deref().or(credential.id.as_deref());
        let mut decision = Decision::new(Kind::Issued, subject_of(&credential), "issued");
        decision.facts = json!({"id": id, "type": type_of(&credential), "issuer": credential.issuer.id});
        if options.purposes.is_empty() {
            let issued = self.secured(document.clone(), &issuing, options).await?;
            self.record(decision).await?;
            return Ok(issued);
        }
        let id = trackable(id)?;
        if issuing.iter().any(|key| key.role.is_none()) {
            let path = Path::root().then("options").then("statusPurposes");
            return Err(Failure::malformed(path, "the domain's lists speak for its own credentials alone"));
        }
        for _ in 0..MAX_TRIES {
            let reserved = self.free_index(&json!({"for": "credential", "id": id}), &[]).await?;
            let mut with_status = document.clone();
            let status = self.home.status(reserved.index);
            let entries = [status.revocation, status.suspension].into_iter();
            let entries = entries.filter(|entry| options.purposes.contains(&entry.purpose));
            add_status(&mut with_status, entries.map(|entry| entry.to_json()));
            let issued = self.secured(with_status, &issuing, options).await?;
            let record = json!({
                "id": id,
                "type": type_of(&credential),
                "subject": credential.subjects.iter().find_map(|subject| subject.id.as_deref()),
                "issuer": credential.issuer.id,
                "index": reserved.index,
                "state": "active",
                "purposes": options.purposes.iter().map(|purpose| purpose.as_str()).collect::<Vec<_>>(),
                "validFrom": credential.valid_from.map(|at| at.to_string()),
                "validUntil": credential.valid_until.map(|at| at.to_string()),
            });
            let batch = vec![
                reserved.write,
                put(Table::Credentials, credential_key(id), &record, Expect::Absent),
                self.entry(decision.clone())?,
            ];
            match self.records.commit(batch).await {
                Ok(()) => return Ok(issued),
                // Somebody else has the index.
                Err(StoreError::Conflict(0)) => {}
                Err(StoreError::Conflict(_)) => {
                    let path = Path::root().then("id");
                    let detail = "a credential with this id was issued before";
                    return Err(Failure::refused(Code::StateConflict, path, detail));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::refused(Code::Unavailable, "the status indices are being given out").into())
    }

    /// What this node can issue with: the ids of its keys, and the cryptosuite of each. A DID that has several is
    /// issued for by the first that fits.
    #[must_use]
    pub fn issuing_methods(&self) -> Vec<(DidUrl, &'static str)> {
        let method = |key: Issuing| Some((key.id, Suite::of(key.key.kind())?.as_str()));
        self.issuing_keys().into_iter().filter_map(method).collect()
    }

    fn issuing_keys(&self) -> Vec<Issuing> {
        let own = [KeyRole::Assertion, KeyRole::Tokens].into_iter().map(|role| {
            let (key, id) = self.keys.public(role);
            Issuing { role: Some(role), key, id }
        });
        let others = self.keys.issuers().into_iter().map(|(key, id)| Issuing { role: None, key, id });
        own.chain(others).collect()
    }

    /// The keys of `issuer` that are wanted; where none is named, the first that fits.
    fn keys_to_issue(&self, issuer: &str, options: &IssueOptions) -> Result<Vec<Issuing>, Failure> {
        let option = |member| Path::root().then("options").then(member);
        let suite = options.cryptosuite.as_deref();
        if suite.is_some_and(|suite| !SUITES.contains(&suite)) {
            return Err(Failure::malformed(option("cryptosuite"), "a cryptosuite that is not spoken here"));
        }
        if suite.is_some() && options.envelope != Envelope::DataIntegrity {
            return Err(Failure::malformed(option("cryptosuite"), "for another format than vc"));
        }
        let mut keys = self.issuing_keys();
        keys.retain(|key| key.id.did().as_str() == issuer);
        if keys.is_empty() {
            let detail = "neither this domain nor another issuer of this node";
            return Err(Failure::malformed(Path::root().then("issuer"), detail));
        }
        let methods = &options.verification_methods;
        if methods.len() > 1 {
            return several(keys, options)
                .map_err(|detail| Failure::malformed(option("verificationMethod"), detail));
        }
        if options.is_chained {
            return Err(Failure::malformed(option("proofChain"), "one proof makes no chain"));
        }
        if let Some(method) = methods.first() {
            keys.retain(|key| key.id == *method);
            if keys.is_empty() {
                return Err(Failure::malformed(option("verificationMethod"), "not a key of the issuer"));
            }
        }
        let fits = |key: &Issuing| {
            suite.is_none_or(|wanted| Suite::of(key.key.kind()).is_some_and(|suite| suite.as_str() == wanted))
        };
        let key = keys.into_iter().find(fits);
        key.map(|key| vec![key])
            .ok_or_else(|| Failure::malformed(option("cryptosuite"), "the issuer has no key for it"))
    }

    async fn secured(
        &self,
        document: Value,
        keys: &[Issuing],
        options: &IssueOptions,
    ) -> Result<Value, Failure> {
        let insecurable = |error| Problem::of_secured(&error, Path::root());
        let [issuing] = keys else { return self.proved(document, keys, options.is_chained).await };
        let kind = issuing.key.kind();
        let draft = match options.envelope {
            Envelope::VcSdJwt => {
                let hidden = hidden(&document, &options.mandatory)?;
                let seed = random::<32>(self.entropy.as_ref())?;
                let hidden = (hidden.as_slice(), DECOYS, &seed);
                Draft::concealing(options.envelope, &document, hidden, &issuing.id, kind)
            }
            envelope => Draft::new(Content::Credential, envelope, document, issuing.id.clone(), kind),
        };
        let draft = draft.map_err(insecurable)?;
        let signature = self.sign_as(issuing, draft.signing_input()).await?;
        let secured = draft.attach(&issuing.key, &signature).map_err(insecurable)?;
        if secured.bytes().len() > MAX_CREDENTIAL_BYTES {
            return Err(Failure::refused(Code::TooLarge, Path::root(), "more than 256 KiB, secured"));
        }
        Ok(secured.to_embedded().unwrap_or_else(|| enveloped(&secured.to_data_url())))
    }

    /// The document with a proof by each of `keys`, beside each other or one on top of another.
    async fn proved(&self, document: Value, keys: &[Issuing], is_chained: bool) -> Result<Value, Failure> {
        let insecurable = |error| refused(error, Path::root());
        let mut link = ChainLink::default();
        let mut proved = document;
        for (at, key) in keys.iter().enumerate() {
            let suite = Suite::of(key.key.kind()).ok_or_else(|| insecurable(ProofError::KeyKind))?;
            let proof = ProofOptions {
                suite,
                verification_method: key.id.clone(),
                purpose: Relationship::AssertionMethod,
                created: None,
                expires: None,
                domain: None,
                challenge: None,
            };
            if is_chained {
                link.previous = link.id.take().into_iter().collect();
                link.id = Some(uuid_urn(random::<16>(self.entropy.as_ref())?));
            }
            let draft = match (at, &link.id) {
                (0, None) => ProofDraft::new(proved, &proof),
                (0, Some(id)) => ProofDraft::new(proved, &proof).and_then(|draft| draft.with_id(id)),
                _ => ProofDraft::further(proved, &proof, &link),
            };
            let draft = draft.map_err(insecurable)?;
            let signature = self.sign_as(key, draft.signing_input()).await?;
            proved = draft.attach(&key.key, &signature).map_err(insecurable)?;
        }
        // As every verifier here will read it.
        Proofs::read(Content::Credential, &proved, MAX_CREDENTIAL_BYTES)?;
        Ok(proved)
    }

    async fn sign_as(&self, issuing: &Issuing, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let signed = match issuing.role {
            Some(role) => self.keys.sign(role, Signed::Document, message).await,
            None => self.keys.sign_as(&issuing.id, message).await,
        };
        Ok(signed?)
    }
}

/// Those of `keys` that are named, in that order: each makes a proof.
fn several(keys: Vec<Issuing>, options: &IssueOptions) -> Result<Vec<Issuing>, &'static str> {
    if options.envelope != Envelope::DataIntegrity || options.cryptosuite.is_some() {
        return Err("several keys are for format vc, and say by which cryptosuites themselves");
    }
    let named = &options.verification_methods;
    if named.len() > MAX_PROOFS || named.iter().collect::<BTreeSet<_>>().len() < named.len() {
        return Err("more than eight, or one twice");
    }
    let mut keys: Vec<Option<Issuing>> = keys.into_iter().map(Some).collect();
    let mut take = |method: &DidUrl| {
        keys.iter_mut().find(|key| key.as_ref().is_some_and(|key| key.id == *method))?.take()
    };
    named.iter().map(&mut take).collect::<Option<_>>().ok_or("not keys of the issuer")
}

/// Refuses what only the node itself may say: Marque's own types, which have rules that are kept elsewhere, and
/// status lists.
fn not_of_marque(credential: &data_model::Credential) -> Result<(), Failure> {
    let own = |context: &Context| matches!(context, Context::Url(url) if url == MARQUE_V1);
    if credential.contexts.iter().any(own) {
        let detail = "Marque's own types are issued by registration and delegation alone";
        return Err(Failure::malformed(Path::root().then("@context"), detail));
    }
    let is_of_status = |name: &str| OF_STATUS.contains(&name);
    let subject = |subject: &data_model::Subject| {
        let types = subject.members.get("type");
        let one = types.and_then(Value::as_str).into_iter();
        let more = types.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        one.chain(more).any(is_of_status)
    };
    if credential.types.iter().any(|name| is_of_status(name)) || credential.subjects.iter().any(subject) {
        return Err(Failure::malformed(Path::root().then("type"), "status lists are the node's own to sign"));
    }
    Ok(())
}

/// The id by which a credential with a status is found when its status changes.
fn trackable(id: Option<&str>) -> Result<&str, Failure> {
    let path = || Path::root().then("options").then("credentialId");
    let id = id.ok_or_else(|| Failure::malformed(path(), "what has a status needs an id to name it by"))?;
    if is_url(id) { Ok(id) } else { Err(Failure::malformed(path(), "not an absolute URL")) }
}

fn subject_of(credential: &data_model::Credential) -> String {
    credential.subjects.iter().find_map(|subject| subject.id.clone()).unwrap_or_default()
}

/// The type that says most: any other than the one that all have.
fn type_of(credential: &data_model::Credential) -> &str {
    let own = credential.types.iter().find(|name| *name != "VerifiableCredential");
    own.map_or("VerifiableCredential", String::as_str)
}

/// Puts `entries` behind the entries that are there.
fn add_status(document: &mut Value, entries: impl Iterator<Item = Value>) {
    let Some(members) = document.as_object_mut() else { return };
    let mut all = match members.remove("credentialStatus") {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(one) => vec![one],
    };
    all.extend(entries);
    members.insert("credentialStatus".to_owned(), Value::Array(all));
}

/// What its holder may hold back: each claim of a subject but who and what it is, unless it is in the way of
/// what must be shown.
fn hidden(document: &Value, mandatory: &[Pointer]) -> Result<Vec<Pointer>, Failure> {
    let there = |pointer: &Pointer| document.pointer(&pointer.to_string()).is_some();
    if !mandatory.iter().all(there) {
        let path = Path::root().then("options").then("mandatoryPointers");
        return Err(Failure::malformed(path, "leads to nothing that the credential holds"));
    }
    let subject = "credentialSubject".to_owned();
    let claims = |way: Vec<String>, members: &Map<String, Value>| {
        let claim = |name: &String| {
            let claim = Pointer::of(way.iter().cloned().chain([name.clone()]));
            let shown = |must: &Pointer| must.is_at_or_below(&claim) || claim.is_at_or_below(must);
            (!SHOWN.contains(&name.as_str()) && !mandatory.iter().any(shown)).then_some(claim)
        };
        members.keys().filter_map(claim).collect::<Vec<_>>()
    };
    Ok(match document.get("credentialSubject") {
        Some(Value::Object(members)) => claims(vec![subject], members),
        Some(Value::Array(subjects)) => {
            let each = subjects.iter().enumerate().filter_map(|(at, json)| Some((at, json.as_object()?)));
            each.flat_map(|(at, members)| claims(vec![subject.clone(), at.to_string()], members)).collect()
        }
        _ => Vec::new(),
    })
}
