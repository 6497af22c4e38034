//! Where the domain's keys are: in the key file of the data folder, in a token behind a PKCS#11 module, or in the keyring
//! of a desktop session; and who signs with them. The node's libp2p key is in the file everywhere: libp2p signs by
//! itself.

mod domain;
mod guard;
mod roles;

pub use domain::DomainKeys;
pub use guard::{Kept, Weakness, asked, look, secret_file};
pub use roles::{issuer_role, make_issuers, make_node, node_role, node_secret};

use crate::config::{Keys, KeysBackend};
use crate::failure::{Failure, Local};
use crate::passphrase;
use crate::signing::{self, Signs};
use did_resolver::keys::PublicKey;
use marque_keys::Error;
#[cfg(feature = "keyring")]
use marque_keys::keyring::Keyring;
use marque_keys::pkcs11::{Token, TokenKey};
use marque_store::keyfile::KeyFile;
use marque_store::secret::SecretKey;
use std::path::Path;

/// Where keys are made and found.
#[derive(Debug)]
pub enum Custody {
    /// The key file.
    File,
    /// A token, logged in to, and the domain whose keys they are.
    Token(Token, String),
    /// A keyring.
    #[cfg(feature = "keyring")]
    Keyring(Keyring),
}

/// A key that signs, wherever it is.
#[derive(Debug)]
pub enum Signer {
    /// In memory while the node runs.
    Memory(SecretKey),
    /// In a token, always.
    Token(TokenKey),
}

impl Custody {
    /// Opens what is configured. A token may ask for its PIN.
    ///
    /// # Errors
    /// [`Local::Keys`]; [`Local::Passphrase`] where the PIN is missing or refused; [`Local::Configuration`] where this
    /// program was built without it.
    pub fn open(keys: &Keys, domain: &str) -> Result<Self, Failure> {
        match keys.backend {
            KeysBackend::File => Ok(Self::File),
            KeysBackend::Pkcs11 => {
                let token = token(keys)?;
                let pin = if token.wants_pin() { Some(passphrase::pin()?) } else { None };
                token.log_in(pin).map_err(|error| failure(&error))?;
                Ok(Self::Token(token, domain.to_owned()))
            }
            KeysBackend::Keyring => Self::keyring(domain),
        }
    }

    #[cfg(feature = "keyring")]
    fn keyring(domain: &str) -> Result<Self, Failure> {
        Keyring::open(domain).map(Self::Keyring).map_err(|error| failure(&error))
    }

    #[cfg(not(feature = "keyring"))]
    fn keyring(_: &str) -> Result<Self, Failure> {
        Err(crate::config::startable::without_keyring())
    }

    /// Makes a key of `role`. In the file it is not durable before that is saved.
    ///
    /// # Errors
    /// [`Local::Keys`] where there is one.
    pub fn make(&self, file: &mut KeyFile, role: &str) -> Result<(), Failure> {
        match self {
            Self::File => signing::make(file, role),
            Self::Token(token, domain) => {
                let made = token.generate(&label(domain, role), signing::kind(role));
                made.map(drop).map_err(|error| failure(&error))
            }
            #[cfg(feature = "keyring")]
            Self::Keyring(keyring) => {
                let key = SecretKey::generate(signing::kind(role));
                let key = key.map_err(|error| signing::keys(&error.into()))?;
                keyring.put(role, key.expose()).map_err(|error| failure(&error))
            }
        }
    }

    /// The key of `role`, wherever it is.
    ///
    /// # Errors
    /// [`Local::Keys`] where it is there and cannot be used.
    pub fn find(&self, file: &KeyFile, role: &str) -> Result<Option<Signer>, Failure> {
        match self {
            Self::File => {
                let copy = |key: &SecretKey| SecretKey::from_bytes(key.kind(), key.expose());
                let key = file.get(role).map(copy).transpose();
                Ok(key.map_err(|error| signing::keys(&error.into()))?.map(Signer::Memory))
            }
            Self::Token(token, domain) => {
                let key = token.key(&label(domain, role)).map_err(|error| failure(&error))?;
                Ok(key.map(Signer::Token))
            }
            #[cfg(feature = "keyring")]
            Self::Keyring(keyring) => {
                let Some(secret) = keyring.get(role).map_err(|error| failure(&error))? else {
                    return Ok(None);
                };
                let key = SecretKey::from_bytes(signing::kind(role), &secret);
                key.map(|key| Some(Signer::Memory(key))).map_err(|error| signing::keys(&error.into()))
            }
        }
    }

    /// The key of `role`, which is to be there.
    ///
    /// # Errors
    /// [`Local::Keys`] where it is not, or cannot be used.
    pub fn need(&self, file: &KeyFile, role: &str) -> Result<Signer, Failure> {
        let action = match self {
            Self::File => "Restore the key file, or set keys.backend to where init made the keys.",
            Self::Token(..) => {
                "Restore the token, or set keys.backend and keys.pkcs11_token to where init made the keys."
            }
            #[cfg(feature = "keyring")]
            Self::Keyring(_) => "Restore the keyring, or set keys.backend to where init made the keys.",
        };
        let missing =
            || Failure::local(Local::Keys, format!("there is no key \"{role}\" {}", self.place()), action);
        self.find(file, role)?.ok_or_else(missing)
    }

    /// Whether there is a key of `role`.
    ///
    /// # Errors
    /// [`Local::Keys`] where it is there and cannot be used.
    pub fn has(&self, file: &KeyFile, role: &str) -> Result<bool, Failure> {
        match self {
            Self::File => Ok(file.get(role).is_some()),
            Self::Token(token, domain) => {
                let key = token.key(&label(domain, role)).map_err(|error| failure(&error))?;
                Ok(key.is_some())
            }
            #[cfg(feature = "keyring")]
            Self::Keyring(keyring) => {
                let secret = keyring.get(role).map_err(|error| failure(&error))?;
                Ok(secret.is_some())
            }
        }
    }

    /// Destroys the key of `role`; none is as good. In the file it is gone once that is saved.
    ///
    /// # Errors
    /// [`Local::Keys`].
    pub fn destroy(&self, file: &mut KeyFile, role: &str) -> Result<(), Failure> {
        match self {
            Self::File => {
                drop(file.remove(role));
                Ok(())
            }
            Self::Token(token, domain) => {
                token.destroy(&label(domain, role)).map_err(|error| failure(&error))
            }
            #[cfg(feature = "keyring")]
            Self::Keyring(keyring) => keyring.remove(role).map_err(|error| failure(&error)),
        }
    }

    /// Takes keys back that were made for nothing. A file that was made with them goes by itself.
    pub fn forget(&self, roles: &[&str]) {
        for role in roles {
            let forgotten = match self {
                Self::File => Ok(()),
                Self::Token(token, domain) => token.destroy(&label(domain, role)),
                #[cfg(feature = "keyring")]
                Self::Keyring(keyring) => keyring.remove(role),
            };
            if let Err(error) = forgotten {
                tracing::warn!(%error, role, "a key that was made for nothing is still there");
            }
        }
    }

    /// Whether what is opened is a program that keeps keys in files of its own.
    #[must_use]
    pub fn is_software(&self) -> bool {
        matches!(self, Self::Token(token, _) if token.is_software())
    }

    const fn place(&self) -> &'static str {
        match self {
            Self::File => "in the key file",
            Self::Token(..) => "in the token",
            #[cfg(feature = "keyring")]
            Self::Keyring(_) => "in the keyring",
        }
    }
}

impl Signer {
    /// The signature over `message`.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub async fn sign_later(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::Memory(key) => key.sign(message).map_err(|error| error.to_string()),
            Self::Token(key) => key.sign(message).await.map_err(|error| error.to_string()),
        }
    }
}

impl Signs for Signer {
    fn public(&self) -> &PublicKey {
        match self {
            Self::Memory(key) => key.public(),
            Self::Token(key) => key.public(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Memory(key) => Signs::sign(key, message),
            Self::Token(key) => key.sign_and_wait(message).map_err(|error| failure(&error)),
        }
    }
}

/// The token that is configured, not logged in to.
fn token(keys: &Keys) -> Result<Token, Failure> {
    Token::open(Path::new(&keys.pkcs11_module), &keys.pkcs11_token).map_err(|error| failure(&error))
}

/// What a key is called in a token, which may have those of other domains and programs.
fn label(domain: &str, role: &str) -> String {
    format!("marque {domain} {role}")
}

fn failure(error: &Error) -> Failure {
    let action = match error {
        Error::Module(_) => {
            "Check keys.pkcs11_module: the absolute path of the library of the token's maker."
        }
        Error::NoToken(_) | Error::SeveralTokens(_) => {
            "Check keys.pkcs11_token, and that the token is there."
        }
        Error::NoPin => "Set it with the tools of the token.",
        Error::WrongPin => {
            "It is not given again: tokens lock after a few. Check the file that MARQUE_PIN_FILE names, and start anew."
        }
        Error::Locked => "Log in once, or unlock it, with the tools of the token.",
        Error::Taken(_) => {
            "Keys are never overwritten. If they are of an init that was cut off, delete them with the tools of the token or \
             keyring."
        }
        Error::Missing(_) | Error::NotAKey(_) | Error::Unprotected(_) => {
            "Look at it with the tools of the token or keyring, and restore it."
        }
        Error::Kind(_) => {
            "The token must make Ed25519 and P-256 keys; docs/operating.md, Keys, says by which mechanisms."
        }
        Error::NoKeyring(_) => "Log in to the desktop session whose keyring has the keys, and unlock it.",
        Error::Faulty(_) => "Nothing of it was used. Replace the token.",
        Error::Lost(_) | Error::Busy | Error::Late | Error::Other(_) => {
            "Look at the token with its own tools."
        }
    };
    let local = match error {
        Error::NoPin | Error::WrongPin | Error::Locked => Local::Passphrase,
        _ => Local::Keys,
    };
    Failure::local(local, error.to_string(), action)
}

#[cfg(test)]
mod tests;
