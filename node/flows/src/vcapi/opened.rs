//! A secured document of any kind, in whichever envelope it came, read and not yet verified.

use super::Failure;
use super::proofs::Proofs;
use crate::domain::Domain;
use crate::linked_data::LinkedDataError;
use did_resolver::did::DidUrl;
use did_resolver::keys::PublicKey;
use serde_json::Value;
use vc_schemas::data_model::{Document, Problem, Typed};
use vc_schemas::refusal::Path;
use vc_schemas::secure::linked_data::{LinkedData, is_spoken};
use vc_schemas::secure::sd_jwt::{Profile, SdJwt};
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, MAX_PRESENTATION_BYTES, Secured};

/// What stands before an SD-JWT in a `data:` URL.
pub(super) const SD_JWT_URL: &str = "data:application/vc+sd-jwt,";

/// The envelopes that are taken and given beside it.
pub(super) const ENVELOPES: [Envelope; 3] = [Envelope::DataIntegrity, Envelope::Jwt, Envelope::Cose];

/// The cryptosuites that are spoken here.
pub(super) const SUITES: [&str; 2] = ["eddsa-jcs-2022", "ecdsa-jcs-2019"];

/// A document in its envelope.
pub(super) enum Opened {
    Secured(Box<Secured>),
    SdJwt(Box<SdJwt>),
    LinkedData(Box<LinkedData>),
    Proofs(Box<Proofs>),
}

impl Domain {
    /// Reads a document as [`Opened::read`] does; a credential with a proof over RDF canonicalisation too,
    /// where somebody here canonicalises.
    pub(super) fn open(&self, content: Content, json: &Value) -> Result<Opened, Failure> {
        if content == Content::Credential && json.get("proof").is_some_and(is_spoken) {
            let path = || Path::root().then("proof");
            let read = self.read_linked_data(json);
            if let Some(read) = read.map_err(|error| Problem::of_secured(&error, path()))? {
                return Ok(Opened::LinkedData(Box::new(read)));
            }
        }
        Opened::read(content, json)
    }

    /// Whether the signature at `at`, counted from 0, of a document is by `key`, and its proof in time.
    pub(super) async fn is_signed(&self, opened: &Opened, at: usize, key: &PublicKey) -> Result<(), Failure> {
        let (now, skew, path) = (self.now(), self.policy().skew, Path::root().then("proof"));
        let verified = match opened {
            Opened::Secured(secured) => secured.verify(key, now, skew),
            Opened::SdJwt(sd_jwt) => sd_jwt.verify(key),
            Opened::Proofs(proofs) => return proofs.verify(at, key, (now, skew)),
            Opened::LinkedData(read) => match self.verify_linked_data(read, key).await {
                Ok(()) => Ok(()),
                Err(LinkedDataError::Secured(error)) => Err(error),
                Err(error) => return Err(error.refusal().into()),
            },
        };
        Ok(verified.map_err(|error| Problem::of_secured(&error, path))?)
    }
}

impl Opened {
    /// Reads a credential or presentation with Data Integrity proofs, or one in an envelope.
    pub(super) fn read(content: Content, json: &Value) -> Result<Self, Failure> {
        match (content, Document::read(json)?) {
            (Content::Credential, Document::Credential(credential)) => {
                embedded(content, json, &credential.proofs)
            }
            (Content::Presentation, Document::Presentation(presentation)) => {
                embedded(content, json, &presentation.proofs)
            }
            (Content::Credential, Document::EnvelopedCredential(url))
            | (Content::Presentation, Document::EnvelopedPresentation(url)) => enveloped(content, &url),
            _ => Err(Failure::malformed(Path::root().then("type"), "a document of another kind")),
        }
    }

    /// The keys that signed it, as it says, and where it says so.
    pub(super) fn key_ids(&self) -> Vec<(&DidUrl, Path)> {
        let key_id = match self {
            Self::Secured(secured) => secured.key_id(),
            Self::SdJwt(sd_jwt) => sd_jwt.key_id(),
            Self::LinkedData(read) => read.key_id(),
            Self::Proofs(proofs) => return proofs.key_ids(),
        };
        vec![(key_id, Path::root().then("proof"))]
    }

    /// The document itself.
    pub(super) fn payload(&self) -> &Value {
        match self {
            Self::Secured(secured) => secured.payload(),
            Self::SdJwt(sd_jwt) => sd_jwt.document(),
            Self::LinkedData(read) => read.payload(),
            Self::Proofs(proofs) => proofs.payload(),
        }
    }

    /// The challenge that it answers and the domain that it is for, where it says so.
    pub(super) fn bound_to(&self) -> (Option<&str>, Option<&str>) {
        let text = |name: &str| self.payload().get(name).and_then(Value::as_str);
        match self {
            Self::Secured(secured) => match secured.terms() {
                Some(terms) => (terms.challenge.as_deref(), terms.domain.as_deref()),
                None => (text("nonce"), text("aud")),
            },
            Self::Proofs(proofs) => proofs.bound(),
            Self::SdJwt(_) | Self::LinkedData(_) => (None, None),
        }
    }
}

/// What is in an envelope that is an SD-JWT.
pub(super) fn sd_jwt(text: &str) -> Result<SdJwt, Failure> {
    let id = || Path::root().then("id");
    let sd_jwt = SdJwt::parse(text.as_bytes(), MAX_CREDENTIAL_BYTES);
    let sd_jwt = sd_jwt.map_err(|error| Problem::of_secured(&error, id()))?;
    if sd_jwt.profile() != Profile::Vc {
        return Err(Failure::malformed(id(), "not a vc+sd-jwt"));
    }
    if sd_jwt.binding().is_some() {
        return Err(Failure::malformed(id(), "its key binding is for one verifier, and no part of it"));
    }
    Ok(sd_jwt)
}

fn enveloped(content: Content, url: &str) -> Result<Opened, Failure> {
    if let (Content::Credential, Some(text)) = (content, url.strip_prefix(SD_JWT_URL)) {
        return sd_jwt(text).map(|sd_jwt| Opened::SdJwt(Box::new(sd_jwt)));
    }
    let secured = Secured::from_data_url(content, url, max_bytes(content));
    let secured = secured.map_err(|error| Problem::of_secured(&error, Path::root().then("id")))?;
    if !ENVELOPES.contains(&secured.envelope()) {
        return Err(Failure::malformed(Path::root().then("id"), "in an envelope that is not taken here"));
    }
    Ok(Opened::Secured(Box::new(secured)))
}

fn embedded(content: Content, json: &Value, proofs: &[Typed]) -> Result<Opened, Failure> {
    let path = Path::root().then("proof");
    let spoken = |proof: &Typed| {
        let suite = proof.members.get("cryptosuite").and_then(Value::as_str);
        proof.types.contains("DataIntegrityProof") && suite.is_some_and(|suite| SUITES.contains(&suite))
    };
    if proofs.is_empty() {
        return Err(Failure::insecure(path, "nothing secures it"));
    }
    if !proofs.iter().all(spoken) {
        return Err(Failure::insecure(path, "its proof is by a cryptosuite that is not spoken here"));
    }
    if proofs.len() > 1 {
        return Ok(Opened::Proofs(Box::new(Proofs::read(content, json, max_bytes(content))?)));
    }
    let secured = Secured::embedded(content, json, max_bytes(content));
    let secured = secured.map_err(|error| Problem::of_secured(&error, path))?;
    Ok(Opened::Secured(Box::new(secured)))
}

const fn max_bytes(content: Content) -> usize {
    match content {
        Content::Credential => MAX_CREDENTIAL_BYTES,
        Content::Presentation => MAX_PRESENTATION_BYTES,
    }
}
