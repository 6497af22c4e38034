//! Servers that answer as a test says.

use crate::authority::Authority;
use marque_fetch::{Client, FetchPolicy};
use marque_flows::ports::fetch::{Fetch, FetchError, Fetched, Wanted};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

/// Long enough for every answer that comes at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What a server does with each connection, after it has read the request.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// Sends this and ends the connection in good order.
    Sends(Vec<u8>),
    /// Sends this and drops the connection.
    Drops(Vec<u8>),
    /// Sends this and then nothing.
    Stops(Vec<u8>),
    /// Sends this, and then the other for as long as anybody takes it.
    Repeats(Vec<u8>, Vec<u8>),
    /// Takes the connection and never says a word of TLS.
    Silent,
    /// Speaks no TLS.
    Plain(Vec<u8>),
    /// Answers `200` when the test has let it.
    Waits(Arc<Gate>),
}

/// What requests wait at.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) let_go: Semaphore,
    pub(crate) came: AtomicUsize,
    inside: AtomicUsize,
    /// Most that waited at once.
    pub(crate) most: AtomicUsize,
}

impl Gate {
    pub(crate) fn shut() -> Arc<Self> {
        let (came, inside, most) = Default::default();
        Arc::new(Self { let_go: Semaphore::new(0), came, inside, most })
    }
}

/// A server that runs until the test ends.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// The heads of the requests that came.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start(acceptor: TlsAcceptor, manner: Manner) -> Self {
        Self::on("127.0.0.1:0", acceptor, manner).await
    }

    pub(crate) async fn on(address: &str, acceptor: TlsAcceptor, manner: Manner) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            heads: Arc::default(),
            connections: Arc::default(),
        };
        let running = server.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                running.connections.fetch_add(1, Ordering::SeqCst);
                let (one, acceptor, manner) = (running.clone(), acceptor.clone(), manner.clone());
                tokio::spawn(async move { one.serve(stream, acceptor, manner).await });
            }
        });
        server
    }

    async fn serve(&self, mut stream: tokio::net::TcpStream, acceptor: TlsAcceptor, manner: Manner) {
        match manner {
            Manner::Silent => {
                let mut sink = [0; 1024];
                while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
                return;
            }
            Manner::Plain(bytes) => {
                let _refused = stream.write_all(&bytes).await;
                return;
            }
            _ => {}
        }
        let Ok(mut stream) = acceptor.accept(stream).await else { return };
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        self.heads.lock().unwrap().push(String::from_utf8(head).unwrap());
        let sent = match manner {
            Manner::Sends(bytes) => {
                let sent = stream.write_all(&bytes).await;
                sent.and(stream.shutdown().await)
            }
            Manner::Drops(bytes) => {
                let sent = stream.write_all(&bytes).await;
                sent.and(stream.flush().await)
            }
            Manner::Stops(bytes) => {
                let sent = stream.write_all(&bytes).await.and(stream.flush().await);
                let _closed = stream.read_u8().await;
                sent
            }
            Manner::Repeats(first, again) => {
                let mut sent = stream.write_all(&first).await;
                while sent.is_ok() {
                    sent = stream.write_all(&again).await;
                }
                sent
            }
            Manner::Waits(gate) => {
                let inside = gate.inside.fetch_add(1, Ordering::SeqCst) + 1;
                gate.most.fetch_max(inside, Ordering::SeqCst);
                gate.came.fetch_add(1, Ordering::SeqCst);
                drop(gate.let_go.acquire().await.unwrap());
                gate.inside.fetch_sub(1, Ordering::SeqCst);
                let sent = stream.write_all(&ok(b"done")).await;
                sent.and(stream.shutdown().await)
            }
            Manner::Silent | Manner::Plain(_) => Ok(()),
        };
        // The client may have gone, which is what some tests want.
        drop(sent);
    }
}

/// A `200` with its length.
pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A client that reaches `hosts` and trusts `authority`.
pub(crate) fn client(authority: &Authority, hosts: &[(&str, SocketAddr)]) -> Client {
    let hosts: BTreeMap<String, SocketAddr> = hosts.iter().map(|(h, a)| ((*h).to_owned(), *a)).collect();
    Client::new(FetchPolicy::with_loopback(hosts, authority.root.clone()).unwrap()).unwrap()
}

pub(crate) async fn fetch(
    client: &Client,
    url: &str,
    max_bytes: usize,
    within: Duration,
) -> Result<Fetched, FetchError> {
    client.fetch(Wanted { url: url.to_owned(), max_bytes, within }).await
}

/// What a client gets from one server of the name `web.test` with this manner.
pub(crate) async fn answered(manner: Manner, max_bytes: usize) -> (Result<Fetched, FetchError>, Server) {
    let authority = Authority::new();
    let server = Server::start(authority.acceptor(&["web.test"], false), manner).await;
    let client = client(&authority, &[("web.test", server.address)]);
    (fetch(&client, "https://web.test/did.jsonl", max_bytes, SOON).await, server)
}
