//! `resolve`: the document of a DID (DID Resolution 0.3).

use super::session::Session;
use crate::client::segment;
use crate::failure::{Failure, Local};
use crate::output::Answer;
use clap::Args;
use did_resolver::did::DidUrl;
use serde_json::Value;
use vc_schemas::code::Code;

/// Resolve a DID.
#[derive(Debug, Args)]
pub struct Resolve {
    /// A DID, or a DID URL with versionId, versionTime or versionNumber
    did: String,
    /// The version with this versionId
    #[arg(long, group = "which")]
    version_id: Option<String>,
    /// The version with this number
    #[arg(long, group = "which")]
    version_number: Option<u32>,
    /// The version in force at this time, such as 2026-01-31T12:00:00Z
    #[arg(long, group = "which")]
    version_time: Option<String>,
}

impl Resolve {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let path = self.path()?;
        let answer = session.client()?.look(&path).await?;
        let error = answer.json.get("didResolutionMetadata").and_then(|m| m.get("error"));
        let kind = error.and_then(|e| e.get("type").unwrap_or(e).as_str());
        if let Some(kind) = kind {
            let title = error.and_then(|e| e.get("title")).and_then(Value::as_str).unwrap_or("not resolved");
            return Err(Failure::of(code(kind, answer.status)).because(title));
        }
        match answer.status {
            200 => {
                let human = format!("{:#}\n", answer.json.get("didDocument").unwrap_or(&answer.json));
                Ok(Answer::new(answer.json, human))
            }
            410 => Err(Failure::of(Code::Deactivated)),
            _ => Err(crate::client::problem(&answer)),
        }
    }

    fn path(&self) -> Result<String, Failure> {
        let url: DidUrl = self.did.parse().map_err(|_| Failure::of(Code::DidMalformed))?;
        let flags = [
            ("versionId", self.version_id.clone()),
            ("versionNumber", self.version_number.map(|number| number.to_string())),
            ("versionTime", self.version_time.clone()),
        ];
        let mut query = Vec::new();
        for (name, flag) in flags {
            let written = url.parameters(name).map(str::to_owned);
            // What stands in a DID URL is percent-encoded already.
            query.extend(written.chain(flag.as_deref().map(segment)).map(|value| format!("{name}={value}")));
        }
        if query.len() > 1 {
            let reason = "more than one version is asked for";
            return Err(Failure::local(Local::Usage, reason, "Name one of id, number and time."));
        }
        let query = query.first().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(format!("/1.0/identifiers/{}{query}", segment(url.did().as_str())))
    }
}

/// The code of a resolution error, by its name, which may stand at the end of a URL.
fn code(kind: &str, status: u16) -> Code {
    match kind.rsplit(['#', '/']).next().unwrap_or_default() {
        "NOT_FOUND" => Code::DidUnresolvable,
        "INVALID_DID" | "INVALID_DID_URL" => Code::DidMalformed,
        "METHOD_NOT_SUPPORTED" => Code::DidMethodUnsupported,
        "INVALID_OPTIONS" | "FEATURE_NOT_SUPPORTED" | "REPRESENTATION_NOT_SUPPORTED" => {
            Code::RequestMalformed
        }
        _ if status >= 500 => Code::Internal,
        _ => Code::DidUnresolvable,
    }
}

#[cfg(test)]
mod tests;
