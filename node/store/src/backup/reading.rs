//! A log as it goes by, from a store or out of a backup: checked, and counted.

use super::{LogAccount, Marks, Progress, Records};
use crate::log::{Broken, Chain, SegmentHeader};
use did_resolver::codec;
use marque_flows::ports::records::Table;
use std::collections::HashMap;
use std::io::{self, Read};

/// A log as it goes by.
pub(super) struct Reading<'a, 'b> {
    chain: Chain,
    segments: u64,
    bytes: u64,
    all: u64,
    floors: Digest,
    revoked_ever: Digest,
    marks: &'a mut dyn Marks,
    progress: &'a mut Progress<'b>,
}

impl<'a, 'b> Reading<'a, 'b> {
    pub(super) fn new(all: u64, marks: &'a mut dyn Marks, progress: &'a mut Progress<'b>) -> Self {
        let (floors, revoked_ever) = (Digest::default(), Digest::default());
        Self { chain: Chain::START, segments: 0, bytes: 0, all, floors, revoked_ever, marks, progress }
    }

    pub(super) fn segment(
        &mut self,
        reader: &mut dyn Read,
        length: u64,
        out: &mut dyn FnMut(&SegmentHeader, &[u8]) -> io::Result<()>,
    ) -> Result<(), Broken> {
        let Self { chain, bytes, all, floors, revoked_ever, marks, progress, .. } = self;
        let mut out = |header: &SegmentHeader, piece: &[u8]| {
            *bytes += piece.len() as u64;
            progress(*bytes, (*all).max(*bytes));
            out(header, piece)
        };
        chain.segment(reader, length, &mut out, &mut |number, key, value| {
            let Some(table) = Table::ALL.into_iter().find(|table| *table as u8 == number) else { return };
            match table {
                Table::Floors => floors.take(key, value),
                Table::RevokedEver => revoked_ever.take(key, value),
                _ => {}
            }
            marks.record(table, key, value);
        })?;
        self.segments += 1;
        Ok(())
    }

    /// What it came to; nothing where there was none.
    pub(super) fn account(self, epoch: u64) -> Option<LogAccount> {
        let (next, batches) = self.chain.reached();
        (self.segments > 0).then(|| LogAccount {
            segments: self.segments,
            bytes: self.bytes,
            batches,
            next,
            epoch,
            floors: self.floors.records(),
            revoked_ever: self.revoked_ever.records(),
        })
    }
}

/// The live records of a table, by halves of digests: some 100 bytes for each record, whatever it holds.
#[derive(Default)]
struct Digest(HashMap<[u8; 16], [u8; 32]>);

impl Digest {
    fn take(&mut self, key: &[u8], value: Option<&[u8]>) {
        let name = codec::sha256(key).first_chunk::<16>().copied().unwrap_or_default();
        match value {
            None => drop(self.0.remove(&name)),
            Some(value) => drop(self.0.insert(name, codec::sha256(&[&name, value].concat()))),
        }
    }

    fn records(&self) -> Records {
        let mut all = [0_u8; 32];
        for one in self.0.values() {
            all.iter_mut().zip(one).for_each(|(all, one)| *all ^= one);
        }
        Records { records: self.0.len() as u64, digest: codec::to_base64url(&all) }
    }
}
