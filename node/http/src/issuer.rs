//! Credentials with a status index of this domain: indices are reserved, links and approvals registered, and all
//! of them listed, suspended, resumed and revoked.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::registry::act;
use crate::target::segment;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use did_resolver::codec;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use vc_schemas::claims::StatusPair;
use vc_schemas::code::Code;
use vc_schemas::object::Object;
use vc_schemas::presentation::MAX_CREDENTIALS;
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// What is shown of each credential in a list.
const LISTED: [&str; 6] = ["id", "type", "subject", "issuer", "state", "validUntil"];

/// `POST /v1/indices`
pub(crate) async fn reserve(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let malformed = Problem::member(Code::DidMalformed, "issuer", "not a DID");
    let issuer = object.text("issuer")?.parse().map_err(|_| malformed)?;
    object.end("body")?;
    let place = faces.domain.reserve_index(&issuer).await?;
    let StatusPair { revocation, suspension } = faces.domain.home.status(place);
    let json = json!({
        "index": revocation.index,
        "revocation": revocation.list,
        "suspension": suspension.list,
    });
    Ok(answer(StatusCode::CREATED, &json))
}

/// `POST /v1/links`
pub(crate) async fn register(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let chain = object.required("chain")?.items().filter(|chain| chain.len() <= MAX_CREDENTIALS);
    object.end("body")?;
    let malformed = Problem::member(Code::RequestMalformed, "chain", "not a list, or far too long");
    let chain = chain.ok_or(malformed)?.enumerate();
    let chain = chain.map(|(at, link)| read(&Path::link(at), link)).collect::<Result<Vec<_>, _>>()?;
    let credential = faces.domain.register_link(&chain).await?;
    let digest = chain.last().map(|link| codec::digest_multibase(&link.digest()));
    Ok(answer(StatusCode::CREATED, &json!({"id": credential.id, "digest": digest})))
}

/// `POST /v1/approvals`
pub(crate) async fn register_approval(
    State(faces): State<Arc<Faces>>,
    Json(json): Json,
) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let approval = object.required("approval")?;
    object.end("body")?;
    let approval = read(&Path::approval(), approval)?;
    let credential = faces.domain.register_approval(&approval).await?;
    Ok(answer(StatusCode::CREATED, &json!({"id": credential.id})))
}

fn read(path: &Path, credential: did_resolver::json::Json<'_>) -> Result<Secured, Problem> {
    let refuse = |code, detail| Problem::of(Refusal::new(code, path.clone(), detail));
    let text = credential.as_str().ok_or(refuse(Code::RequestMalformed, "not a text"))?;
    Secured::from_text(Content::Credential, Envelope::of_text(text), text, MAX_CREDENTIAL_BYTES)
        .map_err(|error| Problem::of(error.refusal(Content::Credential, path.clone())))
}

/// `GET /v1/credentials`
pub(crate) async fn list(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let short = |record: &Value| {
        let member = |name: &str| {
            let value = record.get(name).filter(|value| !value.is_null())?;
            Some((name.to_owned(), value.clone()))
        };
        Value::Object(LISTED.into_iter().filter_map(member).collect::<Map<_, _>>())
    };
    let all: Value = faces.domain.credentials().await?.iter().map(short).collect();
    Ok(answer(StatusCode::OK, &json!({"credentials": all})))
}

/// `GET /v1/credentials/{id}`
pub(crate) async fn show(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let (mut record, _) = faces.domain.credential(&segment(&uri, 2)?).await?;
    if let Some(members) = record.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    Ok(answer(StatusCode::OK, &record))
}

/// `POST /v1/credentials/{id}/{act}`
pub(crate) async fn change(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let id = segment(&uri, 2)?;
    let standing = faces.domain.act_on_credential(&id, act(&uri)?).await?;
    let acknowledged = faces.domain.now().to_string();
    let json = json!({"id": id, "state": standing.as_str(), "acknowledged": acknowledged});
    Ok(answer(StatusCode::OK, &json))
}
