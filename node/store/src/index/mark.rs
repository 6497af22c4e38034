//! `index.mark`: whether the index was closed, and in which run of the machine it was last open.

use super::Rebuilt;
use crate::files;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// Format of the index. Another one is rebuilt, not read.
const FORMAT: u32 = 1;

/// Longest mark that is read.
const MAX_BYTES: usize = 1_024;

/// Linux names each run of the machine here.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Open,
    Closed,
}

#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    v: u32,
    state: State,
    boot: Option<String>,
}

/// Why the index is not to be opened, judged by its mark. No mark is no trust.
pub(super) fn distrust(dir: &Path, present: bool) -> Option<Rebuilt> {
    if !present {
        return Some(Rebuilt::Missing);
    }
    let bytes = files::read_bounded(&dir.join("index.mark"), MAX_BYTES).ok().flatten();
    let Some(mark) = bytes.and_then(|b| serde_json::from_slice::<Mark>(&b).ok()) else {
        return Some(Rebuilt::Unclean);
    };
    let same_run = mark.boot.is_some() && mark.boot == boot();
    match mark.state {
        _ if mark.v != FORMAT => Some(Rebuilt::Format),
        State::Open if !same_run => Some(Rebuilt::Unclean),
        State::Open | State::Closed => None,
    }
}

pub(super) fn write(dir: &Path, state: State) -> io::Result<()> {
    let mark = Mark { v: FORMAT, state, boot: boot() };
    files::replace(&dir.join("index.mark"), &serde_json::to_vec(&mark)?)
}

fn boot() -> Option<String> {
    fs::read_to_string(BOOT_ID).ok().map(|text| text.trim().to_owned())
}
