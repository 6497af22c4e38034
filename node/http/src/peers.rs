//! Nodes of other domains: joined by token, connected.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::nodes::{shown as shown_node, shown_ban};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marque_flows::ports::mesh::PeerInfo;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::object::Object;

/// How long a token is good where nothing is asked for.
const DEFAULT_INVITE_LIFE: Duration = Duration::from_secs(3_600);

/// How long an answer waits for the other side of a join.
const JOIN_WAIT: Duration = Duration::from_secs(10);

/// `POST /v1/invites`
pub(crate) async fn invite(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let ttl = match object.optional("ttlSeconds") {
        None => DEFAULT_INVITE_LIFE,
        Some(seconds) => {
            let malformed = Problem::member(Code::RequestMalformed, "ttlSeconds", "not a whole number");
            Duration::from_secs(seconds.as_u64().ok_or(malformed)?)
        }
    };
    object.end("body")?;
    let invite = faces.domain.invite(ttl, faces.info.addresses.clone()).await?;
    let json = json!({"token": invite.token, "expires": invite.expires.to_string()});
    Ok(answer(StatusCode::CREATED, &json))
}

/// `POST /v1/peers`
pub(crate) async fn join(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let token = object.required("token")?.as_str();
    object.end("body")?;
    let token = token.ok_or(Problem::member(Code::TokenMalformed, "token", "not a text"))?;
    let peer = faces.domain.join(token, JOIN_WAIT).await?;
    let json = json!({
        "domain": peer.label, "did": peer.did.as_str(), "scid": peer.scid, "state": "joined",
    });
    Ok(answer(StatusCode::CREATED, &json))
}

/// `GET /v1/peers`
pub(crate) async fn list(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let connected = faces.domain.connected().await;
    let trusted = faces.domain.trusted().await?;
    let trusted: BTreeSet<String> = trusted.iter().filter_map(|domain| domain.scid().ok()).collect();
    let mut peers = Vec::new();
    for peer in faces.domain.peers().await? {
        let here = |info: &&PeerInfo| info.domain.as_ref().is_some_and(|scid| scid.as_str() == peer.scid);
        let state = if connected.iter().any(|info| here(&info)) { "connected" } else { "known" };
        let mut json = Map::new();
        json.insert("domain".to_owned(), json!(peer.label));
        json.insert("did".to_owned(), json!(peer.did.as_str()));
        json.insert("scid".to_owned(), json!(peer.scid));
        json.insert("addresses".to_owned(), json!(peer.addresses));
        json.insert("state".to_owned(), json!(state));
        json.insert("joined".to_owned(), json!(peer.joined));
        json.insert("trusted".to_owned(), json!(trusted.contains(&peer.scid)));
        if let Some(info) = connected.iter().find(here) {
            let direction = if info.outbound { "outbound" } else { "inbound" };
            json.insert("peerId".to_owned(), json!(info.peer));
            json.insert("direction".to_owned(), json!(direction));
        }
        peers.push(Value::Object(json));
    }
    let nodes: Value = connected.iter().map(shown_node).collect();
    let bans: Value = faces.domain.bans().await?.iter().map(shown_ban).collect();
    Ok(answer(StatusCode::OK, &json!({"peers": peers, "nodes": nodes, "bans": bans})))
}

/// `POST /v1/memberships/revoke`
pub(crate) async fn revoke_memberships(
    State(faces): State<Arc<Faces>>,
    Json(json): Json,
) -> Result<Response, Problem> {
    Object::new(&json, "body")?.end("body")?;
    let epoch = faces.domain.revoke_memberships().await?;
    let json = json!({"epoch": epoch.epoch, "notBefore": epoch.not_before.to_string()});
    Ok(answer(StatusCode::OK, &json))
}
