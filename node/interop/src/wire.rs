//! What goes over the pipe: a length of four bytes, the highest first, then as many bytes of JSON.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

/// The version of this protocol. The node refuses another one.
pub const VERSION: u32 = 1;

/// Longest question: a credential of 256 KiB as a JSON string, where each byte may be escaped, and its
/// contexts.
pub const MAX_QUESTION_BYTES: usize = 1024 * 1024;

/// What the program says first, before it reads anything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// See [`VERSION`].
    pub version: u32,
    /// The suites that [`Ask::Verify`] takes.
    pub suites: Vec<String>,
    /// The DID methods that [`Ask::Resolve`] takes.
    pub methods: Vec<String>,
}

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its number, which the answer repeats.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Ask {
    /// Whether the one proof of a document is a signature by a key.
    Verify {
        /// The document with its proof, as JSON text.
        document: String,
        /// The key, as a Multikey.
        key: String,
        /// Texts of contexts, by URL, beside those that ssi embeds. None is ever fetched.
        contexts: BTreeMap<String, String>,
    },
    /// What a key must sign to secure a document.
    Prepare {
        /// The document without a proof, as JSON text.
        document: String,
        /// The proof without its `proofValue`, as JSON text.
        proof: String,
        /// The key that will sign, as a Multikey.
        key: String,
        /// As in [`Ask::Verify`].
        contexts: BTreeMap<String, String>,
    },
    /// The document of a DID whose method needs no network.
    Resolve {
        /// The DID.
        did: String,
    },
}

/// An answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The number of the question.
    pub id: u64,
    /// What is said.
    pub say: Say,
}

/// What can be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Say {
    /// The signature holds; what was signed, in hexadecimal.
    Holds(String),
    /// The signature does not hold.
    Fails,
    /// What the key must sign, in hexadecimal.
    Sign(String),
    /// A DID document, as JSON text.
    Document(String),
    /// There is no answer, because what was asked about is not what the question takes.
    Unprocessable(String),
}

/// Reads one frame of at most `max_bytes`; `None` at the end.
///
/// # Errors
/// Those of the pipe, and [`io::ErrorKind::InvalidData`] for a longer frame.
pub fn read_frame(from: &mut impl Read, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > max_bytes {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes one frame.
///
/// # Errors
/// Those of the pipe.
pub fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"))?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)?;
    to.flush()
}
