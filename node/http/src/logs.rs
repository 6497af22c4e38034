//! The logs of this domain and the proofs of their witnesses, at the URLs that did:webvh gives them
//! ("DID-to-HTTPS Transformation"), and beside them documents for resolvers without did:webvh
//! ("Publishing a Parallel `did:web` DID").

use crate::body::typed;
use crate::error::Problem;
use crate::faces::Faces;
use crate::target::segment;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use did_resolver::did::Did;
use did_resolver::resolution::did_web_document;
use did_resolver::webvh::Log;
use marque_rules::issuance::MemberKind;
use std::sync::Arc;
use vc_schemas::code::Code;

/// `GET /.well-known/did.jsonl`
pub(crate) async fn domain_log(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    log_of(&faces, &faces.domain.home.did).await
}

/// `GET /owners/{name}/did.jsonl`
pub(crate) async fn owner_log(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    log_of(&faces, &member(&faces, MemberKind::Owner, &uri).await?).await
}

/// `GET /agents/{name}/did.jsonl`
pub(crate) async fn agent_log(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    log_of(&faces, &member(&faces, MemberKind::Agent, &uri).await?).await
}

/// `GET /.well-known/did-witness.json`
pub(crate) async fn domain_witness(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    witness_of(&faces, &faces.domain.home.did).await
}

/// `GET /owners/{name}/did-witness.json`
pub(crate) async fn owner_witness(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    witness_of(&faces, &member(&faces, MemberKind::Owner, &uri).await?).await
}

/// `GET /agents/{name}/did-witness.json`
pub(crate) async fn agent_witness(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    witness_of(&faces, &member(&faces, MemberKind::Agent, &uri).await?).await
}

/// `GET /.well-known/did.json`
pub(crate) async fn domain_document(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    document_of(&faces, &faces.domain.home.did).await
}

/// `GET /owners/{name}/did.json`
pub(crate) async fn owner_document(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    document_of(&faces, &member(&faces, MemberKind::Owner, &uri).await?).await
}

/// `GET /agents/{name}/did.json`
pub(crate) async fn agent_document(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    document_of(&faces, &member(&faces, MemberKind::Agent, &uri).await?).await
}

async fn member(faces: &Faces, kind: MemberKind, uri: &Uri) -> Result<Did, Problem> {
    Ok(faces.domain.member(kind, &segment(uri, 1)?).await?.did)
}

async fn log_of(faces: &Faces, did: &Did) -> Result<Response, Problem> {
    Ok(newest("text/jsonl", held(faces, did).await?.bytes().to_vec()))
}

/// The proofs of the witnesses. They are of the same record as the log, so that whoever reads them after
/// it has all that it needs.
async fn witness_of(faces: &Faces, did: &Did) -> Result<Response, Problem> {
    let file = held(faces, did).await?.witness_file();
    let file = file.ok_or(Problem::new(Code::NotFound, "nobody needs to approve that log"))?;
    Ok(newest("application/json", file))
}

/// The did:web document that follows from the log.
async fn document_of(faces: &Faces, did: &Did) -> Result<Response, Problem> {
    let document = did_web_document(held(faces, did).await?.as_ref());
    let document =
        document.ok_or(Problem::new(Code::NotFound, "the DID is over, or has no such document"))?;
    Ok(newest("application/did+json", document.to_string()))
}

async fn held(faces: &Faces, did: &Did) -> Result<Arc<Log>, Problem> {
    let held = faces.domain.held_log(did).await?;
    if held.is_contested() {
        return Err(Problem::new(Code::DidContested, "the DID has two valid histories"));
    }
    held.log().cloned().ok_or(Problem::new(Code::NotFound, "no such log"))
}

/// An answer that is asked for again each time: whoever verifies a log wants the newest.
fn newest(media_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = typed(media_type, bytes);
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
    response
}
