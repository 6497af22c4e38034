//! Nodes of the mesh by their PeerIds: which are connected, and which are not let in.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::target::segment;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use marque_flows::ports::mesh::{Ban, PeerInfo};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::object::Object;

/// How long a peer is banned where nothing is asked for: a day, in which somebody looks again.
const DEFAULT_BAN: Duration = Duration::from_secs(24 * 3_600);

/// Where the PeerId stands in the path.
const PEER_AT: usize = 2;

/// A connected node as callers see it.
pub(crate) fn shown(info: &PeerInfo) -> Value {
    let mut json = Map::new();
    let direction = if info.outbound { "outbound" } else { "inbound" };
    json.insert("peerId".to_owned(), json!(info.peer));
    json.insert("address".to_owned(), json!(info.address));
    json.insert("direction".to_owned(), json!(direction));
    json.insert("bytesReceived".to_owned(), json!(info.received));
    json.insert("bytesSent".to_owned(), json!(info.sent));
    let stated = [
        ("refuses", info.refuses.map(|reason| json!(reason.as_str()))),
        ("scid", info.domain.as_ref().map(|scid| json!(scid.as_str()))),
        ("admittedUntil", info.admitted_until.map(|until| json!(until.to_string()))),
        ("score", info.score.map(|score| json!(score))),
        ("pulls", info.domain.as_ref().map(|_| json!(info.pulls))),
        ("lastSync", info.synced.map(|at| json!(at.to_string()))),
    ];
    for (name, value) in stated {
        if let Some(value) = value {
            json.insert(name.to_owned(), value);
        }
    }
    Value::Object(json)
}

/// A ban as callers see it.
pub(crate) fn shown_ban(ban: &Ban) -> Value {
    json!({"peerId": ban.peer, "until": ban.until.to_string(), "by": ban.by.as_str()})
}

/// `GET /v1/peers/{peerId}`
pub(crate) async fn show(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let peer = segment(&uri, PEER_AT)?;
    let connected = faces.domain.connected().await;
    let bans = faces.domain.bans().await?;
    let node = connected.iter().find(|info| info.peer == peer).map(shown);
    let ban = bans.iter().find(|ban| ban.peer == peer).map(shown_ban);
    if node.is_none() && ban.is_none() {
        return Err(Problem::new(Code::NotFound, "no such peer is connected or banned"));
    }
    Ok(answer(StatusCode::OK, &json!({"peerId": peer, "node": node, "ban": ban})))
}

/// `POST /v1/peers/{peerId}/ban`
pub(crate) async fn ban(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let life = match object.optional("forSeconds") {
        None => DEFAULT_BAN,
        Some(seconds) => {
            let malformed = Problem::member(Code::RequestMalformed, "forSeconds", "not a whole number");
            Duration::from_secs(seconds.as_u64().ok_or(malformed)?)
        }
    };
    object.end("body")?;
    let ban = faces.domain.ban(&segment(&uri, PEER_AT)?, life).await?;
    Ok(answer(StatusCode::OK, &shown_ban(&ban)))
}

/// `POST /v1/peers/{peerId}/unban`
pub(crate) async fn unban(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    Json(json): Json,
) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let peer = segment(&uri, PEER_AT)?;
    faces.domain.unban(&peer).await?;
    Ok(answer(StatusCode::OK, &json!({"peerId": peer, "state": "unbanned"})))
}
