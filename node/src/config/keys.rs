//! Where the domain's keys are.

use super::refused;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};

/// Longest label of a token: that of PKCS#11.
const MAX_LABEL_BYTES: usize = 32;

/// Keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Where the domain's keys are.
    pub backend: KeysBackend,
    /// The module of `backend = "pkcs11"`: a library, by its absolute path. It is loaded into the node.
    pub pkcs11_module: String,
    /// The label of the token there.
    pub pkcs11_token: String,
    /// Memory that one guess at a passphrase costs, in KiB; 8 to 1,048,576. A file keeps the cost that
    /// it was made with.
    pub kdf_kib: u32,
    /// How long the old keys go on to sign after a planned rotation of the domain's keys, in seconds; 0 to 86,400. A
    /// verifier that has not heard of it by then has only status lists that are too old.
    pub lead_seconds: u32,
}

/// Where the domain's keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeysBackend {
    /// In the encrypted key file of the data folder.
    File,
    /// In a token behind a PKCS#11 module.
    Pkcs11,
    /// In the keyring of a desktop session.
    Keyring,
}

impl KeysBackend {
    /// All.
    pub const ALL: [Self; 3] = [Self::File, Self::Pkcs11, Self::Keyring];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Pkcs11 => "pkcs11",
            Self::Keyring => "keyring",
        }
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            backend: KeysBackend::File,
            pkcs11_module: String::new(),
            pkcs11_token: String::new(),
            kdf_kib: marque_store::keyfile::Kdf::default().m_kib,
            lead_seconds: 300,
        }
    }
}

impl Keys {
    /// The cost of key files that are made.
    #[must_use]
    pub fn kdf(&self) -> marque_store::keyfile::Kdf {
        marque_store::keyfile::Kdf { m_kib: self.kdf_kib, ..Default::default() }
    }

    /// Checks what types do not.
    ///
    /// # Errors
    /// [`Local::Configuration`](crate::failure::Local::Configuration).
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (module, token) = (&self.pkcs11_module, &self.pkcs11_token);
        // No search path: what is loaded here is what the operator wrote.
        if !(module.is_empty() || module.starts_with('/')) {
            return Err(refused("keys.pkcs11_module is not an absolute path"));
        }
        if token.len() > MAX_LABEL_BYTES {
            return Err(refused(format!("keys.pkcs11_token is longer than {MAX_LABEL_BYTES} bytes")));
        }
        let is_used = self.backend == KeysBackend::Pkcs11;
        if is_used && (module.is_empty() || token.is_empty()) {
            return Err(refused("keys.backend = \"pkcs11\" needs keys.pkcs11_module and keys.pkcs11_token"));
        }
        if !(is_used || module.is_empty() && token.is_empty()) {
            return Err(refused(
                "keys.pkcs11_module and keys.pkcs11_token are of no use without keys.backend = \"pkcs11\"",
            ));
        }
        Ok(())
    }
}
