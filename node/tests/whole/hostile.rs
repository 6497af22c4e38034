//! Garbage at the doors of a running node: sockets that speak nonsense, too much, or nothing.

use crate::process::Domain;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Sends and reads until the node closes; ends its own side first if `and_close`.
fn send(address: SocketAddr, bytes: &[u8], and_close: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The node may close before it has read all: that is its right.
    let _closed = stream.write_all(bytes);
    if and_close {
        let _half = stream.shutdown(std::net::Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _reset = stream.take(1 << 20).read_to_end(&mut answer);
    answer
}

//
#[test]
fn garbage_on_every_socket_is_survived() {
    let alpha = Domain::start("alpha.test");
    let about = alpha.about();
    let address = |name: &str| about[name].as_str().unwrap().parse().unwrap();
    let p2p = about["p2p"][0].as_str().unwrap();
    let port: u16 = p2p.split('/').nth(4).unwrap().parse().unwrap();
    let doors: [SocketAddr; 4] =
        [address("public"), address("admin"), address("health"), ([127, 0, 0, 1], port).into()];
    let long = vec![b'A'; 2 << 20];
    let zeros = vec![0; 100_000];
    for door in doors {
        for garbage in [
            &b""[..],
            b"\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            &long,
            &zeros,
            b"\x13/multistream/1.0.0\n\xff\xff\xff\xff",
        ] {
            send(door, garbage, true);
        }
    }
    assert_eq!(alpha.done(&["status"]).text("domain"), "alpha.test");
}

#[test]
fn an_oversized_or_broken_body_gets_a_problem_with_a_code() {
    let alpha = Domain::start("alpha.test");
    let public = alpha.about()["public"].as_str().unwrap().parse().unwrap();
    let deep = format!("{{\"presentation\":{}", "[".repeat(1_000));
    for body in ["", "{", "nul", "{\"a\":1,\"a\":2}", deep.as_str(), "{\"presentation\":5}"] {
        let request = format!(
            "POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = String::from_utf8_lossy(&send(public, request.as_bytes(), false)).into_owned();
        assert!(answer.starts_with("HTTP/1.1 4"), "{body:.40}: {answer}");
        assert!(answer.contains("application/problem+json") && answer.contains("\"code\""), "{answer}");
    }
    let huge = format!(
        "POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        1_u64 << 40
    );
    let answer = String::from_utf8_lossy(&send(public, huge.as_bytes(), false)).into_owned();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
