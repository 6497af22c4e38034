//! The web port: one resource, fetched by the rules of its implementation, whatever the URL says.
//!
//! Contract, in words:
//!
//! * What comes back is what the host of the URL sent, whole, over https, from an address that anybody
//!   can reach. Nothing else of it is known to be true.
//! * No more than [`Wanted::max_bytes`] are ever held, and the answer is there within
//!   [`Wanted::within`], whatever the host does.
//! * Every future may be dropped before it resolves; the connection ends with it.

use futures::future::BoxFuture;
use std::fmt;
use std::time::Duration;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// An https URL with a domain name as its host.
    pub url: String,
    /// Longest body that is taken.
    pub max_bytes: usize,
    /// How long all of it may take.
    pub within: Duration,
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The body.
    pub bytes: Vec<u8>,
    /// How long the host lets it be kept (RFC 9111, `Cache-Control`): nothing at all where it says
    /// `no-store` or `no-cache`; `None` where it does not say.
    pub keep: Option<Duration>,
}

/// Why nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchError {
    /// The URL is not one that is ever fetched.
    Url,
    /// The host is, or leads to, what is not on the public internet.
    NotPublic,
    /// The host's name leads nowhere.
    NoSuchHost,
    /// As many fetches as are allowed are under way.
    Busy,
    /// No address of the host takes a connection.
    Unreachable,
    /// The host does not show a certificate for its name that is trusted.
    Untrusted,
    /// The host answered that there is no such resource (404, 410).
    Missing,
    /// The host sends the caller elsewhere.
    Redirected,
    /// Another status than 200.
    Status(u16),
    /// The body is encoded although nobody asked for that.
    Encoded,
    /// The body is longer than is taken.
    TooLarge,
    /// The answer broke off, or is not HTTP.
    Broken,
    /// The time was over.
    Late,
}

impl FetchError {
    /// Whether the host itself said that there is nothing.
    #[must_use]
    pub const fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "not a URL that is fetched",
            Self::NotPublic => "the host is not on the public internet",
            Self::NoSuchHost => "the host's name leads nowhere",
            Self::Busy => "too many fetches are under way",
            Self::Unreachable => "the host takes no connection",
            Self::Untrusted => "the host shows no trusted certificate",
            Self::Missing => "the host has no such resource",
            Self::Redirected => "the host redirects, which is not followed",
            Self::Status(status) => return write!(f, "the host answered with status {status}"),
            Self::Encoded => "the answer is encoded",
            Self::TooLarge => "the answer is too large",
            Self::Broken => "the answer broke off",
            Self::Late => "the host took too long",
        })
    }
}

impl std::error::Error for FetchError {}

/// What flows ask of the web.
pub trait Fetch: Send + Sync + fmt::Debug {
    /// Fetches one resource.
    ///
    /// # Errors
    /// Why nothing came. [`FetchError::Missing`] alone is an answer of the host.
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Fetched, FetchError>>;
}
