//! The bytes of a bundle: one CBOR array in a fixed order, in the one deterministic encoding (RFC 8949,
//! section 4.2.1), so that what was read is what would be written.

use super::{Bundle, BundleError, BundledList, BundledLog, MAX_DOMAINS, MAX_OBJECTS};
use crate::delegation::scope::Scope;
use crate::facts::{Anchor, Recognition};
use crate::secure::{Content, Envelope};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The version of this form.
const VERSION: u64 = 1;

/// The members of a bundle.
const MEMBERS: u64 = 12;

/// Most capabilities, and most resources, that a domain may root: as many as its anchor can have.
const MAX_ANCHORED: usize = 1_024;

/// Longest list of revoked indices, in characters: that of 2^24 that do not compress.
const MAX_OVERLAY: usize = 3 * 1024 * 1024;

type Written = Encoder<Vec<u8>>;
type Failed = minicbor::encode::Error<std::convert::Infallible>;

pub(super) fn write(bundle: &Bundle) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    // A vector takes everything.
    let _infallible = write_to(&mut encoder, bundle);
    encoder.into_writer()
}

fn write_to(to: &mut Written, bundle: &Bundle) -> Result<(), Failed> {
    to.array(MEMBERS)?.u64(VERSION)?.str(bundle.by.as_str())?.u64(bundle.made.get())?;
    match &bundle.presentation {
        None => to.null()?,
        Some((envelope, bytes)) => {
            to.array(2)?.str(envelope.media_type(Content::Presentation))?.bytes(bytes)?
        }
    };
    to.array(bundle.logs.len() as u64)?;
    for log in &bundle.logs {
        to.array(3)?.str(log.did.as_str())?.bytes(&log.log)?.bytes(&log.witness)?;
    }
    to.array(bundle.contested.len() as u64)?;
    for did in &bundle.contested {
        to.str(did.as_str())?;
    }
    to.array(bundle.lists.len() as u64)?;
    for list in &bundle.lists {
        to.array(3)?.str(list.issuer.as_str())?.bytes(&list.list)?;
        match &list.revoked_ever {
            None => to.null()?,
            Some(text) => to.str(text)?,
        };
    }
    to.array(bundle.domains.len() as u64)?;
    for (scid, recognition) in &bundle.domains {
        to.array(4)?.str(scid)?.bool(recognition.suspended)?;
        let capabilities: Vec<_> = recognition.anchor.capabilities.iter().collect();
        to.array(capabilities.len() as u64)?;
        for capability in capabilities {
            to.str(capability.as_str())?;
        }
        match &recognition.anchor.resources {
            None => {
                to.null()?;
            }
            Some(resources) => {
                to.array(resources.len() as u64)?;
                for resource in resources {
                    to.str(resource)?;
                }
            }
        }
    }
    to.str(&bundle.audience)?.str(&bundle.nonce)?;
    to.u64(bundle.status_max_age.as_secs())?.u64(bundle.skew.as_secs())?;
    Ok(())
}

/// Reads what [`write`] writes, and nothing else.
pub(super) fn parse(bytes: &[u8]) -> Result<Bundle, BundleError> {
    let mut reader = Reader(Decoder::new(bytes));
    let bundle = reader.bundle()?;
    if write(&bundle) == bytes { Ok(bundle) } else { Err(BundleError::Malformed) }
}

struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    fn bundle(&mut self) -> Result<Bundle, BundleError> {
        self.exactly(MEMBERS)?;
        if self.number()? != VERSION {
            return Err(BundleError::Malformed);
        }
        let (by, made) = (self.did()?, UnixSeconds::new(self.number()?));
        let presentation = if self.null()? { None } else { Some(self.presentation()?) };
        let logs: Vec<BundledLog> = self.many(MAX_OBJECTS, Self::log)?;
        let contested: Vec<Did> = self.many(MAX_OBJECTS, Self::did)?;
        let lists: Vec<BundledList> = self.many(MAX_OBJECTS, Self::list)?;
        let domains = self.many(MAX_DOMAINS, Self::domain)?;
        let doubled = logs.iter().map(|log| &log.did).collect::<BTreeSet<_>>().len() != logs.len();
        if doubled {
            return Err(BundleError::Malformed);
        }
        Ok(Bundle {
            by,
            made,
            presentation,
            logs,
            contested: contested.into_iter().collect(),
            lists,
            domains: domains.into_iter().collect::<BTreeMap<_, _>>(),
            audience: self.text()?.to_owned(),
            nonce: self.text()?.to_owned(),
            status_max_age: Duration::from_secs(self.number()?),
            skew: Duration::from_secs(self.number()?),
        })
    }

    fn presentation(&mut self) -> Result<(Envelope, Vec<u8>), BundleError> {
        self.exactly(2)?;
        let envelope = Envelope::of_media_type(Content::Presentation, self.text()?);
        Ok((envelope.ok_or(BundleError::Malformed)?, self.bytes()?.to_vec()))
    }

    fn log(&mut self) -> Result<BundledLog, BundleError> {
        self.exactly(3)?;
        Ok(BundledLog { did: self.did()?, log: self.bytes()?.to_vec(), witness: self.bytes()?.to_vec() })
    }

    fn list(&mut self) -> Result<BundledList, BundleError> {
        self.exactly(3)?;
        let (issuer, list) = (self.did()?, self.bytes()?.to_vec());
        let revoked_ever = if self.null()? { None } else { Some(self.text()?.to_owned()) };
        if revoked_ever.as_ref().is_some_and(|text| text.len() > MAX_OVERLAY) {
            return Err(BundleError::TooLarge);
        }
        Ok(BundledList { issuer, list, revoked_ever })
    }

    fn domain(&mut self) -> Result<(String, Recognition), BundleError> {
        self.exactly(4)?;
        let scid = self.text()?.to_owned();
        let suspended = self.0.bool().map_err(|_| BundleError::Malformed)?;
        let capability = |reader: &mut Self| reader.text()?.parse().map_err(|_| BundleError::Malformed);
        let capabilities: Vec<_> = self.many(MAX_ANCHORED, capability)?;
        let capabilities = Scope::new(capabilities).map_err(|_| BundleError::Malformed)?;
        let resources = if self.null()? {
            None
        } else {
            let resources: Vec<String> =
                self.many(MAX_ANCHORED, |reader| reader.text().map(str::to_owned))?;
            Some(resources.into_iter().collect())
        };
        Ok((scid, Recognition { suspended, anchor: Anchor { capabilities, resources } }))
    }

    fn many<T>(
        &mut self,
        max: usize,
        mut one: impl FnMut(&mut Self) -> Result<T, BundleError>,
    ) -> Result<Vec<T>, BundleError> {
        let count = self.length()?;
        if usize::try_from(count).is_ok_and(|count| count <= max) {
            (0..count).map(|_| one(self)).collect()
        } else {
            Err(BundleError::TooLarge)
        }
    }

    fn length(&mut self) -> Result<u64, BundleError> {
        self.0.array().ok().flatten().ok_or(BundleError::Malformed)
    }

    fn exactly(&mut self, members: u64) -> Result<(), BundleError> {
        if self.length()? == members { Ok(()) } else { Err(BundleError::Malformed) }
    }

    fn number(&mut self) -> Result<u64, BundleError> {
        self.0.u64().map_err(|_| BundleError::Malformed)
    }

    fn text(&mut self) -> Result<&'a str, BundleError> {
        self.0.str().map_err(|_| BundleError::Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], BundleError> {
        self.0.bytes().map_err(|_| BundleError::Malformed)
    }

    fn did(&mut self) -> Result<Did, BundleError> {
        self.text()?.parse().map_err(|_| BundleError::Malformed)
    }

    /// Takes a null, if the next item is one.
    fn null(&mut self) -> Result<bool, BundleError> {
        if self.0.datatype().map_err(|_| BundleError::Malformed)? != Type::Null {
            return Ok(false);
        }
        self.0.null().map_err(|_| BundleError::Malformed).map(|()| true)
    }
}
