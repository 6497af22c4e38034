//! Tests of who asks.

use super::*;
use axum::http::HeaderValue;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn is_proxy(address: IpAddr) -> bool {
    address.is_loopback() || address == ip("10.0.0.1") || address == ip("10.0.0.2")
}

fn who(from: &str, forwarded: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_str(value).unwrap());
    }
    client(ip(from), &headers, &is_proxy).map(|address| address.to_string())
}

//
#[test]
fn only_a_proxy_of_the_operator_says_for_whom_it_asks() {
    let named = |text: &str| Some(text.to_owned());
    assert_eq!(who("192.0.2.1", &[]), named("192.0.2.1"));
    assert_eq!(who("192.0.2.1", &["198.51.100.1"]), named("192.0.2.1"), "a stranger chooses nothing");
    assert_eq!(who("10.0.0.1", &["198.51.100.1"]), named("198.51.100.1"));
    // What the caller wrote itself comes first.
    assert_eq!(who("10.0.0.1", &["203.0.113.9, 198.51.100.1"]), named("198.51.100.1"));
    assert_eq!(who("10.0.0.1", &["203.0.113.9", "198.51.100.1, 10.0.0.2"]), named("198.51.100.1"));
    assert_eq!(who("10.0.0.1", &["198.51.100.1:4711"]), named("198.51.100.1"));
    assert_eq!(who("10.0.0.1", &["[2001:db8::1]:4711"]), named("2001:db8::1"));
    assert_eq!(who("10.0.0.1", &["[2001:db8::1]"]), named("2001:db8::1"));
}

#[test]
fn a_proxy_that_does_not_say_for_whom_asks_for_itself() {
    for forwarded in [&[][..], &["unknown"], &["198.51.100.1, "], &["10.0.0.2"], &["\u{e9}"]] {
        assert_eq!(who("10.0.0.1", forwarded).as_deref(), Some("10.0.0.1"), "{forwarded:?}");
    }
    let long = vec!["10.0.0.2"; 10_000].join(",");
    assert_eq!(who("10.0.0.1", &[&format!("198.51.100.1,{long}")]).as_deref(), Some("10.0.0.1"));
    // On this machine itself nobody needs to.
    assert_eq!(who("127.0.0.1", &[]), None);
    assert_eq!(who("127.0.0.1", &["unknown"]).as_deref(), Some("127.0.0.1"));
}

#[test]
fn whoever_has_a_network_of_ipv6_counts_once() {
    let door = Door::new(1, Arc::new(is_proxy));
    let from = |text: &str| Caller(SocketAddr::new(ip(text), 1));
    assert!(door.enter(from("2001:db8::1"), &HeaderMap::new()).is_ok());
    assert!(door.enter(from("2001:db8::2"), &HeaderMap::new()).is_err());
    assert!(door.enter(from("2001:db8:0:1::1"), &HeaderMap::new()).is_ok());
    // IPv4 in the form of IPv6 is IPv4.
    assert!(door.enter(from("192.0.2.1"), &HeaderMap::new()).is_ok());
    assert!(door.enter(from("::ffff:192.0.2.1"), &HeaderMap::new()).is_err());
    // Without a limit nobody is told to wait, and with one again whoever asks too often is.
    for (per_minute, refused) in [(0, 0), (1, 2)] {
        door.set(per_minute, Arc::new(is_proxy));
        let asked = (0..3).filter(|_| door.enter(from("192.0.2.1"), &HeaderMap::new()).is_err());
        assert_eq!(asked.count(), refused);
    }
}
