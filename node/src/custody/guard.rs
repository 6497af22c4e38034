//! How well the domain's keys are guarded, and what would guard them better.

use super::{failure, label, token};
use crate::config::{Keys, KeysBackend};
use crate::data::Data;
use crate::failure::Failure;
use crate::passphrase::{OF_KEYS, OF_TOKEN};
use crate::signing::{ASSERTION, P256};
use std::path::{Path, PathBuf};

/// What a domain for trials ends with, of which nobody is told how to run it.
const TRIAL: &str = ".test";

/// What could be guarded better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    /// Whether it is wrong, and not only less than there could be.
    pub is_wrong: bool,
    /// What is so.
    pub reason: String,
    /// What to do.
    pub action: &'static str,
}

/// How the domain's keys are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Keys that are not where they should be, or are there twice.
    pub missing: Vec<String>,
    /// What could be guarded better.
    pub weakness: Option<Weakness>,
}

/// The file that gives this process the secret by which the keys are opened: the PIN of a token, else the passphrase.
#[must_use]
pub fn secret_file(backend: KeysBackend) -> Option<PathBuf> {
    let question = if backend == KeysBackend::Pkcs11 { OF_TOKEN } else { OF_KEYS };
    std::env::var_os(question.variable).map(PathBuf::from)
}

/// What is weak about keys that are so kept: at most one thing, the worst.
#[must_use]
pub fn look(
    backend: KeysBackend,
    is_software: bool,
    domain: &str,
    data: &Path,
    secret: Option<&Path>,
) -> Option<Weakness> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let what = if backend == KeysBackend::Pkcs11 { "PIN" } else { "passphrase" };
    if let Some(secret) = secret.filter(|secret| real(secret).starts_with(real(data))) {
        let reason =
            format!("the {what} of the domain's keys lies in the data folder, at {}", secret.display());
        let action = "Whoever copies the folder has both. Keep it elsewhere: LoadCredential= of systemd gives it to the \
                      node alone.";
        return Some(Weakness { is_wrong: true, reason, action });
    }
    if domain.ends_with(TRIAL) {
        return None;
    }
    let reason = match backend {
        KeysBackend::File => match secret {
            Some(path) => format!(
                "the domain's keys are in a file: whoever copies it and its passphrase, {}, has them for good",
                path.display()
            ),
            None => "the domain's keys are in a file: whoever copies it and knows its passphrase has them for good"
                .to_owned(),
        },
        KeysBackend::Keyring => {
            "every program of this user can take the domain's keys out of the keyring while it is unlocked".to_owned()
        }
        KeysBackend::Pkcs11 if is_software => {
            "the token is SoftHSM, a program: whoever copies its files and knows the PIN has the domain's keys".to_owned()
        }
        KeysBackend::Pkcs11 => return None,
    };
    let action = match backend {
        KeysBackend::Pkcs11 => "In production take a device: docs/operating.md, Keys.",
        KeysBackend::File | KeysBackend::Keyring => {
            "In production keep them in a device: keys.backend = \"pkcs11\", and docs/operating.md, Keys."
        }
    };
    Some(Weakness { is_wrong: false, reason, action })
}

/// How the keys of a domain are kept, asked of where they are without a secret being told.
///
/// # Errors
/// Why that does not answer.
pub fn asked(keys: &Keys, domain: &str, issuers: &[&str], data: &Data) -> Result<Kept, Failure> {
    let roles = [&[ASSERTION, P256], issuers].concat();
    let (missing, is_software) = match keys.backend {
        // Its keys are looked for where the passphrase is.
        KeysBackend::File => (Vec::new(), false),
        KeysBackend::Pkcs11 => {
            let token = token(keys)?;
            let names = roles.iter().map(|role| label(domain, role)).collect();
            (token.missing(names).map_err(|error| failure(&error))?, token.is_software())
        }
        KeysBackend::Keyring => (in_keyring(domain, &roles)?, false),
    };
    let secret = secret_file(keys.backend);
    let weakness = look(keys.backend, is_software, domain, data.path(), secret.as_deref());
    Ok(Kept { missing, weakness })
}

#[cfg(feature = "keyring")]
fn in_keyring(domain: &str, roles: &[&str]) -> Result<Vec<String>, Failure> {
    let keyring = marque_keys::keyring::Keyring::open(domain).map_err(|error| failure(&error))?;
    let names = roles.iter().map(|role| (*role).to_owned()).collect();
    keyring.missing(names).map_err(|error| failure(&error))
}

#[cfg(not(feature = "keyring"))]
fn in_keyring(_: &str, _: &[&str]) -> Result<Vec<String>, Failure> {
    Err(crate::config::startable::without_keyring())
}

#[cfg(test)]
mod tests;
