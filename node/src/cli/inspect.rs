//! `inspect`: what something is, and what it says. Everything is read as strictly as where it counts, and
//! nothing is asked of anybody; what was not verified is said to be so.

mod did;
mod duplicity;
mod key;
mod log;
mod secured;
mod status;
mod token;

pub(super) use status::StatusListRead;

use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use crate::signing;
use clap::Args;
use did_resolver::codec;
use did_resolver::json;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{MAX_DUPLICITY_BYTES, MAX_WITNESS_BYTES};
use serde_json::{Map, Value};
use std::path::Path;
use vc_schemas::secure::MAX_BYTES;

/// Longest input.
const MAX_INPUT_BYTES: usize =
    if MAX_SIGNED_BYTES > MAX_DUPLICITY_BYTES { MAX_SIGNED_BYTES } else { MAX_DUPLICITY_BYTES };

/// The largest thing that is signed here, in base64url, and a line end.
const MAX_SIGNED_BYTES: usize = MAX_BYTES / 3 * 4 + 64;

/// What is told of everything that was read only.
const NOT_VERIFIED: &str = "inspected, not verified";

/// Inspect something.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A file, - for stdin, or the thing itself: a DID, a DID document, a log, a key, a credential, a
    /// presentation, a status list or a join token
    #[arg(value_name = "FILE|THING")]
    thing: String,
    /// The did-witness.json of a log, or - for stdin
    #[arg(long, value_name = "FILE")]
    witness: Option<String>,
}

/// What is there to be recognised.
#[derive(Debug)]
struct Thing {
    bytes: Vec<u8>,
    /// The bytes as trimmed text; empty where they are none.
    text: String,
    /// The text as strict JSON, where it is that.
    json: Option<Value>,
    witness: Option<Vec<u8>>,
    now: UnixSeconds,
}

impl Thing {
    fn new(bytes: Vec<u8>, witness: Option<Vec<u8>>, now: UnixSeconds) -> Self {
        let text = std::str::from_utf8(&bytes).map(str::trim).unwrap_or_default().to_owned();
        let json = json::parse(text.as_bytes(), MAX_INPUT_BYTES).ok();
        Self { bytes, text, json, witness, now }
    }

    /// The text, where it is one word.
    fn word(&self) -> Option<&str> {
        let is_word = !self.text.is_empty() && !self.text.contains(char::is_whitespace);
        is_word.then_some(self.text.as_str())
    }

    /// A member of the JSON.
    fn member(&self, name: &str) -> Option<&Value> {
        self.json.as_ref()?.get(name)
    }

    /// What is bytes and not text: as it came, or written in base64url.
    fn binary(&self) -> Option<Vec<u8>> {
        if self.text.is_empty() {
            return (!self.bytes.is_empty()).then(|| self.bytes.clone());
        }
        codec::from_base64url(self.word()?).ok().filter(|bytes| !bytes.is_empty())
    }
}

/// What something says.
#[derive(Debug)]
struct Found {
    /// What it is, in the words of a person.
    is: String,
    /// What was verified, and what that leaves open; `None` where nothing was.
    verified: Option<&'static str>,
    /// What it says, for people.
    human: String,
    /// The same, member by member.
    says: Map<String, Value>,
}

impl Found {
    /// Something that was read, and not verified.
    fn read(is: impl Into<String>, human: String, says: &Value) -> Self {
        let says = says.as_object().cloned().unwrap_or_default();
        Self { is: is.into(), verified: None, human, says }
    }

    fn answer(self, kind: &str) -> Answer {
        let mut document = Map::new();
        document.insert("kind".to_owned(), kind.into());
        document.insert("is".to_owned(), self.is.as_str().into());
        document.insert("verified".to_owned(), self.verified.is_some().into());
        document.insert("note".to_owned(), self.verified.unwrap_or(NOT_VERIFIED).into());
        document.extend(self.says);
        let human = format!("{}\n{}\n{}", self.is, self.verified.unwrap_or(NOT_VERIFIED), self.human);
        Answer::new(Value::Object(document), human)
    }
}

/// Reads a thing of one kind: `None` where it is another, a failure where it is of the kind but not well
/// made.
type Recogniser = fn(&Thing) -> Option<Result<Found, Failure>>;

/// The kinds of things, by what shows them; the first that recognises a thing reads it.
const KINDS: [(&str, Recogniser); 16] = [
    ("join-token", token::read),
    ("did", did::read),
    ("did-log", log::read),
    ("duplicity-proof", duplicity::read),
    ("key", key::of_pem),
    ("key", key::of_jwk),
    ("key", key::of_multikey),
    ("status-list", status::of_jwt),
    ("status-list", status::of_credential),
    ("presentation", secured::presentation),
    ("credential", secured::credential),
    ("credential", secured::sd_jwt),
    ("did-document", did::document),
    ("status-list", status::of_cwt),
    ("presentation", secured::presentation_cose),
    ("credential", secured::credential_cose),
];

impl Inspect {
    /// The answer, which never needs a node or a data folder.
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        if self.thing == "-" && self.witness.as_deref() == Some("-") {
            let reason = "a thing and witness proofs cannot both come from stdin";
            return Err(Failure::local(Local::Usage, reason, "Put one of them into a file."));
        }
        let is_named = self.thing == "-" || Path::new(&self.thing).exists();
        let bytes = if is_named {
            files::read_named(&self.thing, MAX_INPUT_BYTES)?
        } else {
            self.thing.clone().into_bytes()
        };
        let witness = self.witness.as_deref().map(|name| files::read_named(name, MAX_WITNESS_BYTES));
        let thing = Thing::new(bytes, witness.transpose()?, signing::now());
        inspected(&thing).unwrap_or_else(|| {
            let kinds = "a DID, a DID document, a log, a key, a credential, a presentation, a status list or \
                         a join token";
            let reason =
                if is_named { "nothing that is known here" } else { "neither a file nor known here" };
            Err(Failure::local(Local::Usage, reason, format!("Give {kinds}.")))
        })
    }
}

/// What `thing` says, by the first kind that recognises it.
fn inspected(thing: &Thing) -> Option<Result<Answer, Failure>> {
    KINDS.iter().find_map(|(kind, read)| Some(read(thing)?.map(|found| found.answer(kind))))
}

#[cfg(test)]
mod tests;
