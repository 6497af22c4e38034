//! What of a delta is signed: a CBOR map of small numbers, in its one spelling.

use super::{Changes, Delta, MAX_DELTA_BYTES, State};
use crate::cbor::{ARRAY, Key, MAP, Reader, Writer};
use crate::status::StatusError;
use crate::status::entry::Purpose;
use crate::status::members::MAX_URL_BYTES;
use did_resolver::codec::Sha256Digest;
use did_resolver::time::UnixSeconds;
use std::time::Duration;

const LIST: u64 = 1;
const PURPOSE: u64 = 2;
const FROM_SEQUENCE: u64 = 3;
const FROM_DIGEST: u64 = 4;
const TO_SEQUENCE: u64 = 5;
const TO_DIGEST: u64 = 6;
const ISSUED: u64 = 7;
const VALID_UNTIL: u64 = 8;
const TTL_MS: u64 = 9;
const CHANGES: u64 = 10;
const MEMBERS: u64 = 10;

/// The purposes, by their numbers.
const PURPOSES: [(u64, Purpose); 4] =
    [(0, Purpose::Revocation), (1, Purpose::Suspension), (2, Purpose::Refresh), (3, Purpose::Message)];

pub(super) fn write(delta: &Delta) -> Vec<u8> {
    let purpose = PURPOSES.iter().find(|(_, purpose)| *purpose == delta.purpose).map(|(number, _)| *number);
    let ttl = u64::try_from(delta.ttl.as_millis()).unwrap_or(u64::MAX);
    let writer = Writer::default().head(MAP, MEMBERS).unsigned(LIST).text(&delta.list);
    let writer = writer.unsigned(PURPOSE).unsigned(purpose.unwrap_or_default());
    let writer = writer.unsigned(FROM_SEQUENCE).unsigned(delta.from.sequence);
    let writer = writer.unsigned(FROM_DIGEST).bytes(&delta.from.digest);
    let writer = writer.unsigned(TO_SEQUENCE).unsigned(delta.to.sequence);
    let writer = writer.unsigned(TO_DIGEST).bytes(&delta.to.digest);
    let writer = writer.unsigned(ISSUED).unsigned(delta.issued.get());
    let writer = writer.unsigned(VALID_UNTIL).unsigned(delta.valid_until.get());
    let groups = delta.changes.groups();
    let writer = writer.unsigned(TTL_MS).unsigned(ttl).unsigned(CHANGES).head(ARRAY, groups.len() as u64);
    let group = |writer: Writer, (value, bytes): (u8, Vec<u8>)| {
        writer.head(ARRAY, 2).unsigned(value.into()).bytes(&bytes)
    };
    groups.into_iter().fold(writer, group).into_bytes()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Delta, StatusError> {
    let (mut list, mut purpose, mut changes) = (None, None, None);
    let (mut numbers, mut digests) = ([None; 5], [None; 2]);
    let mut reader = Reader::new(bytes);
    reader.map::<StatusError>(false, |name, value| {
        let [from, to, issued, valid_until, ttl] = &mut numbers;
        let [from_digest, to_digest] = &mut digests;
        match name {
            Key::Number(LIST) => list = Some(value.text(MAX_URL_BYTES)?.to_owned()),
            Key::Number(PURPOSE) => purpose = Some(value.unsigned()?),
            Key::Number(FROM_SEQUENCE) => *from = Some(value.unsigned()?),
            Key::Number(FROM_DIGEST) => *from_digest = Some(digest(value)?),
            Key::Number(TO_SEQUENCE) => *to = Some(value.unsigned()?),
            Key::Number(TO_DIGEST) => *to_digest = Some(digest(value)?),
            Key::Number(ISSUED) => *issued = Some(value.unsigned()?),
            Key::Number(VALID_UNTIL) => *valid_until = Some(value.unsigned()?),
            Key::Number(TTL_MS) => *ttl = Some(value.unsigned()?),
            Key::Number(CHANGES) => changes = Some(read_changes(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    reader.end()?;
    let purpose = PURPOSES.iter().find(|(number, _)| Some(*number) == purpose).map(|(_, purpose)| *purpose);
    let whole = (list, purpose, numbers, digests, changes);
    let (
        Some(list),
        Some(purpose),
        [Some(from), Some(to), Some(issued), Some(valid_until), Some(ttl)],
        [Some(from_digest), Some(to_digest)],
        Some(changes),
    ) = whole
    else {
        return Err(StatusError::Malformed);
    };
    let delta = Delta {
        list,
        purpose,
        from: State { sequence: from, digest: from_digest },
        to: State { sequence: to, digest: to_digest },
        issued: UnixSeconds::new(issued),
        valid_until: UnixSeconds::new(valid_until),
        ttl: Duration::from_millis(ttl),
        changes,
    };
    // One spelling: the order of the map, of the groups, and of what is in them.
    if delta.is_sound() && write(&delta) == bytes { Ok(delta) } else { Err(StatusError::Malformed) }
}

fn digest(reader: &mut Reader<'_>) -> Result<Sha256Digest, StatusError> {
    reader.bytes(32)?.try_into().map_err(|_| StatusError::Malformed)
}

fn read_changes(reader: &mut Reader<'_>) -> Result<Changes, StatusError> {
    let (ARRAY, groups) = reader.head()? else { return Err(StatusError::Malformed) };
    let mut changes = Changes::default();
    for _ in 0..groups {
        reader.expect(ARRAY, 2)?;
        let value = u8::try_from(reader.unsigned()?).map_err(|_| StatusError::Malformed)?;
        changes.add(value, reader.bytes(MAX_DELTA_BYTES)?)?;
    }
    Ok(changes)
}
