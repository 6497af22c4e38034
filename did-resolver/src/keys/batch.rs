//! Many Ed25519 signatures at once, with the verdicts of verifying each by the strict rule.
//!
//! The strict rule asks of each signature that D = R + hA - sB is the identity. A point is the sum of
//! one in the subgroup of prime order and one of the eight of small order, so that is asked of both
//! parts. The first part: the sum of zD over all signatures, with 128-bit coefficients z, has small
//! order (Bernstein et al., "High-speed high-security signatures", section 5). The second part is that
//! of R + (h mod 8)A, which costs two additions: sB has none, and eight times a point of small order is
//! the identity. Whether a point has such a part shows when it is multiplied by the order of the
//! subgroup. That costs as much as half a signature, so it is asked of sums over [`ROUNDS`] random
//! subsets: where one signature has such a part, or many, a subset misses it with probability 1/2 at
//! most. Half of a subset that has one has one itself, so that a culprit is found by halving.
//!
//! What else the strict rule looks at comes first, for each signature: s is reduced, R is the one
//! spelling of a point, not of small order (keys were admitted so).
//!
//! No randomness is needed: coefficients and subsets are expanded by SHA-512 from a digest of every
//! h = SHA-512(R, A, M) and every s, hence of all that D has. Changing anything draws all of them anew,
//! so a bad batch passes with probability 2^-127, or 2^-[`ROUNDS`] for a signer who bends R under the
//! signer's own key: with nobody's key but that one can the first part be the identity.

use super::backend::{has_small_order, is_reduced};
use super::{KeyError, KeyKind, PublicKey, SIGNATURE_BYTES};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;

/// Most signatures that are put into one equation; more are taken in turns. The gain per signature is
/// flat from here on, and this bounds memory to about half a MiB.
pub const MAX_BATCH: usize = 1024;

/// With fewer signatures than this, testing the subsets costs more than the equation saves: by different
/// keys over 1 KiB they break even here, by one key over 64 bytes at 75.
pub const MIN_BATCH: usize = 96;

/// Random subsets that are tested, one for each bit of a choice. Passing a bent signature takes 2^64
/// attempts of several hashes by the holder of the key, and wins that two honest nodes may differ over
/// that holder's own statement.
pub const ROUNDS: u32 = u64::BITS;

/// Rounds that are summed together, by sorting the points into 2^5 buckets: about the fewest additions
/// from [`MIN_BATCH`] to [`MAX_BATCH`] points.
const BLOCK: u32 = 5;

/// Below this many, bisection ends and each is verified by itself.
const MIN_BISECTED: usize = 8;

/// Culprits of either part that are hunted; where there are more, each signature is verified by itself.
/// So a batch that somebody filled with bad signatures costs a bounded multiple of verifying each.
const MAX_HUNTED: usize = 2;

/// What one signature says: `key` signed `message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// Whose signature it is. Keys that are not Ed25519 are verified one by one.
    pub key: &'a PublicKey,
    /// What was signed.
    pub message: &'a [u8],
    /// [`SIGNATURE_BYTES`]; anything else is a bad signature.
    pub signature: &'a [u8],
}

/// The verdict on each, in order: what [`PublicKey::verify`] says of it.
#[must_use]
pub fn verify(signed: &[Signed<'_>]) -> Vec<Result<(), KeyError>> {
    verify_counted(signed).0
}

/// How a batch was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Equations over two or more signatures.
    pub batches: usize,
    /// Signatures that were verified by themselves.
    pub singles: usize,
}

/// As [`verify`], and says what it took.
#[must_use]
pub fn verify_counted(signed: &[Signed<'_>]) -> (Vec<Result<(), KeyError>>, Effort) {
    let mut verdicts = Vec::with_capacity(signed.len());
    let mut effort = Effort::default();
    for chunk in signed.chunks(MAX_BATCH) {
        let mut chunk_verdicts: Vec<Option<Result<(), KeyError>>> = vec![None; chunk.len()];
        if chunk.len() >= MIN_BATCH {
            together(chunk, &mut chunk_verdicts, &mut effort);
        }
        for (one, verdict) in chunk.iter().zip(chunk_verdicts) {
            verdicts.push(verdict.unwrap_or_else(|| {
                effort.singles += 1;
                one.key.verify(one.message, one.signature)
            }));
        }
    }
    (verdicts, effort)
}

/// Decides what equations can decide; what stays `None` is to be verified by itself.
fn together(signed: &[Signed<'_>], verdicts: &mut [Option<Result<(), KeyError>>], effort: &mut Effort) {
    let mut batch = Batch::default();
    for (place, (one, verdict)) in signed.iter().zip(verdicts.iter_mut()).enumerate() {
        if one.key.kind() == KeyKind::Ed25519 && batch.add(place, one).is_none() {
            *verdict = Some(Err(KeyError::BadSignature));
        }
    }
    let Some(random) = Random::of(&batch) else { return };
    if batch.entries.len() < MIN_BATCH {
        return;
    }
    let Some(outside) = batch.outside(&random) else { return };
    for place in &outside {
        if let Some(verdict) = verdicts.get_mut(*place) {
            *verdict = Some(Err(KeyError::BadSignature));
        }
    }
    let mut rest: Vec<&Entry> =
        batch.entries.iter().filter(|entry| !outside.contains(&entry.place)).collect();
    let mut sum_of = |entries: &[&Entry]| {
        effort.batches += 1;
        batch.sum(entries, &random)
    };
    let mut sum = sum_of(&rest);
    for _ in 0..MAX_HUNTED {
        if sum.is_small_order() {
            break;
        }
        // The sum of what is from `from` to `to` is known, hence that of one half by that of the other.
        let (mut from, mut to, mut there) = (0, rest.len(), sum);
        while from + MIN_BISECTED <= to {
            let middle = from.midpoint(to);
            let first = sum_of(rest.get(from..middle).unwrap_or_default());
            (from, to, there) =
                if first.is_small_order() { (middle, to, there - first) } else { (from, middle, first) };
        }
        rest.drain(from..to);
        sum -= there;
    }
    for entry in rest.iter().filter(|_| sum.is_small_order()) {
        if let Some(verdict) = verdicts.get_mut(entry.place) {
            *verdict = Some(Ok(()));
        }
    }
}

/// One signature that passed what can be seen of it alone.
struct Entry {
    place: usize,
    /// Which key of the batch.
    key: usize,
    /// Which coefficient: its place among the entries.
    index: usize,
    r: EdwardsPoint,
    s: Scalar,
    /// SHA-512(R, A, M).
    digest: [u8; 64],
    h: Scalar,
    /// R + (h mod 8)A: its part of small order is that of D.
    small: EdwardsPoint,
}

#[derive(Default)]
struct Batch<'a> {
    entries: Vec<Entry>,
    keys: Vec<EdwardsPoint>,
    places: BTreeMap<&'a [u8], usize>,
}

impl<'a> Batch<'a> {
    /// `None` where the strict rule refuses the signature whatever the message is.
    fn add(&mut self, place: usize, one: &Signed<'a>) -> Option<()> {
        let (r_bytes, s_bytes) = one.signature.split_first_chunk::<32>()?;
        let s_bytes: [u8; SIGNATURE_BYTES - 32] = s_bytes.try_into().ok()?;
        let s = Option::from(Scalar::from_canonical_bytes(s_bytes))?;
        if !is_reduced(r_bytes) || has_small_order(r_bytes) {
            return None;
        }
        let r = CompressedEdwardsY(*r_bytes).decompress()?;
        let (key_bytes, key_point) = (one.key.as_bytes(), one.key.point()?);
        let keys = &mut self.keys;
        let key = *self.places.entry(key_bytes).or_insert_with(|| {
            keys.push(*key_point);
            keys.len() - 1
        });
        let hash = Sha512::new().chain_update(r_bytes).chain_update(key_bytes).chain_update(one.message);
        let digest: [u8; 64] = hash.finalize().into();
        let h = Scalar::from_bytes_mod_order_wide(&digest);
        let small = r + times(key_point, h.as_bytes().first()? % 8);
        self.entries.push(Entry { place, key, index: self.entries.len(), r, s, digest, h, small });
        Some(())
    }

    /// The places of the signatures whose D has a part of small order, but for a chance of
    /// 2^-[`ROUNDS`]; `None` where they are more than [`MAX_HUNTED`].
    fn outside(&self, random: &Random) -> Option<Vec<usize>> {
        let chosen: Vec<(u64, &Entry)> = random.choices().zip(&self.entries).collect();
        let mut found: Vec<(u64, &Entry)> = Vec::new();
        for (round, mut sum) in subset_sums(&chosen) {
            let of_round = |(choice, _): &&(u64, &Entry)| choice >> round & 1 == 1;
            for (_, entry) in found.iter().filter(of_round) {
                sum -= entry.small;
            }
            while !in_subgroup(&sum) {
                if found.len() == MAX_HUNTED {
                    return None;
                }
                let new =
                    |(_, entry): &&(u64, &Entry)| found.iter().all(|(_, known)| known.place != entry.place);
                let mut suspects: Vec<_> = chosen.iter().filter(of_round).filter(new).collect();
                while suspects.len() > 1 {
                    let others = suspects.split_off(suspects.len() / 2);
                    if in_subgroup(&suspects.iter().map(|(_, entry)| entry.small).sum()) {
                        suspects = others;
                    }
                }
                let culprit = **suspects.first()?;
                sum -= culprit.1.small;
                found.push(culprit);
            }
        }
        Some(found.into_iter().map(|(_, entry)| entry.place).collect())
    }

    /// The sum of zD over these entries.
    fn sum(&self, entries: &[&Entry], random: &Random) -> EdwardsPoint {
        let mut base = Scalar::ZERO;
        let mut of_keys = vec![Scalar::ZERO; self.keys.len()];
        let mut terms = Vec::with_capacity(entries.len() + self.keys.len() + 1);
        for entry in entries {
            let z = random.coefficient(entry.index);
            base -= z * entry.s;
            if let Some(of_key) = of_keys.get_mut(entry.key) {
                *of_key += z * entry.h;
            }
            terms.push((z, entry.r));
        }
        let of_keys = of_keys.into_iter().zip(self.keys.iter().copied());
        terms.extend(of_keys.filter(|(scalar, _)| *scalar != Scalar::ZERO));
        terms.push((base, ED25519_BASEPOINT_POINT));
        let (scalars, points): (Vec<_>, Vec<_>) = terms.into_iter().unzip();
        EdwardsPoint::vartime_multiscalar_mul(scalars, points)
    }
}

/// `few` times the point, for a number below eight, but for eight times the point.
fn times(point: &EdwardsPoint, few: u8) -> EdwardsPoint {
    match few {
        0 => EdwardsPoint::identity(),
        1 => *point,
        2 => point + point,
        3 => point + point + point,
        4 => times(&(point + point), 2),
        _ => -times(point, 8 - few % 8),
    }
}

/// Whether the order of the subgroup times the point is the identity: one less times it, its negative.
fn in_subgroup(point: &EdwardsPoint) -> bool {
    EdwardsPoint::vartime_multiscalar_mul([-Scalar::ONE], [*point]) == -point
}

/// Each round with the sum of the entries that have its bit in their choice.
fn subset_sums(chosen: &[(u64, &Entry)]) -> Vec<(u32, EdwardsPoint)> {
    let mut sums = Vec::new();
    for first in (0..ROUNDS).step_by(BLOCK as usize) {
        let bits = BLOCK.min(ROUNDS - first);
        let mut buckets = vec![EdwardsPoint::identity(); 1 << bits];
        for (choice, entry) in chosen {
            let bucket = choice >> first & ((1 << bits) - 1);
            if let Some(bucket) = usize::try_from(bucket).ok().and_then(|bucket| buckets.get_mut(bucket)) {
                *bucket += entry.small;
            }
        }
        // The upper half has the highest bit; the next one is looked for in both halves together.
        for round in (first..first + bits).rev() {
            let upper = buckets.split_off(buckets.len() / 2);
            sums.push((round, upper.iter().sum()));
            for (bucket, more) in buckets.iter_mut().zip(&upper) {
                *bucket += more;
            }
        }
    }
    sums
}

/// Coefficients and subsets that nobody can choose: a function of everything in the batch.
struct Random {
    seed: [u8; 64],
    coefficients: Vec<Scalar>,
}

impl Random {
    fn of(batch: &Batch<'_>) -> Option<Self> {
        let mut hash = Sha512::new_with_prefix(b"marque ed25519 batch 2");
        hash.update(u64::try_from(batch.entries.len()).ok()?.to_le_bytes());
        for entry in &batch.entries {
            hash.update(entry.digest);
            hash.update(entry.s.as_bytes());
        }
        let mut random = Self { seed: hash.finalize().into(), coefficients: Vec::new() };
        for block in 0..batch.entries.len().div_ceil(4) {
            let bytes = random.bytes(b"factor", block);
            let (four, _) = bytes.as_chunks::<16>();
            random.coefficients.extend(four.iter().map(|bytes| Scalar::from(u128::from_le_bytes(*bytes))));
        }
        Some(random)
    }

    /// The 64 bytes of a block of one of the two streams.
    fn bytes(&self, stream: &[u8; 6], block: usize) -> [u8; 64] {
        let block = (block as u64).to_le_bytes();
        Sha512::new().chain_update(self.seed).chain_update(stream).chain_update(block).finalize().into()
    }

    /// Of each entry, the rounds that choose it.
    fn choices(&self) -> impl Iterator<Item = u64> {
        let blocks = (0..).map(|block| self.bytes(b"subset", block));
        blocks.flat_map(|bytes| {
            bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect::<Vec<_>>()
        })
    }

    fn coefficient(&self, index: usize) -> Scalar {
        self.coefficients.get(index).copied().unwrap_or(Scalar::ONE)
    }
}

#[cfg(test)]
mod tests;
