//! Refusals as answers: RFC 9457 (problem details), and the only place where a code becomes one.
//!
//! An answer carries the code and fixed sentences. What caused it goes to the log, under the request
//! id that the answer carries too.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use marque_flows::error::Error;
use serde_json::{Value, json};
use vc_schemas::code::{Class, Code};
use vc_schemas::object::ObjectError;
use vc_schemas::refusal::{Path, Refusal};

/// The page that explains the codes; each has its place there.
const CODES: &str = "https://w3id.org/marque/codes";

/// Seconds after which it may be worth asking again, where nobody knows better: a peer's list or log
/// has come by then, or a burst is over.
const RETRY_AFTER_SECONDS: &str = "1";

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
        Self { refusal, cause: None, of_verification: false, trace: None }
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
        StatusCode::from_u16(self.code().http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn to_json(&self, request_id: &str) -> Value {
        let code = self.code();
        let mut json = json!({
            "type": format!("{CODES}#{code}"),
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

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let refusal = error.refusal();
        match error {
            Error::Refused(_) => Self::of(refusal),
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
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    if matches!(code, Code::AdminTokenMissing | Code::AdminTokenWrong) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"marque admin\""));
    }
    *response.body_mut() = Body::from(problem.to_json(request_id).to_string());
    response
}

#[cfg(test)]
mod tests;
