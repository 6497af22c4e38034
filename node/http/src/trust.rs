//! Domains that this node recognises: added, suspended, resumed, removed, and stated to others.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::registry::{capabilities, credential_format, issued_json};
use crate::target::segment;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;
use marque_flows::statements::RecognisedBy;
use marque_flows::trust::scid_of;
use marque_rules::lifecycle::Act;
use marque_rules::trust::TrustedDomain;
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::object::Object;

/// `POST /v1/trust`
pub(crate) async fn add(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let malformed = Problem::member(Code::DidMalformed, "did", "not a DID");
    let did: Did = object.text("did")?.parse().map_err(|_| malformed)?;
    let capabilities = capabilities(object.required("capabilities")?)?;
    let resources = object.texts("resources")?;
    object.end("body")?;
    let domain = TrustedDomain { did, suspended: false, capabilities, resources };
    let json = shown(&domain)?;
    faces.domain.trust(domain).await?;
    Ok(answer(StatusCode::CREATED, &json))
}

/// The label of a domain's DID.
fn label(did: &Did) -> String {
    WebvhId::parse(did).map(|id| id.host().to_owned()).unwrap_or_default()
}

/// A recognised domain as callers see it.
fn shown(domain: &TrustedDomain) -> Result<Value, Problem> {
    Ok(json!({
        "did": domain.did.as_str(),
        "scid": scid_of(&domain.did)?,
        "domain": label(&domain.did),
        "capabilities": domain.capabilities.to_json(),
        "resources": domain.resources,
        "suspended": domain.suspended,
    }))
}

/// `GET /v1/trust`
pub(crate) async fn list(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let trusted = faces.domain.trusted().await?;
    let all = trusted.iter().map(shown).collect::<Result<Value, _>>()?;
    Ok(answer(StatusCode::OK, &json!({"trust": all})))
}

/// The DID of a domain that a path names.
fn named(uri: &Uri) -> Result<Did, Problem> {
    let malformed = Problem::member(Code::DidMalformed, "did", "not a DID");
    segment(uri, 2)?.parse().map_err(|_| malformed)
}

/// `GET /v1/trust/{did}`
pub(crate) async fn show(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let scid = scid_of(&named(&uri)?)?;
    let trusted = faces.domain.trusted().await?;
    let found = trusted.iter().find(|domain| domain.scid().as_ref() == Ok(&scid));
    let domain = found.ok_or(Problem::new(Code::NotFound, "the domain is not recognised here"))?;
    Ok(answer(StatusCode::OK, &shown(domain)?))
}

/// `POST /v1/trust/{did}/suspend`, `POST /v1/trust/{did}/resume`, `POST /v1/trust/{did}/remove`
pub(crate) async fn act(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let act = match segment(&uri, 3)?.as_str() {
        "suspend" => Act::Suspend,
        "resume" => Act::Resume,
        _ => Act::Revoke,
    };
    let domain = faces.domain.act_on_trust(&named(&uri)?, act).await?;
    Ok(answer(StatusCode::OK, &shown(&domain)?))
}

/// `GET /v1/trust/{did}/credential`
pub(crate) async fn credential(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let envelope = credential_format(&uri)?;
    let issued = faces.domain.recognition_credential(&named(&uri)?, envelope).await?;
    Ok(answer(StatusCode::OK, &issued_json(&issued, envelope)))
}

/// `GET /v1/recognitions`: which domains state that they recognise this one.
pub(crate) async fn recognised_by(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let all = faces.domain.recognised_by().await?;
    let by = |by: &RecognisedBy| {
        json!({
            "did": by.domain.as_str(),
            "domain": label(&by.domain),
            "capabilities": by.stated.capabilities.to_json(),
            "resources": by.stated.resources,
            "suspended": by.stated.suspended,
            "issued": by.issued.to_string(),
        })
    };
    Ok(answer(StatusCode::OK, &json!({"recognisedBy": all.iter().map(by).collect::<Value>()})))
}

/// `GET /v1/recognitions/{did}`: whom a domain states that it recognises.
pub(crate) async fn stated(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let found = faces.domain.recognitions_of(&scid_of(&named(&uri)?)?).await?;
    let said = found.ok_or(Problem::new(Code::NotFound, "nothing that the domain stated is held here"))?;
    let recognises = said.recognitions.domains().iter().map(shown).collect::<Result<Value, _>>()?;
    let json = json!({
        "did": said.domain.as_str(),
        "domain": label(&said.domain),
        "issued": said.issued.to_string(),
        "whole": said.recognitions.is_whole,
        "recognises": recognises,
    });
    Ok(answer(StatusCode::OK, &json))
}
