//! Why a command did not do what it was asked, and what to do about it.

use crate::exit::Exit;
use serde_json::{Value, json};
use std::fmt;
use vc_schemas::code::Code;
use vc_schemas::refusal::Refusal;

/// What only this program says, beside the codes that every node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// The command line is not right.
    Usage,
    /// The configuration is not right.
    Configuration,
    /// A file or folder cannot be used.
    File,
    /// A key file, token or keyring cannot be used.
    Keys,
    /// The passphrase or PIN is missing or wrong.
    Passphrase,
    /// The node of this data folder does not answer.
    NodeUnreachable,
    /// The node answered what this program does not understand.
    Answer,
    /// The demo came out differently.
    Demo,
    /// Something is wrong with the node.
    Doctor,
    /// Something is wrong with the store.
    Store,
    /// A backup is not as it was made, or none.
    Backup,
    /// The clock is behind what was seen before.
    Clock,
}

impl Local {
    /// The code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::File => "file",
            Self::Keys => "keys",
            Self::Passphrase => "passphrase",
            Self::NodeUnreachable => "node-unreachable",
            Self::Answer => "answer-malformed",
            Self::Demo => "demo",
            Self::Doctor => "doctor",
            Self::Store => "store-damaged",
            Self::Backup => "backup-damaged",
            Self::Clock => "clock",
        }
    }

    const fn exit(self) -> Exit {
        match self {
            Self::Usage | Self::Configuration | Self::Passphrase => Exit::Usage,
            Self::File
            | Self::Keys
            | Self::Answer
            | Self::Demo
            | Self::Doctor
            | Self::Store
            | Self::Backup
            | Self::Clock => Exit::Internal,
            Self::NodeUnreachable => Exit::Unreachable,
        }
    }
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A code of `docs/codes.md`, or one of [`Local`].
    pub code: String,
    /// What is wrong.
    pub reason: String,
    /// What to do; may be empty.
    pub action: String,
    /// Where in what was sent or presented; an array, empty where it is the whole.
    pub path: Value,
    /// How the program ends.
    pub exit: Exit,
    /// Whether it is the answer of a verification.
    pub is_verdict: bool,
    /// What else there is to say: members of the one document, beside `error`.
    pub report: Option<Box<Value>>,
}

impl Failure {
    /// A failure that only this program knows.
    #[must_use]
    pub fn local(local: Local, reason: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            code: local.as_str().to_owned(),
            reason: reason.into(),
            action: action.into(),
            path: json!([]),
            exit: local.exit(),
            is_verdict: false,
            report: None,
        }
    }

    /// A failure for a reason of the closed list.
    #[must_use]
    pub fn of(code: Code) -> Self {
        Self {
            code: code.to_string(),
            reason: code.meaning().to_owned(),
            action: code.action().to_owned(),
            path: json!([]),
            exit: Exit::of(code),
            is_verdict: false,
            report: None,
        }
    }

    /// The same as a wrong call: what was named cannot be read.
    #[must_use]
    pub const fn by_caller(mut self) -> Self {
        self.exit = Exit::Usage;
        self
    }

    /// The same with another reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The same with another thing to do.
    #[must_use]
    pub fn so(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }

    /// The one JSON document of a refusal under `--json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        if self.is_verdict {
            let mut document = self.report.as_ref().and_then(|r| r.as_object()).cloned().unwrap_or_default();
            document.extend([
                ("verified".to_owned(), json!(false)),
                ("code".to_owned(), json!(self.code)),
                ("reason".to_owned(), json!(self.reason)),
                ("path".to_owned(), self.path.clone()),
            ]);
            Value::Object(document)
        } else {
            let mut error = json!({"code": self.code, "reason": self.reason, "action": self.action});
            if let (Some(members), Some([_, ..])) =
                (error.as_object_mut(), self.path.as_array().map(Vec::as_slice))
            {
                members.insert("path".to_owned(), self.path.clone());
            }
            let mut document = self.report.as_ref().and_then(|r| r.as_object()).cloned().unwrap_or_default();
            document.insert("error".to_owned(), error);
            Value::Object(document)
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { path: refusal.path.to_json(), ..Self::of(refusal.code).because(refusal.detail) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.reason)?;
        if self.path.as_array().is_some_and(|steps| !steps.is_empty()) {
            write!(f, " (at {})", in_words(&self.path))?;
        }
        if self.action.is_empty() { Ok(()) } else { write!(f, "\n  {}", self.action) }
    }
}

impl std::error::Error for Failure {}

/// A path of steps, `["chain",1,"scopes"]`, as people write it: `chain[1].scopes`.
fn in_words(steps: &Value) -> String {
    let mut text = String::new();
    for step in steps.as_array().into_iter().flatten() {
        match step {
            Value::String(name) if text.is_empty() => text.push_str(name),
            Value::String(name) => text.push_str(&format!(".{name}")),
            other => text.push_str(&format!("[{other}]")),
        }
    }
    text
}

#[cfg(test)]
mod tests;
