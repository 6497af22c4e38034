//! DIDs with two valid histories, and which of them counts on this node.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::target::{options, segment};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use did_resolver::did::Did;
use did_resolver::webvh::Log;
use marque_flows::forks::{Fork, MAX_LISTED};
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::object::Object;

/// Where the DID stands in the path.
const DID_AT: usize = 2;

fn did(text: &str) -> Result<Did, Problem> {
    text.parse().map_err(|_| Problem::member(Code::DidMalformed, "did", "not a DID"))
}

/// A fork as callers see it.
fn shown(fork: &Fork) -> Value {
    let counts = fork.held.log();
    let branch = |log: &Arc<Log>| {
        let (head, signer) = (log.head(), log.signer(fork.at));
        json!({
            "versionId": head.id,
            "versionNumber": head.number,
            "versionTime": head.time.to_string(),
            "partsWith": log.versions().find(|version| version.number == fork.at).map(|version| &version.id),
            "signedBy": signer.map(|key| key.to_multikey()),
            "counts": counts == Some(log),
        })
    };
    json!({
        "did": fork.did.as_str(),
        "at": fork.at,
        "seen": fork.seen,
        "state": if fork.held.is_contested() { "contested" } else { "settled" },
        "settled": fork.held.settled,
        "branches": fork.held.branches.iter().map(branch).collect::<Value>(),
    })
}

/// `GET /v1/contested`
pub(crate) async fn list(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let [after, limit] = options(&uri, ["after", "limit"])?;
    let after = after.as_deref().map(did).transpose()?;
    let limit = match limit.map(|text| text.parse::<usize>()) {
        None => MAX_LISTED,
        Some(Ok(limit)) if (1..=MAX_LISTED).contains(&limit) => limit,
        Some(_) => {
            let detail = "not a number between 1 and 1000";
            return Err(Problem::member(Code::RequestMalformed, "limit", detail));
        }
    };
    let forks = faces.domain.forks(after.as_ref(), limit).await?;
    Ok(answer(StatusCode::OK, &json!({"contested": forks.iter().map(shown).collect::<Value>()})))
}

/// `GET /v1/contested/{did}`: with what proves it to anybody.
pub(crate) async fn show(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let did = did(&segment(&uri, DID_AT)?)?;
    let fork = faces.domain.fork(&did).await?;
    let fork = fork.ok_or(Problem::new(Code::NotFound, "the DID has no two histories here"))?;
    let mut json = shown(&fork);
    if let (Some(proof), Some(members)) = (fork.proof(), json.as_object_mut()) {
        members.insert("proof".to_owned(), proof.to_json());
    }
    Ok(answer(StatusCode::OK, &json))
}

/// `POST /v1/contested/{did}/settle`
pub(crate) async fn settle(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    let did = did(&segment(&uri, DID_AT)?)?;
    let mut object = Object::new(&json, "body")?;
    let version_id = object.text("versionId")?;
    object.end("body")?;
    let fork = faces.domain.settle(&did, version_id).await?;
    Ok(answer(StatusCode::OK, &shown(&fork)))
}
