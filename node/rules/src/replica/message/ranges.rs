//! Items, ranges of their ids and what is said of those, as they are written.

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer};
use crate::replica::limits::MAX_SUBJECT_BYTES;
use crate::replica::view::range::{MAX_PREFIX_NIBBLES, MAX_PREFIXES, MAX_TOLD_IDS, Part, Prefix, are_apart};
use crate::replica::view::{Item, ItemKind};

/// Longest prefix as it is written.
const MAX_PREFIX_BYTES: usize = 1 + MAX_PREFIX_NIBBLES as usize / 2;

/// Longest part as it is written.
const MAX_PART_BYTES: usize = 1 + 4 * MAX_TOLD_IDS;

pub(super) fn write_prefixes<'w>(w: &'w mut Writer, prefixes: &[Prefix]) -> &'w mut Writer {
    prefixes.iter().fold(w.array(prefixes.len()), |w, prefix| w.bytes(&prefix.encode()))
}

/// Ranges of at most `most` nibbles, of which no two overlap: what answering costs is bounded by what is held.
pub(super) fn read_prefixes(r: &mut Reader<'_>, most: u8) -> Result<Vec<Prefix>, Refusal> {
    let len = r.array(MAX_PREFIXES)?;
    let read = |r: &mut Reader<'_>| Prefix::decode(r.bytes(MAX_PREFIX_BYTES)?, most);
    let prefixes: Vec<Prefix> = (0..len).map(|_| read(r)).collect::<Result<_, _>>()?;
    if are_apart(&prefixes) { Ok(prefixes) } else { Err(Refusal::Malformed) }
}

pub(super) fn read_part(r: &mut Reader<'_>) -> Result<Part, Refusal> {
    Part::decode(r.bytes(MAX_PART_BYTES)?)
}

pub(super) fn read_item(r: &mut Reader<'_>) -> Result<Item, Refusal> {
    r.exactly(4)?;
    Ok(Item {
        kind: ItemKind::from_number(r.uint()?).ok_or(Refusal::Malformed)?,
        subject: r.text(MAX_SUBJECT_BYTES)?.to_owned(),
        seq: r.uint()?,
        digest: r.digest()?,
    })
}
