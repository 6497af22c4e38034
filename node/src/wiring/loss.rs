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

/// Refuses where records are gone, at this opening or at one before, unless the operator has said to go on.
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
        return files::remove(&data.loss());
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
