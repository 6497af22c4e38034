//! The owners and agents of this domain: registered, listed, rotated, suspended, resumed, revoked.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::import::witness;
use crate::target::{options, segment};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use marque_flows::issue::Issued;
use marque_flows::members::{Member, NewMember};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::floor::ReceivedLog;
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::claims::OwnerKind;
use vc_schemas::code::Code;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::object::Object;
use vc_schemas::secure::{Content, Envelope};

/// The kind that a path is about: `/v1/owners/...` or `/v1/agents/...`.
fn kind(uri: &Uri) -> MemberKind {
    if uri.path().starts_with("/v1/owners") { MemberKind::Owner } else { MemberKind::Agent }
}

/// The member of this name in a body, as bytes. Logs have line ends, so it is no ordinary text.
fn bytes<'a>(object: &mut Object<'a>, member: &'static str) -> Result<&'a [u8], Problem> {
    let text = object.required(member)?.as_str();
    text.map(str::as_bytes).ok_or(Problem::member(Code::RequestMalformed, member, "not a text"))
}

/// Reads capabilities.
pub(crate) fn capabilities<'a>(json: impl Into<did_resolver::json::Json<'a>>) -> Result<Scope, Problem> {
    let detail = "not a list of distinct capabilities";
    Scope::read(json).map_err(|_| Problem::member(Code::CapabilityMalformed, "capabilities", detail))
}

/// `POST /v1/owners`, `POST /v1/agents`
pub(crate) async fn register(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let name = object.text("name")?;
    let new = match kind(&uri) {
        MemberKind::Owner => NewMember::Owner(match object.text("kind")? {
            "person" => OwnerKind::Person,
            "organization" => OwnerKind::Organization,
            _ => {
                let detail = "neither person nor organization";
                return Err(Problem::member(Code::RequestMalformed, "kind", detail));
            }
        }),
        MemberKind::Agent => {
            let owner = object.text("owner")?.to_owned();
            NewMember::Agent(owner, capabilities(object.required("capabilities")?)?)
        }
    };
    let (log, proof) = (bytes(&mut object, "log")?, bytes(&mut object, "proof")?);
    let witness = witness(&mut object)?;
    object.end("body")?;
    let log = ReceivedLog { log, witness: witness.as_deref() };
    let (member, credential) = faces.domain.register(name, new, log, proof).await?;
    let mut json = json!({"name": member.name, "did": member.did.as_str(), "credential": credential});
    if let (Some((owner, _)), Some(members)) = (&member.owner, json.as_object_mut()) {
        members.insert("owner".to_owned(), json!(owner));
    }
    Ok(answer(StatusCode::CREATED, &json))
}

/// A member as callers see it.
async fn shown(faces: &Faces, member: &Member) -> Result<Value, Problem> {
    match member.kind {
        MemberKind::Owner => Ok(json!({
            "name": member.name,
            "did": member.did.as_str(),
            "kind": member.owner_kind.map(OwnerKind::as_str),
            "state": member.standing.as_str(),
            "created": member.created,
        })),
        MemberKind::Agent => {
            let held = faces.domain.held_log(&member.did).await?;
            Ok(json!({
                "name": member.name,
                "did": member.did.as_str(),
                "owner": member.owner.as_ref().map(|(name, _)| name),
                "ownerDid": member.owner.as_ref().map(|(_, did)| did.as_str()),
                "capabilities": member.capabilities.to_json(),
                "state": member.standing.as_str(),
                "versionNumber": held.log().map(|log| log.head().number),
                "created": member.created,
            }))
        }
    }
}

/// `GET /v1/owners`, `GET /v1/agents`
pub(crate) async fn list(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let kind = kind(&uri);
    let mut all = Vec::new();
    for member in faces.domain.members(kind).await? {
        all.push(shown(&faces, &member).await?);
    }
    Ok(answer(StatusCode::OK, &json!({kind.segment(): all})))
}

/// `GET /v1/owners/{name}`, `GET /v1/agents/{name}`
pub(crate) async fn show(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let member = faces.domain.member(kind(&uri), &segment(&uri, 2)?).await?;
    let mut json = shown(&faces, &member).await?;
    let held = faces.domain.held_log(&member.did).await?;
    if let Some(members) = json.as_object_mut() {
        let log = held.log().map(|log| String::from_utf8_lossy(log.bytes()).into_owned());
        members.insert("log".to_owned(), json!(log));
        members.insert("history".to_owned(), json!(member.history));
    }
    Ok(answer(StatusCode::OK, &json))
}

/// `GET /v1/owners/{name}/credential`, `GET /v1/agents/{name}/credential`
pub(crate) async fn credential(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let envelope = credential_format(&uri)?;
    let issued = faces.domain.identity_credential(kind(&uri), &segment(&uri, 2)?, envelope).await?;
    Ok(answer(StatusCode::OK, &issued_json(&issued, envelope)))
}

/// The envelope in which a credential is asked for: `?format=vc+jwt`, which is also what it is without.
pub(crate) fn credential_format(uri: &Uri) -> Result<Envelope, Problem> {
    let [format] = options(uri, ["format"])?;
    let envelope = match &format {
        None => Some(Envelope::Jwt),
        Some(format) => Envelope::of_format(Content::Credential, format),
    };
    envelope.ok_or(Problem::member(Code::RequestMalformed, "format", "not a format of credentials"))
}

/// A credential as it is handed out.
pub(crate) fn issued_json(issued: &Issued, envelope: Envelope) -> Value {
    json!({
        "did": issued.did.as_str(),
        "credential": issued.secured.to_text(),
        "format": envelope.format(Content::Credential),
        "validUntil": issued.valid_until.to_string(),
    })
}

/// `POST /v1/owners/{name}/log`, `POST /v1/agents/{name}/log`
pub(crate) async fn update_log(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let log = bytes(&mut object, "log")?;
    let witness = witness(&mut object)?;
    object.end("body")?;
    let log = ReceivedLog { log, witness: witness.as_deref() };
    let name = segment(&uri, 2)?;
    let log = faces.domain.update_log(kind(&uri), &name, log).await?;
    let json = json!({
        "name": name,
        "did": log.did().as_str(),
        "versionNumber": log.head().number,
        "versionId": log.head().id,
    });
    Ok(answer(StatusCode::OK, &json))
}

/// The act that a path ends in.
pub(crate) fn act(uri: &Uri) -> Result<Act, Problem> {
    Act::parse(&segment(uri, 3)?).ok_or(Problem::new(Code::NotFound, "no such act"))
}

/// `POST /v1/owners/{name}/{act}`, `POST /v1/agents/{name}/{act}`
pub(crate) async fn change(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let member = faces.domain.act_on_member(kind(&uri), &segment(&uri, 2)?, act(&uri)?).await?;
    let json = json!({
        "name": member.name,
        "did": member.did.as_str(),
        "state": member.standing.as_str(),
        "acknowledged": faces.domain.now().to_string(),
    });
    Ok(answer(StatusCode::OK, &json))
}
