//! Verifiable credentials and presentations of any kind: the data model of VC 2.0, sections 4 and 5, as a
//! reader for what others issue.
//!
//! It says whether a document conforms and what stands where. It does not say who signed it, whether that
//! counts, or what its claims mean; and nothing that it reads grants authority here: that is for
//! `check`, which takes Marque's own types alone.

mod context;
mod problem;
mod related;
mod values;

pub use context::{Context, Contexts};
pub use problem::{Kind, Problem};
pub use related::Related;
pub use values::{Localised, MAX_ITEMS, Typed, is_url};

use crate::context::CREDENTIALS_V2;
use crate::refusal::Path;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use values::{date, id, localised, objects, typed, types};

/// Any document of the data model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A verifiable credential.
    Credential(Box<Credential>),
    /// A verifiable presentation.
    Presentation(Box<Presentation>),
    /// A credential in an envelope: a `data:` URL that is to be read by its media type.
    EnvelopedCredential(String),
    /// A presentation in an envelope.
    EnvelopedPresentation(String),
}

impl Document {
    /// Reads a document by its type.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn read(json: &Value) -> Result<Self, Problem> {
        let root = Path::root();
        let members = object(json, &root)?;
        let types = types(members, &root)?;
        let is = |name: &str| types.contains(name);
        let kinds = [
            "VerifiableCredential",
            "VerifiablePresentation",
            "EnvelopedVerifiableCredential",
            "EnvelopedVerifiablePresentation",
        ];
        if kinds.into_iter().filter(|kind| is(kind)).count() != 1 {
            return Err(Problem::malformed(root.then("type"), "not one kind of document"));
        }
        if is("VerifiableCredential") {
            Credential::read(json).map(|credential| Self::Credential(Box::new(credential)))
        } else if is("VerifiablePresentation") {
            Presentation::read(json).map(|presentation| Self::Presentation(Box::new(presentation)))
        } else if is("EnvelopedVerifiableCredential") {
            enveloped(members, &root).map(Self::EnvelopedCredential)
        } else {
            enveloped(members, &root).map(Self::EnvelopedPresentation)
        }
    }
}

/// Who issued or holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// A URL.
    pub id: String,
    /// Names.
    pub names: Vec<Localised>,
    /// Descriptions.
    pub descriptions: Vec<Localised>,
}

/// About whom or what claims are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// A URL, if it is identified.
    pub id: Option<String>,
    /// The whole object; never empty.
    pub members: Map<String, Value>,
}

/// A verifiable credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The contexts after the base context.
    pub contexts: Contexts,
    /// Its id.
    pub id: Option<String>,
    /// Its types, `VerifiableCredential` among them.
    pub types: BTreeSet<String>,
    /// Names.
    pub names: Vec<Localised>,
    /// Descriptions.
    pub descriptions: Vec<Localised>,
    /// Who issued it.
    pub issuer: Party,
    /// From when on.
    pub valid_from: Option<UnixSeconds>,
    /// Until when; not before `valid_from`.
    pub valid_until: Option<UnixSeconds>,
    /// About whom or what; one at least.
    pub subjects: Vec<Subject>,
    /// Where its status stands.
    pub statuses: Vec<Typed>,
    /// Its schemas, each with an id.
    pub schemas: Vec<Typed>,
    /// How it can be refreshed.
    pub refresh_services: Vec<Typed>,
    /// Under which terms it was issued.
    pub terms_of_use: Vec<Typed>,
    /// What its issuer relied on.
    pub evidence: Vec<Typed>,
    /// Resources that it fixes by digest.
    pub related_resources: Vec<Related>,
    /// Proofs that are embedded.
    pub proofs: Vec<Typed>,
}

impl Credential {
    /// Reads a credential document.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn read(json: &Value) -> Result<Self, Problem> {
        Self::read_at(json, &Path::root())
    }

    fn read_at(json: &Value, path: &Path) -> Result<Self, Problem> {
        let members = object(json, path)?;
        let contexts = Contexts::read(members.get("@context"), path)?;
        let credential = Self {
            id: id(members, path)?,
            types: defined_types(members, &contexts, "VerifiableCredential", path)?,
            names: localised(members, "name", path)?,
            descriptions: localised(members, "description", path)?,
            issuer: party(members.get("issuer"), path.clone().then("issuer"))?,
            valid_from: date(members, "validFrom", path)?,
            valid_until: date(members, "validUntil", path)?,
            subjects: subjects(members, path)?,
            statuses: typed(members, "credentialStatus", path)?,
            schemas: typed(members, "credentialSchema", path)?,
            refresh_services: typed(members, "refreshService", path)?,
            terms_of_use: typed(members, "termsOfUse", path)?,
            evidence: typed(members, "evidence", path)?,
            related_resources: related::read(members, path)?,
            proofs: typed(members, "proof", path)?,
            contexts,
        };
        if credential.schemas.iter().any(|schema| schema.id.is_none()) {
            let path = path.clone().then("credentialSchema");
            return Err(Problem::malformed(path, "a schema without an id"));
        }
        let dates = credential.valid_from.zip(credential.valid_until);
        if dates.is_some_and(|(from, until)| until < from) {
            let path = path.clone().then("validUntil");
            return Err(Problem { kind: Kind::Range, path, detail: "ends before it begins" });
        }
        Ok(credential)
    }

    /// Whether it is within its dates at `now`.
    #[must_use]
    pub fn is_in_time(&self, now: UnixSeconds) -> bool {
        self.valid_from.is_none_or(|from| from <= now) && self.valid_until.is_none_or(|until| now <= until)
    }

    /// Checks the related resources whose bytes are at hand; gives the ids of the others, which nobody
    /// has checked.
    ///
    /// # Errors
    /// [`Problem`] of the first that has another digest.
    pub fn check_related<'a>(
        &'a self,
        resource: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> Result<Vec<&'a str>, Problem> {
        let mut unchecked = Vec::new();
        for related in &self.related_resources {
            match resource(&related.id) {
                Some(bytes) => related.check(bytes)?,
                None => unchecked.push(related.id.as_str()),
            }
        }
        Ok(unchecked)
    }
}

/// One entry of `verifiableCredential`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A credential document, with or without a proof.
    Embedded(Box<Credential>),
    /// The `data:` URL of one in an envelope.
    Enveloped(String),
}

/// A verifiable presentation, signed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation {
    /// The contexts after the base context.
    pub contexts: Contexts,
    /// Its id.
    pub id: Option<String>,
    /// Its types, `VerifiablePresentation` among them.
    pub types: BTreeSet<String>,
    /// Who presents, if it is said.
    pub holder: Option<Party>,
    /// The credentials.
    pub credentials: Vec<Entry>,
    /// Under which terms it is presented.
    pub terms_of_use: Vec<Typed>,
    /// Proofs that are embedded; none where it is unsigned or in an envelope.
    pub proofs: Vec<Typed>,
}

impl Presentation {
    /// Reads a presentation document.
    ///
    /// # Errors
    /// [`Problem`].
    pub fn read(json: &Value) -> Result<Self, Problem> {
        let path = Path::root();
        let members = object(json, &path)?;
        let contexts = Contexts::read(members.get("@context"), &path)?;
        let entry = |(path, members): (Path, &Map<String, Value>)| {
            if types(members, &path)?.contains("EnvelopedVerifiableCredential") {
                enveloped(members, &path).map(Entry::Enveloped)
            } else {
                let credential = Credential::read_at(&Value::Object(members.clone()), &path)?;
                Ok(Entry::Embedded(Box::new(credential)))
            }
        };
        let holder = members.get("holder");
        Ok(Self {
            id: id(members, &path)?,
            types: defined_types(members, &contexts, "VerifiablePresentation", &path)?,
            holder: holder.map(|json| party(Some(json), path.clone().then("holder"))).transpose()?,
            credentials: objects(members, "verifiableCredential", &path)?
                .into_iter()
                .map(entry)
                .collect::<Result<_, _>>()?,
            terms_of_use: typed(members, "termsOfUse", &path)?,
            proofs: typed(members, "proof", &path)?,
            contexts,
        })
    }

    /// The places of credentials that nothing secures and whose issuer is not the holder. A holder may
    /// assert of itself what the presentation secures; for anybody else such a credential says nothing.
    #[must_use]
    pub fn unsecured(&self) -> Vec<usize> {
        let holder = self.holder.as_ref().map(|holder| &holder.id);
        let open = |entry: &Entry| match entry {
            Entry::Embedded(credential) => {
                credential.proofs.is_empty() && Some(&credential.issuer.id) != holder
            }
            Entry::Enveloped(_) => false,
        };
        self.credentials.iter().enumerate().filter(|(_, entry)| open(entry)).map(|(at, _)| at).collect()
    }
}

fn object<'a>(json: &'a Value, path: &Path) -> Result<&'a Map<String, Value>, Problem> {
    json.as_object().ok_or(Problem { kind: Kind::Parsing, path: path.clone(), detail: "not an object" })
}

/// The types of a document: `base` among them, and each a URL or a term that a context may define.
fn defined_types(
    members: &Map<String, Value>,
    contexts: &Contexts,
    base: &str,
    path: &Path,
) -> Result<BTreeSet<String>, Problem> {
    let types = types(members, path)?;
    let wrong = |detail| Problem::malformed(path.clone().then("type"), detail);
    if !types.contains(base) {
        return Err(wrong("the type of the document is not among its types"));
    }
    if types.iter().all(|name| contexts.may_define(name)) {
        Ok(types)
    } else {
        Err(wrong("a type that is no URL and that no context defines"))
    }
}

fn party(json: Option<&Value>, path: Path) -> Result<Party, Problem> {
    match json {
        Some(Value::String(url)) if is_url(url) => {
            Ok(Party { id: url.clone(), names: Vec::new(), descriptions: Vec::new() })
        }
        Some(Value::Object(members)) => {
            let names = localised(members, "name", &path)?;
            let descriptions = localised(members, "description", &path)?;
            let id = id(members, &path)?;
            let id = id.ok_or_else(|| Problem::malformed(path.then("id"), "missing"))?;
            Ok(Party { id, names, descriptions })
        }
        _ => Err(Problem::malformed(path, "neither a URL nor an object with an id")),
    }
}

fn subjects(members: &Map<String, Value>, path: &Path) -> Result<Vec<Subject>, Problem> {
    let read = |(path, members): (Path, &Map<String, Value>)| {
        if members.is_empty() {
            return Err(Problem::malformed(path, "a subject without claims"));
        }
        Ok(Subject { id: id(members, &path)?, members: members.clone() })
    };
    let subjects: Vec<_> =
        objects(members, "credentialSubject", path)?.into_iter().map(read).collect::<Result<_, _>>()?;
    if subjects.is_empty() {
        return Err(Problem::malformed(path.clone().then("credentialSubject"), "missing"));
    }
    Ok(subjects)
}

/// The `data:` URL of an enveloped credential or presentation (section 4.13).
fn enveloped(members: &Map<String, Value>, path: &Path) -> Result<String, Problem> {
    let context = members.get("@context");
    let based = context.is_some_and(|c| c == CREDENTIALS_V2 || c.get(0).is_some_and(|c| c == CREDENTIALS_V2));
    if !based {
        return Err(Problem::malformed(path.clone().then("@context"), "not the base context of VC 2.0"));
    }
    let url = members.get("id").and_then(Value::as_str).filter(|url| is_data_url(url));
    let url = url.ok_or_else(|| Problem::malformed(path.clone().then("id"), "not a data: URL"))?;
    // Nothing that stands beside the envelope is secured by it.
    if members.keys().all(|name| ["@context", "id", "type"].contains(&name.as_str())) {
        Ok(url.to_owned())
    } else {
        Err(Problem::malformed(path.clone(), "something stands beside the envelope"))
    }
}

fn is_data_url(url: &str) -> bool {
    let head = url.strip_prefix("data:").and_then(|rest| rest.split_once(','));
    head.is_some_and(|(media_type, data)| media_type.contains('/') && !data.is_empty())
}

#[cfg(test)]
mod tests;
