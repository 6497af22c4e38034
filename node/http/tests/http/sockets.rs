//! The same over real sockets, once: three listeners, and a stop.

use crate::world::{TOKEN, World};
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
