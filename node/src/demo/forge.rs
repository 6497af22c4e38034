//! What only somebody with the keys can make, made by hand: presentations of what no command would
//! present, and links that no node would register.

use super::nodes::{Node, Nodes, failure};
use crate::data::Kind;
use crate::failure::Failure;
use crate::files;
use crate::mandate::{self, Mandate};
use crate::signing::{self, ASSERTION};
use crate::wallet::Wallet;
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::webvh::{Log, MAX_LOG_BYTES};
use marque_store::keyfile::KeyFile;
use marque_store::secret::{Passphrase, SecretKey};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use vc_schemas::claims::{Claims, Delegation, Owner, OwnerKind, StatusPair};
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::delegation::constraints::Constraints;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};
use vc_schemas::status::{Purpose, StatusEntry};

/// How long a presentation and a forged credential count.
const LIFE: Duration = Duration::from_secs(240);

/// Somebody whose keys are in a data folder.
pub(super) struct Signer {
    document: Document,
    keys: KeyFile,
    /// Its identity credential, as the node gave it.
    pub(super) identity: Option<Secured>,
}

impl Signer {
    /// An agent or owner of a node of the demo.
    pub(super) fn open(nodes: &Nodes, node: &Node, kind: Kind, name: &str) -> Result<Self, Failure> {
        let wallet = Wallet::load(&node.data, kind, name, signing::now())?;
        let wallet = wallet.ok_or_else(|| failure(format!("{name} has no wallet")))?;
        let keys = open(&node.data.party_keys(kind, name), nodes.passphrase())?;
        let document = wallet.log.document().cloned().ok_or_else(|| failure("deactivated".to_owned()))?;
        let identity = mandate::decode(&wallet.credential, MAX_CREDENTIAL_BYTES)?;
        Ok(Self { document, keys, identity: Some(identity) })
    }

    /// The domain of a data folder itself.
    pub(super) fn domain(nodes: &Nodes, node: &Node) -> Result<Self, Failure> {
        let bytes = files::read(&node.data.domain_log(), MAX_LOG_BYTES)?;
        let log = Log::verify(&bytes, signing::now()).map_err(|error| failure(error.to_string()))?;
        let document = log.document().cloned().ok_or_else(|| failure("deactivated".to_owned()))?;
        let keys = open(&node.data.node_keys(), nodes.passphrase())?;
        Ok(Self { document, keys, identity: None })
    }

    pub(super) fn did(&self) -> &Did {
        self.document.id()
    }

    fn key(&self) -> Result<&SecretKey, Failure> {
        signing::key(&self.keys, ASSERTION)
    }

    fn sign(&self, content: Content, payload: Value) -> Result<Secured, Failure> {
        signing::secure(content, Envelope::Jwt, payload, &self.document, self.key()?)
    }

    /// Presents `credentials` to a verifier.
    pub(super) fn present(
        &self,
        nonce: &str,
        audience: &str,
        credentials: Vec<Secured>,
    ) -> Result<Vec<u8>, Failure> {
        let now = signing::now();
        let presentation = Presentation {
            holder: self.did().clone(),
            audience: audience.to_owned(),
            nonce: nonce.to_owned(),
            issued: now,
            expires: now.plus(LIFE),
            credentials,
        };
        Ok(self.sign(Content::Presentation, presentation.to_json())?.bytes().to_vec())
    }

    /// The link of a mandate, signed once more with other capabilities.
    pub(super) fn widen(&self, link: &Secured, capabilities: &[&str]) -> Result<Secured, Failure> {
        let mut credential = read(link)?;
        if let Claims::Delegation(delegation) = &mut credential.claims {
            delegation.capabilities = scope(capabilities)?;
        }
        self.sign(Content::Credential, credential.to_json())
    }

    /// A first link by this signer, as its own principal.
    pub(super) fn root(&self, subject: &Did, capabilities: &[&str]) -> Result<Secured, Failure> {
        let delegation = Delegation {
            id: subject.clone(),
            principal: self.did().clone(),
            capabilities: scope(capabilities)?,
            constraints: Constraints::default(),
            parent: None,
        };
        self.credential(Claims::Delegation(delegation))
    }

    /// An OwnerCredential of this domain for itself: what anybody can write who makes a domain.
    pub(super) fn own_owner(&self) -> Result<Secured, Failure> {
        let owner = Owner {
            id: self.did().clone(),
            kind: OwnerKind::Organization,
            domain: "stranger.test".to_owned(),
            status: status(),
        };
        self.credential(Claims::Owner(owner))
    }

    fn credential(&self, claims: Claims) -> Result<Secured, Failure> {
        let now = signing::now();
        let credential = Credential {
            id: uuid_urn(signing::random()?),
            issuer: self.did().clone(),
            valid_from: now,
            valid_until: now.plus(LIFE),
            status: status(),
            claims,
        };
        self.sign(Content::Credential, credential.to_json())
    }
}

fn open(path: &Path, passphrase: &Path) -> Result<KeyFile, Failure> {
    let text = files::read(passphrase, 1_024)?;
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let passphrase = Passphrase::new(text).map_err(|error| failure(error.to_string()))?;
    KeyFile::open(path, &passphrase).map_err(|error| signing::keys(&error))
}

fn status() -> StatusPair {
    let entry = |purpose: Purpose| StatusEntry {
        purpose,
        index: 1,
        list: format!("https://stranger.test/status/{}", purpose.as_str()),
    };
    StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
}

fn read(secured: &Secured) -> Result<Credential, Failure> {
    Credential::read(secured.payload()).map_err(|_| failure("a link that does not read back".to_owned()))
}

fn scope(texts: &[&str]) -> Result<Scope, Failure> {
    let capabilities: Result<Vec<_>, _> = texts.iter().map(|text| text.parse()).collect();
    capabilities.and_then(Scope::new).map_err(|error| failure(error.to_string()))
}

/// What a holder presents: chain, identities, and its own identity credential.
pub(super) fn all(mandate: &Mandate, holder: &Signer) -> Vec<Secured> {
    let mut credentials = mandate.chain().to_vec();
    credentials.extend(mandate.identities().iter().cloned());
    credentials.extend(holder.identity.iter().cloned());
    credentials
}
