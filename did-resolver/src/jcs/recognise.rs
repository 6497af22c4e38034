//! Recognising canonical JSON (RFC 8785) in one pass over the bytes, without building a value.
//!
//! What is recognised is exactly what [`crate::json::parse`] accepts and [`super::canonical`] writes
//! back byte for byte, so that a hash over spans of the input is the hash over the canonical form.

use crate::codec::{self, Sha256Digest};
use crate::json::{self, MAX_DEPTH};
use std::cmp::Ordering;

/// Digits of an integer that are within ±(2^53 - 1) whatever they are; longer ones are looked at.
const SAFE_DIGITS: usize = 15;

/// No number has a longer canonical form: sign, 17 digits, point, zeros or an exponent.
const MAX_NUMBER_BYTES: usize = 32;

/// From this byte on, UTF-8 and UTF-16 may order two texts differently: U+E000 and above.
const ORDERS_DIFFER: u8 = 0xee;

/// A text that is its own canonical form, with the places of its members or items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical<'a> {
    bytes: &'a [u8],
    children: Vec<Child<'a>>,
}

/// A member of the outermost object, or an item of the outermost array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Child<'a> {
    /// As written between its quotes; empty for an item.
    name: &'a [u8],
    /// Where the member begins: its opening quote, or the item itself.
    start: usize,
    value: usize,
    end: usize,
}

/// The text, if it is its own canonical form; `None` sends the caller to the full road.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Canonical<'_>> {
    std::str::from_utf8(bytes).ok()?;
    let mut scan = Scan { bytes, at: 0 };
    let mut children = Vec::new();
    scan.value(0, Some(&mut children))?;
    (scan.at == bytes.len()).then_some(Canonical { bytes, children })
}

impl<'a> Canonical<'a> {
    /// The whole text.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the text is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.bytes.first() == Some(&b'{')
    }

    /// The value of a member of the outermost object, canonical in itself.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'a [u8]> {
        let child = self.child(name)?.1;
        self.bytes.get(child.value..child.end)
    }

    /// The values of the members of the outermost object, if their names are exactly these, which are
    /// given in canonical order.
    #[must_use]
    pub fn members<const N: usize>(&self, names: [&str; N]) -> Option<[&'a [u8]; N]> {
        if !self.is_object() || self.children.len() != N {
            return None;
        }
        let mut values = [&b""[..]; N];
        for ((child, name), value) in self.children.iter().zip(names).zip(&mut values) {
            if child.name != name.as_bytes() {
                return None;
            }
            *value = self.bytes.get(child.value..child.end)?;
        }
        Some(values)
    }

    /// The items of the outermost array; nothing for another value.
    pub fn items(&self) -> impl Iterator<Item = &'a [u8]> {
        let items = if self.is_object() { &[] } else { self.children.as_slice() };
        items.iter().filter_map(|item| self.bytes.get(item.value..item.end))
    }

    /// What stands before and after where `name` would be written: the two together are the object
    /// without that member.
    ///
    /// Without such a member, everything is before.
    #[must_use]
    pub fn without(&self, name: &str) -> (&'a [u8], &'a [u8]) {
        let Some((index, child)) = self.child(name) else { return (self.bytes, &[]) };
        // The comma goes with the member: the one after it, or else the one before it.
        let (start, end) = match (self.children.get(index + 1), index) {
            (Some(next), _) => (child.start, next.start),
            (None, 0) => (child.start, child.end),
            (None, _) => (child.start.saturating_sub(1), child.end),
        };
        (self.bytes.get(..start).unwrap_or_default(), self.bytes.get(end..).unwrap_or_default())
    }

    /// What stands before and after the value of the member `name`; all is before without one.
    #[must_use]
    pub fn around(&self, name: &str) -> (&'a [u8], &'a [u8]) {
        let Some((_, child)) = self.child(name) else { return (self.bytes, &[]) };
        let (before, after) = (self.bytes.get(..child.value), self.bytes.get(child.end..));
        (before.unwrap_or_default(), after.unwrap_or_default())
    }

    /// SHA-256 of the object without the member `name`.
    #[must_use]
    pub fn sha256_without(&self, name: &str) -> Sha256Digest {
        let (before, after) = self.without(name);
        codec::sha256_of(&[before, after])
    }

    fn child(&self, name: &str) -> Option<(usize, &Child<'a>)> {
        let named = |child: &Child<'_>| match child.name {
            raw if raw.contains(&b'\\') => text(raw) == name,
            raw => raw == name.as_bytes(),
        };
        if !self.is_object() {
            return None;
        }
        self.children.iter().enumerate().find(|(_, child)| named(child))
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The inside of a string as written, and whether its bytes order as its UTF-16 does.
#[derive(Clone, Copy)]
struct Text<'a> {
    raw: &'a [u8],
    plain: bool,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, expected: &[u8]) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        rest.starts_with(expected).then(|| self.at += expected.len())
    }

    fn value(&mut self, depth: usize, children: Option<&mut Vec<Child<'a>>>) -> Option<()> {
        match self.peek()? {
            b'{' | b'[' if depth >= MAX_DEPTH => None,
            b'{' => self.object(depth, children),
            b'[' => self.array(depth, children),
            b'"' => self.string().map(|_| ()),
            b't' => self.take(b"true"),
            b'f' => self.take(b"false"),
            b'n' => self.take(b"null"),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize, mut children: Option<&mut Vec<Child<'a>>>) -> Option<()> {
        self.take(b"[")?;
        if self.take(b"]").is_some() {
            return Some(());
        }
        loop {
            let start = self.at;
            self.value(depth + 1, None)?;
            if let Some(children) = children.as_deref_mut() {
                children.push(Child { name: &[], start, value: start, end: self.at });
            }
            if self.take(b"]").is_some() {
                return Some(());
            }
            self.take(b",")?;
        }
    }

    fn object(&mut self, depth: usize, mut children: Option<&mut Vec<Child<'a>>>) -> Option<()> {
        self.take(b"{")?;
        if self.take(b"}").is_some() {
            return Some(());
        }
        let mut last: Option<Text<'a>> = None;
        loop {
            let start = self.at;
            let name = self.string()?;
            // Strictly rising, so no name comes twice.
            if last.is_some_and(|last| last.order(name) != Ordering::Less) {
                return None;
            }
            last = Some(name);
            self.take(b":")?;
            let value = self.at;
            self.value(depth + 1, None)?;
            if let Some(children) = children.as_deref_mut() {
                children.push(Child { name: name.raw, start, value, end: self.at });
            }
            if self.take(b"}").is_some() {
                return Some(());
            }
            self.take(b",")?;
        }
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.take(b"\"")?;
        let start = self.at;
        let mut plain = true;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let length = json::ordinary(rest);
            plain &= rest.get(..length)?.iter().fold(0, |most, byte| most.max(*byte)) < ORDERS_DIFFER;
            self.at += length;
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    plain = false;
                    self.escape()?;
                }
                _ => return None,
            }
        }
        let raw = self.bytes.get(start..self.at)?;
        self.at += 1;
        Some(Text { raw, plain })
    }

    /// RFC 8785, section 3.2.2.2: two-character escapes where there are such, `\u00xx` in lower case
    /// for other control characters, and no escape for anything else.
    fn escape(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        self.at += match rest {
            [_, b'"' | b'\\' | b'b' | b't' | b'n' | b'f' | b'r', ..] => 2,
            [_, b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..] => 6,
            [_, b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return None,
        };
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let of_a_number = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take(MAX_NUMBER_BYTES + 1).take_while(of_a_number).count();
        let number = rest.get(..length)?;
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        let short_integer = match digits {
            [b'0'] => number.len() == 1,
            [b'1'..=b'9', more @ ..] => more.len() < SAFE_DIGITS && more.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        if !short_integer {
            let value = json::parse(number, MAX_NUMBER_BYTES).ok()?;
            if super::canonical(&value).ok()? != number {
                return None;
            }
        }
        self.at += length;
        Some(())
    }
}

impl Text<'_> {
    /// The order of names: by UTF-16 code units (RFC 8785, section 3.2.3).
    fn order(self, other: Self) -> Ordering {
        if self.plain && other.plain {
            return self.raw.cmp(other.raw);
        }
        text(self.raw).encode_utf16().cmp(text(other.raw).encode_utf16())
    }
}

/// What a string says, from its canonical inside.
fn text(raw: &[u8]) -> String {
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice(&quoted).unwrap_or_default()
}
