//! The same over real sockets, once: three listeners, and a stop.

use crate::world::{TOKEN, World};
use marque_http::limits::MAX_HEADERS;
use marque_http::{Listeners, serve};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

async fn exchange(address: SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text));
    read.await.unwrap().unwrap();
    text
}

fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn three_listeners_serve_until_they_are_told_to_stop() {
    let world = World::new().await;
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: Some(bind().await), admin: bind().await, health: bind().await };
    let address = |listener: &TcpListener| listener.local_addr().unwrap();
    let (public, admin, health) =
        (address(listeners.public.as_ref().unwrap()), address(&listeners.admin), address(&listeners.health));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(serve(Arc::clone(&world.faces), listeners, shutdown));

    assert!(exchange(public, get("/status/revocation", "")).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(admin, get("/v1/node", TOKEN)).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(admin, get("/v1/node", "other")).await.starts_with("HTTP/1.1 401"));
    assert!(exchange(health, get("/health/ready", "")).await.starts_with("HTTP/1.1 200"));

    let idle = TcpStream::connect(public).await.unwrap();
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), serving).await;
    ended.unwrap().unwrap();
    assert!(TcpStream::connect(public).await.is_err());
    drop(idle);
}

// R-216 R-224 R-285
#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait_and_does_not_choose_who_it_is() {
    let world = World::new().await;
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: Some(bind().await), admin: bind().await, health: bind().await };
    let public = listeners.public.as_ref().unwrap().local_addr().unwrap();
    let (admin, health) = (listeners.admin.local_addr().unwrap(), listeners.health.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async { stopped.await.unwrap_or_default() };
    let serving = tokio::spawn(serve(Arc::clone(&world.faces), listeners, shutdown));
    let get_for = |forwarded: &str| {
        let path = "/status/revocation";
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\nconnection: close\r\n\r\n")
    };

    // Nobody is a proxy here: whatever is written, it is one address.
    world.faces.door.set(3, Arc::new(|_| false));
    for n in 0..3 {
        let answer = exchange(public, get_for(&format!("192.0.2.{n}"))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let refused = exchange(public, get_for("192.0.2.9")).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("\"AID-007\""), "{refused}");
    let wait = refused.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=21).contains(&wait.parse::<u32>().unwrap()), "{wait}");
    // The other listeners are not for strangers.
    for _ in 0..5 {
        assert!(exchange(admin, get("/v1/node", TOKEN)).await.starts_with("HTTP/1.1 200"));
    }
    let metrics = exchange(health, get("/metrics", "")).await;
    assert!(metrics.contains("marque_limited_total{by=\"address\"} 1"), "{metrics}");
    assert!(metrics.contains("marque_told_apart{by=\"address\"} 1"), "{metrics}");

    // Behind a proxy each is who the proxy says.
    world.faces.door.set(2, Arc::new(|address: std::net::IpAddr| address.is_loopback()));
    for (who, status) in [("192.0.2.1", 200), ("192.0.2.1", 200), ("192.0.2.1", 429), ("192.0.2.2", 200)] {
        let answer = exchange(public, get_for(who)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{who}: {answer}");
    }
    stop.send(()).unwrap();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_request_of_more_headers_than_are_taken_ends_its_connection() {
    let world = World::new().await;
    let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listeners = Listeners { public: Some(bind().await), admin: bind().await, health: bind().await };
    let public = listeners.public.as_ref().unwrap().local_addr().unwrap();
    let _serving = tokio::spawn(serve(Arc::clone(&world.faces), listeners, std::future::pending()));
    let with = |first: &str, count: usize| {
        let more: String = (3..=count).map(|n| format!("x-{n}: y\r\n")).collect();
        format!("{first} /status/revocation HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n")
    };
    let most = exchange(public, with("GET", MAX_HEADERS)).await;
    assert!(most.starts_with("HTTP/1.1 200 "), "{most}");
    // By a count of Marque's, and by one of hyper's that is higher. The other end need not say that it is the last.
    for count in [MAX_HEADERS + 1, 100, 101, 200] {
        for method in ["GET", "POST"] {
            let request = with(method, count).replace("connection: close", "content-length: 7");
            let refused = exchange(public, request).await;
            assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
            assert!(refused.contains("content-length: 0\r\n") && refused.ends_with("\r\n\r\n"), "{refused}");
        }
    }
}
