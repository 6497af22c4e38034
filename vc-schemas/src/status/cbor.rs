//! As much of CBOR (RFC 8949) as status lists need. Written is the one deterministic encoding (section
//! 4.2.1). Read is any order of a map, since others write their claims in theirs; every number has its
//! shortest spelling, every length is given, and no name stands twice in what is read by name.

use super::StatusError;

/// Deepest nesting of what is skipped.
const MAX_DEPTH: usize = 16;

/// Major types.
pub(super) const UNSIGNED: u8 = 0;
pub(super) const NEGATIVE: u8 = 1;
pub(super) const BYTES: u8 = 2;
pub(super) const TEXT: u8 = 3;
pub(super) const ARRAY: u8 = 4;
pub(super) const MAP: u8 = 5;
pub(super) const TAG: u8 = 6;
const SIMPLE: u8 = 7;

/// A key of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key<'a> {
    /// A number from 0 on.
    Number(u64),
    /// -1 less this.
    Negative(u64),
    Text(&'a str),
}

/// What is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], StatusError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(StatusError::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The head of an item: its major type and its argument. Floats and simple values are none.
    pub(super) fn head(&mut self) -> Result<(u8, u64), StatusError> {
        let (major, width, info) = self.first()?;
        let number = self.take(width)?.iter().fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        let least = match width {
            0 => return Ok((major, u64::from(info))),
            1 => 24,
            2 => 0x100,
            4 => 0x1_0000,
            _ => 0x1_0000_0000,
        };
        if number < least || major == SIMPLE { Err(StatusError::Malformed) } else { Ok((major, number)) }
    }

    /// The major type of an item, how many bytes its argument has beside the first, and what stands there.
    fn first(&mut self) -> Result<(u8, usize, u8), StatusError> {
        let &[first] = self.take(1)? else { return Err(StatusError::Malformed) };
        let info = first & 0x1f;
        match info {
            0..=23 => Ok((first >> 5, 0, info)),
            24..=27 => Ok((first >> 5, 1 << (info - 24), info)),
            _ => Err(StatusError::Malformed),
        }
    }

    fn argument(&mut self, major: u8) -> Result<u64, StatusError> {
        match self.head()? {
            (found, number) if found == major => Ok(number),
            _ => Err(StatusError::Malformed),
        }
    }

    pub(super) fn expect(&mut self, major: u8, number: u64) -> Result<(), StatusError> {
        if self.argument(major)? == number { Ok(()) } else { Err(StatusError::Malformed) }
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, StatusError> {
        self.argument(UNSIGNED)
    }

    /// A whole number of either sign.
    pub(super) fn integer(&mut self) -> Result<i64, StatusError> {
        let (major, number) = self.head()?;
        let number = i64::try_from(number).map_err(|_| StatusError::Malformed)?;
        match major {
            UNSIGNED => Ok(number),
            NEGATIVE => Ok(-1 - number),
            _ => Err(StatusError::Malformed),
        }
    }

    pub(super) fn bytes(&mut self, max: usize) -> Result<&'a [u8], StatusError> {
        self.string(BYTES, max)
    }

    pub(super) fn text(&mut self, max: usize) -> Result<&'a str, StatusError> {
        std::str::from_utf8(self.string(TEXT, max)?).map_err(|_| StatusError::Malformed)
    }

    fn string(&mut self, major: u8, max: usize) -> Result<&'a [u8], StatusError> {
        let length = usize::try_from(self.argument(major)?).ok().filter(|length| *length <= max);
        self.take(length.ok_or(StatusError::Malformed)?)
    }

    /// Reads a map: `member` reads the value of each name, and answers whether it knows the name. What
    /// it does not know is skipped where `open`, else refused; so is a name that it reads twice.
    pub(super) fn map(
        &mut self,
        open: bool,
        mut member: impl FnMut(Key<'a>, &mut Self) -> Result<bool, StatusError>,
    ) -> Result<(), StatusError> {
        let members = self.argument(MAP)?;
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..members {
            let name = self.key()?;
            if !names.insert(name) {
                return Err(StatusError::Malformed);
            }
            if !member(name, self)? {
                if !open {
                    return Err(StatusError::Malformed);
                }
                self.skip(MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    fn key(&mut self) -> Result<Key<'a>, StatusError> {
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
    fn skip(&mut self, depth: usize) -> Result<(), StatusError> {
        let below = depth.checked_sub(1).ok_or(StatusError::Malformed)?;
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
                let text = self.take(usize::try_from(number).map_err(|_| StatusError::Malformed)?)?;
                let shaped = major == BYTES || std::str::from_utf8(text).is_ok();
                return if shaped { Ok(()) } else { Err(StatusError::Malformed) };
            }
            ARRAY => number,
            MAP => number.checked_mul(2).ok_or(StatusError::Malformed)?,
            TAG => 1,
            _ => 0,
        };
        (0..items).try_for_each(|_| self.skip(below))
    }

    pub(super) const fn end(&self) -> Result<(), StatusError> {
        if self.0.is_empty() { Ok(()) } else { Err(StatusError::Malformed) }
    }
}

/// Writes the one deterministic encoding; the order of a map is for the caller.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn head(mut self, major: u8, number: u64) -> Self {
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

    pub(super) fn unsigned(self, number: u64) -> Self {
        self.head(UNSIGNED, number)
    }

    pub(super) fn integer(self, number: i64) -> Self {
        match u64::try_from(number) {
            Ok(number) => self.head(UNSIGNED, number),
            Err(_) => self.head(NEGATIVE, number.unsigned_abs().saturating_sub(1)),
        }
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self = self.head(BYTES, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self = self.head(TEXT, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}
