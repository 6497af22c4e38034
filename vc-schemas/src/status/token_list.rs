//! Status List Tokens (draft-ietf-oauth-status-list, sections 4 and 5): the array in zlib, entry 0 in the
//! least significant bits of the first byte, signed as a JWT or a CWT.
//!
//! A list that is made here carries its issuer and its sequence number among the claims, so that a token
//! and a Bitstring Status List of one array stand in one order. What others sign need not have them.

mod cwt;
mod jwt;
mod lst;

use super::StatusError;
use super::array::{Bits, BitsError, Width};
use super::entry::Purpose;
use super::members::is_list_url;
use super::reference::Reference;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship};
use did_resolver::json::MAX_INTEGER;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use std::time::Duration;

pub use lst::MAX_LST_BYTES;

/// The claim of the sequence number, in both forms. Neither registry has one.
const SEQUENCE: &str = "sequence";

/// The two forms of a Status List Token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// `statuslist+jwt`.
    Jwt,
    /// `statuslist+cwt`.
    Cwt,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jwt, Self::Cwt];

    /// The media type of a token of this form.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jwt => "application/statuslist+jwt",
            Self::Cwt => "application/statuslist+cwt",
        }
    }
}

/// What a status is to whoever relies on a token (section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// 0: nothing is said against it.
    Valid,
    /// 1: over for good.
    Invalid,
    /// 2: over for the time being.
    Suspended,
    /// 3, and 12 to 15: what the application says that it is.
    Application(u8),
    /// Not assigned; what it means cannot be known.
    Unassigned(u8),
}

impl TokenStatus {
    /// The value of [`Self::Suspended`].
    const SUSPENDED: u8 = 2;

    /// The status that `value` stands for.
    #[must_use]
    pub const fn of(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            3 | 12..=15 => Self::Application(value),
            _ => Self::Unassigned(value),
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenList {
    /// `sub`: the URL of the list, which references name.
    pub url: String,
    /// `iss`, where it is a DID; what is made here has it.
    pub issuer: Option<Did>,
    /// The sequence number, at most 2^53 - 1; what is made here has it.
    pub sequence: Option<u64>,
    /// `iat`: when it was signed.
    pub issued: UnixSeconds,
    /// `nbf`.
    pub not_before: Option<UnixSeconds>,
    /// `exp`: when it is over.
    pub expires: Option<UnixSeconds>,
    /// `ttl`: how long it may be used before a newer one is asked for; whole seconds, not zero.
    pub ttl: Option<Duration>,
    /// `aggregation_uri`: where the issuer's lists are listed.
    pub aggregation: Option<String>,
    /// The entries.
    pub bits: Bits,
}

impl TokenList {
    /// Whether every field keeps the rule that stands beside it.
    fn is_sound(&self) -> bool {
        let whole =
            |ttl: Duration| ttl.as_secs() > 0 && ttl.subsec_nanos() == 0 && ttl.as_secs() <= MAX_INTEGER;
        is_list_url(&self.url)
            && self.sequence.is_none_or(|sequence| sequence <= MAX_INTEGER)
            && self.expires.is_none_or(|end| self.issued < end)
            && self.ttl.is_none_or(whole)
            && self.aggregation.as_deref().is_none_or(is_list_url)
    }

    /// What the list says at `now` of the token that `reference` stands in. That token must have been
    /// found good otherwise first: nothing here makes it so. Clocks are not forgiven anything.
    ///
    /// # Errors
    /// [`StatusError::Subject`] where the reference names another list; [`StatusError::Expired`] outside
    /// its life; [`StatusError::Bits`] where it has no such entry.
    pub fn status(&self, reference: &Reference, now: UnixSeconds) -> Result<TokenStatus, StatusError> {
        if reference.uri != self.url {
            return Err(StatusError::Subject);
        }
        if self.expires.is_some_and(|end| end <= now) || self.not_before.is_some_and(|start| now < start) {
            return Err(StatusError::Expired);
        }
        let value = self.bits.value(reference.index);
        value.map(TokenStatus::of).ok_or(StatusError::Bits(BitsError::Index))
    }
}

/// The array of a list of one bit an entry as a token says it: a set bit of a list of suspensions is 2,
/// [`TokenStatus::Suspended`], and takes two bits.
///
/// # Errors
/// [`BitsError`] where the wider array would be too long.
pub fn array_for(purpose: Purpose, bits: &Bits) -> Result<Bits, BitsError> {
    if purpose != Purpose::Suspension {
        return Ok(bits.clone());
    }
    let mut wide = Bits::wide(bits.entries(), Width::Two)?;
    bits.indices_set().try_for_each(|index| wide.put(index, TokenStatus::SUSPENDED))?;
    Ok(wide)
}

/// A token before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDraft {
    form: Form,
    kind: KeyKind,
    parts: Parts,
}

/// A token in parts, as its form signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    algorithm: KeyKind,
    key_id: String,
    /// As it is signed.
    header: Vec<u8>,
    payload: Vec<u8>,
    signing_input: Vec<u8>,
}

impl TokenDraft {
    /// Begins a token that the key `key_id`, of `kind`, will sign.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] where a field breaks the rule that stands beside it, or the issuer is
    /// not the one whose key it is, or the kind of key does not sign.
    pub fn new(list: &TokenList, form: Form, key_id: &DidUrl, kind: KeyKind) -> Result<Self, StatusError> {
        let own = list.issuer.as_ref().is_none_or(|issuer| issuer == key_id.did()) && key_id.is_key_id();
        if !own || !list.is_sound() {
            return Err(StatusError::Malformed);
        }
        let parts = match form {
            Form::Jwt => jwt::parts(list, key_id.as_str(), kind)?,
            Form::Cwt => cwt::parts(list, key_id.as_str(), kind)?,
        };
        Ok(Self { form, kind, parts })
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.parts.signing_input
    }

    /// Joins the signature to what it signs.
    ///
    /// # Errors
    /// [`StatusError::Signature`]: what does not verify is not made.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Token, StatusError> {
        let verifies = key.kind() == self.kind && key.verify(&self.parts.signing_input, signature).is_ok();
        if !verifies {
            return Err(StatusError::Signature);
        }
        let bytes = match self.form {
            Form::Jwt => jwt::join(&self.parts, signature),
            Form::Cwt => cwt::join(&self.parts, signature),
        };
        Token::parse(self.form, &bytes)
    }
}

/// A token that was read strictly, and **not yet verified**. Its bytes are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    form: Form,
    list: TokenList,
    algorithm: KeyKind,
    key_id: String,
    signed: Vec<u8>,
    signature: Vec<u8>,
    bytes: Vec<u8>,
}

impl Token {
    /// Reads a token of at most [`super::MAX_LIST_BYTES`]. Claims that are not known are passed over, as
    /// the draft has it; members of the list that are not known are refused.
    ///
    /// # Errors
    /// [`StatusError::Secured`] for the JWS or COSE_Sign1 around the claims; [`StatusError::Malformed`]
    /// for the claims; [`StatusError::Bits`] for the array.
    pub fn parse(form: Form, bytes: &[u8]) -> Result<Self, StatusError> {
        let token = match form {
            Form::Jwt => jwt::parse(bytes)?,
            Form::Cwt => cwt::parse(bytes)?,
        };
        if token.list.is_sound() { Ok(token) } else { Err(StatusError::Malformed) }
    }

    /// Verifies that `issuer`, by its newest accepted document, signed the token. Whether the list is
    /// current at `now` is not asked: an old list still says what was revoked.
    ///
    /// # Errors
    /// As [`super::StatusList::verified`].
    pub fn verified(self, issuer: &Document, now: UnixSeconds) -> Result<VerifiedToken, StatusError> {
        let key_id: DidUrl = self.key_id.parse().map_err(|_| StatusError::Issuer)?;
        let claimed = self.list.issuer.as_ref().is_none_or(|did| did == issuer.id());
        if key_id.did() != issuer.id() || !claimed {
            return Err(StatusError::Issuer);
        }
        let authorised =
            issuer.authorised(Relationship::AssertionMethod, &key_id, now).map_err(StatusError::Key)?;
        self.verify(authorised.key)?;
        Ok(VerifiedToken { token: self, issuer: issuer.id().clone() })
    }

    /// Verifies the signature by the one rule of the key's kind. Whose key it is, is for the caller.
    ///
    /// # Errors
    /// [`StatusError::Signature`], also where the token names the algorithm of another kind of key.
    pub fn verify(&self, key: &PublicKey) -> Result<(), StatusError> {
        let fits = key.kind() == self.algorithm && key.verify(&self.signed, &self.signature).is_ok();
        if fits { Ok(()) } else { Err(StatusError::Signature) }
    }

    /// What it says.
    #[must_use]
    pub const fn list(&self) -> &TokenList {
        &self.list
    }

    /// Its form.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The key that is said to have signed, as it was written.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// SHA-256 of what its signature covers.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        codec::sha256(&self.signed)
    }

    /// The whole as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A token that its issuer signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    token: Token,
    issuer: Did,
}

impl VerifiedToken {
    /// The token.
    #[must_use]
    pub const fn token(&self) -> &Token {
        &self.token
    }

    /// Who signed it.
    #[must_use]
    pub const fn issuer(&self) -> &Did {
        &self.issuer
    }
}

#[cfg(test)]
mod tests;
