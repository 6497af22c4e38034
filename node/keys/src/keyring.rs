//! Keys in the keyring of a desktop session: the Secret Service (freedesktop.org, Secret Service API 0.2) over the
//! session's D-Bus, as GNOME Keyring and KWallet speak it.
//!
//! It encrypts what it keeps under the password by which its user logs in, and gives it to every program of that user
//! while it is unlocked. So secrets are no safer here than in a file while somebody is logged in, and safer when nobody
//! is. What goes over the bus is encrypted for this program (`dh-ietf1024-sha256-aes128-cbc-pkcs7`).

use crate::error::Error;
use crate::limits::PROMPT_SECONDS;
use data_encoding::BASE64URL_NOPAD;
use dbus_secret_service::{Collection, EncryptionType, Error as Cause, SecretService};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// What all items of this program have.
const APPLICATION: &str = "marque";

/// The keys of one domain in the keyring of this user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyring {
    domain: String,
}

impl Keyring {
    /// Looks whether there is a keyring, and asks for it to be unlocked, which somebody at a screen has
    /// [`PROMPT_SECONDS`] for.
    ///
    /// # Errors
    /// [`Error::NoKeyring`].
    pub fn open(domain: &str) -> Result<Self, Error> {
        let keyring = Self { domain: domain.to_owned() };
        keyring.within(|_| Ok(()))?;
        Ok(keyring)
    }

    /// The secret of that name, where there is one.
    ///
    /// # Errors
    /// [`Error::Taken`] where there is more than one, [`Error::NotAKey`] where it was not put there by this program.
    pub fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        self.within(|collection| {
            let found = collection.search_items(self.attributes(name)).map_err(|cause| other(&cause))?;
            match &found[..] {
                [] => Ok(None),
                [item] => {
                    let text = Zeroizing::new(item.get_secret().map_err(|cause| other(&cause))?);
                    let secret = BASE64URL_NOPAD.decode(&text);
                    secret
                        .map(|secret| Some(Zeroizing::new(secret)))
                        .map_err(|_| Error::NotAKey(name.to_owned()))
                }
                _ => Err(Error::Taken(name.to_owned())),
            }
        })
    }

    /// Which of these there is none of, or more than one.
    ///
    /// # Errors
    /// Whatever the keyring says.
    pub fn missing(&self, names: Vec<String>) -> Result<Vec<String>, Error> {
        self.within(|collection| {
            let mut missing = Vec::new();
            for name in names {
                let found = collection.search_items(self.attributes(&name)).map_err(|cause| other(&cause))?;
                if found.len() != 1 {
                    missing.push(name);
                }
            }
            Ok(missing)
        })
    }

    /// Keeps a secret.
    ///
    /// # Errors
    /// [`Error::Taken`] where there is one of the name: none is overwritten.
    pub fn put(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(secret));
        self.within(|collection| {
            let attributes = self.attributes(name);
            let found = collection.search_items(attributes.clone()).map_err(|cause| other(&cause))?;
            if !found.is_empty() {
                return Err(Error::Taken(name.to_owned()));
            }
            let label = format!("Marque: {name} of {}", self.domain);
            let made = collection.create_item(&label, attributes, text.as_bytes(), false, "text/plain");
            made.map(drop).map_err(|cause| other(&cause))
        })
    }

    /// Takes out what is of that name; nothing is as good.
    ///
    /// # Errors
    /// Whatever the keyring says.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.within(|collection| {
            let found = collection.search_items(self.attributes(name)).map_err(|cause| other(&cause))?;
            found.iter().try_for_each(|item| item.delete().map_err(|cause| other(&cause)))
        })
    }

    fn attributes<'a>(&'a self, name: &'a str) -> HashMap<&'a str, &'a str> {
        HashMap::from([("application", APPLICATION), ("domain", &self.domain), ("key", name)])
    }

    /// What comes of `call` with the keyring that this user has by default, unlocked. A connection each time: keys are
    /// asked for when a program starts, and not again.
    fn within<R>(&self, call: impl FnOnce(&Collection<'_>) -> Result<R, Error>) -> Result<R, Error> {
        let failed = |cause: &Cause| Error::NoKeyring(cause.to_string());
        let service = SecretService::connect_with_max_prompt_timeout(EncryptionType::Dh, PROMPT_SECONDS)
            .map_err(|e| failed(&e))?;
        let collection = service.get_default_collection().map_err(|cause| failed(&cause))?;
        collection.ensure_unlocked().map_err(|cause| failed(&cause))?;
        call(&collection)
    }
}

fn other(cause: &Cause) -> Error {
    Error::Other(cause.to_string())
}
