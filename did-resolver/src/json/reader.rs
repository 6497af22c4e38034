//! The reader of JSON (RFC 8259): one pass over the text, which says what stands where in it.
//!
//! Texts with escapes, and numbers that are no short integers, are read by serde_json.

use super::nodes::{Builder, Names};
use super::{JsonError, MAX_DEPTH};
use serde::Deserialize;
use serde_json::Number;

/// Digits of an integer that is within 2^53 - 1 whatever they are.
const SAFE_DIGITS: usize = 15;

/// Reads the whole of `text`.
pub(super) fn read(text: &str) -> Result<Builder, JsonError> {
    let mut reader = Reader { text, at: 0, tree: Builder::beside(text.len())? };
    reader.value(0)?;
    reader.space();
    if reader.at == text.len() { Ok(reader.tree) } else { Err(JsonError::Malformed) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    tree: Builder,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Result<u8, JsonError> {
        match self.rest().first() {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => {
                self.space();
                self.rest().first().copied().ok_or(JsonError::Malformed)
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.next()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string(),
            b't' => self.word("true").map(|()| self.tree.bool(true)),
            b'f' => self.word("false").map(|()| self.tree.bool(false)),
            b'n' => self.word("null").map(|()| self.tree.null()),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(JsonError::Malformed),
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), JsonError> {
        let place = self.tree.begin(depth)?;
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.at += 1;
        let mut count = 0;
        if self.next()? != b']' {
            loop {
                self.value(depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return Err(JsonError::Malformed),
                }
            }
        }
        self.at += 1;
        self.tree.end_array(place, count)
    }

    fn object(&mut self, depth: usize) -> Result<(), JsonError> {
        let place = self.tree.begin(depth)?;
        let (mut names, mut count) = (Names::of(&place), 0);
        self.at += 1;
        if self.next()? != b'}' {
            loop {
                self.name(&mut names, count)?;
                if depth >= MAX_DEPTH {
                    return Err(JsonError::TooDeep);
                }
                if self.next()? != b':' {
                    return Err(JsonError::Malformed);
                }
                self.at += 1;
                self.value(depth + 1)?;
                count += 1;
                match self.next()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return Err(JsonError::Malformed),
                }
            }
        }
        self.at += 1;
        self.tree.end_object(place, count)
    }

    /// A name that none of the `count` before it is.
    fn name(&mut self, names: &mut Names, count: usize) -> Result<(), JsonError> {
        if self.next()? != b'"' {
            return Err(JsonError::Malformed);
        }
        self.string()?;
        if self.tree.repeats(names, count, self.text) { Err(JsonError::Duplicate) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(JsonError::Malformed);
        }
        self.at += word.len();
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at + 1;
        let inside = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = ordinary(inside);
        if inside.get(length) != Some(&b'"') {
            return self.escaped();
        }
        self.at = start + length + 1;
        self.tree.span(start, length)
    }

    fn escaped(&mut self) -> Result<(), JsonError> {
        let mut length = 1;
        loop {
            let rest = self.rest().get(length..).unwrap_or_default();
            let ordinary = ordinary(rest);
            length += ordinary + 1;
            match rest.get(ordinary) {
                Some(b'"') => break,
                Some(b'\\') => length += 1,
                _ => return Err(JsonError::Malformed),
            }
        }
        let quoted = self.text.get(self.at..self.at + length).ok_or(JsonError::Malformed)?;
        let text: String = serde_json::from_str(quoted).map_err(|_| JsonError::Malformed)?;
        self.at += length;
        self.tree.text(&text)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let of_a_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(of_a_number).count();
        let number = self.text.get(self.at..self.at + length).ok_or(JsonError::Malformed)?;
        let short = length <= SAFE_DIGITS && (length == 1 || !number.starts_with('0'));
        if short && number.bytes().all(|byte| byte.is_ascii_digit()) {
            let value = number.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
            self.tree.unsigned(value)?;
        } else {
            let mut reader = serde_json::Deserializer::from_str(number);
            let value = Number::deserialize(&mut reader).map_err(|_| JsonError::Malformed)?;
            match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => self.tree.unsigned(value)?,
                (None, Some(value), _) => self.tree.integer(value)?,
                (None, None, value) => self.tree.float(value.ok_or(JsonError::Integer)?)?,
            }
            reader.end().map_err(|_| JsonError::Malformed)?;
        }
        self.at += length;
        Ok(())
    }
}

/// How many bytes come before the first that is a quote, a backslash or a control character. Eight at a
/// time: what marks a byte may also mark those after one that is marked, never those before.
pub(crate) fn ordinary(bytes: &[u8]) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = LOW << 7;
    let zero = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(LOW * 0x20) & !word & HIGH;
        let marked = control | zero(word ^ (LOW * 0x22)) | zero(word ^ (LOW * 0x5c));
        if marked != 0 {
            return place * 8 + marked.trailing_zeros() as usize / 8;
        }
    }
    let is_ordinary = |byte: &&u8| **byte >= b' ' && **byte != b'"' && **byte != b'\\';
    words.len() * 8 + rest.iter().take_while(is_ordinary).count()
}
