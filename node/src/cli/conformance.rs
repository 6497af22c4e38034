//! `conformance`: what the W3C test suite of VC-JOSE-COSE asks of an implementation, in the form that it asks
//! it. Documents and keys come from files, and so does whose key it is: nothing here is a verdict.
//!
//! The suite's key ids are web URLs and key thumbprints. So envelopes are read as envelopes, and Marque's own
//! rule, that a key id is a DID URL, is not asked for.

mod key;
mod sd_jwt;

use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::{BASE64, BASE64_NOPAD};
use did_resolver::json;
use did_resolver::keys::PublicKey;
use key::Method;
use serde_json::{Value, json};
use std::path::Path;
use vc_schemas::context::CREDENTIALS_V2;
use vc_schemas::disclosure::DisclosureError;
use vc_schemas::secure::cose::{Sign1, Sign1Draft};
use vc_schemas::secure::jose::{Jws, JwsDraft};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, SecureError};

/// Longest input: a presentation in base64, and a line end.
const MAX_INPUT_BYTES: usize = MAX_PRESENTATION_BYTES / 3 * 4 + 64;

/// What can stand in an enveloped credential.
const CREDENTIAL_URLS: [&str; 3] =
    ["data:application/vc+jwt,", "data:application/vc+sd-jwt,", "data:application/vc+cose;base64,"];

/// The two functions of the suite.
#[derive(Debug, Subcommand)]
pub enum ConformanceCommand {
    /// Secure a document
    Issue(Case),
    /// Verify a secured document
    Verify(Case),
}

/// One case of the suite.
#[derive(Debug, Args)]
pub struct Case {
    /// The document, or the secured one
    #[arg(long, value_name = "FILE")]
    input: String,
    /// The verification method, with publicKeyJwk and, to issue, secretKeyJwk
    #[arg(long = "key", value_name = "FILE")]
    method: String,
    /// What is asked
    #[arg(long)]
    feature: Feature,
    /// Paths to disclose selectively, as a JSON list
    #[arg(long, value_name = "JSON")]
    sd: Option<String>,
    /// Where the result goes
    #[arg(long, value_name = "FILE")]
    output: String,
}

/// What the suite asks an implementation for, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Feature {
    CredentialJose,
    CredentialCose,
    CredentialSdjwt,
    PresentationJose,
    PresentationCose,
    PresentationSdjwt,
}

impl Feature {
    /// What it secures.
    const fn content(self) -> Content {
        match self {
            Self::CredentialJose | Self::CredentialCose | Self::CredentialSdjwt => Content::Credential,
            Self::PresentationJose | Self::PresentationCose | Self::PresentationSdjwt => {
                Content::Presentation
            }
        }
    }
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// Secured: the text. Verified: the document.
    Success(Value),
    /// Not to be secured, or not verified, and why.
    Failure(String),
    /// The key is of a kind that is not spoken here, so that nothing can be known.
    Indeterminate(String),
    /// The case itself cannot be tried.
    Error(String),
}

impl Outcome {
    fn to_json(&self) -> Value {
        match self {
            Self::Success(data) => json!({"result": "success", "data": data}),
            Self::Failure(why) => json!({"result": "failure", "data": why}),
            Self::Indeterminate(why) => json!({"result": "indeterminate", "data": why}),
            Self::Error(why) => json!({"result": "error", "data": why}),
        }
    }
}

impl ConformanceCommand {
    /// Writes the result, and says it. Only `success` ends well.
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let (case, issues) = match self {
            Self::Issue(case) => (case, true),
            Self::Verify(case) => (case, false),
        };
        let input = files::read_named(&case.input, MAX_INPUT_BYTES)?;
        let method = files::read_named(&case.method, MAX_INPUT_BYTES)?;
        let hidden = case.sd.as_deref().unwrap_or("[]");
        let outcome = tried(issues, case.feature, (&input, hidden), &method);
        let result = outcome.to_json();
        files::replace(Path::new(&case.output), result.to_string().as_bytes())?;
        match outcome {
            Outcome::Success(_) => Ok(Answer::new(result, "success\n".to_owned())),
            Outcome::Failure(why) => {
                let failure = Failure::local(Local::Usage, why, "");
                Err(Failure { exit: crate::exit::Exit::Denied, report: Some(Box::new(result)), ..failure })
            }
            Outcome::Indeterminate(why) | Outcome::Error(why) => {
                Err(Failure { report: Some(Box::new(result)), ..Failure::local(Local::Usage, why, "") })
            }
        }
    }
}

fn tried(issues: bool, feature: Feature, (input, hidden): (&[u8], &str), method: &[u8]) -> Outcome {
    let method = match Method::read(method) {
        Ok(method) => method,
        Err(outcome) => return outcome,
    };
    let tried = if issues {
        issue(feature, (input, hidden), &method)
    } else {
        verify(feature, input.trim_ascii(), &method.public)
    };
    tried.unwrap_or_else(|why| Outcome::Failure(why.to_string()))
}

fn issue(feature: Feature, (input, hidden): (&[u8], &str), method: &Method) -> Result<Outcome, Why> {
    let document = json::parse(input.trim_ascii(), MAX_INPUT_BYTES).map_err(SecureError::Json)?;
    let content = feature.content();
    check(content, &document)?;
    let secured = match feature {
        Feature::CredentialJose | Feature::PresentationJose => {
            let typ = Envelope::Jwt.format(content);
            jws(typ, content, document.to_string().as_bytes(), method)?
        }
        Feature::CredentialCose | Feature::PresentationCose => {
            let payload = document.to_string().into_bytes();
            let (kind, id) = (method.public.kind(), method.id.as_bytes());
            let draft = Sign1Draft::new(kind, id, content.media_type(), payload)?;
            let draft = draft.typed(Envelope::Cose.media_type(content))?;
            let signature = method.sign(draft.signing_input())?;
            BASE64.encode(&draft.attach(&method.public, &signature)?.into_bytes())
        }
        Feature::CredentialSdjwt | Feature::PresentationSdjwt => {
            sd_jwt::issue(content, &document, hidden, method)?
        }
    };
    Ok(Outcome::Success(secured.into()))
}

/// A JWS of `payload`, which is a document of `content`.
fn jws(typ: &str, content: Content, payload: &[u8], method: &Method) -> Result<String, Why> {
    let cty = content.media_type().trim_start_matches("application/");
    let draft = JwsDraft::new(method.public.kind(), typ, Some(cty), &method.id, payload)?;
    let signature = method.sign(draft.signing_input())?;
    Ok(draft.attach(&method.public, &signature)?)
}

fn verify(feature: Feature, input: &[u8], key: &PublicKey) -> Result<Outcome, Why> {
    let content = feature.content();
    let document = match feature {
        Feature::CredentialJose | Feature::PresentationJose => {
            payload(input, Envelope::Jwt.format(content), key)?
        }
        Feature::CredentialCose | Feature::PresentationCose => {
            // The suite writes it with and without padding.
            let bytes = BASE64.decode(input).or_else(|_| BASE64_NOPAD.decode(input));
            let bytes = bytes.map_err(|_| Why::Other("it is not base64"))?;
            let sign1 = Sign1::parse(&bytes, MAX_PRESENTATION_BYTES)?;
            let typed = sign1.typ() == Some(Envelope::Cose.media_type(content))
                && sign1.content_type() == content.media_type();
            if !typed {
                return Err(SecureError::Type.into());
            }
            sign1.verify(key)?;
            json::parse(sign1.payload(), MAX_PRESENTATION_BYTES).map_err(SecureError::Json)?
        }
        Feature::CredentialSdjwt | Feature::PresentationSdjwt => sd_jwt::verify(content, input, key)?,
    };
    check(content, &document)?;
    Ok(Outcome::Success(document))
}

/// The payload of a JWS of type `format`, once it verified.
fn payload(input: &[u8], format: &str, key: &PublicKey) -> Result<Value, Why> {
    let jws = Jws::parse(input, MAX_PRESENTATION_BYTES)?;
    let typ = jws.typ().to_ascii_lowercase();
    if typ.trim_start_matches("application/") != format {
        return Err(SecureError::Type.into());
    }
    jws.verify(key)?;
    Ok(json::parse(jws.payload(), MAX_PRESENTATION_BYTES).map_err(SecureError::Json)?)
}

/// What the recommendation asks of the document in an envelope: its context and type, who secured it, no `vc`
/// or `vp`, claims that agree with it, and credentials in envelopes of their own.
fn check(content: Content, document: &Value) -> Result<(), Why> {
    let texts = |name: &str| match document.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text.as_str()],
        _ => Vec::new(),
    };
    if texts("@context").first() != Some(&CREDENTIALS_V2) {
        return Err(Why::Other("its @context does not begin with that of VC 2.0"));
    }
    let (of_type, actor) = match content {
        Content::Credential => ("VerifiableCredential", "issuer"),
        Content::Presentation => ("VerifiablePresentation", "holder"),
    };
    if !texts("type").contains(&of_type) {
        return Err(Why::Other("its type is another one"));
    }
    if document.get("vc").is_some() || document.get("vp").is_some() {
        return Err(SecureError::Claims.into());
    }
    let actor = document.get(actor).map(|actor| actor.get("id").unwrap_or(actor));
    if document.get("iss").is_some_and(|iss| Some(iss) != actor) {
        return Err(SecureError::Claims.into());
    }
    match content {
        Content::Credential if actor.and_then(Value::as_str).is_none() => Err(Why::Other("nobody issued it")),
        Content::Credential if document.get("credentialSubject").is_none() => {
            Err(Why::Other("it says nothing"))
        }
        Content::Credential => Ok(()),
        Content::Presentation => held(document.get("verifiableCredential")),
    }
}

/// Each credential in a presentation is in an envelope. It is not opened: whose key secured it is not said.
fn held(credentials: Option<&Value>) -> Result<(), Why> {
    let one = credentials.map(std::slice::from_ref).unwrap_or_default();
    let credentials = credentials.and_then(Value::as_array).map_or(one, Vec::as_slice);
    let is_enveloped = |item: &Value| {
        let url = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let data = CREDENTIAL_URLS.iter().find_map(|prefix| url.strip_prefix(prefix));
        item.get("type") == Some(&json!("EnvelopedVerifiableCredential"))
            && data.is_some_and(|d| !d.is_empty())
    };
    if credentials.iter().all(is_enveloped) {
        Ok(())
    } else {
        Err(Why::Other("a credential in it is not in an envelope"))
    }
}

/// Why a document is not secured or not verified.
#[derive(Debug)]
enum Why {
    Secure(SecureError),
    Disclosure(DisclosureError),
    Other(&'static str),
}

impl From<SecureError> for Why {
    fn from(error: SecureError) -> Self {
        Self::Secure(error)
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Secure(error) => error.fmt(f),
            Self::Disclosure(error) => error.fmt(f),
            Self::Other(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests;
