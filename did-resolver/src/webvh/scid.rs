//! did:scid, as far as it names did:webvh logs: `did:scid:vh:1:<SCID>`, a log without a place (ToIP, DID
//! SCID Method Specification, working draft 03). Of a DID URL the parameter `src` says where it may be.
//!
//! The draft is unfinished, so such a name is an alias for showing documents: nothing is ever issued by
//! it, and no credential counts for it.

use crate::codec;
use crate::did::{Did, DidUrl};
use crate::webvh::{HostError, Location, WebvhId};

/// What a did:scid of a did:webvh log begins with.
const PREFIX: &str = "did:scid:vh:1:";

/// The parameter that says where the log may be.
pub(crate) const SOURCE: &str = "src";

/// A log by its SCID alone, and where it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScidId {
    did: Did,
    source: Option<Location>,
}

impl ScidId {
    /// The name of the log with this SCID.
    ///
    /// # Errors
    /// [`HostError::Scid`].
    pub fn of(scid: &str) -> Result<Self, HostError> {
        let did: Did = format!("{PREFIX}{scid}").parse().map_err(|_| HostError::Scid)?;
        Self::parse(&DidUrl::from(did))
    }

    /// Reads a DID URL, and `src` in it: `host[:port][/path]`.
    ///
    /// # Errors
    /// [`HostError::OtherMethod`] for another method, and for did:scid of other logs than did:webvh's;
    /// else the part that is not right.
    pub fn parse(url: &DidUrl) -> Result<Self, HostError> {
        let scid = url.did().as_str().strip_prefix(PREFIX).ok_or(HostError::OtherMethod)?;
        if !codec::is_multihash_base58btc(scid) {
            return Err(HostError::Scid);
        }
        let parameters = url.decoded_parameters().map_err(|_| HostError::Malformed)?;
        let mut sources = parameters.iter().filter(|(name, _)| name == SOURCE).map(|(_, value)| value);
        let source = match (sources.next(), sources.next()) {
            (None, _) => None,
            (Some(source), None) => Some(read_source(source)?),
            _ => return Err(HostError::Malformed),
        };
        Ok(Self { did: url.did().clone(), source })
    }

    /// The DID.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// The SCID.
    #[must_use]
    pub fn scid(&self) -> &str {
        self.did.as_str().strip_prefix(PREFIX).unwrap_or_default()
    }

    /// The did:webvh DID of the same log at the place that was named, where one was.
    ///
    /// # Errors
    /// None for an identifier that was read; the type says so because a DID is parsed on the way.
    pub fn webvh(&self) -> Result<Option<WebvhId>, HostError> {
        self.source.as_ref().map(|source| WebvhId::text(self.scid(), source).parse()).transpose()
    }
}

fn read_source(text: &str) -> Result<Location, HostError> {
    let (authority, path) = text.split_once('/').map_or((text, None), |(a, path)| (a, Some(path)));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(h, port)| (h, Some(port)));
    // In a DID a colon parts segments, and an encoded one stands before a port.
    if text.contains('%')
        || port.is_some_and(|port| port.contains(':'))
        || path.is_some_and(|p| p.contains(':'))
    {
        return Err(HostError::Malformed);
    }
    let port = port.map(|port| format!("%3A{port}")).unwrap_or_default();
    let path = path.map(|path| format!(":{}", path.replace('/', ":"))).unwrap_or_default();
    Ok(Location::parse(&format!("{host}{port}{path}"))?)
}
