//! Ranges of ids, by how the ids in them begin, and what two nodes say to each other of one.

use crate::replica::Refusal;
use did_resolver::codec::Sha256Digest;
use std::ops::RangeInclusive;

/// Longest prefix of a range that is told in parts, in nibbles: a domain at its cap has one id in most of them.
pub const MAX_RANGE_NIBBLES: u8 = 8;

/// Nibbles of an id that follow the range in which it is told.
const TAIL_NIBBLES: u8 = 8;

/// Longest prefix: an id in a range as it is told there.
pub const MAX_PREFIX_NIBBLES: u8 = MAX_RANGE_NIBBLES + TAIL_NIBBLES;

/// Most prefixes in one request: the answer has some 70 KiB.
pub const MAX_PREFIXES: usize = 512;

/// Into how many ranges one is told: one for each next nibble.
pub const FAN: usize = 16;

/// Bytes of a digest of one of those. Of two that are the same by chance, or because somebody made them so,
/// the range around them is listed.
pub const RANGE_DIGEST_BYTES: usize = 4;

/// Most ids that are told as such: a list of so many takes twice the bytes of sixteen digests, and saves the
/// next question.
pub const MAX_TOLD_IDS: usize = 32;

/// The beginning of ids, in nibbles: all that begin so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// The nibbles, from the highest on; what is behind them is zero.
    value: u64,
    /// How many, at most [`MAX_PREFIX_NIBBLES`].
    nibbles: u8,
}

fn head(id: &Sha256Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *id;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Prefix {
    /// All ids that begin with this byte.
    #[must_use]
    pub fn byte(byte: u8) -> Self {
        Self { value: u64::from(byte) << 56, nibbles: 2 }
    }

    /// How many nibbles it has.
    #[must_use]
    pub const fn nibbles(&self) -> u8 {
        self.nibbles
    }

    /// The bits behind it.
    fn rest(&self) -> u64 {
        u64::MAX.checked_shr(4 * u32::from(self.nibbles)).unwrap_or(0)
    }

    /// The ids that begin with it, from the first to the last that can be.
    #[must_use]
    pub fn ids(&self) -> RangeInclusive<Sha256Digest> {
        let (mut first, mut last) = ([0_u8; 32], [0xff_u8; 32]);
        for (to, value) in [(&mut first, self.value), (&mut last, self.value | self.rest())] {
            for (byte, of) in to.iter_mut().zip(value.to_be_bytes()) {
                *byte = of;
            }
        }
        first..=last
    }

    /// Whether `id` begins with it.
    #[must_use]
    pub fn contains(&self, id: &Sha256Digest) -> bool {
        head(id) & !self.rest() == self.value
    }

    /// The range of those that go on with `nibble`; only the low four bits count.
    #[must_use]
    pub fn child(&self, nibble: u8) -> Self {
        let shift = 60_u32.saturating_sub(4 * u32::from(self.nibbles));
        Self { value: self.value | u64::from(nibble & 0xf) << shift, nibbles: self.nibbles + 1 }
    }

    /// The nibbles that follow it in `id`.
    #[must_use]
    pub fn tail(&self, id: &Sha256Digest) -> u32 {
        let behind = head(id).checked_shl(4 * u32::from(self.nibbles)).unwrap_or(0);
        u32::try_from(behind >> 32).unwrap_or(0)
    }

    /// The prefix of what was told as `tail` in this range, which has [`MAX_RANGE_NIBBLES`] at most.
    #[must_use]
    pub fn followed_by(&self, tail: u32) -> Self {
        let shift = 32_u32.saturating_sub(4 * u32::from(self.nibbles));
        Self { value: self.value | u64::from(tail) << shift, nibbles: self.nibbles + TAIL_NIBBLES }
    }

    /// As it is written: how many nibbles, and the bytes that they take.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = self.value.to_be_bytes();
        let used = usize::from(self.nibbles.div_ceil(2));
        std::iter::once(self.nibbles).chain(bytes.into_iter().take(used)).collect()
    }

    /// Reads what [`Prefix::encode`] wrote, of `most` nibbles at most.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn decode(bytes: &[u8], most: u8) -> Result<Self, Refusal> {
        let (nibbles, rest) = bytes.split_first().ok_or(Refusal::Malformed)?;
        let fits = *nibbles > 0 && *nibbles <= most && rest.len() == usize::from(nibbles.div_ceil(2));
        let mut value = [0_u8; 8];
        for (to, of) in value.iter_mut().zip(rest) {
            *to = *of;
        }
        let prefix = Self { value: u64::from_be_bytes(value), nibbles: *nibbles };
        if fits && prefix.value & prefix.rest() == 0 { Ok(prefix) } else { Err(Refusal::Malformed) }
    }
}

/// Whether `prefixes` are in ascending order and no id begins with two of them.
#[must_use]
pub fn are_apart(prefixes: &[Prefix]) -> bool {
    prefixes.windows(2).all(|pair| match pair {
        [a, b] => a.value | a.rest() < b.value,
        _ => true,
    })
}

/// The one of `prefixes`, which are apart, that `id` begins with.
#[must_use]
pub fn around<'a>(prefixes: &'a [Prefix], id: &Sha256Digest) -> Option<&'a Prefix> {
    let after = prefixes.partition_point(|prefix| prefix.value <= head(id));
    prefixes.get(after.checked_sub(1)?).filter(|prefix| prefix.contains(id))
}

/// What one side says of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The beginnings of the digests of the ranges in it, one for each next nibble.
    Digests([[u8; RANGE_DIGEST_BYTES]; FAN]),
    /// Of each id in it, at most [`MAX_TOLD_IDS`], the nibbles that follow; ascending.
    Ids(Vec<u32>),
}

impl Part {
    /// As it is written. Lists of ids take [`MAX_TOLD_IDS`] times four bytes at most, after their number.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Digests(digests) => [&[0], digests.as_flattened()].concat(),
            Self::Ids(tails) => {
                std::iter::once(1).chain(tails.iter().flat_map(|tail| tail.to_be_bytes())).collect()
            }
        }
    }

    /// Reads what [`Part::encode`] wrote.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let (kind, rest) = bytes.split_first().ok_or(Refusal::Malformed)?;
        let (words, over) = rest.as_chunks::<RANGE_DIGEST_BYTES>();
        if !over.is_empty() {
            return Err(Refusal::Malformed);
        }
        match kind {
            0 => Ok(Self::Digests(words.try_into().map_err(|_| Refusal::Malformed)?)),
            1 => {
                let tails: Vec<u32> = words.iter().map(|word| u32::from_be_bytes(*word)).collect();
                let ascending = tails.is_sorted() && tails.len() <= MAX_TOLD_IDS;
                if ascending { Ok(Self::Ids(tails)) } else { Err(Refusal::Malformed) }
            }
            _ => Err(Refusal::Malformed),
        }
    }
}
