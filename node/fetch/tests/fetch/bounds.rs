//! Bounds on time and on how much is under way.

use crate::authority::Authority;
use crate::server::{Gate, Manner, SOON, Server, answered, client, fetch, ok};
use futures::future::join_all;
use marque_fetch::{MAX_OPEN, MAX_PER_ADDRESS, MAX_PER_HOST, MAX_UNDER_WAY};
use marque_flows::ports::fetch::FetchError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const CAP: usize = 64 * 1024;

//
#[tokio::test]
async fn a_slow_server_meets_the_deadline_at_every_step() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec();
    for manner in [Manner::Silent, Manner::Stops(Vec::new()), Manner::Stops(head)] {
        let authority = Authority::new();
        let server = Server::start(authority.acceptor(&["web.test"], false), manner.clone()).await;
        let client = client(&authority, &[("web.test", server.address)]);
        let began = Instant::now();
        let fetched = fetch(&client, "https://web.test/", CAP, Duration::from_millis(400)).await;
        assert_eq!(fetched, Err(FetchError::Late), "{manner:?}");
        assert!(began.elapsed() < SOON, "{manner:?}");
    }
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_unreachable() {
    let authority = Authority::new();
    let nobody: SocketAddr = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let client = client(&authority, &[("web.test", nobody)]);
    assert_eq!(fetch(&client, "https://web.test/", CAP, SOON).await, Err(FetchError::Unreachable));
}

#[tokio::test]
async fn so_many_connections_go_to_a_host_to_an_address_and_anywhere_and_all_are_served_in_the_end() {
    let names: Vec<String> = (0..64).map(|n| format!("web{n}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Fetches, names, addresses, and the bound that shows.
    for (fetches, hosts, addresses, bound) in [
        (3 * MAX_PER_HOST, 1, 1, MAX_PER_HOST),
        (3 * MAX_PER_ADDRESS, 3 * MAX_PER_ADDRESS, 1, MAX_PER_ADDRESS),
        (64, 64, 8, MAX_OPEN),
    ] {
        let authority = Authority::new();
        let gate = Gate::shut();
        let mut servers = Vec::new();
        for n in 1..=addresses {
            let (address, manner) = (format!("127.0.0.{n}:0"), Manner::Waits(Arc::clone(&gate)));
            servers.push(Server::on(&address, authority.acceptor(&names, false), manner).await);
        }
        let place = |n: usize| (names[n], servers[n % addresses].address);
        let reached: Vec<_> = (0..hosts).map(place).collect();
        let client = client(&authority, &reached);
        let urls: Vec<String> = (0..fetches).map(|n| format!("https://{}/{n}", names[n % hosts])).collect();
        let all = join_all(urls.iter().map(|url| fetch(&client, url, CAP, SOON)));
        let opener = async {
            while gate.came.load(Ordering::SeqCst) < bound {
                tokio::task::yield_now().await;
            }
            // Whoever else could come, comes now.
            for _ in 0..20_000 {
                tokio::task::yield_now().await;
            }
            gate.let_go.add_permits(fetches);
        };
        let (all, ()) = tokio::join!(all, opener);
        assert!(all.into_iter().all(|fetched| fetched.is_ok_and(|f| f.bytes == b"done")));
        assert_eq!(gate.most.load(Ordering::SeqCst), bound);
        assert_eq!(gate.came.load(Ordering::SeqCst), fetches);
    }
}

#[tokio::test]
async fn a_fetch_beyond_the_bound_is_refused_at_once() {
    let authority = Authority::new();
    let server = Server::start(authority.acceptor(&["web.test"], false), Manner::Silent).await;
    let client = client(&authority, &[("web.test", server.address)]);
    let mut waiting = Vec::new();
    for _ in 0..MAX_UNDER_WAY {
        let mut one = Box::pin(fetch(&client, "https://web.test/", CAP, SOON));
        assert!(futures::poll!(&mut one).is_pending());
        waiting.push(one);
    }
    assert_eq!(fetch(&client, "https://web.test/", CAP, SOON).await, Err(FetchError::Busy));
    waiting.pop();
    let mut one = Box::pin(fetch(&client, "https://web.test/", CAP, SOON));
    assert!(futures::poll!(&mut one).is_pending(), "whoever gives up makes room");
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_ends_its_connection() {
    let authority = Authority::new();
    let server = Server::start(authority.acceptor(&["web.test"], false), Manner::Sends(ok(b"x"))).await;
    let client = client(&authority, &[("web.test", server.address)]);
    for _ in 0..3 * MAX_PER_HOST {
        let mut one = Box::pin(fetch(&client, "https://web.test/", CAP, SOON));
        let _dropped = futures::poll!(&mut one);
    }
    assert!(fetch(&client, "https://web.test/", CAP, SOON).await.is_ok(), "its places are free again");
    let (fetched, _) = answered(Manner::Sends(ok(b"x")), CAP).await;
    assert!(fetched.is_ok());
}
