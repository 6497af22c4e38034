//! CBOR with one spelling (RFC 8949, section 4.2.1): lengths are bounded before anything is
//! allocated, and what was read must be, byte for byte, what would be written.

use crate::replica::refusal::Refusal;
use did_resolver::codec::Sha256Digest;
use minicbor::Decoder;
use minicbor::data::Type;

/// Writes deterministic CBOR.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    fn head(&mut self, major: u8, n: u64) -> &mut Self {
        let major = major << 5;
        let bytes = n.to_be_bytes();
        let (info, skip) = match n {
            0..=23 => (bytes[7], 8),
            24..=0xff => (24, 7),
            0x100..=0xffff => (25, 6),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 0),
        };
        self.0.push(major | info);
        self.0.extend(bytes.iter().skip(skip));
        self
    }

    pub(super) fn uint(&mut self, n: u64) -> &mut Self {
        self.head(0, n)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.head(2, bytes.len() as u64).0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.head(3, text.len() as u64).0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn array(&mut self, len: usize) -> &mut Self {
        self.head(4, len as u64)
    }

    pub(super) fn map(&mut self, len: usize) -> &mut Self {
        self.head(5, len as u64)
    }

    pub(super) fn null(&mut self) -> &mut Self {
        self.0.push(0xf6);
        self
    }

    pub(super) fn bool(&mut self, value: bool) -> &mut Self {
        self.0.push(if value { 0xf5 } else { 0xf4 });
        self
    }

    /// One value, written before.
    pub(super) fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads CBOR within bounds. Every method fails with [`Refusal::Malformed`], or with
/// [`Refusal::TooLarge`] where only the bound is exceeded.
pub(super) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    pub(super) fn uint(&mut self) -> Result<u64, Refusal> {
        self.0.u64().map_err(|_| Refusal::Malformed)
    }

    pub(super) fn bytes(&mut self, max: usize) -> Result<&'a [u8], Refusal> {
        let bytes = self.0.bytes().map_err(|_| Refusal::Malformed)?;
        if bytes.len() > max { Err(Refusal::TooLarge) } else { Ok(bytes) }
    }

    pub(super) fn digest(&mut self) -> Result<Sha256Digest, Refusal> {
        self.array_of()
    }

    pub(super) fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        self.bytes(N)?.try_into().map_err(|_| Refusal::Malformed)
    }

    pub(super) fn text(&mut self, max: usize) -> Result<&'a str, Refusal> {
        let text = self.0.str().map_err(|_| Refusal::Malformed)?;
        if text.len() > max { Err(Refusal::TooLarge) } else { Ok(text) }
    }

    pub(super) fn bool(&mut self) -> Result<bool, Refusal> {
        self.0.bool().map_err(|_| Refusal::Malformed)
    }

    /// The length of a definite array of at most `max` elements.
    pub(super) fn array(&mut self, max: usize) -> Result<usize, Refusal> {
        let len = self.0.array().map_err(|_| Refusal::Malformed)?.ok_or(Refusal::Malformed)?;
        usize::try_from(len).ok().filter(|len| *len <= max).ok_or(Refusal::TooLarge)
    }

    /// The length of a definite map of at most `max` pairs.
    pub(super) fn map(&mut self, max: usize) -> Result<usize, Refusal> {
        let len = self.0.map().map_err(|_| Refusal::Malformed)?.ok_or(Refusal::Malformed)?;
        usize::try_from(len).ok().filter(|len| *len <= max).ok_or(Refusal::TooLarge)
    }

    /// An array of exactly `len` elements begins here.
    pub(super) fn exactly(&mut self, len: usize) -> Result<(), Refusal> {
        if self.array(len)? == len { Ok(()) } else { Err(Refusal::Malformed) }
    }

    /// Takes a null, if the next value is one.
    pub(super) fn null(&mut self) -> Result<bool, Refusal> {
        if self.0.datatype().map_err(|_| Refusal::Malformed)? != Type::Null {
            return Ok(false);
        }
        self.0.null().map_err(|_| Refusal::Malformed).map(|()| true)
    }

    /// Takes an unsigned integer, or passes over whatever else there is.
    pub(super) fn uint_or_skip(&mut self) -> Result<Option<u64>, Refusal> {
        match self.0.datatype().map_err(|_| Refusal::Malformed)? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => self.uint().map(Some),
            _ => self.skip().map(|()| None),
        }
    }

    /// Passes over one value, whatever it is.
    pub(super) fn skip(&mut self) -> Result<(), Refusal> {
        self.0.skip().map_err(|_| Refusal::Malformed)
    }

    /// Passes over one value, whatever it is, and gives its bytes.
    pub(super) fn skipped(&mut self) -> Result<&'a [u8], Refusal> {
        let from = self.0.position();
        self.skip()?;
        self.0.input().get(from..self.0.position()).ok_or(Refusal::Malformed)
    }
}

/// Reads the whole of `input` by `read`, and requires that `write` gives it back.
pub(super) fn decode_exactly<'a, T>(
    input: &'a [u8],
    max: usize,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Refusal>,
    write: impl FnOnce(&T) -> Vec<u8>,
) -> Result<T, Refusal> {
    if input.len() > max {
        return Err(Refusal::TooLarge);
    }
    let value = read(&mut Reader::new(input))?;
    if write(&value) == input { Ok(value) } else { Err(Refusal::Malformed) }
}
