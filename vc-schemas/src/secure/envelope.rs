//! What is secured and how, and the names of both: the media types of VC-JOSE-COSE, section 6, and of
//! VC Data Model 2.0, section 6.

use super::{SecureError, cose, sd_jwt};
use did_resolver::codec;
use std::borrow::Cow;

/// As much base64url as the start of a COSE_Sign1 has, up to the end of its longest protected header.
const MAX_START_CHARACTERS: usize = (cose::MAX_PROTECTED_BYTES + 8) / 3 * 4;

/// How a document is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Envelope {
    /// JWS in compact form: `vc+jwt`, `vp+jwt`.
    Jwt,
    /// COSE_Sign1 over the JSON: `vc+cose`, `vp+cose`.
    Cose,
    /// The JSON itself with a Data Integrity proof in it: `vc`, `vp`.
    DataIntegrity,
    /// COSE_Sign1 over the JSON as deterministic CBOR with registered terms: the compact form.
    Compact,
    /// SD-JWT whose payload is the document: `vc+sd-jwt`, `vp+sd-jwt`.
    VcSdJwt,
    /// SD-JWT whose payload is JWT claims that say what the document says: `dc+sd-jwt`. Credentials only.
    DcSdJwt,
}

/// What is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A verifiable credential.
    Credential,
    /// A verifiable presentation.
    Presentation,
}

impl Content {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Credential, Self::Presentation];

    /// The media type of the unsecured document.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Credential => "application/vc",
            Self::Presentation => "application/vp",
        }
    }

    /// The media type without `application/`, as `cty` of a JWT has it.
    pub(super) fn subtype(self) -> &'static str {
        subtype(self.media_type())
    }

    /// The property that names who secured it.
    pub(super) const fn actor(self) -> &'static str {
        match self {
            Self::Credential => "issuer",
            Self::Presentation => "holder",
        }
    }
}

impl Envelope {
    /// All of them, the default first.
    pub const ALL: [Self; 6] =
        [Self::Jwt, Self::Cose, Self::DataIntegrity, Self::Compact, Self::VcSdJwt, Self::DcSdJwt];

    /// The media type of `content` that is secured so.
    #[must_use]
    pub const fn media_type(self, content: Content) -> &'static str {
        match (content, self) {
            (Content::Credential, Self::Jwt) => "application/vc+jwt",
            (Content::Presentation, Self::Jwt) => "application/vp+jwt",
            (Content::Credential, Self::Cose) => "application/vc+cose",
            (Content::Presentation, Self::Cose) => "application/vp+cose",
            (content, Self::DataIntegrity) => content.media_type(),
            // No recommendation has this form, so it is in the vendor's tree (RFC 6838, section 3.2).
            (Content::Credential, Self::Compact) => "application/vnd.marque.vc+cose",
            (Content::Presentation, Self::Compact) => "application/vnd.marque.vp+cose",
            (Content::Credential, Self::VcSdJwt) => "application/vc+sd-jwt",
            (Content::Presentation, Self::VcSdJwt) => "application/vp+sd-jwt",
            // Nothing reads a presentation of that name.
            (_, Self::DcSdJwt) => "application/dc+sd-jwt",
        }
    }

    /// The media type without `application/`: `typ` of a JWT, and the name of the format where a
    /// person chooses one.
    #[must_use]
    pub fn format(self, content: Content) -> &'static str {
        subtype(self.media_type(content))
    }

    /// The envelope of `content` whose [`Self::media_type`] this is, spelled exactly so.
    #[must_use]
    pub fn of_media_type(content: Content, media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|envelope| envelope.media_type(content) == media_type)
    }

    /// The envelope of `content` whose [`Self::format`] this is.
    #[must_use]
    pub fn of_format(content: Content, format: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|envelope| envelope.format(content) == format)
    }

    /// Whether `content` can be secured so.
    #[must_use]
    pub const fn secures(self, content: Content) -> bool {
        !matches!((content, self), (Content::Presentation, Self::DcSdJwt))
    }

    /// Whether what is secured so is text. What is bytes stands in base64url where only text can.
    #[must_use]
    pub const fn is_text(self) -> bool {
        match self {
            Self::Jwt | Self::DataIntegrity | Self::VcSdJwt | Self::DcSdJwt => true,
            Self::Cose | Self::Compact => false,
        }
    }

    /// The bytes that `text` stands for: its own, or those in base64url. `max_bytes` bounds them.
    ///
    /// # Errors
    /// [`SecureError::TooLong`]; [`SecureError::Malformed`] where it should be base64url and is not.
    pub fn bytes_of(self, text: &str, max_bytes: usize) -> Result<Cow<'_, [u8]>, SecureError> {
        // Four characters hold three bytes.
        let length = if self.is_text() { text.len() } else { text.len() / 4 * 3 };
        if length > max_bytes {
            return Err(SecureError::TooLong);
        }
        if self.is_text() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        codec::from_base64url(text).map(Cow::Owned).map_err(|_| SecureError::Malformed)
    }

    /// The envelope that `text` can be: JSON begins with a brace, an SD-JWT has a tilde and says its
    /// profile, a JWT has two dots, and base64url has none of them.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        if text.trim_ascii_start().starts_with('{') {
            return Self::DataIntegrity;
        }
        if text.bytes().any(|byte| byte == b'~') {
            return sd_jwt::envelope_of(text);
        }
        if text.bytes().any(|byte| byte == b'.') {
            return Self::Jwt;
        }
        // Four characters hold three bytes; the header is in the first of them.
        let start = text.get(..MAX_START_CHARACTERS.min(text.len() / 4 * 4)).unwrap_or_default();
        codec::from_base64url(start).map_or(Self::Cose, |bytes| Self::of_bytes(&bytes))
    }

    /// The envelope that `bytes`, which are no text, can be: the type that a COSE_Sign1 says it has.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let typ = cose::typ_of(bytes);
        let compact = Content::ALL.map(|content| Self::Compact.media_type(content));
        if typ.is_some_and(|typ| compact.contains(&typ.as_str())) { Self::Compact } else { Self::Cose }
    }
}

fn subtype(media_type: &'static str) -> &'static str {
    media_type.strip_prefix("application/").unwrap_or(media_type)
}
