//! A mandate as a file: a chain of links, and the identity credentials of those who passed it on.
//!
//! ```json
//! {"marque":"mandate","v":1,"chain":["…"],"identities":["…"]}
//! ```
//!
//! The chain begins with the principal's link. Each item is text in its envelope, or bytes in base64url. The
//! last subject's own identity credential is not in it: whoever presents adds a fresh one. Reading checks
//! form and joints (MODEL.md, "Delegation", rules 1, 3 and 4); signatures are for the verifier.

use crate::failure::{Failure, Local};
use did_resolver::did::Did;
use did_resolver::json::{self, Json};
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vc_schemas::chain::{self, Link, MAX_LINK_BYTES, MAX_LINKS};
use vc_schemas::claims::Claims;
use vc_schemas::credential::Credential;
use vc_schemas::object::Object;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, MAX_PRESENTATION_BYTES, Secured};

/// Longest mandate: what it holds goes into a presentation, which has the same bound.
pub const MAX_BYTES: usize = MAX_PRESENTATION_BYTES;

/// Most identity credentials: the principal's, and those of the subjects of all links but the last.
pub const MAX_IDENTITIES: usize = MAX_LINKS;

/// The version that is spoken here.
const VERSION: u64 = 1;

/// A mandate whose form and joints were checked.
#[derive(Debug, Clone)]
pub struct Mandate {
    links: Vec<Link>,
    chain: Vec<Secured>,
    identities: Vec<Secured>,
}

impl Mandate {
    /// A mandate of these parts.
    ///
    /// # Errors
    /// [`Local::Usage`] for something that is not a link or not an identity credential; the refusal of
    /// the chain by its own code.
    pub fn new(chain: Vec<Secured>, identities: Vec<Secured>) -> Result<Self, Failure> {
        if chain.len() > MAX_LINKS || identities.len() > MAX_IDENTITIES {
            return Err(malformed("too many links or identities"));
        }
        let links = chain.iter().map(read_link).collect::<Result<Vec<_>, _>>()?;
        chain::check(&links)?;
        let mut vouched = BTreeSet::new();
        for identity in &identities {
            let subject = read_identity(identity)?;
            let passed_on = links.iter().any(|link| link.credential.issuer == subject);
            if !passed_on || !vouched.insert(subject) {
                return Err(malformed("an identity of somebody who passed nothing on, or one twice"));
            }
        }
        Ok(Self { links, chain, identities })
    }

    /// Reads a mandate document.
    ///
    /// # Errors
    /// As [`Mandate::new`]; [`Local::Usage`] for what is no mandate.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let json = json::parse(bytes, MAX_BYTES).map_err(|error| malformed(&error.to_string()))?;
        Self::read(&json)
    }

    /// Reads a mandate document that was parsed strictly.
    ///
    /// # Errors
    /// As [`Mandate::parse`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, Failure> {
        let wrong = |_| malformed("members are missing or not known");
        let mut object = Object::new(json, "mandate").map_err(wrong)?;
        if object.text("marque").map_err(wrong)? != "mandate" {
            return Err(malformed("`marque` is not \"mandate\""));
        }
        if object.required("v").map_err(wrong)?.as_u64() != Some(VERSION) {
            return Err(malformed("of a version that this program does not know"));
        }
        let mut list = |name, most_items, most_bytes| -> Result<Vec<Secured>, Failure> {
            let items = object.required(name).map_err(wrong)?.items();
            let items = items.filter(|items| items.len() <= most_items);
            let items = items.ok_or_else(|| malformed("`chain` or `identities` is no list, or too long"))?;
            items.map(|item| decode(item.as_str().unwrap_or_default(), most_bytes)).collect()
        };
        let chain = list("chain", MAX_LINKS, MAX_LINK_BYTES)?;
        let identities = list("identities", MAX_IDENTITIES, MAX_CREDENTIAL_BYTES)?;
        object.end("mandate").map_err(wrong)?;
        Self::new(chain, identities)
    }

    /// Writes the mandate document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let texts = |items: &[Secured]| items.iter().map(|s| Value::String(encode(s))).collect::<Value>();
        json!({
            "marque": "mandate", "v": VERSION,
            "chain": texts(&self.chain), "identities": texts(&self.identities),
        })
    }

    /// The links, read.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The links as they are secured.
    #[must_use]
    pub fn chain(&self) -> &[Secured] {
        &self.chain
    }

    /// The identity credentials as they are secured.
    #[must_use]
    pub fn identities(&self) -> &[Secured] {
        &self.identities
    }

    /// Who may use it.
    #[must_use]
    pub fn subject(&self) -> Option<&Did> {
        self.links.last().map(|link| &link.delegation.id)
    }

    /// When the first link of it ends.
    #[must_use]
    pub fn valid_until(&self) -> UnixSeconds {
        self.links.iter().map(|link| link.credential.valid_until).min().unwrap_or_default()
    }
}

/// A secured credential as text: a JWT as it is, COSE in base64url.
#[must_use]
pub fn encode(secured: &Secured) -> String {
    secured.to_text().into_owned()
}

/// Reads a secured credential from text.
///
/// # Errors
/// [`Local::Usage`].
pub fn decode(text: &str, max_bytes: usize) -> Result<Secured, Failure> {
    Secured::from_text(Content::Credential, Envelope::of_text(text), text, max_bytes)
        .map_err(|error| malformed(&error.to_string()))
}

/// The link that a secured credential is.
///
/// # Errors
/// [`Local::Usage`] where it is none.
pub fn read_link(secured: &Secured) -> Result<Link, Failure> {
    let credential = Credential::read(secured.payload()).map_err(|_| malformed("a link cannot be read"))?;
    let Claims::Delegation(delegation) = &credential.claims else {
        return Err(malformed("in the chain stands what is no DelegationCredential"));
    };
    if !secured.is_plain() {
        return Err(malformed("a link has claims that can be held back, or is bound to somebody"));
    }
    Ok(Link {
        delegation: delegation.clone(),
        digest: secured.digest(),
        size_bytes: secured.bytes().len(),
        credential,
    })
}

fn read_identity(secured: &Secured) -> Result<Did, Failure> {
    let credential =
        Credential::read(secured.payload()).map_err(|_| malformed("an identity cannot be read"))?;
    match &credential.claims {
        Claims::Owner(owner) => Ok(owner.id.clone()),
        Claims::Agent(agent) => Ok(agent.id.clone()),
        Claims::Delegation(_)
        | Claims::NodeMembership(_)
        | Claims::DomainRecognition(_)
        | Claims::Approval(_)
        | Claims::TrustSignal(_) => Err(malformed("among the identities stands what is none")),
    }
}

fn malformed(why: &str) -> Failure {
    Failure::local(Local::Usage, format!("not a mandate: {why}"), "Use what marque delegate printed, whole.")
}

#[cfg(test)]
pub(crate) mod tests;
