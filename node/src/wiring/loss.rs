//! A store that lacks what this node acknowledged. A node that went on by itself could give one status index
//! twice, or sign a second list or log entry of one number; so it does not start before its operator has seen it.

use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use did_resolver::time::UnixSeconds;
use marque_store::{Rebuilt, Recovery};

/// Longest note.
const MAX_BYTES: usize = 1_024;

/// What the note begins with where the folder comes from a backup; the time of that follows.
const RESTORED: &str = "restored ";

/// What the note is once the operator has said to go on, until the node has caught up with its peers.
const CATCHING_UP: &str = "catching up\n";

/// Refuses where records are gone, at this opening or at one before, unless the operator has said to go on. Then the
/// node catches up before it signs.
///
/// # Errors
/// [`Local::File`].
pub(super) fn refuse(data: &Data, recovery: &Recovery, after_loss: bool) -> Result<(), Failure> {
    note(data, recovery)?;
    if !data.loss().exists() {
        return Ok(());
    }
    if after_loss {
        tracing::warn!("started although acknowledged records are gone");
        return files::replace(&data.loss(), CATCHING_UP.as_bytes());
    }
    if is_catching_up(data)? {
        return Ok(());
    }
    let kept = files::read(&data.loss(), MAX_BYTES)?;
    let text = String::from_utf8_lossy(&kept);
    let Some(made) = text.trim().strip_prefix(RESTORED) else {
        return Err(Failure::local(
            Local::File,
            "records that this node acknowledged are gone: its log ends before what its index had seen",
            "Restore a newer copy of the store. If there is none: marque up --after-loss, and rotate what may have \
             been signed twice.",
        ));
    };
    Err(Failure::local(
        Local::File,
        format!("this folder was restored from a backup of {made}: what was acknowledged since is not in it"),
        "If there is no newer one: marque up --after-loss. See docs/operating.md, \"After a restore\".",
    ))
}

/// Whether the node has to catch up with its peers before it signs.
///
/// # Errors
/// [`Local::File`].
pub(super) fn is_catching_up(data: &Data) -> Result<bool, Failure> {
    Ok(files::read_if_there(&data.loss(), MAX_BYTES)?.is_some_and(|note| note == CATCHING_UP.as_bytes()))
}

/// Notes that it has.
///
/// # Errors
/// [`Local::File`].
pub(super) fn caught_up(data: &Data) -> Result<(), Failure> {
    files::remove(&data.loss())
}

/// Notes that a folder comes from a backup that was made then.
///
/// # Errors
/// [`Local::File`].
pub(crate) fn restored(data: &Data, made: UnixSeconds) -> Result<(), Failure> {
    files::replace(&data.loss(), format!("{RESTORED}{made}\n").as_bytes())
}

/// Notes that records are gone, where this opening found it: the index is whole again now, so only this remembers.
///
/// # Errors
/// [`Local::File`].
pub(crate) fn note(data: &Data, recovery: &Recovery) -> Result<(), Failure> {
    if recovery.rebuilt == Some(Rebuilt::Ahead) {
        files::replace(&data.loss(), b"The log ended before what its index had seen.\n")?;
    }
    Ok(())
}
