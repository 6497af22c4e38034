//! The two request-response protocols between peers: `/marque/hello/1` and `/marque/sync/1`
//! (MESH.md D1, D6). CBOR, one spelling per message: an array that begins with the variant's number.

mod ranges;
mod reason;

use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::limits::{
    MAX_ENVELOPE_BYTES, MAX_HELLO_BYTES, MAX_IDS_PER_REQUEST, MAX_ITEMS_PER_PAGE, MAX_LOG_BYTES,
    MAX_MEMBERSHIP_BYTES, MAX_PAGE_BYTES, MAX_PROOFS_BYTES, MAX_SUBJECT_BYTES, MAX_SYNC_REQUEST_BYTES,
    MAX_SYNC_RESPONSE_BYTES,
};
use crate::replica::token::{JoinSecret, read_addresses, write_addresses};
use crate::replica::view::range::{MAX_PREFIX_NIBBLES, MAX_PREFIXES, MAX_RANGE_NIBBLES, Part, Prefix};
use crate::replica::view::{BUCKET_DIGEST_BYTES, BUCKETS, DomainDigest, Item};
use crate::replica::{Refusal, Scid};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::{Did, MAX_DID_BYTES};
use ranges::{read_item, read_part, read_prefixes, write_prefixes};
use reason::{is_of_later_release, read_reason};

/// Protocol name of the hello exchange.
pub const HELLO_PROTOCOL: &str = "/marque/hello/1";

/// Protocol name of the sync exchange.
pub const SYNC_PROTOCOL: &str = "/marque/sync/1";

/// The version of a hello whose domain log has no witnesses.
pub const HELLO_VERSION: u64 = 1;

/// The version of a hello that shows witness proofs: who does not know it could not verify the log.
pub const WITNESSED_HELLO_VERSION: u64 = 2;

/// What the dialling peer says first: who it is, and by what it belongs to its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The NodeMembershipCredential (`vc+cose`), bound to the PeerId of the connection.
    pub membership: Vec<u8>,
    /// The domain that issued it.
    pub domain: Did,
    /// The domain's log, at most [`MAX_LOG_BYTES`]. It is verified before the credential.
    pub domain_log: Vec<u8>,
    /// The `did-witness.json` of that log, where it has witnesses, at most [`MAX_PROOFS_BYTES`].
    pub domain_witness: Option<Vec<u8>>,
    /// The secret of a join token that the other domain gave out, the first time only.
    pub join_secret: Option<JoinSecret>,
    /// Multiaddrs under which this node may be dialled.
    pub addresses: Vec<String>,
}

impl Hello {
    /// The bytes of a hello request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        self.write(&mut w);
        w.finish()
    }

    /// Reads a hello request.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`], [`Refusal::UnknownVersion`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        decode_exactly(bytes, MAX_HELLO_BYTES, Self::read, Self::encode)
    }

    fn write(&self, w: &mut Writer) {
        match self.domain_witness {
            None => w.array(6).uint(HELLO_VERSION),
            Some(_) => w.array(7).uint(WITNESSED_HELLO_VERSION),
        };
        w.bytes(&self.membership).text(self.domain.as_str()).bytes(&self.domain_log);
        if let Some(witness) = &self.domain_witness {
            w.bytes(witness);
        }
        match &self.join_secret {
            Some(secret) => w.bytes(secret.as_bytes()),
            None => w.null(),
        };
        write_addresses(w, &self.addresses);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        let fields = r.array(usize::MAX)?;
        let witnessed = match r.uint()? {
            HELLO_VERSION => false,
            WITNESSED_HELLO_VERSION => true,
            _ => return Err(Refusal::UnknownVersion),
        };
        if fields != 6 + usize::from(witnessed) {
            return Err(Refusal::Malformed);
        }
        Ok(Self {
            membership: r.bytes(MAX_MEMBERSHIP_BYTES)?.to_vec(),
            domain: read_did(r)?,
            domain_log: r.bytes(MAX_LOG_BYTES)?.to_vec(),
            domain_witness: if witnessed { Some(read_proofs(r)?) } else { None },
            join_secret: if r.null()? { None } else { Some(JoinSecret::new(r.array_of()?)) },
            addresses: read_addresses(r)?,
        })
    }
}

/// The answer to a hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelloAnswer {
    /// Admitted; the answering node says who it is in turn.
    Admitted(Box<Hello>),
    /// Not admitted.
    Refused(Refusal),
}

impl HelloAnswer {
    /// The bytes of a hello answer.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.array(2);
        match self {
            Self::Admitted(hello) => hello.write(w.uint(0)),
            Self::Refused(reason) => {
                w.uint(1).text(reason.as_str());
            }
        }
        w.finish()
    }

    /// Reads a hello answer.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`], [`Refusal::UnknownVersion`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if is_of_later_release(bytes, 1) {
            return Ok(Self::Refused(Refusal::UnknownReason));
        }
        let read = |r: &mut Reader<'_>| {
            r.exactly(2)?;
            match r.uint()? {
                0 => Ok(Self::Admitted(Box::new(Hello::read(r)?))),
                1 => Ok(Self::Refused(read_reason(r)?)),
                _ => Err(Refusal::Malformed),
            }
        };
        decode_exactly(bytes, MAX_HELLO_BYTES, read, Self::encode)
    }
}

/// A question to a peer. Only [`Request::Resolve`] and [`Request::List`] are answered to a peer that
/// hello has not admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// What do you hold of `domain`, in short?
    Digest {
        /// The domain.
        domain: Scid,
        /// The root of what is held here: where yours is the same, that is all there is to say.
        root: Option<Sha256Digest>,
    },
    /// What do you hold in these ranges, in parts?
    Ranges {
        /// The domain.
        domain: Scid,
        /// Which, apart, of [`MAX_RANGE_NIBBLES`] at most; at most [`MAX_PREFIXES`].
        prefixes: Vec<Prefix>,
    },
    /// Which items do you hold in these ranges, with ids above `after`?
    Items {
        /// The domain.
        domain: Scid,
        /// Which, apart; at most [`MAX_PREFIXES`].
        prefixes: Vec<Prefix>,
        /// The last id of the page before.
        after: Option<Sha256Digest>,
    },
    /// The signed envelopes of these items, at most [`MAX_IDS_PER_REQUEST`].
    Objects {
        /// The domain that the items belong to.
        domain: Scid,
        /// Ids of items.
        ids: Vec<Sha256Digest>,
    },
    /// A page of a DID log, from a byte offset on.
    Log {
        /// Whose log.
        did: String,
        /// SHA-256 of the whole log as its head announces it, which names one branch of it.
        digest: Sha256Digest,
        /// First byte wanted.
        offset: u64,
    },
    /// The envelope of a DID's log, of whatever domain.
    Resolve {
        /// The DID.
        did: String,
    },
    /// The envelope of a status list, of whatever domain.
    List {
        /// Its URL.
        url: String,
    },
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// To [`Request::Digest`].
    Digest(DomainDigest),
    /// To [`Request::Ranges`], one part for each, in order.
    Ranges(Vec<Part>),
    /// To [`Request::Items`], in ascending order of ids.
    Items {
        /// The page.
        items: Vec<Item>,
        /// Whether there are more after the last.
        more: bool,
    },
    /// To [`Request::Objects`]: id of the item and the origin's envelope, verbatim. What is not held
    /// is left out, and so is what does not fit; at least one is there if any is held.
    Objects(Vec<(Sha256Digest, Vec<u8>)>),
    /// To [`Request::Log`].
    Log {
        /// Length of the whole log, in bytes.
        total: u64,
        /// The bytes from the offset on.
        bytes: Vec<u8>,
    },
    /// To [`Request::Resolve`] and [`Request::List`].
    Envelope(Vec<u8>),
    /// No answer to this question.
    Refused(Refusal),
}

impl Request {
    /// The bytes of a request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        match self {
            Self::Digest { domain, root: None } => w.array(2).uint(0).text(domain.as_str()),
            Self::Digest { domain, root: Some(root) } => w.array(3).uint(0).text(domain.as_str()).bytes(root),
            Self::Ranges { domain, prefixes } => {
                w.array(3).uint(6).text(domain.as_str());
                write_prefixes(&mut w, prefixes)
            }
            Self::Items { domain, prefixes, after } => {
                w.array(4).uint(1).text(domain.as_str());
                write_prefixes(&mut w, prefixes);
                match after {
                    Some(id) => w.bytes(id),
                    None => w.null(),
                }
            }
            Self::Objects { domain, ids } => {
                w.array(3).uint(2).text(domain.as_str()).array(ids.len());
                ids.iter().fold(&mut w, |w, id| w.bytes(id))
            }
            Self::Log { did, digest, offset } => w.array(4).uint(3).text(did).bytes(digest).uint(*offset),
            Self::Resolve { did } => w.array(2).uint(4).text(did),
            Self::List { url } => w.array(2).uint(5).text(url),
        };
        w.finish()
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        decode_exactly(bytes, MAX_SYNC_REQUEST_BYTES, Self::read, Self::encode)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        let fields = r.array(4)?;
        let request = match (r.uint()?, fields) {
            (0, 2) => Self::Digest { domain: read_scid(r)?, root: None },
            (0, 3) => Self::Digest { domain: read_scid(r)?, root: Some(r.digest()?) },
            (6, 3) => Self::Ranges { domain: read_scid(r)?, prefixes: read_prefixes(r, MAX_RANGE_NIBBLES)? },
            (1, 4) => Self::Items {
                domain: read_scid(r)?,
                prefixes: read_prefixes(r, MAX_PREFIX_NIBBLES)?,
                after: if r.null()? { None } else { Some(r.digest()?) },
            },
            (2, 3) => {
                let domain = read_scid(r)?;
                let len = r.array(MAX_IDS_PER_REQUEST)?;
                Self::Objects { domain, ids: (0..len).map(|_| r.digest()).collect::<Result<_, _>>()? }
            }
            (3, 4) => Self::Log { did: read_did_text(r)?, digest: r.digest()?, offset: r.uint()? },
            (4, 2) => Self::Resolve { did: read_did_text(r)? },
            (5, 2) => Self::List { url: r.text(MAX_SUBJECT_BYTES)?.to_owned() },
            _ => return Err(Refusal::Malformed),
        };
        Ok(request)
    }
}

impl Response {
    /// The bytes of a response.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        match self {
            Self::Digest(digest) => {
                w.array(3).uint(0).bytes(&digest.root).bytes(digest.buckets.as_flattened())
            }
            Self::Ranges(parts) => {
                w.array(2).uint(6).array(parts.len());
                parts.iter().fold(&mut w, |w, part| w.bytes(&part.encode()))
            }
            Self::Items { items, more } => {
                w.array(3).uint(1).array(items.len());
                for item in items {
                    w.array(4).uint(item.kind.number().into()).text(&item.subject);
                    w.uint(item.seq).bytes(&item.digest);
                }
                w.bool(*more)
            }
            Self::Objects(found) => {
                w.array(2).uint(2).array(found.len());
                found.iter().fold(&mut w, |w, (id, envelope)| w.array(2).bytes(id).bytes(envelope))
            }
            Self::Log { total, bytes } => w.array(3).uint(3).uint(*total).bytes(bytes),
            Self::Envelope(envelope) => w.array(2).uint(4).bytes(envelope),
            Self::Refused(reason) => w.array(2).uint(5).text(reason.as_str()),
        };
        w.finish()
    }

    /// Reads a response.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        if is_of_later_release(bytes, 5) {
            return Ok(Self::Refused(Refusal::UnknownReason));
        }
        decode_exactly(bytes, MAX_SYNC_RESPONSE_BYTES, Self::read, Self::encode)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        let fields = r.array(3)?;
        let response = match (r.uint()?, fields) {
            (0, 3) => {
                let root = r.digest()?;
                let (buckets, rest) = r.bytes(BUCKETS * BUCKET_DIGEST_BYTES)?.as_chunks();
                if !matches!(buckets.len(), 0 | BUCKETS) || !rest.is_empty() {
                    return Err(Refusal::Malformed);
                }
                Self::Digest(DomainDigest { root, buckets: buckets.to_vec() })
            }
            (1, 3) => {
                let len = r.array(MAX_ITEMS_PER_PAGE)?;
                let items = (0..len).map(|_| read_item(r)).collect::<Result<_, _>>()?;
                Self::Items { items, more: r.bool()? }
            }
            (6, 2) => {
                let len = r.array(MAX_PREFIXES)?;
                Self::Ranges((0..len).map(|_| read_part(r)).collect::<Result<_, _>>()?)
            }
            (2, 2) => {
                let len = r.array(MAX_IDS_PER_REQUEST)?;
                let read = |r: &mut Reader<'_>| {
                    r.exactly(2)?;
                    Ok((r.digest()?, r.bytes(MAX_ENVELOPE_BYTES)?.to_vec()))
                };
                Self::Objects((0..len).map(|_| read(r)).collect::<Result<_, _>>()?)
            }
            (3, 3) => Self::Log { total: r.uint()?, bytes: r.bytes(MAX_PAGE_BYTES)?.to_vec() },
            (4, 2) => Self::Envelope(r.bytes(MAX_ENVELOPE_BYTES)?.to_vec()),
            (5, 2) => Self::Refused(read_reason(r)?),
            _ => return Err(Refusal::Malformed),
        };
        Ok(response)
    }
}

/// Witness proofs, of which there are some.
fn read_proofs(r: &mut Reader<'_>) -> Result<Vec<u8>, Refusal> {
    let bytes = r.bytes(MAX_PROOFS_BYTES)?;
    if bytes.is_empty() { Err(Refusal::Malformed) } else { Ok(bytes.to_vec()) }
}

pub(super) fn read_scid(r: &mut Reader<'_>) -> Result<Scid, Refusal> {
    Scid::parse(r.text(super::topic::SCID_BYTES)?).ok_or(Refusal::Malformed)
}

fn read_did(r: &mut Reader<'_>) -> Result<Did, Refusal> {
    r.text(MAX_DID_BYTES)?.parse().map_err(|_| Refusal::Malformed)
}

fn read_did_text(r: &mut Reader<'_>) -> Result<String, Refusal> {
    read_did(r).map(|did| did.as_str().to_owned())
}

#[cfg(test)]
mod tests;
