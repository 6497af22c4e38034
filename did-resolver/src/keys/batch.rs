//! Many Ed25519 signatures at once, with the verdicts of verifying each by the strict rule.
//!
//! The equation: the sum of z(R + hA - sB) over all signatures, with 128-bit coefficients z, is the
//! identity (Bernstein et al., "High-speed high-security signatures", section 5). On its own it is
//! laxer than the strict rule, so what the strict rule looks at comes first, for each signature: s is
//! reduced, R is the one spelling of a point, not of small order (keys were admitted so). What is left
//! are points with a component of small order beside a large one: there z may cancel what the strict
//! rule sees. So every R and every key is also tested to lie in the subgroup of prime order, all
//! together: [`TORSION_ROUNDS`] random subsets of the points are summed, and each sum times the order
//! of the subgroup must be the identity. Who is outside is missed by one subset with probability 1/2.
//! Where all are inside, the group has prime order, and the equation is the strict rule.
//!
//! No randomness is needed: coefficients and subsets are expanded by SHA-512 from a digest of every
//! h = SHA-512(R, A, M) and every s, hence of all that the equation has. Changing anything draws all
//! of them anew, so a bad batch passes with probability 2^-128, or 2^-[`TORSION_ROUNDS`] for a signer
//! who bends R under the signer's own key: with nobody's key but that one can the equation then hold.

use super::backend::is_reduced;
use super::{KeyError, KeyKind, PublicKey, SIGNATURE_BYTES};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;

/// Most signatures that are put into one equation; more are taken in turns. The gain per signature is
/// flat from here on, and this bounds memory to about half a MiB.
pub const MAX_BATCH: usize = 1024;

/// With fewer signatures than this, testing for the subgroup costs more than the equation saves.
pub const MIN_BATCH: usize = 160;

/// Random subsets that are tested. Passing a bent signature takes 2^64 attempts of several hashes by
/// the holder of the key, and wins that two honest nodes may differ over that holder's own statement.
const TORSION_ROUNDS: usize = 64;

/// Each block of the stream has one byte for each round.
const _: () = assert!(TORSION_ROUNDS <= 64 && TABLE_POINTS <= 8);

/// Below this many, bisection ends and each is verified by itself.
const MIN_BISECTED: usize = 8;

/// Culprits that are hunted by bisection; where there are more, each is verified by itself. So a batch
/// that somebody filled with bad signatures costs a bounded multiple of verifying each.
const MAX_HUNTED: usize = 2;

/// Points whose subset sums are tabulated together: 2^6 additions serve all rounds.
const TABLE_POINTS: usize = 6;

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
    if batch.entries.len() < MIN_BATCH || !batch.in_subgroup(&random) {
        return;
    }
    let entries = |from: usize, to: usize| batch.entries.get(from..to).unwrap_or_default();
    let mut holds = |from: usize, to: usize| {
        effort.batches += 1;
        let holds = batch.holds(entries(from, to), &random);
        for entry in entries(from, to).iter().filter(|_| holds) {
            if let Some(verdict) = verdicts.get_mut(entry.place) {
                *verdict = Some(Ok(()));
            }
        }
        holds
    };
    let (mut start, end) = (0, batch.entries.len());
    for _ in 0..=MAX_HUNTED {
        if start + MIN_BISECTED > end || holds(start, end) {
            return;
        }
        // Everything from `start` to `from` holds, and what is from `from` to `to` does not.
        let (mut from, mut to) = (start, end);
        while from + MIN_BISECTED <= to {
            let middle = from.midpoint(to);
            if holds(from, middle) {
                from = middle;
            } else {
                to = middle;
            }
        }
        start = to;
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
        let r = is_reduced(r_bytes).then(|| CompressedEdwardsY(*r_bytes).decompress())??;
        if r.is_small_order() {
            return None;
        }
        let key_bytes = one.key.as_bytes();
        let key = match self.places.get(key_bytes) {
            Some(key) => *key,
            None => {
                self.keys.push(CompressedEdwardsY::from_slice(key_bytes).ok()?.decompress()?);
                self.places.insert(key_bytes, self.keys.len() - 1);
                self.keys.len() - 1
            }
        };
        let hash = Sha512::new().chain_update(r_bytes).chain_update(key_bytes).chain_update(one.message);
        let digest: [u8; 64] = hash.finalize().into();
        let h = Scalar::from_bytes_mod_order_wide(&digest);
        self.entries.push(Entry { place, key, index: self.entries.len(), r, s, digest, h });
        Some(())
    }

    /// Whether every R and every key has prime order, but for a chance of 2^-[`TORSION_ROUNDS`].
    fn in_subgroup(&self, random: &Random) -> bool {
        let points: Vec<EdwardsPoint> =
            self.entries.iter().map(|entry| entry.r).chain(self.keys.iter().copied()).collect();
        let mut sums = vec![EdwardsPoint::identity(); TORSION_ROUNDS];
        for (chunk, few) in points.chunks(TABLE_POINTS).enumerate() {
            let mut subsets = vec![EdwardsPoint::identity()];
            for point in few {
                let with: Vec<_> = subsets.iter().map(|sum| sum + point).collect();
                subsets.extend(with);
            }
            for (sum, choice) in sums.iter_mut().zip(random.bytes(b"subset", chunk)) {
                if let Some(subset) = subsets.get(usize::from(choice) % subsets.len()) {
                    *sum += subset;
                }
            }
        }
        // The order of the subgroup times a point is the identity: one less times it is its negative.
        let one_less = -Scalar::ONE;
        sums.iter().all(|sum| EdwardsPoint::vartime_multiscalar_mul([one_less], [*sum]) == -sum)
    }

    /// Whether the equation holds for these entries.
    fn holds(&self, entries: &[Entry], random: &Random) -> bool {
        let mut base = Scalar::ZERO;
        let mut of_keys: BTreeMap<usize, Scalar> = BTreeMap::new();
        let mut of_rs = Vec::with_capacity(entries.len());
        for entry in entries {
            let z = random.coefficient(entry.index);
            base -= z * entry.s;
            *of_keys.entry(entry.key).or_insert(Scalar::ZERO) += z * entry.h;
            of_rs.push(z);
        }
        let scalars = of_rs.into_iter().chain(of_keys.values().copied()).chain([base]);
        let rs = entries.iter().map(|entry| Some(entry.r));
        let keys = of_keys.keys().map(|key| self.keys.get(*key).copied());
        let points = rs.chain(keys).chain([Some(ED25519_BASEPOINT_POINT)]);
        EdwardsPoint::optional_multiscalar_mul(scalars, points).is_some_and(|sum| sum.is_identity())
    }
}

/// Coefficients and subsets that nobody can choose: a function of everything in the batch.
struct Random {
    seed: [u8; 64],
    coefficients: Vec<Scalar>,
}

impl Random {
    fn of(batch: &Batch<'_>) -> Option<Self> {
        let mut hash = Sha512::new_with_prefix(b"marque ed25519 batch 1");
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

    fn coefficient(&self, index: usize) -> Scalar {
        self.coefficients.get(index).copied().unwrap_or(Scalar::ONE)
    }
}

#[cfg(test)]
mod tests;
