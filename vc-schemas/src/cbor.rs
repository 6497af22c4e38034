//! As much of CBOR (RFC 8949) as what is signed here needs. Written is the one deterministic encoding
//! (section 4.2.1). Read is any order of a map, since others write their claims in theirs; every number
//! has its shortest spelling, every length is given, and no name stands twice in what is read by name.

use std::fmt;

/// Deepest nesting of what is skipped.
const MAX_DEPTH: usize = 16;

/// Major types.
pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// Simple values: RFC 8949, section 3.3.
const FALSE: u8 = 20;
const TRUE: u8 = 21;
const NULL: u8 = 22;

/// A key of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    /// A number from 0 on.
    Number(u64),
    /// -1 less this.
    Negative(u64),
    Text(&'a str),
}

/// One item, of an array or a map how many items or members follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Item<'a> {
    Unsigned(u64),
    /// -1 less this.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(u64),
    Map(u64),
    Null,
    Bool(bool),
    Float(f64),
}

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], CborError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(CborError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The head of an item: its major type and its argument. Floats and simple values are none.
    pub(crate) fn head(&mut self) -> Result<(u8, u64), CborError> {
        let (major, width, info) = self.first()?;
        let number = self.take(width)?.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let least = match width {
            0 => return Ok((major, u64::from(info))),
            1 => 24,
            2 => 0x100,
            4 => 0x1_0000,
            _ => 0x1_0000_0000,
        };
        if number < least || major == SIMPLE { Err(CborError::Malformed) } else { Ok((major, number)) }
    }

    /// The major type of an item, how many bytes its argument has beside the first, and what stands there.
    fn first(&mut self) -> Result<(u8, usize, u8), CborError> {
        let &[first] = self.take(1)? else { return Err(CborError::Malformed) };
        let info = first & 0x1f;
        match info {
            0..=23 => Ok((first >> 5, 0, info)),
            24..=27 => Ok((first >> 5, 1 << (info - 24), info)),
            _ => Err(CborError::Malformed),
        }
    }

    fn argument(&mut self, major: u8) -> Result<u64, CborError> {
        match self.head()? {
            (found, number) if found == major => Ok(number),
            _ => Err(CborError::Malformed),
        }
    }

    pub(crate) fn expect(&mut self, major: u8, number: u64) -> Result<(), CborError> {
        if self.argument(major)? == number { Ok(()) } else { Err(CborError::Malformed) }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        self.argument(UNSIGNED)
    }

    /// A whole number of either sign.
    pub(crate) fn integer(&mut self) -> Result<i64, CborError> {
        let (major, number) = self.head()?;
        let number = i64::try_from(number).map_err(|_| CborError::Malformed)?;
        match major {
            UNSIGNED => Ok(number),
            NEGATIVE => Ok(-1 - number),
            _ => Err(CborError::Malformed),
        }
    }

    pub(crate) fn bytes(&mut self, max: usize) -> Result<&'a [u8], CborError> {
        self.string(BYTES, max)
    }

    pub(crate) fn text(&mut self, max: usize) -> Result<&'a str, CborError> {
        std::str::from_utf8(self.string(TEXT, max)?).map_err(|_| CborError::Malformed)
    }

    fn string(&mut self, major: u8, max: usize) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(self.argument(major)?).ok().filter(|length| *length <= max);
        self.take(length.ok_or(CborError::TooLong)?)
    }

    /// Reads a map: `member` reads the value of each name, and answers whether it knows the name. What
    /// it does not know is skipped where `open`, else refused; so is a name that it reads twice.
    pub(crate) fn map<E: From<CborError>>(
        &mut self,
        open: bool,
        mut member: impl FnMut(Key<'a>, &mut Self) -> Result<bool, E>,
    ) -> Result<(), E> {
        let members = self.argument(MAP)?;
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..members {
            let name = self.key()?;
            if !names.insert(name) {
                return Err(CborError::Malformed.into());
            }
            if !member(name, self)? {
                if !open {
                    return Err(CborError::Malformed.into());
                }
                self.skip(MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Key<'a>, CborError> {
        let mut ahead = *self;
        match ahead.head()? {
            (UNSIGNED, number) => {
                *self = ahead;
                Ok(Key::Number(number))
            }
            (NEGATIVE, number) => {
                *self = ahead;
                Ok(Key::Negative(number))
            }
            _ => self.text(usize::MAX).map(Key::Text),
        }
    }

    /// Passes over one item. A tag and what it tags are one.
    fn skip(&mut self, depth: usize) -> Result<(), CborError> {
        let below = depth.checked_sub(1).ok_or(CborError::Malformed)?;
        let mut ahead = *self;
        let (major, width, _) = ahead.first()?;
        if major == SIMPLE {
            ahead.take(width)?;
            *self = ahead;
            return Ok(());
        }
        let (_, number) = self.head()?;
        let items = match major {
            BYTES | TEXT => {
                let text = self.take(usize::try_from(number).map_err(|_| CborError::Malformed)?)?;
                let shaped = major == BYTES || std::str::from_utf8(text).is_ok();
                return if shaped { Ok(()) } else { Err(CborError::Malformed) };
            }
            ARRAY => number,
            MAP => number.checked_mul(2).ok_or(CborError::Malformed)?,
            TAG => 1,
            _ => 0,
        };
        (0..items).try_for_each(|_| self.skip(below))
    }

    /// What has been read since `earlier`, which is this reader at an earlier place.
    pub(crate) fn since(&self, earlier: Self) -> &'a [u8] {
        earlier.0.get(..earlier.0.len().saturating_sub(self.0.len())).unwrap_or_default()
    }

    /// Any item that JSON has something for, or a string of bytes, in its shortest spelling. Of an array
    /// or a map its head alone; no tag, and no other simple value.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, CborError> {
        let mut ahead = *self;
        let (major, width, info) = ahead.first()?;
        if major == SIMPLE {
            let item = match info {
                FALSE => Item::Bool(false),
                TRUE => Item::Bool(true),
                NULL => Item::Null,
                _ => Item::Float(ahead.float(width)?),
            };
            let plain = ahead.since(*self);
            *self = ahead;
            return match item {
                Item::Float(float) if Writer::default().float(float).0 != plain => Err(CborError::Malformed),
                item => Ok(item),
            };
        }
        let (major, number) = self.head()?;
        match major {
            UNSIGNED => Ok(Item::Unsigned(number)),
            NEGATIVE => Ok(Item::Negative(number)),
            BYTES | TEXT => {
                let length = usize::try_from(number).map_err(|_| CborError::TooLong)?;
                let bytes = self.take(length)?;
                if major == BYTES {
                    return Ok(Item::Bytes(bytes));
                }
                std::str::from_utf8(bytes).map(Item::Text).map_err(|_| CborError::Malformed)
            }
            ARRAY => Ok(Item::Array(number)),
            MAP => Ok(Item::Map(number)),
            _ => Err(CborError::Malformed),
        }
    }

    /// A float of 2, 4 or 8 bytes (RFC 8949, section 3.3 and appendix D).
    fn float(&mut self, width: usize) -> Result<f64, CborError> {
        match *self.take(width)? {
            [a, b] => {
                let half = u16::from_be_bytes([a, b]);
                let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f64::from(half & 0x3ff));
                let size = match exponent {
                    0 => fraction * 2_f64.powi(-24),
                    31 => return Err(CborError::Malformed),
                    _ => (fraction + 1_024.0) * 2_f64.powi(exponent - 25),
                };
                Ok(if half >> 15 == 1 { -size } else { size })
            }
            [a, b, c, d] => Ok(f64::from(f32::from_be_bytes([a, b, c, d]))),
            [a, b, c, d, e, f, g, h] => Ok(f64::from_be_bytes([a, b, c, d, e, f, g, h])),
            _ => Err(CborError::Malformed),
        }
    }

    pub(crate) const fn end(&self) -> Result<(), CborError> {
        if self.0.is_empty() { Ok(()) } else { Err(CborError::Malformed) }
    }
}

/// Writes the one deterministic encoding; the order of a map is for the caller.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// One that has room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn head(mut self, major: u8, number: u64) -> Self {
        let bytes = number.to_be_bytes();
        let [.., last] = bytes;
        let (info, skip) = match number {
            0..=23 => (last, 8),
            24..=0xff => (24, 7),
            0x100..=0xffff => (25, 6),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 0),
        };
        self.0.push(major << 5 | info);
        self.0.extend(bytes.iter().skip(skip));
        self
    }

    pub(crate) fn unsigned(self, number: u64) -> Self {
        self.head(UNSIGNED, number)
    }

    pub(crate) fn integer(self, number: i64) -> Self {
        match u64::try_from(number) {
            Ok(number) => self.head(UNSIGNED, number),
            Err(_) => self.head(NEGATIVE, number.unsigned_abs().saturating_sub(1)),
        }
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.head(BYTES, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self = self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(crate) fn null(self) -> Self {
        self.head(SIMPLE, NULL.into())
    }

    pub(crate) fn bool(self, value: bool) -> Self {
        self.head(SIMPLE, (if value { TRUE } else { FALSE }).into())
    }

    /// A float, in the fewest bytes that hold it exactly.
    pub(crate) fn float(mut self, value: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "whether it was exact is asked next")]
        let single = value as f32;
        if f64::from(single).to_bits() != value.to_bits() {
            self.0.push(SIMPLE << 5 | 27);
            self.0.extend(value.to_be_bytes());
        } else if let Some(half) = half(single) {
            self.0.push(SIMPLE << 5 | 25);
            self.0.extend(half.to_be_bytes());
        } else {
            self.0.push(SIMPLE << 5 | 26);
            self.0.extend(single.to_be_bytes());
        }
        self
    }

    /// What was written elsewhere.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The same number in 2 bytes, where they hold it exactly and it is finite.
fn half(single: f32) -> Option<u16> {
    let bits = single.to_bits();
    let (sign, exponent, fraction) = (bits >> 31 << 15, bits >> 23 & 0xff, bits & 0x7f_ffff);
    let size = match exponent {
        // 2^-14 to 2^15.
        113..=142 if fraction.trailing_zeros() >= 13 => (exponent - 112) << 10 | fraction >> 13,
        // Down to 2^-24, which have no leading one.
        103..=112 => {
            let (whole, shift) = (fraction | 0x80_0000, 126 - exponent);
            if whole.trailing_zeros() < shift {
                return None;
            }
            whole >> shift
        }
        0 if fraction == 0 => 0,
        _ => return None,
    };
    u16::try_from(sign | size).ok()
}

/// Why something is no CBOR of the kind that is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CborError {
    /// Another shape, another spelling of it, or something after it.
    Malformed,
    /// A string that is longer than its place allows.
    TooLong,
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not CBOR in its one form",
            Self::TooLong => "a string in CBOR is too long",
        })
    }
}

impl std::error::Error for CborError {}

#[cfg(test)]
mod tests;
