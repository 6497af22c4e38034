//! Issuing an SD-JWT in two steps (RFC 9901, section 4.2).

use super::{Profile, SdJwt};
use crate::disclosure::{Disclosure, Pointer, conceal};
use crate::secure::{MAX_CREDENTIAL_BYTES, SecureError, jose, read_key_id, verify};
use did_resolver::did::DidUrl;
use did_resolver::jcs;
use did_resolver::json::JsonError;
use did_resolver::keys::{KeyKind, PublicKey};
use serde_json::Value;

/// An SD-JWT before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdJwtDraft {
    kind: KeyKind,
    signing_input: Vec<u8>,
    disclosures: Vec<Disclosure>,
}

impl SdJwtDraft {
    /// Begins to secure `document`, in which `hidden` can be held back by its holder, by the key `key_id`,
    /// which is of `kind`. For `decoys` and `seed` see [`conceal`].
    ///
    /// # Errors
    /// What [`SdJwt::parse`] would refuse: [`SecureError::Concealed`] for what verifiers must see,
    /// [`SecureError::Claims`], [`SecureError::KeyId`], [`SecureError::Disclosure`];
    /// [`SecureError::Algorithm`] for a kind that does not sign credentials.
    pub fn new(
        profile: Profile,
        document: &Value,
        (hidden, decoys, seed): (&[Pointer], usize, &[u8; 32]),
        key_id: &DidUrl,
        kind: KeyKind,
    ) -> Result<Self, SecureError> {
        if !hidden.iter().all(|place| profile.may_hide(place)) {
            return Err(SecureError::Concealed);
        }
        read_key_id(key_id.as_str())?;
        let concealed = conceal(document, hidden, decoys, seed)?;
        let payload =
            jcs::canonical(&concealed.document).map_err(|_| SecureError::Json(JsonError::Integer))?;
        if payload.len() > MAX_CREDENTIAL_BYTES {
            return Err(SecureError::TooLong);
        }
        let cty = match profile {
            Profile::Vc => Some("vc"),
            Profile::Dc => None,
        };
        let signing_input =
            jose::signing_input_of(kind, profile.format(), cty, Some(key_id.as_str()), &payload)?;
        let draft = Self { kind, signing_input, disclosures: concealed.disclosures };
        // Nothing is made that would not be read; the signature is not looked at here.
        let length = kind.signature_bytes().ok_or(SecureError::Algorithm)?;
        SdJwt::parse(draft.text(&vec![0; length]).as_bytes(), usize::MAX)?;
        Ok(draft)
    }

    fn text(&self, signature: &[u8]) -> String {
        let jwt = jose::compact(&self.signing_input, signature);
        let mut text = format!("{}~", String::from_utf8_lossy(&jwt));
        for disclosure in &self.disclosures {
            text.push_str(disclosure.as_str());
            text.push('~');
        }
        text
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    /// Joins the signature to what it signs, with every disclosure beside it.
    ///
    /// # Errors
    /// As [`SdJwt::verify`]: what does not verify is not made.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<SdJwt, SecureError> {
        verify(self.kind, key, &self.signing_input, signature)?;
        SdJwt::parse(self.text(signature).as_bytes(), usize::MAX)
    }
}
