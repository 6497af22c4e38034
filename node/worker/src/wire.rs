//! What goes over the pipe: a length of four bytes, the highest first, then as many bytes of JSON.

use crate::limits::{MAX_ANSWER_BYTES, MAX_QUESTION_BYTES};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version of the protocol.
pub(crate) const VERSION: u32 = 1;

/// What a worker says first. What it can do beside is for people.
#[derive(Debug, Deserialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
}

/// A question.
#[derive(Debug, Serialize)]
pub(crate) struct Question<'a> {
    pub(crate) id: u64,
    pub(crate) ask: Ask<'a>,
}

/// What is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ask<'a> {
    Verify { document: &'a str, key: &'a str, contexts: &'a BTreeMap<String, String> },
}

/// An answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) id: u64,
    pub(crate) say: Say,
}

/// What is said.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Say {
    Holds(String),
    Fails,
    Unprocessable(String),
}

/// Writes one frame.
pub(crate) async fn write(to: &mut (impl AsyncWrite + Unpin), value: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(value)?;
    if bytes.len() > MAX_QUESTION_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the question is too long"));
    }
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(&bytes).await?;
    to.flush().await
}

/// Reads one frame; nothing of a longer one is held.
pub(crate) async fn read<T: for<'de> Deserialize<'de>>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let length = usize::try_from(from.read_u32().await?).unwrap_or(usize::MAX);
    if length > MAX_ANSWER_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok(serde_json::from_slice(&bytes)?)
}
