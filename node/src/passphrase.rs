//! The passphrase of the key files: from a file that `MARQUE_PASSPHRASE_FILE` names, or from a terminal.
//! Never from an argument or a variable, which others can read.

use crate::failure::{Failure, Local};
use crate::files;
use marque_store::secret::{MAX_PASSPHRASE_BYTES, Passphrase};
use std::path::Path;
use zeroize::Zeroizing;

/// The variable that names the file.
pub const VARIABLE: &str = "MARQUE_PASSPHRASE_FILE";

/// Asks for the passphrase of files that are there.
///
/// # Errors
/// [`Local::Passphrase`] where there is neither file nor terminal, or the file holds none.
pub fn ask() -> Result<Passphrase, Failure> {
    match std::env::var_os(VARIABLE) {
        Some(path) => from_file(Path::new(&path)),
        None => accept(prompt("Passphrase: ")?),
    }
}

/// Asks for the passphrase of a file that is to be made: on a terminal twice.
///
/// # Errors
/// As [`ask`]; [`Local::Passphrase`] where the two differ.
pub fn ask_new() -> Result<Passphrase, Failure> {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return from_file(Path::new(&path));
    }
    let first = Zeroizing::new(prompt("New passphrase: ")?);
    let second = Zeroizing::new(prompt("The same again: ")?);
    if *first == *second {
        accept((*first).clone())
    } else {
        Err(Failure::local(Local::Passphrase, "the two passphrases differ", "Try again."))
    }
}

/// Reads the passphrase in the file at `path`; one line end after it is not part of it.
///
/// # Errors
/// [`Local::Passphrase`] where the file cannot be read or holds none.
pub fn from_file(path: &Path) -> Result<Passphrase, Failure> {
    let bytes = files::read(path, MAX_PASSPHRASE_BYTES + 2).map_err(|failure| {
        let action = format!("{VARIABLE} names it; unset it to be asked on the terminal.");
        Failure::local(Local::Passphrase, failure.reason, action)
    })?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::local(Local::Passphrase, "the passphrase file is not UTF-8", ""))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    accept(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn prompt(text: &str) -> Result<String, Failure> {
    rpassword::prompt_password(text).map_err(|_| {
        Failure::local(
            Local::Passphrase,
            "there is no terminal to ask for the passphrase",
            format!("Write it to a file that only you can read, and name that file in {VARIABLE}."),
        )
    })
}

fn accept(text: String) -> Result<Passphrase, Failure> {
    Passphrase::new(text).map_err(|error| Failure::local(Local::Passphrase, error.to_string(), ""))
}
