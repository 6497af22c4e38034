//! `verify --offline`: a verdict from a bundle alone, without a node and without a network.

use super::{explain, verify};
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use vc_schemas::bundle::{Bundle, BundleError, MAX_BUNDLE_BYTES, Sealed};
use vc_schemas::check::{Held, Outcome, check};
use vc_schemas::code::Code;
use vc_schemas::facts::{DidFact, Facts, ListKey, Request};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

/// What is asked of a bundle.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// The file.
    pub(super) bundle: &'a str,
    /// The domain that must have made it.
    pub(super) by: &'a Did,
    /// A presentation in the place of the one inside, and the nonce that it answers.
    pub(super) presented: Option<(&'a str, &'a str)>,
    /// What is asked of the mandate.
    pub(super) request: Request,
    /// When it is.
    pub(super) now: UnixSeconds,
}

/// Judges the presentation inside a bundle as of when the bundle was made, and one that is brought along as
/// of now. It is explained where `explain` says whether for people or as JSON.
pub(super) fn verify(question: Question<'_>, explain: Option<bool>) -> Result<Answer, Failure> {
    let Question { bundle: name, by, presented, request, now } = question;
    let sealed = Sealed::parse(&files::read_named(name, MAX_BUNDLE_BYTES)?).map_err(|e| refused(&e))?;
    let made = sealed.made();
    let (bundle, facts) = sealed.open(by, now).map_err(|error| refused(&error))?;
    let (nonce, envelope, bytes, at) = match presented {
        Some((name, nonce)) => {
            let (text, format) = verify::read_named(name)?;
            let envelope = Envelope::of_format(Content::Presentation, format);
            let envelope = envelope.ok_or_else(|| Failure::of(Code::PresentationMalformed))?;
            let bytes = envelope.bytes_of(&text, MAX_PRESENTATION_BYTES);
            let bytes = bytes.map_err(|error| error.refusal(Content::Presentation, Path::root()))?;
            (nonce.to_owned(), envelope, bytes.into_owned(), now)
        }
        None => {
            let (envelope, bytes) = bundle.presentation.clone().ok_or_else(|| {
                let action = "Name one: marque verify --offline BUNDLE PRESENTATION --nonce NONCE.";
                Failure::local(Local::Usage, "the bundle holds no presentation", action)
            })?;
            (bundle.nonce.clone(), envelope, bytes, made)
        }
    };
    let mut expect = bundle.expect(request);
    expect.nonce = nonce;
    let secured = Secured::parse(Content::Presentation, envelope, &bytes, MAX_PRESENTATION_BYTES)
        .map_err(|error| error.refusal(Content::Presentation, Path::root()));
    let about = about(&bundle, &facts, at, now);
    let held = match secured.and_then(Held::read) {
        Ok(held) => held,
        Err(refusal) => return Err(failed(refusal, about)),
    };
    let verdict = match check(&held, &facts, &expect, at) {
        Outcome::Verified(verdict) => {
            let mut json = verdict.to_json();
            if let Some(members) = json.as_object_mut() {
                members.insert("offline".to_owned(), about);
            }
            let human = format!("{}{}", verify::describe(&json), in_words(&json));
            Ok(Answer::new(json, human))
        }
        Outcome::Refused(refusal) => Err(failed(refusal, about)),
        Outcome::Wants(wants) => Err(failed(wants.not_to_be_had(), about)),
    };
    match explain {
        Some(as_json) => explain::added(verdict, &held, as_json, at),
        None => verdict,
    }
}

fn failed(refusal: Refusal, about: Value) -> Failure {
    Failure { is_verdict: true, report: Some(Box::new(json!({"offline": about}))), ..refusal.into() }
}

/// What is how old. That nothing newer exists is not known offline, so it is told.
fn about(bundle: &Bundle, facts: &Facts, at: UnixSeconds, now: UnixSeconds) -> Value {
    let logs = bundle.logs.iter().map(|log| {
        let version = match facts.did(&log.did) {
            Some(DidFact::Active { version, .. }) => Some(*version),
            _ => None,
        };
        json!({"did": log.did.as_str(), "version": version})
    });
    let lists = bundle.lists.iter().filter_map(|list| {
        let secured =
            Secured::parse(Content::Credential, Envelope::Jwt, &list.list, MAX_BUNDLE_BYTES).ok()?;
        let url = secured.payload().get("id")?.as_str()?.to_owned();
        let fact = facts.list(&ListKey { issuer: list.issuer.clone(), url })?;
        let age = now.since(fact.list.issued).as_secs();
        Some(json!({"url": fact.list.url, "sequence": fact.list.sequence, "ageSeconds": age}))
    });
    json!({
        "by": bundle.by.as_str(),
        "made": bundle.made.to_string(),
        "ageSeconds": now.since(bundle.made).as_secs(),
        "asOf": at.to_string(),
        "logs": logs.collect::<Value>(),
        "lists": lists.collect::<Value>(),
    })
}

fn in_words(verdict: &Value) -> String {
    let offline = verdict.get("offline").unwrap_or(&Value::Null);
    let text = |name| crate::output::text(offline, name);
    crate::output::facts(&[
        ("offline", format!("as of {}", text("asOf"))),
        ("", format!("by a bundle made {} s ago by {}", text("ageSeconds"), text("by"))),
        ("", "what was revoked or rotated since is not known here".to_owned()),
    ])
}

fn refused(error: &BundleError) -> Failure {
    let code = match error {
        BundleError::TooLarge => Code::TooLarge,
        BundleError::Malformed | BundleError::Secured(_) => Code::RequestMalformed,
        BundleError::Maker | BundleError::Key(_) => Code::KeyNotAuthorised,
        BundleError::Signature => Code::SignatureInvalid,
        BundleError::FromFuture => Code::CredentialNotYetValid,
        BundleError::Log(..) => Code::LogRefused,
        BundleError::List(..) => Code::StatusUnknown,
    };
    let action = "Have it made again by a domain that you recognise, and name that domain with --by.";
    Failure { is_verdict: true, ..Failure::of(code).because(error.to_string()).so(action) }
}
