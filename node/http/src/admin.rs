//! The node itself: what it is, and what it decided.

use crate::body::answer;
use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::{DEFAULT_DECISIONS, MAX_DECISIONS};
use crate::readiness::readiness;
use crate::target::options;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use did_resolver::codec;
use did_resolver::did::DidUrl;
use marque_flows::freshness::{HeadAge, ListAge};
use marque_flows::ports::mesh::PeerInfo;
use marque_flows::published::Kept;
use marque_flows::record;
use marque_rules::issuance::MemberKind;
use marque_rules::replica::Scid;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use vc_schemas::code::Code;

/// What is shown of each decision.
const SHOWN: [&str; 5] = ["time", "kind", "subject", "outcome", "code"];

/// `GET /v1/node`
pub(crate) async fn node(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let domain = &faces.domain;
    let mut lists = Vec::new();
    for list in domain.own_lists().await? {
        if let Some(fact) = domain.held_own_list(list).await? {
            let age = domain.now().since(fact.list.issued).as_secs();
            lists.push(json!({"url": fact.list.url, "sequence": fact.list.sequence, "ageSeconds": age}));
        }
    }
    let issuer = |(method, suite): (DidUrl, &'static str)| json!({"issuer": method.did().as_str(), "verificationMethod": method.as_str(), "cryptosuite": suite});
    let issuers: Value = domain.issuing_methods().into_iter().map(issuer).collect();
    let connected = domain.connected().await;
    let place =
        |kept: Kept| json!({"place": kept.place, "behindSeconds": kept.behind.as_secs(), "reason": kept.why});
    let published: Value = domain.published().into_iter().map(place).collect();
    let (status, reason) = readiness(&faces).await;
    let json = json!({
        "readiness": {"status": status, "reason": reason},
        "domain": domain.home.label,
        "did": domain.home.did.as_str(),
        "scid": domain.home.scid,
        "peerId": faces.info.peer_id,
        "version": faces.info.version,
        "listeners": faces.info.listeners,
        "peers": connected.len(),
        "agents": domain.members(MemberKind::Agent).await?.len(),
        "owners": domain.members(MemberKind::Owner).await?.len(),
        "publicUrl": domain.home.base_url,
        "issuers": issuers,
        "lists": lists,
        "published": published,
        "mesh": mesh(&faces, &connected).await?,
    });
    Ok(answer(StatusCode::OK, &json))
}

/// A connected node that does not let this one in.
fn refused_by(info: &PeerInfo) -> Option<Value> {
    let reason = info.refuses?;
    let scid = info.domain.as_ref().map(Scid::as_str);
    Some(json!({"peerId": info.peer, "scid": scid, "reason": reason.as_str()}))
}

/// How near this node is to what the others know.
async fn mesh(faces: &Faces, connected: &[PeerInfo]) -> Result<Value, Problem> {
    let domain = &faces.domain;
    let now = domain.now();
    let (lists, heads) = domain.freshness().await?;
    let list = |list: &ListAge| {
        json!({
            "issuer": list.key.issuer.as_str(),
            "url": list.key.url,
            "from": if list.is_announced { "mesh" } else { "url" },
            "sequence": list.issued.map(|(_, sequence)| sequence),
            "ageSeconds": list.issued.map(|(issued, _)| now.since(issued).as_secs()),
        })
    };
    let head = |head: &HeadAge| {
        let newest = head.head.as_ref();
        json!({
            "did": head.did.as_str(),
            "versionId": newest.map(|(id, _)| id),
            "ageSeconds": newest.map(|(_, time)| now.since(*time).as_secs()),
        })
    };
    let mut by_domain: BTreeMap<Option<&str>, (u32, u32)> = BTreeMap::new();
    for info in connected {
        let counts = by_domain.entry(info.domain.as_ref().map(Scid::as_str)).or_default();
        let count = if info.outbound { &mut counts.1 } else { &mut counts.0 };
        *count += 1;
    }
    let of_domain = |(scid, (inbound, outbound)): (&Option<&str>, &(u32, u32))| json!({"scid": scid, "inbound": inbound, "outbound": outbound});
    let last_sync = connected.iter().filter_map(|info| info.synced).max();
    Ok(json!({
        "lists": lists.iter().map(list).collect::<Value>(),
        "otherLists": domain.lists_of_others().await?.iter().map(list).collect::<Value>(),
        "logHeads": heads.iter().map(head).collect::<Value>(),
        "contested": domain.contested().await?,
        "deferred": domain.deferred().await?,
        "peersByDomain": by_domain.iter().map(of_domain).collect::<Value>(),
        "refusedBy": connected.iter().filter_map(refused_by).collect::<Value>(),
        "syncLagSeconds": last_sync.map(|at| now.since(at).as_secs()),
        "banned": domain.bans().await?.len(),
    }))
}

/// `GET /v1/decisions`
pub(crate) async fn decisions(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let [after, limit] = options(&uri, ["after", "limit"])?;
    let malformed = |member, detail| Problem::member(Code::RequestMalformed, member, detail);
    let after = after.map(|key| codec::from_base64url(&key)).transpose();
    let after = after.map_err(|_| malformed("after", "not the key of a decision"))?;
    let limit = match limit.map(|text| text.parse::<usize>()) {
        None => DEFAULT_DECISIONS,
        Some(Ok(limit)) if (1..=MAX_DECISIONS).contains(&limit) => limit,
        Some(_) => return Err(malformed("limit", "not a number between 1 and 1000")),
    };
    let rows = record::read(faces.domain.records(), after.as_deref(), limit).await?;
    let shown = |(key, entry): &(Vec<u8>, Value)| {
        let mut json = Map::new();
        json.insert("key".to_owned(), json!(codec::to_base64url(key)));
        for name in SHOWN {
            if let Some(value) = entry.get(name).filter(|value| !value.is_null()) {
                json.insert(name.to_owned(), value.clone());
            }
        }
        Value::Object(json)
    };
    let decisions: Value = rows.iter().map(shown).collect();
    Ok(answer(StatusCode::OK, &json!({"decisions": decisions})))
}
