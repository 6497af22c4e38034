//! `/v1/peers/{peerId}` and `/v1/events`: who is connected, who is not let in, and what happens.

use crate::world::{Party, TOKEN, World};
use axum::body::{Body, to_bytes};
use axum::http::Request;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use futures::StreamExt;
use futures::future::BoxFuture;
use marque_flows::ports::mesh::{
    Asked, Ban, Events, Joined, Mesh, MeshError, MeshEvent, PeerInfo, Publication, What,
};
use marque_http::routes::Routers;
use marque_http::{Listeners, serve};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Refusal, Scid};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, oneshot};
use tower::ServiceExt as _;

const PEER: &str = "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5";

/// A mesh of one peer, in which happens what the test says.
#[derive(Debug)]
struct One {
    happens: broadcast::Sender<Arc<MeshEvent>>,
    banned: Mutex<Vec<String>>,
    /// How often it was told that the domains changed.
    changes: AtomicUsize,
}

impl Mesh for One {
    fn publish(&self, _: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(async { Ok(()) })
    }

    fn resolve(&self, _: Did, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn list(&self, _: Option<Scid>, _: String, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn join(&self, _: JoinToken, _: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        Box::pin(async { Err(MeshError::Closed) })
    }

    fn domains_changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        let info = PeerInfo {
            peer: PEER.to_owned(),
            domain: None,
            address: "/ip4/127.0.0.1/tcp/1".to_owned(),
            outbound: false,
            refuses: Some(Refusal::UnknownDomain),
            admitted_until: Some(UnixSeconds::new(1_800_000_000)),
            score: Some(-7),
            pulls: 2,
            received: 11,
            sent: 12,
            synced: None,
            compared: None,
        };
        Box::pin(async { Ok(vec![info]) })
    }

    fn ban(&self, ban: Ban) -> BoxFuture<'_, Result<(), MeshError>> {
        self.banned.lock().unwrap().push(ban.peer);
        Box::pin(async { Ok(()) })
    }

    fn unban(&self, peer: String) -> BoxFuture<'_, Result<(), MeshError>> {
        self.banned.lock().unwrap().retain(|banned| *banned != peer);
        Box::pin(async { Ok(()) })
    }

    fn events(&self) -> Option<Events> {
        Some(self.happens.subscribe())
    }
}

async fn world() -> (World, Arc<One>) {
    let world = World::new().await;
    let (happens, banned, changes) = (broadcast::channel(4).0, Mutex::default(), AtomicUsize::new(0));
    let one = Arc::new(One { happens, banned, changes });
    world.faces.domain.join_mesh(one.clone());
    (world, one)
}

//
#[tokio::test]
async fn a_peer_is_shown_banned_and_let_in_again() {
    let (world, mesh) = world().await;
    let path = format!("/v1/peers/{PEER}");
    let shown = world.get(&path).await.json();
    assert_eq!((&shown["node"]["score"], &shown["node"]["bytesReceived"]), (&json!(-7), &json!(11)));
    assert_eq!(shown["ban"], json!(null));
    assert_eq!(shown["node"]["refuses"], "unknown-domain");
    let refused_by = json!([{"peerId": PEER, "scid": null, "reason": "unknown-domain"}]);
    assert_eq!(world.get("/v1/node").await.json()["mesh"]["refusedBy"], refused_by);
    assert_eq!(world.get("/v1/peers").await.json()["nodes"][0]["peerId"], PEER);

    let banned = world.post(&format!("{path}/ban"), &json!({"forSeconds": 60})).await;
    assert_eq!(banned.status, 200);
    assert_eq!(*mesh.banned.lock().unwrap(), [PEER]);
    assert_eq!(world.get(&path).await.json()["ban"]["by"], "operator");
    assert_eq!(world.get("/v1/peers").await.json()["bans"][0], banned.json());
    assert_eq!(world.get("/v1/node").await.json()["mesh"]["banned"], 1);

    assert_eq!(world.post(&format!("{path}/unban"), &json!({})).await.status, 200);
    assert!(mesh.banned.lock().unwrap().is_empty());
    assert_eq!(world.post(&format!("{path}/unban"), &json!({})).await.code(), "not-found");
    let over = json!({"forSeconds": 1_u64 << 40});
    for (peer, body) in [(PEER, over), (PEER, json!({"forSeconds": 0})), ("12D3KooW", json!({}))] {
        let refused = world.post(&format!("/v1/peers/{peer}/ban"), &body).await;
        assert_eq!(refused.code(), "request-malformed", "{peer} {body}");
    }
    assert!(mesh.banned.lock().unwrap().is_empty());
    assert_eq!(world.get("/v1/peers/12D3KooWNobody").await.code(), "not-found");
}

//
#[tokio::test]
async fn who_watches_is_told_what_happens_and_who_is_too_slow_is_told_what_is_missing() {
    let (world, mesh) = world().await;
    let watch = async || {
        let request = Request::get("/v1/events").header("authorization", format!("Bearer {TOKEN}"));
        let response =
            world.routers.admin.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body().into_data_stream()
    };
    let happens = || {
        let event = MeshEvent {
            at: UnixSeconds::new(1_800_000_000),
            what: What::Dropped,
            peer: Some(PEER.to_owned()),
            domain: None,
            via: None,
            about: None,
            reason: Some(Refusal::Malformed),
        };
        mesh.happens.send(Arc::new(event)).unwrap();
    };
    let mut quick = watch().await;
    let mut slow = watch().await;
    let told = format!(
        "event: dropped\ndata: {{\"event\":\"dropped\",\"peerId\":\"{PEER}\",\"reason\":\"malformed\",\
         \"time\":\"2027-01-15T08:00:00Z\"}}\n\n"
    );
    for _ in 0..6 {
        happens();
        assert_eq!(quick.next().await.unwrap().unwrap(), told.as_bytes());
    }
    assert_eq!(slow.next().await.unwrap().unwrap(), b"event: missed\ndata: {\"events\":2}\n\n".as_slice());
    assert!(slow.next().await.is_none());

    // As many as may watch, and no more; who stops makes room.
    drop(slow);
    let mut watching = Vec::new();
    for _ in 0..15 {
        watching.push(watch().await);
    }
    assert_eq!(world.get("/v1/events").await.status, 429);
    watching.pop();
    drop(watch().await);
}

fn recognise(who: &Party) -> Request<Body> {
    let body = json!({"did": who.did.as_str(), "capabilities": []}).to_string();
    let request = Request::post("/v1/trust").header("authorization", format!("Bearer {TOKEN}"));
    request.header("content-type", "application/json").body(Body::from(body)).unwrap()
}

/// Waits until the mesh was told that the domains changed.
async fn told(mesh: &One) {
    let told = async {
        while mesh.changes.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
}

//
#[tokio::test]
async fn what_is_committed_is_told_to_the_mesh_though_who_asked_for_it_is_gone() {
    let (world, mesh) = world().await;
    let (durable, give) = world.records.hold();
    let bravo = Party::new("bravo", "bravo.test");
    let asking = world.routers.admin.clone().oneshot(recognise(&bravo));
    tokio::select! {
        answer = asking => panic!("{answer:?}"),
        durable = durable => durable.unwrap(),
    }
    // Nobody waits any more, and the store answers.
    assert_eq!(mesh.changes.load(Ordering::SeqCst), 0);
    give.send(()).unwrap();
    told(&mesh).await;
    assert_eq!(world.get("/v1/trust").await.json()["trust"][0]["did"], bravo.did.as_str());
}

#[tokio::test]
async fn who_is_told_that_it_takes_too_long_is_told_that_it_may_still_be_done() {
    let (world, mesh) = world().await;
    let routers = Routers::answering_within(Duration::from_millis(50), &world.faces);
    let (_durable, give) = world.records.hold();
    let bravo = Party::new("bravo", "bravo.test");
    let answer = routers.admin.clone().oneshot(recognise(&bravo)).await.unwrap();
    assert_eq!(answer.status(), 503);
    let problem: Value = serde_json::from_slice(&to_bytes(answer.into_body(), 4_096).await.unwrap()).unwrap();
    assert_eq!(problem["code"], "unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("may still be done"), "{problem}");
    give.send(()).unwrap();
    told(&mesh).await;
}

#[tokio::test]
async fn a_node_that_stops_waits_for_what_is_being_done_for_who_is_gone() {
    let (world, mesh) = world().await;
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: None, admin: bind().await, health: bind().await };
    let admin = listeners.admin.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { stopped.await.unwrap_or_default() };
    let mut serving = tokio::spawn(serve(Arc::clone(&world.faces), listeners, shutdown));

    let (durable, give) = world.records.hold();
    let body = json!({"did": Party::new("bravo", "bravo.test").did.as_str(), "capabilities": []}).to_string();
    let head = format!("POST /v1/trust HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n");
    let length = body.len();
    let mut client = TcpStream::connect(admin).await.unwrap();
    let request = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::select! {
        durable = durable => durable.unwrap(),
        read = tokio::time::timeout(Duration::from_secs(20), client.read_to_string(&mut answer)) => {
            panic!("{read:?}: {answer}")
        }
    }
    drop(client);
    stop.send(()).unwrap();
    // Long enough that it would have ended, did it not wait.
    assert!(tokio::time::timeout(Duration::from_millis(500), &mut serving).await.is_err());
    give.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(20), serving).await.unwrap().unwrap();
    assert_eq!(mesh.changes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_a_mesh_nothing_happens() {
    assert_eq!(World::new().await.get("/v1/events").await.code(), "unavailable");
}
