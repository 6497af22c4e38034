//! Many logs at once: the signatures of all in common equations, the verdict on each as if it had been
//! verified alone.

use crate::keys::batch::{self, MAX_BATCH, Signed};
use crate::time::UnixSeconds;
use crate::webvh::entries::Unverified;
use crate::webvh::log::lines;
use crate::webvh::witness_proofs::Approvals;
use crate::webvh::{Log, LogError};

/// A log as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogBytes<'a> {
    /// Its `did.jsonl`.
    pub log: &'a [u8],
    /// Its `did-witness.json`, where that came with it.
    pub witness: Option<&'a [u8]>,
}

/// What [`Log::verify_with`] says of each, in order.
///
/// It pays where there are as many signatures as [`batch::MIN_BATCH`]. About [`MAX_BATCH`] are taken
/// in one turn, and no more logs than that needs are held read and unverified: with the longest log
/// that may be, three times as many entries. Approvals of witnesses are verified one by one.
#[must_use]
pub fn verify_many(logs: &[LogBytes<'_>], now: UnixSeconds) -> Vec<Result<Log, LogError>> {
    let mut verdicts = Vec::with_capacity(logs.len());
    let (mut turn, mut signatures) = (Vec::new(), 0);
    for bytes in logs {
        let read = lines(bytes.log).map(|lines| (Unverified::read(None, &lines, now), lines));
        signatures += read.as_ref().map_or(0, |(read, _)| read.signed().count());
        turn.push((read, bytes.witness));
        if signatures >= MAX_BATCH {
            settle(std::mem::take(&mut turn), &mut verdicts);
            signatures = 0;
        }
    }
    settle(turn, &mut verdicts);
    verdicts
}

/// A log whose signatures are to be verified, with its lines; or why it is none.
type Read<'a> = Result<(Unverified, Vec<&'a [u8]>), LogError>;

fn settle(turn: Vec<(Read<'_>, Option<&[u8]>)>, verdicts: &mut Vec<Result<Log, LogError>>) {
    let good = turn.iter().filter_map(|(read, _)| read.as_ref().ok());
    let signed: Vec<Signed<'_>> = good.flat_map(|(read, _)| read.signed()).collect();
    let mut outcomes = batch::verify(&signed).into_iter();
    verdicts.extend(turn.into_iter().map(|(read, witness)| {
        let (read, lines) = read?;
        let count = read.signed().count();
        let versions = read.settle(outcomes.by_ref().take(count).collect::<Vec<_>>())?;
        Log::of(None, versions, &lines, |versions| Approvals::default().follow(&versions, 0, witness))
    }));
}
