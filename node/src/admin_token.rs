//! The token of the admin API: a file of the data folder that only its owner reads.

use crate::data::Data;
use crate::failure::Failure;
use crate::{files, signing};
use did_resolver::codec;

/// As many as nobody guesses.
const BYTES: usize = 32;

/// Makes another one in its place.
///
/// # Errors
/// [`Local::File`](crate::failure::Local::File).
pub fn renew(data: &Data) -> Result<(), Failure> {
    let token = codec::to_base64url(&signing::random::<BYTES>()?);
    files::replace(&data.admin_token(), format!("{token}\n").as_bytes())
}
