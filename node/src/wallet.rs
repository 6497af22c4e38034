//! What an owner or agent holds, in one file that is not secret: its log, its identity credential as it
//! was last seen, and the mandates that it was given.
//!
//! ```json
//! {"did":"…","credential":"…","log":"…","mandates":[{"marque":"mandate",…}]}
//! ```

use crate::data::{Data, Kind};
use crate::failure::{Failure, Local};
use crate::files;
use crate::mandate::Mandate;
use did_resolver::did::Did;
use did_resolver::json::{self, Json};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use serde_json::{Value, json};
use std::fs::File;
use vc_schemas::object::Object;

/// Most mandates that are kept; the oldest go first. Those past their end go anyway.
pub const MAX_MANDATES: usize = 32;

/// Longest wallet: a log at its cap and mandates of usual size.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The wallet of one owner or agent.
#[derive(Debug, Clone)]
pub struct Wallet {
    /// Its verified log.
    pub log: Log,
    /// Its identity credential as it was last seen; empty before the node gave one.
    pub credential: String,
    /// Its mandates, oldest first.
    pub mandates: Vec<Mandate>,
}

/// The right to change keys and wallets of a data folder, for as long as this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for whoever has it.
    ///
    /// # Errors
    /// [`Local::File`].
    pub fn take(data: &Data) -> Result<Self, Failure> {
        let path = data.lock();
        if let Some(folder) = path.parent() {
            files::make_folder(folder)?;
        }
        Ok(Self { _file: files::lock(&path)? })
    }
}

impl Wallet {
    /// A wallet without credential and mandates.
    #[must_use]
    pub const fn new(log: Log) -> Self {
        Self { log, credential: String::new(), mandates: Vec::new() }
    }

    /// Its DID.
    #[must_use]
    pub fn did(&self) -> &Did {
        self.log.did()
    }

    /// Reads the wallet of `name`, or `None` where there is none. A log that does not verify is refused;
    /// a mandate that is past its end is dropped.
    ///
    /// # Errors
    /// [`Local::File`].
    pub fn load(data: &Data, kind: Kind, name: &str, now: UnixSeconds) -> Result<Option<Self>, Failure> {
        let path = data.wallet(kind, name);
        let Some(bytes) = files::read_if_there(&path, MAX_BYTES)? else { return Ok(None) };
        let wallet = Self::parse(&bytes, now).map_err(|why| {
            let reason = format!("{}: {why}", path.display());
            Failure::local(Local::File, reason, "Restore it from a backup.")
        })?;
        Ok(Some(wallet))
    }

    /// Reads a wallet.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(bytes: &[u8], now: UnixSeconds) -> Result<Self, String> {
        let json = json::parse(bytes, MAX_BYTES).map_err(|error| error.to_string())?;
        let mut object = Object::new(&json, "wallet").map_err(|error| error.to_string())?;
        let did = object.did("did").map_err(|error| error.to_string())?;
        let mut text = |name| object.required(name).ok().and_then(Json::as_str).unwrap_or_default();
        let (credential, log) = (text("credential"), text("log"));
        let log = Log::verify(log.as_bytes(), now).map_err(|error| error.to_string())?;
        let mandates = object.required("mandates").ok().and_then(Json::items);
        let mandates = mandates.filter(|items| items.len() <= MAX_MANDATES).ok_or("too many mandates")?;
        let mandates = mandates.map(Mandate::read).collect::<Result<Vec<_>, _>>();
        object.end("wallet").map_err(|error| error.to_string())?;
        if *log.did() != did {
            return Err("the log is of another DID".to_owned());
        }
        let mut wallet =
            Self { log, credential: credential.to_owned(), mandates: mandates.map_err(|e| e.reason)? };
        wallet.mandates.retain(|mandate| mandate.valid_until() > now);
        Ok(wallet)
    }

    /// Writes the wallet document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "did": self.did().as_str(),
            "credential": self.credential,
            "log": String::from_utf8_lossy(self.log.bytes()),
            "mandates": self.mandates.iter().map(Mandate::to_json).collect::<Value>(),
        })
    }

    /// Adds a mandate, the newest.
    pub fn add(&mut self, mandate: Mandate, now: UnixSeconds) {
        self.mandates.retain(|mandate| mandate.valid_until() > now);
        self.mandates.push(mandate);
        let over = self.mandates.len().saturating_sub(MAX_MANDATES);
        self.mandates.drain(..over);
    }

    /// Writes the wallet of `name`. Take the [`Lock`] before what is written was read.
    ///
    /// # Errors
    /// [`Local::File`].
    pub fn save(&self, data: &Data, kind: Kind, name: &str, _lock: &Lock) -> Result<(), Failure> {
        let path = data.wallet(kind, name);
        if let Some(folder) = path.parent() {
            files::make_folder(folder)?;
        }
        let bytes = self.to_json().to_string().into_bytes();
        if bytes.len() > MAX_BYTES {
            return Err(Failure::local(Local::File, format!("{}: would be too long", path.display()), ""));
        }
        files::replace(&path, &bytes)
    }
}

#[cfg(test)]
mod tests;
