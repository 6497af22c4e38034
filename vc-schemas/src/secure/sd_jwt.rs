//! SD-JWT: a JWT in which digests stand for claims, disclosures beside it, and a binding of the holder
//! to one verifier (RFC 9901). In two profiles, told apart by `typ`: [`Profile::Vc`] carries a VC 2.0
//! document (VC-JOSE-COSE, section 3.2), [`Profile::Dc`] JWT claims (draft-ietf-oauth-sd-jwt-vc).
//!
//! The header is read as that of any JWS here: it names an algorithm and a key and brings neither.

mod binding;
mod draft;
mod claims;
mod enveloped;

pub(super) use enveloped::{EnvelopeDraft, envelope_of, read};

pub use binding::{BindingDraft, KeyBinding, MAX_BINDING_AGE};
pub use draft::SdJwtDraft;

use super::jose::{self, Jws};
use super::{Content, SecureError};
use crate::disclosure::{Disclosure, MAX_DISCLOSURES, Pointer, Revealed, choose, digest, reveal};
use did_resolver::did::DidUrl;
use did_resolver::keys::{KeyKind, PublicKey};
use serde_json::Value;

/// What a verifier of a VC 2.0 document must see: the claims that decide whether it counts (VC-JOSE-COSE,
/// section 3.2.1, which says should; here it is must).
const OPEN_IN_VC: [&str; 10] = [
    "@context",
    "type",
    "issuer",
    "validFrom",
    "validUntil",
    "credentialStatus",
    "credentialSchema",
    "relatedResource",
    "termsOfUse",
    "cnf",
];

/// What a verifier of claims must see (draft-ietf-oauth-sd-jwt-vc, section 3.2.2.2).
const OPEN_IN_DC: [&str; 8] = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"];

/// What the payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    /// `vc+sd-jwt`: a VC 2.0 credential.
    Vc,
    /// `dc+sd-jwt`: JWT claims, whose type is `vct`.
    Dc,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vc, Self::Dc];

    /// The `typ`: the media type without `application/`.
    #[must_use]
    pub const fn format(self) -> &'static str {
        match self {
            Self::Vc => "vc+sd-jwt",
            Self::Dc => "dc+sd-jwt",
        }
    }

    /// The members that cannot be hidden, nor anything in them.
    const fn open(self) -> &'static [&'static str] {
        match self {
            Self::Vc => &OPEN_IN_VC,
            Self::Dc => &OPEN_IN_DC,
        }
    }

    /// Whether the member or element at `place` may be hidden.
    fn may_hide(self, place: &Pointer) -> bool {
        place.steps().first().is_some_and(|first| !self.open().contains(&first.as_str()))
    }
}

/// An SD-JWT that was read strictly, and **not yet verified**.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdJwt {
    profile: Profile,
    jws: Jws,
    key_id: DidUrl,
    /// The payload as it was signed.
    signed: Value,
    revealed: Revealed,
    disclosures: Vec<Disclosure>,
    binding: Option<KeyBinding>,
    /// The whole, the binding excepted: what `sd_hash` is over.
    unbound: String,
}

impl SdJwt {
    /// Reads an SD-JWT of at most `max_bytes`: the JWT, its disclosures and perhaps a key binding, each
    /// ended by a tilde but the last. What its disclosures show is a credential of its profile.
    ///
    /// # Errors
    /// [`SecureError::TooLong`], [`SecureError::Malformed`]; those of [`Jws::parse`];
    /// [`SecureError::Type`] for another `typ`; [`SecureError::KeyId`]; [`SecureError::Disclosure`];
    /// [`SecureError::Concealed`]; [`SecureError::Claims`]; [`SecureError::KeyBinding`] for a binding that
    /// is not of its form.
    pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        if bytes.len() > max_bytes {
            return Err(SecureError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SecureError::Malformed)?;
        let (unbound, last) = text.rsplit_once('~').ok_or(SecureError::Malformed)?;
        let mut parts = unbound.split('~');
        let jws = Jws::parse(parts.next().unwrap_or_default().as_bytes(), max_bytes)?;
        let profile = Profile::ALL.into_iter().find(|p| jose::names_media_type(jws.typ(), p.format()));
        let profile = profile.ok_or(SecureError::Type)?;
        let key_id = super::read_key_id(jws.key_id())?;
        let signed = jose::object(jws.payload(), max_bytes)?;
        let given: Vec<&str> = parts.collect();
        if given.len() > MAX_DISCLOSURES {
            return Err(SecureError::TooLong);
        }
        let disclosures = given.into_iter().map(Disclosure::parse).collect::<Result<Vec<_>, _>>()?;
        let revealed = reveal(&signed, &disclosures)?;
        if !revealed.disclosed.iter().all(|(place, _)| profile.may_hide(place)) {
            return Err(SecureError::Concealed);
        }
        check(profile, &jws, &revealed.document)?;
        let unbound = format!("{unbound}~");
        let binding = if last.is_empty() { None } else { Some(KeyBinding::parse(last)?) };
        Ok(Self { profile, jws, key_id, signed, revealed, disclosures, binding, unbound })
    }

    /// Verifies the issuer's signature. Nothing is said of the holder's binding: see
    /// [`Self::verify_binding`].
    ///
    /// # Errors
    /// As [`Jws::verify`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SecureError> {
        self.jws.verify(key)
    }

    /// What the payload is.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// The key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> &DidUrl {
        &self.key_id
    }

    /// The kind of key that the header's algorithm belongs to.
    #[must_use]
    pub const fn algorithm(&self) -> KeyKind {
        self.jws.algorithm()
    }

    /// The credential as its disclosures show it.
    #[must_use]
    pub const fn document(&self) -> &Value {
        &self.revealed.document
    }

    /// The payload as it was signed, with digests in it.
    #[must_use]
    pub const fn signed(&self) -> &Value {
        &self.signed
    }

    /// Where what was disclosed stands in [`Self::document`].
    pub fn disclosed(&self) -> impl Iterator<Item = &Pointer> {
        self.revealed.disclosed.iter().map(|(place, _)| place)
    }

    /// Whether the issuer let nothing be held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.signed == self.revealed.document
    }

    /// The holder's binding, if there is one.
    #[must_use]
    pub const fn binding(&self) -> Option<&KeyBinding> {
        self.binding.as_ref()
    }

    /// The key that the issuer bound this credential to: `cnf` with a `jwk` (RFC 7800, section 3.2).
    ///
    /// # Errors
    /// [`SecureError::KeyBinding`] for a `cnf` of another form.
    pub fn holder_key(&self) -> Result<Option<PublicKey>, SecureError> {
        let Some(confirmation) = self.document().get("cnf") else { return Ok(None) };
        let members = confirmation.as_object().filter(|members| members.len() == 1);
        let jwk = members.and_then(|members| members.get("jwk")).ok_or(SecureError::KeyBinding)?;
        PublicKey::from_jwk(jwk).map(Some).map_err(|_| SecureError::KeyBinding)
    }

    /// The same credential with the disclosures that `wanted` needs, and no binding.
    ///
    /// # Errors
    /// [`SecureError::Disclosure`] where `wanted` leads to nothing that is held.
    pub fn present(&self, wanted: &[Pointer]) -> Result<Self, SecureError> {
        let chosen = choose(&self.signed, &self.disclosures, wanted)?;
        let jwt = self.unbound.split('~').next().unwrap_or_default();
        let text: String = std::iter::once(jwt)
            .chain(chosen.into_iter().map(Disclosure::as_str))
            .map(|p| format!("{p}~"))
            .collect();
        Self::parse(text.as_bytes(), usize::MAX)
    }

    /// The whole as it came.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}{}", self.unbound, self.binding.as_ref().map(KeyBinding::as_str).unwrap_or_default())
    }

    /// The digest to which a binding is made (RFC 9901, section 4.3.1).
    fn sd_hash(&self) -> String {
        digest(&self.unbound)
    }
}

/// Whether what is shown is a credential of its profile.
fn check(profile: Profile, jws: &Jws, document: &Value) -> Result<(), SecureError> {
    let Some(members) = document.as_object() else { return Err(SecureError::Malformed) };
    match profile {
        Profile::Vc => {
            if !jws.cty().is_none_or(|cty| jose::names_media_type(cty, Content::Credential.subtype())) {
                return Err(SecureError::Type);
            }
            jose::check_claims(document.into(), Content::Credential.actor(), jws.issuer())
        }
        Profile::Dc => {
            let text =
                |name: &str| members.get(name).is_none_or(|v| v.as_str().is_some_and(|t| !t.is_empty()));
            let number = |name: &str| members.get(name).is_none_or(Value::is_u64);
            let good = members.contains_key("vct")
                && ["vct", "iss", "sub", "jti", "vct#integrity"].into_iter().all(text)
                && ["iat", "nbf", "exp"].into_iter().all(number)
                && jws.cty().is_none()
                && jws.issuer().is_none_or(|iss| members.get("iss").is_some_and(|claim| claim == iss));
            if good { Ok(()) } else { Err(SecureError::Claims) }
        }
    }
}

#[cfg(test)]
mod tests;
