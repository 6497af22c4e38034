//! Refusals as answers: RFC 9457 (problem details), and the only place where a code becomes one.
//!
//! An answer carries the code and fixed sentences. What caused it goes to the log, under the request
//! id that the answer carries too.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use marque_flows::error::Error;
use marque_flows::vcapi::Failure;
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::code::{Class, Code};
use vc_schemas::data_model::Kind;
use vc_schemas::object::ObjectError;
use vc_schemas::refusal::{Path, Refusal};

/// The page that explains the codes; each has its place there.
const CODES: &str = "https://w3id.org/marque/codes";

/// Seconds after which it may be worth asking again, where nobody knows better: a peer's list or log
/// has come by then, or a burst is over.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The types of problems of Bitstring Status List 1.0, section 3.5.
const STATUS_RETRIEVAL: &str = "https://www.w3.org/ns/credentials/status-list#STATUS_RETRIEVAL_ERROR";
const STATUS_VERIFICATION: &str = "https://www.w3.org/ns/credentials/status-list#STATUS_VERIFICATION_ERROR";

/// The types of problems of Verifiable Credential Data Integrity 1.0, "Processing Errors".
const INVALID_CHALLENGE: &str = "https://w3id.org/security#INVALID_CHALLENGE_ERROR";
const INVALID_DOMAIN: &str = "https://w3id.org/security#INVALID_DOMAIN_ERROR";

/// The media type of a problem.
const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal on its way out. It has no body before [`finish`] gives it the request id.
#[derive(Debug, Clone)]
pub struct Problem {
    refusal: Refusal,
    /// For the log, never for the caller.
    cause: Option<String>,
    /// Whether the question was if a presentation verifies.
    of_verification: bool,
    /// What was looked at before, where the caller wants to know.
    trace: Option<Box<Value>>,
    /// Whether it is one of the VC-API, and of which kind, where the recommendation has one.
    vc_api: Option<Option<Kind>>,
    /// How long to wait, where that is known.
    wait: Option<Duration>,
}

impl Problem {
    /// A refusal of the request as a whole.
    #[must_use]
    pub const fn new(code: Code, detail: &'static str) -> Self {
        Self::of(Refusal::new(code, Path::root(), detail))
    }

    /// A refusal that names a member of the request.
    #[must_use]
    pub fn member(code: Code, member: &'static str, detail: &'static str) -> Self {
        Self::of(Refusal::new(code, Path::root().then(member), detail))
    }

    /// The refusal as a problem.
    #[must_use]
    pub const fn of(refusal: Refusal) -> Self {
        Self { refusal, cause: None, of_verification: false, trace: None, vc_api: None, wait: None }
    }

    /// With a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Says in its body that nothing was verified.
    #[must_use]
    pub const fn of_verification(mut self) -> Self {
        self.of_verification = true;
        self
    }

    /// Says that a document cannot be read at all.
    #[must_use]
    pub const fn of_parsing(mut self) -> Self {
        self.vc_api = Some(Some(Kind::Parsing));
        self
    }

    /// Why a document was not issued, derived or verified.
    #[must_use]
    pub fn of_vc_api(failure: Failure) -> Self {
        match failure {
            Failure::Problem(ref problem) => {
                let kind = problem.kind;
                Self { vc_api: Some(Some(kind)), ..Self::of(failure.refusal()) }
            }
            Failure::Error(error) => {
                let problem = Self::from(error);
                Self { vc_api: Some(kind(problem.code())), ..problem }
            }
        }
    }

    /// Says how long to wait.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// With what was looked at before nobody could answer.
    #[must_use]
    pub fn traced(mut self, trace: Value) -> Self {
        self.trace = Some(Box::new(trace));
        self
    }

    /// Its code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.refusal.code
    }

    fn status(&self) -> StatusCode {
        let status = status_of(self.code(), self.vc_api.is_some());
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The type: that of a recommendation where it is the VC-API's and there is one, else the code's.
    fn kind_url(&self) -> String {
        let code = self.code();
        match (self.vc_api, code) {
            (Some(Some(kind)), _) => kind.url().to_owned(),
            (Some(None), Code::NonceMismatch) => INVALID_CHALLENGE.to_owned(),
            (Some(None), Code::AudienceMismatch) => INVALID_DOMAIN.to_owned(),
            (Some(None), Code::StatusUnknown) => STATUS_RETRIEVAL.to_owned(),
            (Some(None), Code::StatusStale | Code::StatusAuthority) => STATUS_VERIFICATION.to_owned(),
            _ => format!("{CODES}#{code}"),
        }
    }

    fn to_json(&self, request_id: &str) -> Value {
        let code = self.code();
        let mut json = json!({
            "type": self.kind_url(),
            "title": code.meaning(),
            "status": self.status().as_u16(),
            "detail": self.refusal.detail,
            "code": code.as_str(),
            "path": self.refusal.path.to_json(),
            "action": code.action(),
            "requestId": request_id,
        });
        if let (true, Some(members)) = (self.of_verification, json.as_object_mut()) {
            members.insert("verified".to_owned(), Value::Bool(false));
        }
        if let (Some(_), Some(members)) = (self.vc_api, json.as_object_mut()) {
            let named = ["type", "title", "detail", "code", "path"];
            let own = named.iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone())));
            let own: serde_json::Map<_, _> = own.collect();
            members.insert("problemDetails".to_owned(), json!([own]));
        }
        if let (Some(trace), Some(members)) = (&self.trace, json.as_object_mut()) {
            members.insert("trace".to_owned(), Value::clone(trace));
        }
        json
    }

    /// Logs the refusal; the span that it is logged in has the request id.
    fn record(&self) {
        let Refusal { code, path, detail } = &self.refusal;
        let cause = self.cause.as_deref();
        match code.class() {
            Class::Internal => tracing::error!(%code, %path, cause, "refused: {detail}"),
            Class::Unavailable | Class::Unknown => {
                tracing::warn!(%code, %path, cause, "refused: {detail}");
            }
            // What is not there is the everyday answer to a question whether it is.
            Class::NotFound => tracing::debug!(%code, %path, cause, "refused: {detail}"),
            Class::Input | Class::Denied | Class::Revoked | Class::Conflict => {
                tracing::info!(%code, %path, cause, "refused: {detail}");
            }
        }
    }
}

/// The HTTP status of a refusal with this code, of the VC-API or not.
pub(crate) const fn status_of(code: Code, is_vc_api: bool) -> u16 {
    if is_vc_api && is_of_the_document(code) { 400 } else { code.http_status() }
}

/// Whether asking again may help, without anything being changed.
const fn passes(class: Class) -> bool {
    match class {
        Class::Unknown | Class::Unavailable => true,
        Class::Input
        | Class::Denied
        | Class::Revoked
        | Class::NotFound
        | Class::Conflict
        | Class::Internal => false,
    }
}

/// Whether it is what was sent that is to blame, or what could be known of it, and not the node.
const fn is_of_the_document(code: Code) -> bool {
    match code.class() {
        Class::Input | Class::Denied | Class::Revoked | Class::Unknown | Class::NotFound => true,
        Class::Conflict | Class::Unavailable | Class::Internal => false,
    }
}

/// The kind of problem that the recommendation would call it, where it names one.
fn kind(code: Code) -> Option<Kind> {
    match code {
        Code::JsonRefused => Some(Kind::Parsing),
        Code::RequestMalformed | Code::CredentialMalformed | Code::PresentationMalformed => {
            Some(Kind::MalformedValue)
        }
        Code::TooLarge => Some(Kind::Range),
        Code::SignatureInvalid | Code::KeyNotAuthorised | Code::KeyRetired | Code::SelfChosen => {
            Some(Kind::CryptographicSecurity)
        }
        _ => None,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let refusal = error.refusal();
        match error {
            Error::Refused(_) => Self::of(refusal),
            Error::TooOften { wait, .. } => Self::of(refusal).after(wait),
            Error::Store(_) | Error::Keys(_) | Error::Entropy | Error::Record(_) => {
                Self::of(refusal).because(error.to_string())
            }
        }
    }
}

impl From<ObjectError> for Problem {
    fn from(error: ObjectError) -> Self {
        let detail = "missing, of the wrong shape, or holding what is not known";
        Self::member(Code::RequestMalformed, error.member, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a problem, if `response` is one, and its cause to the log. The caller is in a span
/// that has the request id.
pub(crate) fn finish(mut response: Response, request_id: &str) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    problem.record();
    let code = problem.code();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(axum::http::header::CONTENT_LENGTH);
    if passes(code.class()) {
        // Whole seconds, and never too early.
        let wait = problem.wait.map_or(RETRY_AFTER_SECONDS, |wait| wait.as_secs().saturating_add(1));
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    if matches!(code, Code::AdminTokenMissing | Code::AdminTokenWrong) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"marque admin\""));
    }
    *response.body_mut() = Body::from(problem.to_json(request_id).to_string());
    response
}

#[cfg(test)]
mod tests;
