//! Proof of possession: whoever registers a DID signs this node's nonce with its own key.

use crate::domain::Domain;
use crate::error::Error;
use did_resolver::document::{Document, Relationship};
use did_resolver::webvh::Log;
use marque_rules::replay::NonceError;
use vc_schemas::code::Code;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

impl Domain {
    /// A nonce for one verification or registration here.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn new_nonce(&self) -> Result<String, Error> {
        let random = crate::ports::clock::random(self.entropy.as_ref())?;
        let now = self.now();
        Ok(self.with_nonces(|nonces| nonces.mint(random, now)))
    }

    /// Uses up a nonce, once.
    pub(crate) fn claim_nonce(&self, nonce: &str) -> Result<(), Error> {
        let now = self.now();
        self.with_nonces(|nonces| nonces.claim(nonce, now)).map_err(|error| match error {
            NonceError::NotGiven => Error::member(
                Code::NonceMismatch,
                "nonce",
                "not a nonce that was given and is still honoured",
            ),
            NonceError::Used => Error::member(Code::NonceReplayed, "nonce", "the nonce was used before"),
            NonceError::Full => Error::refused(Code::Unavailable, "too many nonces are in use"),
        })
    }

    /// Checks that `proof`, a presentation without credentials, is signed over a nonce of this node by
    /// a lasting authentication key of the DID that `log` describes. Uses up the nonce.
    pub(crate) fn check_possession(&self, proof: &[u8], log: &Log) -> Result<(), Error> {
        let refuse = |detail| Error::member(Code::PossessionUnproven, "proof", detail);
        let secured = Secured::parse(Content::Presentation, Envelope::Jwt, proof, MAX_PRESENTATION_BYTES)
            .map_err(|_| refuse("not a vp+jwt"))?;
        let said = Presentation::read(&secured).map_err(|_| refuse("not a presentation"))?;
        if !said.credentials.is_empty() {
            return Err(refuse("presents credentials, so it was made for a verification"));
        }
        let document: &Document = log.document().ok_or(refuse("the DID is deactivated"))?;
        let now = self.now();
        let in_time = said.issued <= now.plus(self.policy.skew) && said.expires > now.minus(self.policy.skew);
        if said.holder != *log.did() || said.audience != self.home.did.as_str() || !in_time {
            return Err(refuse("made by somebody else, for somebody else, or too long ago"));
        }
        let key = document
            .authorised(Relationship::Authentication, secured.key_id(), now)
            .map_err(|_| refuse("not signed by an authentication key of the DID"))?;
        if key.retiring {
            return Err(refuse("signed by a key on its way out"));
        }
        secured
            .verify(key.key, now, self.policy.skew)
            .map_err(|_| refuse("the signature does not verify"))?;
        self.claim_nonce(&said.nonce)
    }
}
