//! `export`: what is held, written into a file for others.

use super::session::Session;
use super::verify;
use crate::failure::Failure;
use crate::files;
use crate::output::{self, Answer};
use clap::Subcommand;
use did_resolver::codec;
use serde_json::{Value, json};
use std::path::PathBuf;
use vc_schemas::bundle::MAX_BUNDLE_BYTES;

/// Write what is held into a file for others.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// All that a verdict on a presentation rests on, for marque verify --offline
    Bundle {
        /// The presentation: a file, or - for stdin
        presentation: String,
        /// The file to write
        #[arg(long)]
        out: PathBuf,
    },
}

impl ExportCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let Self::Bundle { presentation, out } = self;
        let (text, format) = verify::read_named(presentation)?;
        let body = json!({"presentation": text, "format": format});
        let mut answer = session.client()?.post("/v1/bundles", &body).await?;
        let bundle = answer.as_object_mut().and_then(|members| members.remove("bundle"));
        let bytes = bundle.as_ref().and_then(Value::as_str).and_then(|text| codec::from_base64url(text).ok());
        let bytes = bytes.filter(|bytes| bytes.len() <= MAX_BUNDLE_BYTES);
        files::replace(out, &bytes.ok_or_else(|| super::party::malformed("no bundle"))?)?;
        if let Some(members) = answer.as_object_mut() {
            members.insert("file".to_owned(), json!(out.display().to_string()));
        }
        let text = |name| output::text(&answer, name);
        let human = output::facts(&[
            ("file", text("file")),
            ("bytes", text("bytes")),
            ("logs", text("logs")),
            ("lists", text("lists")),
            ("made", text("made")),
        ]);
        let by = text("by");
        let next = format!("Elsewhere, without a node: marque verify --offline {} --by {by}", text("file"));
        Ok(Answer::new(answer, human).saying(next))
    }
}
