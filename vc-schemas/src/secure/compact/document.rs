//! A JSON document as deterministic CBOR (RFC 8949, section 4.2.1) with numbers for the terms that are
//! registered, and back. Each document has one encoding, and each encoding that is read is that of the
//! document that comes out.

use super::terms;
use super::texts::Texts;
use crate::cbor::{ARRAY, Item, MAP, Reader, Writer};
use crate::secure::SecureError;
use did_resolver::json::{Builder, JsonError, MAX_DEPTH, MAX_INTEGER, Tree};
use serde_json::{Number, Value};

/// Writes a document: the version of the term table, then the document itself.
///
/// # Errors
/// [`SecureError::Json`] for an integer that not every reader holds exactly, or too deep nesting.
pub(super) fn encode(document: &Value) -> Result<Vec<u8>, SecureError> {
    let mut texts = Texts::default();
    let writer = Writer::default().head(ARRAY, 2).unsigned(terms::VERSION);
    write(document, writer, &mut texts, 0).map(Writer::into_bytes)
}

fn write(value: &Value, writer: Writer, texts: &mut Texts, depth: usize) -> Result<Writer, SecureError> {
    if depth > MAX_DEPTH {
        return Err(SecureError::Json(JsonError::TooDeep));
    }
    Ok(match value {
        Value::Null => writer.null(),
        Value::Bool(value) => writer.bool(*value),
        Value::Number(number) => write_number(number, writer)?,
        Value::String(text) => match texts.pack(text) {
            Some(bytes) => writer.bytes(&bytes),
            None => writer.text(text),
        },
        Value::Array(items) => {
            let writer = writer.head(ARRAY, items.len() as u64);
            items.iter().try_fold(writer, |writer, item| write(item, writer, texts, depth + 1))?
        }
        Value::Object(members) => {
            let name = |name: &str| match terms::number(name) {
                Some(number) => Writer::default().unsigned(number.into()).into_bytes(),
                None => Writer::default().text(name).into_bytes(),
            };
            let mut named: Vec<_> = members.iter().map(|(text, value)| (name(text), value)).collect();
            named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let writer = writer.head(MAP, named.len() as u64);
            named
                .into_iter()
                .try_fold(writer, |writer, (name, value)| write(value, writer.raw(&name), texts, depth + 1))?
        }
    })
}

fn write_number(number: &Number, writer: Writer) -> Result<Writer, SecureError> {
    let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= MAX_INTEGER);
    match (whole, number.as_f64()) {
        (Some(whole), _) => Ok(writer.integer(whole)),
        (None, Some(float)) if number.is_f64() && is_float(float) => Ok(writer.float(float)),
        _ => Err(SecureError::Json(JsonError::Integer)),
    }
}

/// Whether it is no whole number: those are integers.
fn is_float(value: f64) -> bool {
    value.is_finite() && value.fract() != 0.0
}

/// Reads what [`encode`] writes, and nothing else. As JSON it has at most `max_bytes`.
///
/// # Errors
/// [`SecureError::Malformed`] for another encoding, or something after it; [`SecureError::Terms`] for a
/// version, a term or a form of text that is not known; [`SecureError::Json`] for a name that stands twice,
/// an integer that not every reader holds exactly, or too deep nesting; [`SecureError::TooLong`].
pub(super) fn decode(bytes: &[u8], max_bytes: usize) -> Result<Tree, SecureError> {
    let mut reader = Reader::new(bytes);
    reader.expect(ARRAY, 2)?;
    if reader.unsigned()? != terms::VERSION {
        return Err(SecureError::Terms);
    }
    let (texts, tree) = (Texts::default(), Builder::default());
    let mut decoder = Decoder { reader, texts, tree, left: max_bytes };
    decoder.value(0)?;
    decoder.reader.end()?;
    Ok(decoder.tree.finish())
}

struct Decoder<'a> {
    reader: Reader<'a>,
    texts: Texts,
    tree: Builder,
    /// How many bytes of JSON there may still be.
    left: usize,
}

impl<'a> Decoder<'a> {
    fn spend(&mut self, bytes: usize) -> Result<(), SecureError> {
        self.left = self.left.checked_sub(bytes).ok_or(SecureError::TooLong)?;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), SecureError> {
        if depth > MAX_DEPTH {
            return Err(SecureError::Json(JsonError::TooDeep));
        }
        // What separates it from the next, and at least one character of its own.
        self.spend(2)?;
        let integer = SecureError::Json(JsonError::Integer);
        match self.reader.item()? {
            Item::Null => self.tree.null(),
            Item::Bool(value) => self.tree.bool(value),
            Item::Unsigned(number) => self.tree.unsigned(number).map_err(SecureError::Json)?,
            // MAX_INTEGER fits.
            Item::Negative(number) if number < MAX_INTEGER => {
                self.tree.integer(-1 - number.cast_signed()).map_err(SecureError::Json)?;
            }
            Item::Negative(_) => return Err(integer),
            Item::Float(value) if is_float(value) => self.tree.float(value).map_err(SecureError::Json)?,
            Item::Float(_) => return Err(SecureError::Malformed),
            Item::Text(text) => {
                self.spend(text.len())?;
                if !self.texts.is_itself(text) {
                    return Err(SecureError::Malformed);
                }
                self.tree.text(text).map_err(SecureError::Json)?;
            }
            Item::Bytes(bytes) => {
                let text = self.texts.unpack(bytes)?;
                self.spend(text.len())?;
                self.tree.text(&text).map_err(SecureError::Json)?;
            }
            Item::Array(items) => self.items(items, depth)?,
            Item::Map(members) => self.members(members, depth)?,
        }
        Ok(())
    }

    fn items(&mut self, count: u64, depth: usize) -> Result<(), SecureError> {
        let place = self.tree.begin(depth).map_err(SecureError::Json)?;
        for _ in 0..count {
            self.value(depth + 1)?;
        }
        let count = usize::try_from(count).map_err(|_| SecureError::TooLong)?;
        self.tree.end_array(place, count).map_err(SecureError::Json)
    }

    fn members(&mut self, count: u64, depth: usize) -> Result<(), SecureError> {
        let place = self.tree.begin(depth).map_err(SecureError::Json)?;
        let mut previous: &[u8] = &[];
        for _ in 0..count {
            let start = self.reader;
            let name = match self.reader.item()? {
                Item::Unsigned(number) => terms::term(number).ok_or(SecureError::Terms)?,
                Item::Text(text) if terms::number(text).is_none() => text,
                _ => return Err(SecureError::Malformed),
            };
            let written = self.reader.since(start);
            if written == previous {
                return Err(SecureError::Json(JsonError::Duplicate));
            }
            if written < previous {
                return Err(SecureError::Malformed);
            }
            previous = written;
            self.spend(name.len() + 3)?;
            self.tree.text(name).map_err(SecureError::Json)?;
            self.value(depth + 1)?;
        }
        let count = usize::try_from(count).map_err(|_| SecureError::TooLong)?;
        self.tree.end_object(place, count).map_err(SecureError::Json)
    }
}
