//! What is held: a presentation with its credentials, read by type and not yet verified.

use crate::chain::{Link, MAX_LINKS};
use crate::claims::{Approval, Claims, StatusPair};
use crate::code::Code;
use crate::credential::{Credential, CredentialError};
use crate::presentation::{Presentation, PresentationError};
use crate::refusal::{Path, Refusal};
use crate::secure::{Content, SecureError, Secured};
use crate::seen::{Known, Read, Seen};
use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::webvh::WebvhId;
use std::fmt;
use std::sync::Arc;

/// A presentation, read.
#[derive(Debug, Clone)]
pub struct Held {
    secured: Secured,
    presentation: Presentation,
    links: Vec<Arc<Link>>,
    link_envelopes: Vec<Signed>,
    identities: Vec<Identity>,
    approval: Option<Approved>,
}

/// What bears a signature, and the key under which that verified before.
#[derive(Clone)]
pub(super) struct Signed {
    pub(super) secured: Secured,
    pub(super) before: Option<PublicKey>,
}

/// What was verified before is no part of what is held.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.secured.fmt(f)
    }
}

/// An approval, read.
#[derive(Debug, Clone)]
pub struct Approved {
    pub(super) credential: Arc<Credential>,
    pub(super) approval: Approval,
    pub(super) secured: Secured,
}

impl Approved {
    /// The credential.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

/// An identity credential, read.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) credential: Arc<Credential>,
    /// Who issued it, where that is a did:webvh.
    pub(super) issuer: Option<WebvhId>,
    pub(super) signed: Signed,
}

impl Identity {
    /// The credential.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// The SCID of the domain that issued it; `None` where the issuer is no did:webvh.
    #[must_use]
    pub fn domain_scid(&self) -> Option<&str> {
        self.issuer.as_ref().map(WebvhId::scid)
    }
}

/// Where the status of its subject stands.
pub(super) const fn subject_status(credential: &Credential) -> Option<&StatusPair> {
    match &credential.claims {
        Claims::Owner(owner) => Some(&owner.status),
        Claims::Agent(agent) => Some(&agent.status),
        Claims::Delegation(_)
        | Claims::NodeMembership(_)
        | Claims::DomainRecognition(_)
        | Claims::Approval(_)
        | Claims::TrustSignal(_) => None,
    }
}

impl Held {
    /// Reads a secured presentation.
    ///
    /// # Errors
    /// [`Refusal`]: something in it cannot be read, is not of a type that belongs into a
    /// presentation, or stands there twice.
    pub fn read(secured: Secured) -> Result<Self, Refusal> {
        Self::of(secured, None)
    }

    /// As [`Self::read`], with the same result, and reads no credential again that is in `seen`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_with(secured: Secured, seen: &Seen) -> Result<Self, Refusal> {
        Self::of(secured, Some(seen))
    }

    fn of(secured: Secured, seen: Option<&Seen>) -> Result<Self, Refusal> {
        if secured.content() != Content::Presentation {
            return Err(malformed("not a presentation"));
        }
        let (presentation, known) =
            Presentation::read_with(&secured, seen).map_err(|error| presentation_refusal(&error))?;
        let mut held = Self {
            secured,
            presentation,
            links: Vec::new(),
            link_envelopes: Vec::new(),
            identities: Vec::new(),
            approval: None,
        };
        let credentials = held.presentation.credentials.clone().into_iter().zip(known);
        for (at, (secured, known)) in credentials.enumerate() {
            let read = || Read::of(&secured).map_err(|error| credential_refusal(Path::entry(at), error));
            let (read, before) = match known {
                Some(Known { read, key }) => (read, Some(key)),
                None => (read()?, None),
            };
            held.add(at, read, Signed { secured, before })?;
        }
        Ok(held)
    }

    fn add(&mut self, at: usize, read: Read, signed: Signed) -> Result<(), Refusal> {
        let credential = match read {
            Read::Link(link) => {
                if !signed.secured.is_plain() {
                    let path = Path::link(self.links.len());
                    return Err(SecureError::Concealed.refusal(Content::Credential, path));
                }
                if self.links.len() >= MAX_LINKS {
                    return Err(Refusal::new(
                        Code::ChainTooLong,
                        Path::link(MAX_LINKS),
                        "more than eight links",
                    ));
                }
                self.links.push(link);
                self.link_envelopes.push(signed);
                return Ok(());
            }
            Read::Other(credential) => credential,
        };
        match &credential.claims {
            Claims::Owner(_) | Claims::Agent(_) => {
                if self.identity(credential.claims.subject()).is_some() {
                    return Err(malformed("two identity credentials of one subject"));
                }
                let issuer = WebvhId::parse(&credential.issuer).ok();
                self.identities.push(Identity { credential, issuer, signed });
            }
            Claims::Approval(approval) => {
                if !signed.secured.is_plain() {
                    return Err(SecureError::Concealed.refusal(Content::Credential, Path::entry(at)));
                }
                let (approval, secured) = (approval.clone(), signed.secured);
                let approved = Approved { approval, credential: Arc::clone(&credential), secured };
                if self.approval.replace(approved).is_some() {
                    return Err(malformed("more than one approval"));
                }
            }
            Claims::Delegation(_)
            | Claims::NodeMembership(_)
            | Claims::DomainRecognition(_)
            | Claims::TrustSignal(_) => {
                return Err(malformed("a credential of a type that does not belong here"));
            }
        }
        Ok(())
    }

    /// What the presentation says.
    #[must_use]
    pub const fn presentation(&self) -> &Presentation {
        &self.presentation
    }

    /// The presentation as it is secured.
    #[must_use]
    pub const fn secured(&self) -> &Secured {
        &self.secured
    }

    /// The links, in the order in which they are presented.
    #[must_use]
    pub fn links(&self) -> &[Arc<Link>] {
        &self.links
    }

    /// The identity credential of `subject`.
    #[must_use]
    pub fn identity(&self, subject: &Did) -> Option<&Identity> {
        self.identities.iter().find(|identity| identity.credential.claims.subject() == subject)
    }

    /// The approval, if one is presented.
    #[must_use]
    pub const fn approval(&self) -> Option<&Approved> {
        self.approval.as_ref()
    }

    pub(super) fn identities(&self) -> &[Identity] {
        &self.identities
    }

    pub(super) fn signed_links(&self) -> impl Iterator<Item = (usize, &Arc<Link>, &Signed)> {
        self.links.iter().zip(&self.link_envelopes).enumerate().map(|(at, (link, signed))| (at, link, signed))
    }

    /// The DIDs on the path: the principal, then the subject of each link.
    pub(super) fn path(&self) -> impl Iterator<Item = &Did> {
        let principal = self.links.first().map(|link| &link.credential.issuer);
        principal.into_iter().chain(self.links.iter().map(|link| &link.delegation.id))
    }

    /// The place of `subject` on the path, for messages.
    pub(super) fn place(&self, subject: &Did) -> Path {
        Path::identity(self.path().position(|did| did == subject).unwrap_or_default())
    }

    /// Every credential with its place.
    pub(super) fn credentials(&self) -> impl Iterator<Item = (Path, &Credential)> {
        let links = self.links.iter().enumerate().map(|(at, link)| (Path::link(at), &link.credential));
        let identities =
            self.identities.iter().map(|i| (self.place(i.credential.claims.subject()), i.credential()));
        let approval = self.approval.iter().map(|approved| (Path::approval(), approved.credential()));
        links.chain(identities).chain(approval)
    }
}

fn malformed(detail: &'static str) -> Refusal {
    Refusal::new(Code::PresentationMalformed, Path::root().then("verifiableCredential"), detail)
}

fn presentation_refusal(error: &PresentationError) -> Refusal {
    match error {
        PresentationError::Context => Refusal::new(
            Code::ContextUnknown,
            Path::root().then("@context"),
            "not the context of VC 2.0 alone",
        ),
        PresentationError::Malformed(member) => Refusal::new(
            Code::PresentationMalformed,
            Path::root().then(member),
            "missing, of the wrong shape, or with members that are not known",
        ),
        PresentationError::Credential { at, error } => error.refusal(Content::Credential, Path::entry(*at)),
    }
}

pub(super) fn credential_refusal(path: Path, error: CredentialError) -> Refusal {
    match error {
        CredentialError::Context => {
            Refusal::new(Code::ContextUnknown, path.then("@context"), "not the embedded contexts")
        }
        CredentialError::Malformed(member) => Refusal::new(
            Code::CredentialMalformed,
            path.then(member),
            "missing, of the wrong shape, or with members that are not known",
        ),
        CredentialError::ConstraintUnknown => {
            Refusal::new(Code::ConstraintUnknown, path.then("constraints"), "a constraint that is not known")
        }
    }
}
