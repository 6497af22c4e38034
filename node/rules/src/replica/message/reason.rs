//! Reasons as they are read. The list of them is closed in each release and may be longer in a later one, whose
//! nodes are not to be taken for broken for what they say: a reason that has no name here is read as
//! [`Refusal::UnknownReason`].

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer, decode_exactly};

/// Longest name of a reason, in bytes.
const MAX_REASON_BYTES: usize = 64;

/// Longest answer that is a reason: beside the name, the heads of an array, of a number and of the text.
const MAX_REFUSED_BYTES: usize = MAX_REASON_BYTES + 4;

/// Reads the name of a reason that is known here.
pub(super) fn read_reason(r: &mut Reader<'_>) -> Result<Refusal, Refusal> {
    Refusal::from_name(r.text(MAX_REASON_BYTES)?).ok_or(Refusal::Malformed)
}

/// Whether an answer is `[variant, reason]` in its one spelling, with a reason that has the form of one and is not
/// known here.
pub(super) fn is_of_later_release(bytes: &[u8], variant: u64) -> bool {
    let read = |r: &mut Reader<'_>| {
        r.exactly(2)?;
        if r.uint()? != variant {
            return Err(Refusal::Malformed);
        }
        r.text(MAX_REASON_BYTES).map(str::to_owned)
    };
    let write = |name: &String| Writer::default().array(2).uint(variant).text(name).finish();
    let is_name = |name: &str| {
        name.split('-').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    decode_exactly(bytes, MAX_REFUSED_BYTES, read, write)
        .is_ok_and(|name| is_name(&name) && Refusal::from_name(&name).is_none())
}
