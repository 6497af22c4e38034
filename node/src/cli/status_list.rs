//! `status-list`: what a status list says, from its bytes alone. Nobody is asked anything.

use super::inspect::StatusListRead;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use crate::signing;
use clap::{Args, Subcommand};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Log, MAX_LOG_BYTES};
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::status::{MAX_LIST_BYTES, StatusError};

/// What is told of a list whose signature was not looked at.
const NOT_VERIFIED: &str = "read, not verified: --issuer-log LOG verifies it";

/// What is told of one whose signature verified.
const VERIFIED: &str = "signed by the DID of that log, as far as that log goes";

/// Status lists as files: Bitstring Status Lists in each envelope, Status List Tokens as JWT and CWT.
#[derive(Debug, Subcommand)]
pub enum StatusListCommand {
    /// Say what a list says
    Show(Source),
    /// Say what a list says of one entry: exit code 4 where it is revoked or suspended, 5 where the list
    /// cannot say
    Check(Check),
}

/// A list.
#[derive(Debug, Args)]
pub struct Source {
    /// The list: a file, or - for stdin
    #[arg(value_name = "FILE")]
    list: String,
    /// Verify its signature by this did.jsonl of its issuer
    #[arg(long, value_name = "LOG")]
    issuer_log: Option<String>,
}

/// One entry of a list.
#[derive(Debug, Args)]
pub struct Check {
    /// The list.
    #[command(flatten)]
    source: Source,
    /// Which entry
    #[arg(long, value_name = "N")]
    index: u32,
}

/// What a list says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing against it.
    Valid,
    /// It is over for good.
    Revoked,
    /// It is over for the time being.
    Suspended,
    /// A message, by its value.
    Message(u8),
    /// Nothing that can be known here, and why.
    Unknown(Code, String),
}

impl StatusListCommand {
    /// The answer, which never needs a node or a data folder.
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        self.at(signing::now())
    }

    fn at(&self, now: UnixSeconds) -> Result<Answer, Failure> {
        match self {
            Self::Show(source) => {
                let (list, verified) = source.read(now)?;
                let (mut document, human) = list.shown(now);
                note(&mut document, verified);
                Ok(Answer::new(document, format!("{}\n{human}", note_of(verified))))
            }
            Self::Check(check) => check.at(now),
        }
    }
}

impl Source {
    fn read(&self, now: UnixSeconds) -> Result<(StatusListRead, bool), Failure> {
        if self.list == "-" && self.issuer_log.as_deref() == Some("-") {
            let reason = "a list and a log cannot both come from stdin";
            return Err(Failure::local(Local::Usage, reason, "Put one of them into a file."));
        }
        let list = StatusListRead::read(files::read_named(&self.list, MAX_LIST_BYTES)?, now)?;
        let Some(name) = &self.issuer_log else { return Ok((list, false)) };
        let log = Log::verify(&files::read_named(name, MAX_LOG_BYTES)?, now)
            .map_err(|error| Failure::of(Code::LogRefused).because(error.to_string()))?;
        let document = log.document().ok_or_else(|| Failure::of(Code::Deactivated))?;
        list.verify(document, now).map_err(refused)?;
        Ok((list, true))
    }
}

impl Check {
    fn at(&self, now: UnixSeconds) -> Result<Answer, Failure> {
        let (list, verified) = self.source.read(now)?;
        let said = list.said(self.index, now);
        let (word, code) = match &said {
            Said::Valid => ("valid".to_owned(), None),
            Said::Revoked => ("revoked".to_owned(), Some((Code::CredentialRevoked, "the entry is revoked"))),
            Said::Suspended => {
                ("suspended".to_owned(), Some((Code::CredentialSuspended, "the entry is suspended")))
            }
            Said::Message(value) => (format!("message {value:#x}"), None),
            Said::Unknown(code, reason) => ("unknown".to_owned(), Some((*code, reason.as_str()))),
        };
        let mut document = json!({"index": self.index, "status": word});
        note(&mut document, verified);
        match code {
            None => Ok(Answer::new(document, format!("#{}: {word}\n{}\n", self.index, note_of(verified)))),
            Some((code, reason)) => {
                let failure = Failure::of(code).because(format!("{reason} ({})", note_of(verified)));
                Err(Failure { report: Some(Box::new(document)), ..failure })
            }
        }
    }
}

const fn note_of(verified: bool) -> &'static str {
    if verified { VERIFIED } else { NOT_VERIFIED }
}

fn note(document: &mut Value, verified: bool) {
    if let Some(members) = document.as_object_mut() {
        members.insert("verified".to_owned(), verified.into());
        members.insert("note".to_owned(), note_of(verified).into());
    }
}

fn refused(error: StatusError) -> Failure {
    let code = match error {
        StatusError::Issuer | StatusError::Key(_) => Code::KeyNotAuthorised,
        StatusError::Signature => Code::SignatureInvalid,
        _ => return Failure::local(Local::Usage, error.to_string(), "Ask its issuer for it."),
    };
    Failure::of(code).because(error.to_string())
}

#[cfg(test)]
mod tests;
