//! `resolve`: the document of a DID, or what a DID URL names in it (DID Resolution 1.0).
//!
//! What is self-contained, and what a log says that the caller brings, is resolved here and asks
//! nobody; everything else is asked of the node. Either way the result is one document.

mod offline;

use super::history::Bytes;
use super::session::Session;
use crate::client::segment;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer};
use crate::signing;
use clap::Args;
use did_resolver::did::DidUrl;
use did_resolver::resolution::dereference::{self, Options, Resource, dereference};
use did_resolver::resolution::{Metadata, Resolution, ResolutionError};
use did_resolver::webvh::{MAX_LOG_BYTES, MAX_WITNESS_BYTES, VersionQuery};
use serde_json::{Value, json};
use vc_schemas::code::Code;

/// Parameters that choose a version; with nothing else a DID URL names the document.
const VERSION: [&str; 3] = ["versionId", "versionNumber", "versionTime"];

/// The parameter of a did:scid that says where its log may be.
const SOURCE: &str = "src";

/// Resolve a DID.
#[derive(Debug, Args)]
pub struct Resolve {
    /// A DID, or a DID URL: its version, path, service or fragment is then what is printed
    #[arg(value_name = "DID|DID-URL")]
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
    /// Say what was asked and checked, and how it came out
    #[arg(long)]
    trace: bool,
    /// Resolve by this did.jsonl, or - for stdin, without a node
    #[arg(long, value_name = "LOG")]
    from_file: Option<String>,
    /// The did-witness.json of that log, or - for stdin
    #[arg(long, value_name = "FILE", requires = "from_file")]
    witness: Option<String>,
}

impl Resolve {
    /// What is resolved without a node and without a data folder; `None` where the node is to be asked.
    pub(super) fn offline(&self, as_json: bool) -> Option<Result<Answer, Failure>> {
        let (url, query) = match self.question() {
            Ok(question) => question,
            Err(failure) => return Some(Err(failure)),
        };
        let result = match &self.from_file {
            Some(name) => self.of_file(&url, query.as_ref(), name),
            None if offline::is_self_contained(url.did()) => offline::of_did(url.did(), query.as_ref()),
            None => return None,
        };
        Some(self.told(&url, result, as_json))
    }

    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let (url, query) = self.question()?;
        let answer = session.client()?.look(&self.path(&url, query.as_ref())).await?;
        self.told(&url, resolved(answer), session.as_json())
    }

    /// The DID URL, and the one version that it or a flag asks for.
    fn question(&self) -> Result<(DidUrl, Option<VersionQuery>), Failure> {
        let url: DidUrl = self.did.parse().map_err(|_| Failure::of(Code::DidMalformed))?;
        let number = self.version_number.map(|number| number.to_string());
        let flags = [
            ("versionId", self.version_id.as_deref()),
            ("versionNumber", number.as_deref()),
            ("versionTime", self.version_time.as_deref()),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let flagged = VersionQuery::from_parameters(flags).map_err(refused)?;
        let written = dereference::version_query(&url).map_err(refused)?;
        if flagged.is_some() && written.is_some() {
            let reason = "more than one version is asked for";
            return Err(Failure::local(Local::Usage, reason, "Name one of id, number and time."));
        }
        Ok((url, flagged.or(written)))
    }

    fn path(&self, url: &DidUrl, query: Option<&VersionQuery>) -> String {
        let version = query.map(|query| match query {
            VersionQuery::Id(id) => format!("versionId={}", segment(id)),
            VersionQuery::Number(number) => format!("versionNumber={number}"),
            VersionQuery::Time(time) => format!("versionTime={}", segment(&time.to_string())),
        });
        let source = source(url).map(|source| format!("{SOURCE}={source}"));
        let trace = self.trace.then(|| "trace=true".to_owned());
        let query: Vec<String> = version.into_iter().chain(source).chain(trace).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("/1.0/identifiers/{}{mark}{}", segment(url.did().as_str()), query.join("&"))
    }

    fn of_file(&self, url: &DidUrl, query: Option<&VersionQuery>, name: &str) -> Result<Value, Failure> {
        if !["webvh", "scid"].contains(&url.did().method()) {
            let reason = format!("did:{} has no log", url.did().method());
            return Err(Failure::local(Local::Usage, reason, "--from-file is for did:webvh and did:scid."));
        }
        if name == "-" && self.witness.as_deref() == Some("-") {
            let reason = "log and witness proofs cannot both come from stdin";
            return Err(Failure::local(Local::Usage, reason, "Put one of them into a file."));
        }
        let log = files::read_named(name, MAX_LOG_BYTES)?;
        let witness = self.witness.as_deref().map(|name| files::read_named(name, MAX_WITNESS_BYTES));
        let witness = witness.transpose()?;
        let bytes = Bytes { log: &log, witness: witness.as_deref() };
        offline::of_log(url, query, bytes, signing::now())
    }

    /// The answer, and on stderr the trace, where it was asked for.
    fn told(&self, url: &DidUrl, result: Result<Value, Failure>, as_json: bool) -> Result<Answer, Failure> {
        let mut result = result;
        let whole = match &mut result {
            Ok(whole) => Some(whole),
            Err(failure) => failure.report.as_deref_mut(),
        };
        let metadata = whole.and_then(|whole| whole.get_mut("didResolutionMetadata"));
        if self.trace && !as_json {
            for line in trace_table(metadata.as_deref()).lines() {
                output::talk(line);
            }
        } else if let (false, Some(members)) = (self.trace, metadata.and_then(Value::as_object_mut)) {
            members.remove("trace");
        }
        shown(url, result?)
    }
}

/// The whole result in an answer of the node.
fn resolved(answer: crate::client::Answer) -> Result<Value, Failure> {
    let error = answer.json.get("didResolutionMetadata").and_then(|m| m.get("error"));
    let kind = error.and_then(|e| e.get("type").unwrap_or(e).as_str());
    if let Some(kind) = kind {
        let title = error.and_then(|e| e.get("title")).and_then(Value::as_str).unwrap_or("not resolved");
        let failure = Failure::of(code(kind, answer.status)).because(title);
        return Err(Failure { report: Some(Box::new(answer.json)), ..failure });
    }
    match answer.status {
        200 | 410 if answer.json.get("didDocument").is_some() => Ok(answer.json),
        _ => {
            // Nobody could know, or the DID is contested: also then it was looked somewhere.
            let trace = answer.json.get("trace");
            let report = trace.map(|trace| Box::new(json!({"didResolutionMetadata": {"trace": trace}})));
            let failure = crate::client::problem(&answer);
            Err(Failure { report: report.or_else(|| failure.report.clone()), ..failure })
        }
    }
}

/// What is printed of a whole result: the document, or what the DID URL names in it.
fn shown(url: &DidUrl, result: Value) -> Result<Answer, Failure> {
    let document = result.get("didDocument").filter(|document| !document.is_null());
    let Some(document) = document else {
        return Err(Failure { report: Some(Box::new(result)), ..Failure::of(Code::Deactivated) });
    };
    let metadata = result.get("didDocumentMetadata").cloned().unwrap_or_default();
    let is_over = metadata.get("deactivated") == Some(&Value::Bool(true));
    let answer = if names_a_part(url) {
        let resolution = Resolution { document: Some(document.clone()), metadata: Metadata::default() };
        let found = dereference(url, &resolution, Options::default()).map_err(refused)?;
        let mut whole = found.to_json();
        if let Some(members) = whole.as_object_mut() {
            members.insert("contentMetadata".to_owned(), metadata);
        }
        let trace = result.get("didResolutionMetadata").and_then(|m| m.get("trace"));
        let members = whole.get_mut("dereferencingMetadata").and_then(Value::as_object_mut);
        if let (Some(trace), Some(members)) = (trace, members) {
            members.insert("trace".to_owned(), trace.clone());
        }
        let human = match &found.resource {
            Resource::Urls(urls) => format!("{}\n", urls.join("\n")),
            _ => format!("{:#}\n", whole.get("content").unwrap_or(&Value::Null)),
        };
        Answer::new(whole, human)
    } else {
        let human = format!("{document:#}\n");
        Answer::new(result, human)
    };
    Ok(if is_over { answer.saying("The DID is deactivated by now; this is what it was.") } else { answer })
}

/// Whether `url` names more than a version of the document.
fn names_a_part(url: &DidUrl) -> bool {
    let names = url.decoded_parameters().unwrap_or_default();
    let of_whole = |name: &str| VERSION.contains(&name) || (name == SOURCE && source(url).is_some());
    !url.path().is_empty() || url.fragment().is_some() || !names.iter().all(|(name, _)| of_whole(name))
}

/// Where the log of a did:scid may be, as the DID URL writes it.
fn source(url: &DidUrl) -> Option<&str> {
    if url.did().method() == "scid" { url.parameters(SOURCE).next() } else { None }
}

fn trace_table(metadata: Option<&Value>) -> String {
    let steps = json!({"trace": metadata.and_then(|m| m.get("trace"))});
    let columns = [("SOURCE", "source"), ("OUTCOME", "outcome"), ("MS", "ms"), ("DETAIL", "detail")];
    output::list(&steps, "trace", &columns, "there is no trace")
}

/// The failure that a resolution error is.
fn refused(error: ResolutionError) -> Failure {
    Failure::of(code(error.name(), error.status())).because(error.to_string())
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
