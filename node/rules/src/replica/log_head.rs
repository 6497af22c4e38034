//! The head of a log that is too long to be pushed.

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::envelope::Body;
use crate::replica::kind::Kind;
use crate::replica::limits::{MAX_LOG_BYTES, MAX_PAYLOAD_BYTES, MAX_SUBJECT_BYTES, MAX_VERSION_ID_BYTES};
use did_resolver::codec::Sha256Digest;

/// What is pushed instead of a log over [`MAX_PAYLOAD_BYTES`]; the log is pulled in pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHead {
    /// Whose log. It is the envelope's subject too.
    pub did: String,
    /// Its last version. It is the envelope's `seq` too.
    pub version_number: u64,
    /// Its last versionId.
    pub version_id: String,
    /// Its length in bytes, at most [`MAX_LOG_BYTES`].
    pub length: u64,
    /// SHA-256 of it all.
    pub digest: Sha256Digest,
}

impl LogHead {
    /// The payload of an envelope.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.array(5).text(&self.did).uint(self.version_number).text(&self.version_id);
        w.uint(self.length).bytes(&self.digest).finish()
    }

    /// Reads the payload of an envelope of [`Kind::LogHead`], which must be about the envelope's own
    /// subject and number.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]; [`Refusal::TooLarge`]; [`Refusal::Inconsistent`].
    pub fn of(body: &Body) -> Result<Self, Refusal> {
        let head = decode_exactly(&body.payload, MAX_PAYLOAD_BYTES, Self::read, Self::encode)?;
        if body.kind != Kind::LogHead || head.did != body.subject || head.version_number != body.seq {
            return Err(Refusal::Inconsistent);
        }
        Ok(head)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        r.exactly(5)?;
        let head = Self {
            did: r.text(MAX_SUBJECT_BYTES)?.to_owned(),
            version_number: r.uint()?,
            version_id: r.text(MAX_VERSION_ID_BYTES)?.to_owned(),
            length: r.uint()?,
            digest: r.digest()?,
        };
        if head.length > MAX_LOG_BYTES as u64 { Err(Refusal::TooLarge) } else { Ok(head) }
    }
}
