//! The entries that change: by their new value, the distances between their indices.

use crate::status::StatusError;
use crate::status::array::Bits;
use std::collections::BTreeMap;

/// Most changes of one delta: beyond it a full list is not much longer.
pub const MAX_CHANGES: usize = 4_096;

/// The new value of each entry that changes, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changes(BTreeMap<u32, u8>);

impl Changes {
    pub(super) fn between(old: &Bits, new: &Bits) -> Result<Self, StatusError> {
        if old.width() != new.width() || old.entries() != new.entries() {
            return Err(StatusError::Delta);
        }
        let mut changes = BTreeMap::new();
        let each = 8 / u32::from(old.width().bits());
        let bytes = old.as_bytes().iter().zip(new.as_bytes());
        for (at, _) in bytes.enumerate().filter(|(_, (old, new))| old != new) {
            let first = u32::try_from(at).unwrap_or(u32::MAX).saturating_mul(each);
            for index in first..first.saturating_add(each) {
                let value = new.value(index).ok_or(StatusError::Delta)?;
                if old.value(index) != Some(value) {
                    changes.insert(index, value);
                }
            }
            if changes.len() > MAX_CHANGES {
                return Err(StatusError::Delta);
            }
        }
        Ok(Self(changes))
    }

    /// The array with the changes made; each must change something, and where `is_final` only what is
    /// zero changes.
    pub(super) fn apply(&self, bits: &Bits, is_final: bool) -> Result<Bits, StatusError> {
        let mut bits = bits.clone();
        for (index, value) in &self.0 {
            match bits.value(*index) {
                None => return Err(StatusError::Delta),
                Some(old) if old == *value => return Err(StatusError::Delta),
                Some(old) if is_final && old != 0 => return Err(StatusError::Unrevokes),
                Some(_) => bits.put(*index, *value).map_err(|_| StatusError::Delta)?,
            }
        }
        Ok(bits)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The distances between the indices of each value, as LEB128; the values ascending.
    pub(super) fn groups(&self) -> BTreeMap<u8, Vec<u8>> {
        let mut groups: BTreeMap<u8, (u32, Vec<u8>)> = BTreeMap::new();
        for (index, value) in &self.0 {
            // The first distance is counted from -1, so that none is zero.
            let (next, bytes) = groups.entry(*value).or_default();
            leb128(index - *next, bytes);
            *next = index + 1;
        }
        groups.into_iter().map(|(value, (_, bytes))| (value, bytes)).collect()
    }

    /// Takes in what [`Self::groups`] gave for one value.
    pub(super) fn add(&mut self, value: u8, mut bytes: &[u8]) -> Result<(), StatusError> {
        let mut next = 0_u32;
        while !bytes.is_empty() {
            let index = next.checked_add(read_leb128(&mut bytes)?).ok_or(StatusError::Malformed)?;
            next = index.checked_add(1).ok_or(StatusError::Malformed)?;
            if self.0.insert(index, value).is_some() || self.0.len() > MAX_CHANGES {
                return Err(StatusError::Malformed);
            }
        }
        Ok(())
    }
}

fn leb128(mut number: u32, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

fn read_leb128(bytes: &mut &[u8]) -> Result<u32, StatusError> {
    let mut number = 0_u32;
    for shift in (0..28).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(StatusError::Malformed)?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    // No list has an index that needs more than four bytes.
    Err(StatusError::Malformed)
}
