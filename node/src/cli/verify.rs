//! `verify`: whether to let a request in.

use super::arguments::{capability, did};
use super::one_use::{self, OneUse};
use super::session::Session;
use super::{Global, explain, offline};
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer, in_words};
use crate::signing;
use clap::Args;
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::json;
use did_resolver::webvh::{Log, MAX_LOG_BYTES};
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::delegation::scope::Capability;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES};

/// Longest input: a presentation in base64url, and what `present --json` puts around it.
const MAX_INPUT_BYTES: usize = MAX_PRESENTATION_BYTES / 3 * 4 + 64 * 1024;

/// Verify a presentation.
#[derive(Debug, Args)]
pub struct Verify {
    /// The presentation: a file, or - for stdin
    #[arg(required_unless_present_any = ["new_nonce", "offline"], conflicts_with = "new_nonce")]
    presentation: Option<String>,
    /// Judge by this bundle alone, without a node: the presentation inside as of when it was made, or the
    /// one that is named as of now
    #[arg(long, value_name = "BUNDLE", conflicts_with = "new_nonce")]
    offline: Option<String>,
    /// The domain that must have made the bundle [default: that of the data folder]
    #[arg(long, value_name = "DID", requires = "offline", value_parser = did)]
    by: Option<Did>,
    /// The nonce that the presentation answers, where it is judged offline
    #[arg(long, requires_all = ["offline", "presentation"])]
    nonce: Option<String>,
    /// Make a nonce for one presentation
    #[arg(long, conflicts_with = "OneUse")]
    new_nonce: bool,
    /// Explain it link by link: what holds, which ceiling it met, where it fails, what would mend it
    #[arg(long, conflicts_with = "new_nonce")]
    explain: bool,
    /// Whether it allows this
    #[arg(long, value_parser = capability, conflicts_with = "new_nonce")]
    capability: Option<Capability>,
    #[command(flatten)]
    one_use: OneUse,
}

impl Verify {
    /// The verdict that needs no node; `None` where one is asked.
    pub(super) fn offline(&self, global: &Global) -> Option<Result<Answer, Failure>> {
        self.offline.as_ref().map(|bundle| self.judge(bundle, global))
    }

    fn judge(&self, bundle: &str, global: &Global) -> Result<Answer, Failure> {
        let by = match &self.by {
            Some(by) => by.clone(),
            None => own_domain(global)?,
        };
        let presented = match (&self.presentation, &self.nonce) {
            (Some(name), Some(nonce)) => Some((name.as_str(), nonce.as_str())),
            (Some(_), None) => {
                let action = "Name the nonce that it answers with --nonce, and use each once.";
                return Err(Failure::local(Local::Usage, "nobody says which nonce was given", action));
            }
            (None, _) => None,
        };
        let request = self.one_use.request(self.capability.clone())?;
        let question = offline::Question { bundle, by: &by, presented, request, now: signing::now() };
        offline::verify(question, self.explain.then_some(global.json))
    }

    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        match &self.presentation {
            Some(name) => self.verify(session, name).await,
            None => new_nonce(session).await,
        }
    }

    async fn verify(&self, session: &Session, name: &str) -> Result<Answer, Failure> {
        let input = files::read_named(name, MAX_INPUT_BYTES)?;
        let body = self.request(&input)?;
        let client = session.client()?;
        let verdict = match client.post("/v1/verify", &body).await {
            // Only what says so is verified, whatever the status was.
            Ok(verdict) if verdict.get("verified") != Some(&Value::Bool(true)) => {
                return Err(super::party::malformed("no verdict"));
            }
            Ok(verdict) => Ok(Answer::new(verdict.clone(), describe(&verdict))),
            Err(failure) => Err(Failure { is_verdict: true, ..failure }),
        };
        let held = if self.explain { read(&input).ok() } else { None };
        match held.and_then(|(text, format)| explain::read(&text, format)) {
            Some(held) => explain::added(verdict, &held, session.as_json(), signing::now()),
            None => verdict,
        }
    }

    fn request(&self, input: &[u8]) -> Result<Value, Failure> {
        let (presentation, format) = read(input)?;
        let mut body = one_use::members(&self.one_use.request(self.capability.clone())?);
        body.insert("presentation".to_owned(), presentation.into());
        body.insert("format".to_owned(), format.into());
        Ok(Value::Object(body))
    }
}

/// The domain of the data folder.
fn own_domain(global: &Global) -> Result<Did, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    let data = global.data.clone().map(Data::at).or_else(|| Data::usual(variable));
    let log = data.map(|data| files::read_if_there(&data.domain_log(), MAX_LOG_BYTES)).transpose()?.flatten();
    let log = log.ok_or_else(|| {
        Failure::local(Local::Usage, "nobody says whose bundle counts", "Name its maker with --by DID.")
    })?;
    let log = Log::verify(&log, signing::now())
        .map_err(|error| Failure::of(Code::LogRefused).because(error.to_string()))?;
    Ok(log.did().clone())
}

/// The presentation in a named file, and its format.
pub(super) fn read_named(name: &str) -> Result<(String, &'static str), Failure> {
    read(&files::read_named(name, MAX_INPUT_BYTES)?)
}

/// The presentation and its format: text in any envelope, a vp+cose or its compact form in bytes, or what
/// `present --json` printed.
fn read(input: &[u8]) -> Result<(String, &'static str), Failure> {
    let format = |text: &str| Envelope::of_text(text).format(Content::Presentation);
    let text = std::str::from_utf8(input).map(str::trim).unwrap_or_default();
    if text.is_empty() && !input.iter().any(|b| !b.is_ascii_whitespace()) {
        let action = "Pipe what marque present printed: marque present ... | marque verify -";
        return Err(Failure::local(Local::Usage, "there is no presentation", action));
    }
    if text.starts_with('{') {
        let json = json::parse(text.as_bytes(), MAX_INPUT_BYTES)
            .map_err(|error| Failure::local(Local::Usage, error.to_string(), ""))?;
        // With a proof it is a presentation itself.
        let inner = output::text(&json, "presentation");
        let text = if json.get("proof").is_some() { text.to_owned() } else { inner };
        return Ok((text.clone(), format(&text)));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    if text.bytes().all(plain) && !text.is_empty() {
        Ok((text.to_owned(), format(text)))
    } else {
        Ok((codec::to_base64url(input), Envelope::of_bytes(input).format(Content::Presentation)))
    }
}

async fn new_nonce(session: &Session) -> Result<Answer, Failure> {
    let answer = session.client()?.post("/v1/nonces", &json!({})).await?;
    let (nonce, audience) = (output::text(&answer, "nonce"), output::text(&answer, "audience"));
    let human = output::facts(&[
        ("nonce", nonce.clone()),
        ("audience", audience.clone()),
        ("expires in", format!("{} s", output::text(&answer, "expiresIn"))),
    ]);
    Ok(Answer::new(answer, human).saying(format!(
        "The agent answers with: marque present --agent NAME --nonce {nonce} --aud {audience}"
    )))
}

pub(super) fn describe(verdict: &Value) -> String {
    let text = |name| output::text(verdict, name);
    let mut human = String::from("verified\n");
    human.push_str(&output::facts(&[
        ("holder", in_words(&text("holder"))),
        ("", text("holder")),
        ("acts for", in_words(&text("principal"))),
        ("", text("principal")),
        ("may", text("capabilities")),
        ("until", text("validUntil")),
        ("status age", format!("{} s", text("statusAgeSeconds"))),
    ]));
    if verdict.get("deferred").is_some() {
        human.push_str(
            "status lists that were too old: it goes on, and is confirmed by the first newer ones\n",
        );
    }
    for link in output::items(verdict, "chain") {
        let text = |name| output::text(link, name);
        let (from, to) = (in_words(&text("issuer")), in_words(&text("subject")));
        human.push_str(&format!("  {from} -> {to}  {}\n", text("capabilities")));
    }
    human
}

#[cfg(test)]
mod tests;
