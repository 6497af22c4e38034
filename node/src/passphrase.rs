//! Passphrases, of the key files and of backups: each from a file that a variable names, or from a terminal.
//! Never from an argument or a variable, which others can read.

use crate::failure::{Failure, Local};
use crate::files;
use marque_store::secret::{MAX_PASSPHRASE_BYTES, Passphrase};
use std::path::Path;
use zeroize::Zeroizing;

/// A passphrase that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The variable that names the file.
    pub variable: &'static str,
    /// What it is the passphrase of, on a terminal.
    of: &'static str,
}

/// That of the key files.
pub const OF_KEYS: Question = Question { variable: "MARQUE_PASSPHRASE_FILE", of: "" };

/// That of a token, which is called its PIN.
pub const OF_TOKEN: Question = Question { variable: "MARQUE_PIN_FILE", of: " (PIN) of the token" };

/// That of a backup, which is another: who can read backups has no keys by that.
pub const OF_BACKUP: Question = Question { variable: "MARQUE_BACKUP_PASSPHRASE_FILE", of: " of the backup" };

/// Asks for the passphrase of files that are there.
///
/// # Errors
/// [`Local::Passphrase`] where there is neither file nor terminal, or the file holds none.
pub fn ask(question: Question) -> Result<Passphrase, Failure> {
    match std::env::var_os(question.variable) {
        Some(path) => from_file(question, Path::new(&path)),
        None => typed(prompt(question, &format!("Passphrase{}: ", question.of))?),
    }
}

/// Asks for the PIN of the token.
///
/// # Errors
/// As [`ask`].
pub fn pin() -> Result<Zeroizing<String>, Failure> {
    let file = std::env::var_os(OF_TOKEN.variable);
    let pin = match &file {
        Some(path) => line_of(OF_TOKEN, Path::new(path))?,
        None => Zeroizing::new(prompt(OF_TOKEN, "PIN of the token: ")?),
    };
    // One that is empty is a try all the same.
    match (pin.is_empty(), &file) {
        (false, _) => Ok(pin),
        (true, Some(path)) => Err(unfit(OF_TOKEN, Path::new(path), "the PIN is empty")),
        (true, None) => Err(Failure::local(Local::Passphrase, "the PIN is empty", "Type it again.")),
    }
}

/// Asks for the passphrase of a file that is to be made: on a terminal twice.
///
/// # Errors
/// As [`ask`]; [`Local::Passphrase`] where the two differ.
pub fn ask_new(question: Question) -> Result<Passphrase, Failure> {
    if let Some(path) = std::env::var_os(question.variable) {
        return from_file(question, Path::new(&path));
    }
    let first = Zeroizing::new(prompt(question, &format!("New passphrase{}: ", question.of))?);
    let second = Zeroizing::new(prompt(question, "The same again: ")?);
    if *first == *second {
        typed((*first).clone())
    } else {
        Err(Failure::local(Local::Passphrase, "the two passphrases differ", "Try again."))
    }
}

/// Reads the passphrase in the file at `path`; one line end after it is not part of it.
///
/// # Errors
/// [`Local::Passphrase`] where the file cannot be read or holds none.
pub fn from_file(question: Question, path: &Path) -> Result<Passphrase, Failure> {
    let line = line_of(question, path)?;
    Passphrase::new((*line).clone()).map_err(|error| unfit(question, path, &error.to_string()))
}

fn line_of(question: Question, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = files::read(path, MAX_PASSPHRASE_BYTES + 2)
        .map_err(|failure| Failure::local(Local::Passphrase, failure.reason, of_file(question)))?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| unfit(question, path, "not UTF-8"))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

fn prompt(question: Question, text: &str) -> Result<String, Failure> {
    rpassword::prompt_password(text).map_err(|_| {
        Failure::local(
            Local::Passphrase,
            "there is no terminal to ask for the passphrase",
            format!(
                "Write it to a file that only you can read, and name that file in {}.",
                question.variable
            ),
        )
    })
}

fn typed(text: String) -> Result<Passphrase, Failure> {
    Passphrase::new(text)
        .map_err(|error| Failure::local(Local::Passphrase, error.to_string(), "Type one of that length."))
}

/// What a file holds will not do.
fn unfit(question: Question, path: &Path, why: &str) -> Failure {
    Failure::local(Local::Passphrase, format!("{}: {why}", path.display()), of_file(question))
}

/// Where the name of the file is from.
fn of_file(question: Question) -> String {
    format!("{} names it; unset it to be asked on the terminal.", question.variable)
}

#[cfg(test)]
mod tests;
