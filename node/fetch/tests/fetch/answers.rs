//! What a server may say, and what the client makes of it.

use crate::authority::Authority;
use crate::server::{Manner, SOON, Server, answered, client, fetch, ok};
use marque_fetch::{Client, FetchPolicy};
use marque_flows::ports::fetch::FetchError;
use std::sync::atomic::Ordering;
use std::time::Duration;

const CAP: usize = 64 * 1024;

#[tokio::test]
async fn what_a_server_sends_comes_whole_and_the_question_says_nothing_but_what_is_wanted() {
    let authority = Authority::new();
    let answer =
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nCache-Control: max-age=7\r\nContent-Length: 4\r\n\r\nlog\n";
    let manner = Manner::Sends(answer.to_vec());
    let server = Server::start(authority.acceptor(&["web.test"], false), manner).await;
    let client = client(&authority, &[("web.test", server.address)]);
    for url in ["https://web.test/a/did.jsonl", "https://web.test:8443/a/did.jsonl"] {
        let fetched = fetch(&client, url, CAP, SOON).await.unwrap();
        assert_eq!((fetched.bytes.as_slice(), fetched.keep), (&b"log\n"[..], Some(Duration::from_secs(7))));
    }
    let head = |host: &str| {
        format!(
            "GET /a/did.jsonl HTTP/1.1\r\nhost: {host}\r\nuser-agent: marque\r\nconnection: close\r\n\r\n"
        )
    };
    assert_eq!(*server.heads.lock().unwrap(), [head("web.test"), head("web.test:8443")], "and no cookie");
}

#[tokio::test]
async fn a_redirect_is_refused_and_nobody_is_asked_again() {
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} Elsewhere\r\nLocation: https://web.test/other\r\nContent-Length: 0\r\n\r\n"
        );
        let (fetched, server) = answered(Manner::Sends(answer.into_bytes()), CAP).await;
        assert_eq!(fetched, Err(FetchError::Redirected), "{status}");
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn only_a_200_is_an_answer_and_only_404_and_410_say_that_there_is_nothing() {
    for (status, expected) in [
        (404, FetchError::Missing),
        (410, FetchError::Missing),
        (204, FetchError::Status(204)),
        (206, FetchError::Status(206)),
        (401, FetchError::Status(401)),
        (500, FetchError::Status(500)),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
        let (fetched, _) = answered(Manner::Sends(answer.into_bytes()), CAP).await;
        assert_eq!(fetched, Err(expected), "{status}");
        assert_eq!(expected.is_missing(), status == 404 || status == 410);
    }
    let (fetched, _) = answered(Manner::Sends(b"SSH-2.0-OpenSSH_9.0\r\n".to_vec()), CAP).await;
    assert_eq!(fetched, Err(FetchError::Broken));
}

// R-347
#[tokio::test]
async fn an_answer_is_cut_off_at_the_cap_however_it_is_sent() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
    let to_the_end = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    for manner in [
        Manner::Sends(ok(&vec![b'x'; CAP + 1])),
        Manner::Repeats(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec(), vec![b'x'; 4096]),
        Manner::Repeats(chunked, chunk),
        Manner::Repeats(to_the_end, vec![b'x'; 4096]),
    ] {
        let (fetched, _) = answered(manner, CAP).await;
        assert_eq!(fetched, Err(FetchError::TooLarge));
    }
    let (fetched, _) = answered(Manner::Sends(ok(&vec![b'x'; CAP])), CAP).await;
    assert_eq!(fetched.unwrap().bytes.len(), CAP, "the cap itself is taken");
    let (fetched, _) =
        answered(Manner::Sends(ok(&vec![b'x'; marque_fetch::MAX_BYTES + 1])), usize::MAX).await;
    assert_eq!(fetched, Err(FetchError::TooLarge), "the client has a cap of its own");
}

#[tokio::test]
async fn a_head_without_an_end_is_refused() {
    let first = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
    let (fetched, _) = answered(Manner::Repeats(first, vec![b'x'; 4096]), CAP).await;
    assert_eq!(fetched, Err(FetchError::Broken));
    let first = b"HTTP/1.1 200 OK\r\n".to_vec();
    let (fetched, _) = answered(Manner::Repeats(first, b"A: b\r\n".to_vec()), CAP).await;
    assert_eq!(fetched, Err(FetchError::Broken));
}

// A log that was cut at a line end is a valid log.
#[tokio::test]
async fn an_answer_that_was_cut_short_is_none() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nline\n"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nline\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nline\n",
        b"HTTP/1.1 200 OK\r\n",
        b"",
    ] {
        let (fetched, _) = answered(Manner::Drops(answer.to_vec()), CAP).await;
        assert_eq!(fetched, Err(FetchError::Broken), "{}", String::from_utf8_lossy(answer));
    }
    let (fetched, _) = answered(Manner::Sends(b"HTTP/1.1 200 OK\r\n\r\nline\n".to_vec()), CAP).await;
    assert_eq!(fetched.unwrap().bytes, b"line\n", "ended by TLS, it is whole");
}

#[tokio::test]
async fn an_encoded_answer_is_refused() {
    for encoding in ["gzip", "br", "identity, gzip", "zstd"] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 1\r\n\r\nx");
        let (fetched, _) = answered(Manner::Sends(answer.into_bytes()), CAP).await;
        assert_eq!(fetched, Err(FetchError::Encoded), "{encoding}");
    }
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_for_its_name_is_refused() {
    let (ours, other) = (Authority::new(), Authority::new());
    let cases = [
        ("another root", other.acceptor(&["web.test"], false)),
        ("another name", ours.acceptor(&["other.test"], false)),
        ("over", ours.acceptor(&["web.test"], true)),
    ];
    for (why, acceptor) in cases {
        let server = Server::start(acceptor, Manner::Sends(ok(b"x"))).await;
        let client = client(&ours, &[("web.test", server.address)]);
        let fetched = fetch(&client, "https://web.test/", CAP, SOON).await;
        assert_eq!(fetched, Err(FetchError::Untrusted), "{why}");
        assert!(server.heads.lock().unwrap().is_empty(), "{why}: nothing was asked");
    }
    let (fetched, _) = answered(Manner::Plain(ok(b"plain")), CAP).await;
    assert_eq!(fetched, Err(FetchError::Untrusted), "no TLS at all");
    let (fetched, _) = answered(Manner::Plain(Vec::new()), CAP).await;
    assert_eq!(fetched, Err(FetchError::Broken), "closed at once");
}

#[tokio::test]
async fn an_allowance_reaches_what_it_names_and_nothing_else() {
    let authority = Authority::new();
    let server = Server::start(authority.acceptor(&["web.test"], false), Manner::Sends(ok(b"x"))).await;
    let narrow = client(&authority, &[("web.test", server.address)]);
    assert!(fetch(&narrow, "https://web.test/", CAP, SOON).await.is_ok());
    let port = server.address.port();
    for (url, expected) in [
        ("https://other.test/".to_owned(), FetchError::NoSuchHost),
        ("https://example.com/".to_owned(), FetchError::NoSuchHost),
        (format!("https://127.0.0.1:{port}/"), FetchError::Url),
        (format!("https://localhost:{port}/"), FetchError::Url),
        (format!("http://web.test:{port}/"), FetchError::Url),
    ] {
        assert_eq!(fetch(&narrow, &url, CAP, SOON).await, Err(expected), "{url}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    let usual = Client::new(FetchPolicy::default()).unwrap();
    for url in ["https://web.test/", "https://acme.example/did.json", "https://vault.internal/"] {
        assert_eq!(fetch(&usual, url, CAP, SOON).await, Err(FetchError::NotPublic), "{url}");
    }
}
