//! Why a command did not do what it was asked, and what to do about it.

use crate::exit::Exit;
use serde_json::{Value, json};
use std::fmt;
use vc_schemas::code::Code;
use vc_schemas::refusal::Refusal;

macro_rules! locals {
    ($($name:ident = $text:literal, $exit:ident, $meaning:literal, $action:literal;)*) => {
        /// What only this program says, beside the codes that every node says.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Local { $(#[doc = $meaning] $name,)* }

        impl Local {
            /// All of them, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// What to do about it, where a failure says nothing more exact.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            const fn exit(self) -> Exit {
                match self { $(Self::$name => Exit::$exit,)* }
            }
        }
    };
}

locals! {
    Usage = "usage", Usage, "The command line is not right.", "Compare it with what --help says of the command.";
    Configuration = "configuration", Usage, "The configuration is not right.", "Mend the key that is named; marque config show --origin says where each value is from.";
    File = "file", Internal, "A file or folder cannot be used.", "Check its name, whose it is, and the room on its disk.";
    Keys = "keys", Internal, "A key file, token or keyring cannot be used.", "Check that it is there, whole and unlocked; else put it back from a backup.";
    Passphrase = "passphrase", Usage, "The passphrase or PIN is missing or wrong.", "Type it again, or check the file that its variable names.";
    NodeUnreachable = "node-unreachable", Unreachable, "The node of this data folder does not answer.", "Start it with marque up, or name its folder with --data.";
    Answer = "answer-malformed", Internal, "The node answered what this program does not understand.", "Use one version for both; the node's log says more.";
    Demo = "demo", Internal, "The demo came out differently.", "Look at the step that is named.";
    Doctor = "doctor", Internal, "Something is wrong with the node.", "What to do stands with each finding.";
    Store = "store-damaged", Internal, "Something is wrong with the store.", "marque store verify says all that is wrong.";
    Backup = "backup-damaged", Internal, "A backup is not as it was made, or none.", "Take another copy of it, or an older backup.";
    Clock = "clock", Internal, "The clock is behind what was seen before.", "Set the clock right, then start again.";
}

/// What of the page `docs/codes.md` follows on the list of the codes that every node says.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "\n## Codes of the command line alone\n\nWhat the program says where no node was asked, or none answered. The \
         exit code is 2 in place of 1 where the command line names what cannot be read. An answer of a node that \
         has no code is `http-` with its HTTP status.\n\n\
         | code | exit code | meaning | what to do |\n|---|---|---|---|\n",
    );
    for local in Local::ALL {
        let (code, exit) = (local.as_str(), local.exit() as u8);
        page.push_str(&format!("| `{code}` | {exit} | {} | {} |\n", local.meaning(), local.action()));
    }
    page
}

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A code of the list that every node says, or one of [`Local`].
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
