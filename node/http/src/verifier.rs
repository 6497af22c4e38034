//! Verification over HTTP: nonces are given, presentations are decided on, and each hop is shown.

use crate::body::{self, Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::MAX_VERIFY_BYTES;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use marque_flows::error::Error;
use marque_rules::replay::NONCE_LIFE;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use vc_schemas::code::Code;
use vc_schemas::delegation::budget::Amount;
use vc_schemas::delegation::constraints::Workflow;
use vc_schemas::facts::Request as Wanted;
use vc_schemas::object::Object;
use vc_schemas::refusal::Path;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES};

/// `POST /v1/nonces`
pub(crate) async fn nonce(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let json = json!({
        "nonce": faces.domain.new_nonce()?,
        "audience": faces.domain.home.did.as_str(),
        "expiresIn": NONCE_LIFE.as_secs(),
    });
    Ok(answer(StatusCode::OK, &json))
}

/// What is to be verified, and against what.
pub(crate) struct Question {
    pub(crate) presented: Vec<u8>,
    pub(crate) envelope: Envelope,
    wanted: Wanted,
}

/// `POST /v1/verify`
pub(crate) async fn verify(State(faces): State<Arc<Faces>>, request: Request) -> Result<Response, Problem> {
    let Question { presented, envelope, wanted } =
        question(request).await.map_err(Problem::of_verification)?;
    let began = Instant::now();
    let outcome = faces.domain.verify(&presented, envelope, wanted).await;
    if let Err(Error::TooOften { whose, .. }) = &outcome {
        faces.metrics.limited((*whose).into());
    }
    let outcome = outcome.map_err(Problem::from);
    let links = outcome.as_ref().map(|verdict| verdict.links.len()).map_err(Problem::code);
    faces.metrics.verification(began.elapsed(), links);
    let verdict = outcome.map_err(Problem::of_verification)?;
    let mut json = verdict.to_json();
    if let Some(members) = json.as_object_mut() {
        let budget = faces.domain.policy().status_max_age.as_secs();
        let status = json!({"ageSeconds": verdict.status_age.as_secs(), "maxAgeSeconds": budget});
        members.insert("status".to_owned(), status);
    }
    Ok(answer(StatusCode::OK, &json))
}

pub(crate) async fn question(request: Request) -> Result<Question, Problem> {
    let (head, body) = request.into_parts();
    let media_type = body::media_type(&head.headers);
    let media_type = media_type.as_deref().ok_or_else(body::unsupported)?;
    let raw = match Envelope::of_media_type(Content::Presentation, media_type) {
        None if media_type != "application/json" => return Err(body::unsupported()),
        raw => raw,
    };
    let bytes = body::read(&head.headers, body, MAX_VERIFY_BYTES).await?;
    match raw {
        Some(envelope) => {
            // A file of text ends with a line end, which is no part of the token.
            let presented = if envelope.is_text() { bytes.trim_ascii().to_vec() } else { bytes };
            Ok(Question { presented, envelope, wanted: Wanted::default() })
        }
        None => read(&bytes),
    }
}

fn read(bytes: &[u8]) -> Result<Question, Problem> {
    let json = body::parse(bytes, MAX_VERIFY_BYTES)?;
    let mut object = Object::new(&json, "body")?;
    let malformed = |member, detail| Problem::member(Code::RequestMalformed, member, detail);
    let presentation = object.required("presentation")?.as_str();
    let presentation = presentation.ok_or(malformed("presentation", "not a text"))?;
    let envelope = match object.optional_text("format")? {
        None => Envelope::of_text(presentation),
        Some(format) => Envelope::of_format(Content::Presentation, format)
            .ok_or(malformed("format", "not a format of presentations"))?,
    };
    let capability = object.optional_text("capability")?.map(str::parse).transpose();
    let capability = capability
        .map_err(|_| Problem::member(Code::CapabilityMalformed, "capability", "not a capability"))?;
    let resource = object.optional_text("resource")?.map(str::to_owned);
    let purpose = object.optional_text("purpose")?.map(str::to_owned);
    let member = |name| move |_| malformed(name, "not of the form that constraints have");
    let workflow = object.optional("workflow").map(Workflow::read).transpose().map_err(member("workflow"))?;
    let amount = object.optional("amount").map(Amount::read).transpose().map_err(member("amount"))?;
    let arguments = match object.optional("arguments").map(|json| json.members()) {
        None => BTreeMap::new(),
        Some(Some(members)) => members.map(|(name, value)| (name.to_owned(), value.to_value())).collect(),
        Some(None) => return Err(malformed("arguments", "not an object")),
    };
    object.end("body")?;
    let presented = envelope.bytes_of(presentation, MAX_PRESENTATION_BYTES).map_err(|error| {
        Problem::of(error.refusal(Content::Presentation, Path::root().then("presentation")))
    })?;
    let wanted = Wanted { capability, resource, purpose, workflow, arguments, amount };
    Ok(Question { presented: presented.into_owned(), envelope, wanted })
}
