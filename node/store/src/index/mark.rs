//! `index.mark`: whether the index was closed, and in which run of the machine it was last open.

use super::Rebuilt;
use super::engine::IndexEngine;
use crate::disk::{self, Disk};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// Format of the index. Another one is rebuilt, not read.
const FORMAT: u32 = 2;

/// Longest mark that is read.
const MAX_BYTES: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Open,
    Closed,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    v: u32,
    /// Which ordered map it is in.
    engine: Option<String>,
    state: State,
    boot: Option<String>,
}

/// Why the index is not to be opened, judged by its mark. No mark is no trust.
pub(super) fn distrust(disk: &dyn Disk, dir: &Path, engine: &IndexEngine) -> Option<Rebuilt> {
    if !engine.is_at(&dir.join("index")) {
        return Some(Rebuilt::Missing);
    }
    let Some(mark) = read(disk, dir) else { return Some(Rebuilt::Unclean) };
    let same_run = mark.boot.is_some() && mark.boot == disk.boot();
    match mark.state {
        _ if mark.v != FORMAT || mark.engine.as_deref() != Some(engine.name()) => Some(Rebuilt::Format),
        State::Open if !same_run => Some(Rebuilt::Unclean),
        State::Open | State::Closed => None,
    }
}

/// What stands in the mark, where it can be read.
pub(super) fn state(disk: &dyn Disk, dir: &Path) -> Option<State> {
    read(disk, dir).map(|mark| mark.state)
}

fn read(disk: &dyn Disk, dir: &Path) -> Option<Mark> {
    let bytes = disk::read_bounded(disk, &dir.join("index.mark"), MAX_BYTES).ok().flatten();
    bytes.and_then(|b| serde_json::from_slice(&b).ok())
}

pub(super) fn write(disk: &dyn Disk, dir: &Path, engine: &IndexEngine, state: State) -> io::Result<()> {
    let mark = Mark { v: FORMAT, engine: Some(engine.name().to_owned()), state, boot: disk.boot() };
    disk::replace(disk, &dir.join("index.mark"), &serde_json::to_vec(&mark)?)
}
