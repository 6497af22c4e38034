//! The logs of this domain at the URLs that did:webvh gives them ("DID-to-HTTPS Transformation").

use crate::body::typed;
use crate::error::Problem;
use crate::faces::Faces;
use crate::target::segment;
use axum::extract::State;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use did_resolver::did::Did;
use marque_rules::issuance::MemberKind;
use std::sync::Arc;
use vc_schemas::code::Code;

/// `GET /.well-known/did.jsonl`
pub(crate) async fn domain_log(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    log_of(&faces, &faces.domain.home.did).await
}

/// `GET /owners/{name}/did.jsonl`
pub(crate) async fn owner_log(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    member_log(&faces, MemberKind::Owner, &uri).await
}

/// `GET /agents/{name}/did.jsonl`
pub(crate) async fn agent_log(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    member_log(&faces, MemberKind::Agent, &uri).await
}

async fn member_log(faces: &Faces, kind: MemberKind, uri: &Uri) -> Result<Response, Problem> {
    let member = faces.domain.member(kind, &segment(uri, 1)?).await?;
    log_of(faces, &member.did).await
}

async fn log_of(faces: &Faces, did: &Did) -> Result<Response, Problem> {
    let held = faces.domain.held_log(did).await?;
    if held.is_contested() {
        return Err(Problem::new(Code::DidContested, "the DID has two valid histories"));
    }
    let log = held.log().ok_or(Problem::new(Code::NotFound, "no such log"))?;
    let mut response = typed("text/jsonl", log.bytes().to_vec());
    // Whoever verifies the log wants the newest.
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
    Ok(response)
}
