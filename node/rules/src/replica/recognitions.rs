//! Whom a domain recognises, as it tells the others. It grants nothing: what counts on a verifier is what its own
//! operator recognises ([`crate::trust`]).

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::envelope::Body;
use crate::replica::kind::Kind;
use crate::replica::limits::{
    MAX_NUMBER, MAX_PAYLOAD_BYTES, MAX_RECOGNISED, MAX_RESOURCE_BYTES, MAX_RESOURCES, MAX_SUBJECT_BYTES,
};
use crate::replica::topic::Scid;
use crate::trust::{TrustedDomain, domain_scid};
use did_resolver::codec::Sha256Digest;
use did_resolver::time::UnixSeconds;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use vc_schemas::delegation::scope::{MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, Scope};
use vc_schemas::object::is_text;

/// Bytes around the domains: heads of two arrays, a number, and whether it is all.
const AROUND_BYTES: usize = 16;

/// A statement of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognitions {
    /// Its number, which is the `seq` of its envelope.
    pub number: u64,
    /// Whether these are all. Otherwise nothing is said of a domain that is not among them.
    pub is_whole: bool,
    /// By ascending SCID.
    domains: Vec<TrustedDomain>,
}

/// Where a statement stands among those of its domain, and the floor of what it may say later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementFloor {
    /// Since which version of its domain its key has been listed ([`era`](crate::replica::floor::era)).
    pub issuer_version: u64,
    /// Its number.
    pub number: u64,
    /// SHA-256 of its payload.
    pub digest: Sha256Digest,
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementDecision {
    /// It becomes the one that is held.
    Accept,
    /// It has the number of the one that is held, and takes its place: both are kept as evidence.
    Contradicts,
    /// The one that is held.
    Same,
    /// Behind the one that is held.
    Older,
    /// It has the number of the one that is held, which stays: both are kept as evidence.
    Equivocation,
}

impl Recognitions {
    /// What a domain states that recognises these. Itself it does not name; and those for which there is no room
    /// it leaves out, and says so.
    #[must_use]
    pub fn new(number: u64, own: &Scid, recognised: impl IntoIterator<Item = TrustedDomain>) -> Self {
        let by_scid = |domain: TrustedDomain| domain.scid().ok().map(|scid| (scid, domain));
        let mut all: BTreeMap<String, TrustedDomain> = recognised.into_iter().filter_map(by_scid).collect();
        all.remove(own.as_str());
        let (count, mut room) = (all.len(), MAX_PAYLOAD_BYTES - AROUND_BYTES);
        let fits = |domain: &TrustedDomain| {
            let length = written(domain).len();
            let fits = is_bounded(domain) && length <= room;
            room -= if fits { length } else { 0 };
            fits
        };
        let domains: Vec<_> = all.into_values().filter(fits).take(MAX_RECOGNISED).collect();
        Self { number, is_whole: domains.len() == count, domains }
    }

    /// That nothing is stated.
    #[must_use]
    pub const fn nothing(number: u64) -> Self {
        Self { number, is_whole: false, domains: Vec::new() }
    }

    /// The domains, by ascending SCID.
    #[must_use]
    pub fn domains(&self) -> &[TrustedDomain] {
        &self.domains
    }

    /// What is stated of one.
    #[must_use]
    pub fn of_domain(&self, scid: &Scid) -> Option<&TrustedDomain> {
        self.domains.iter().find(|domain| domain.scid().is_ok_and(|named| named == scid.as_str()))
    }

    /// Whether another says the same under whatever number.
    #[must_use]
    pub fn says_what(&self, other: &Self) -> bool {
        (self.is_whole, &self.domains) == (other.is_whole, &other.domains)
    }

    /// The number of the statement that follows one of this number: the time in milliseconds, so that a domain
    /// which restored an old store does not use a number twice, or one more. `None` where there is no higher one;
    /// by another key the numbers begin anew.
    #[must_use]
    pub fn next_number(held: Option<u64>, now: UnixSeconds) -> Option<u64> {
        let least = held.map_or(1, |held| held.saturating_add(1));
        let time = now.get().saturating_mul(1_000).min(MAX_NUMBER);
        Some(least.max(time)).filter(|number| *number <= MAX_NUMBER)
    }

    /// The payload of an envelope.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.array(3).uint(self.number).bool(self.is_whole).array(self.domains.len());
        for domain in &self.domains {
            w.raw(&written(domain));
        }
        w.finish()
    }

    /// Reads the payload of an envelope of [`Kind::Recognitions`]. That its subject is the origin's DID is for the
    /// caller to check.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]; [`Refusal::TooLarge`]; [`Refusal::TooFarAhead`]; [`Refusal::Inconsistent`].
    pub fn of(body: &Body) -> Result<Self, Refusal> {
        let said = decode_exactly(&body.payload, MAX_PAYLOAD_BYTES, Self::read, Self::encode)?;
        let is_it = body.kind == Kind::Recognitions && said.number == body.seq;
        if is_it && said.of_domain(&body.domain).is_none() { Ok(said) } else { Err(Refusal::Inconsistent) }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        r.exactly(3)?;
        let (number, is_whole) = (r.uint()?, r.bool()?);
        if number > MAX_NUMBER {
            return Err(Refusal::TooFarAhead);
        }
        let (count, mut last) = (r.array(MAX_RECOGNISED)?, None);
        let mut domains = Vec::new();
        for _ in 0..count {
            let domain = read_domain(r)?;
            let scid = domain.scid().map_err(|_| Refusal::Malformed)?;
            if last.is_some_and(|last| last >= scid) {
                return Err(Refusal::Malformed);
            }
            last = Some(scid);
            domains.push(domain);
        }
        Ok(Self { number, is_whole, domains })
    }
}

impl StatementFloor {
    /// Decides about a statement that arrives, where this is the one that is held.
    ///
    /// One by a newer key counts before one by an older, whatever their numbers: whoever stole a key and ran the
    /// number to its end is overtaken once the key is changed. By one key the higher number counts, and of one number
    /// the lower digest. Every replica ends with the same one, in whatever order it heard of them.
    #[must_use]
    pub fn decide(&self, received: &Self) -> StatementDecision {
        let place = |at: &Self| (at.issuer_version, at.number);
        let order = place(received).cmp(&place(self));
        match order.then(Reverse(received.digest).cmp(&Reverse(self.digest))) {
            Ordering::Equal => StatementDecision::Same,
            Ordering::Greater if order.is_eq() => StatementDecision::Contradicts,
            Ordering::Greater => StatementDecision::Accept,
            Ordering::Less if order.is_eq() => StatementDecision::Equivocation,
            Ordering::Less => StatementDecision::Older,
        }
    }
}

/// Whether a domain can be stated.
fn is_bounded(domain: &TrustedDomain) -> bool {
    let text = |text: &String| text.len() <= MAX_RESOURCE_BYTES && is_text(text);
    let resources =
        |all: &BTreeSet<String>| !all.is_empty() && all.len() <= MAX_RESOURCES && all.iter().all(text);
    domain.did.as_str().len() <= MAX_SUBJECT_BYTES && domain.resources.as_ref().is_none_or(resources)
}

fn written(domain: &TrustedDomain) -> Vec<u8> {
    let mut w = Writer::default();
    w.array(4).text(domain.did.as_str()).bool(domain.suspended).array(domain.capabilities.iter().count());
    for capability in domain.capabilities.iter() {
        w.text(capability.as_str());
    }
    match &domain.resources {
        None => {
            w.null();
        }
        Some(resources) => {
            w.array(resources.len());
            for resource in resources {
                w.text(resource);
            }
        }
    }
    w.finish()
}

fn read_domain(r: &mut Reader<'_>) -> Result<TrustedDomain, Refusal> {
    r.exactly(4)?;
    let did = r.text(MAX_SUBJECT_BYTES)?.parse().map_err(|_| Refusal::Malformed)?;
    domain_scid(&did).map_err(|_| Refusal::Malformed)?;
    let suspended = r.bool()?;
    let count = r.array(MAX_CAPABILITIES)?;
    let capability = |_| r.text(MAX_CAPABILITY_BYTES)?.parse().map_err(|_| Refusal::Malformed);
    let capabilities = (0..count).map(capability).collect::<Result<Vec<_>, _>>()?;
    let capabilities = Scope::new(capabilities).map_err(|_| Refusal::TooLarge)?;
    let resources = if r.null()? {
        None
    } else {
        let count = r.array(MAX_RESOURCES)?;
        let resource = |_| r.text(MAX_RESOURCE_BYTES).map(str::to_owned);
        Some((0..count).map(resource).collect::<Result<BTreeSet<_>, _>>()?)
    };
    let domain = TrustedDomain { did, suspended, capabilities, resources };
    if is_bounded(&domain) { Ok(domain) } else { Err(Refusal::Malformed) }
}

#[cfg(test)]
mod tests;
