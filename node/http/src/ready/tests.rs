//! Tests of answers that are made once.

use super::*;

const DID: &str = "did:webvh:a:b.test";

fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(1_800_000_000 + seconds)
}

fn confirmed(now: UnixSeconds) -> String {
    format!("{{\"a\":1,\"m\":{{{CONFIRMED}{now}\"}}}}")
}

/// Status, tag and body.
fn said(ready: &mut Ready, now: UnixSeconds, headers: &HeaderMap) -> (u16, String, Option<Piece>) {
    let said = ready.say(headers, now);
    let tag = said.tag.map_or(String::new(), |tag| tag.to_str().unwrap().to_owned());
    (said.status.as_u16(), tag, said.body)
}

#[test]
fn the_time_of_asking_is_put_in_its_place_and_who_is_being_told_another_hears_that_to_its_end() {
    let mut ready = Ready::new(200, "application/json", DID, &confirmed(at(0)));
    assert!(ready.confirm_when_asked(at(0)));
    assert_eq!((ready.did(), ready.len()), (DID.as_bytes(), ready.bytes.len()));
    let none = HeaderMap::new();
    let (status, first_tag, first) = said(&mut ready, at(0), &none);
    let first = first.unwrap();
    assert_eq!((status, first.rest()), (200, confirmed(at(0)).as_bytes()));
    let (_, later_tag, later) = said(&mut ready, at(1), &none);
    assert_ne!(first_tag, later_tag);
    assert_eq!(first.rest(), confirmed(at(0)).as_bytes(), "it is being told");
    assert_eq!(later.unwrap().rest(), confirmed(at(1)).as_bytes());
    // Now that nobody is, it is not copied.
    let before = Arc::as_ptr(&ready.bytes);
    let (_, _, last) = said(&mut ready, at(2), &none);
    assert_eq!((last.unwrap().rest(), Arc::as_ptr(&ready.bytes)), (confirmed(at(2)).as_bytes(), before));
    assert_eq!(ready.did(), DID.as_bytes());
    // A time of another length leaves the one before, and its tag.
    let (_, tag, body) = said(&mut ready, UnixSeconds::new(1), &none);
    assert!(tag.contains(&at(2).get().to_string()));
    assert_eq!(body.unwrap().rest(), confirmed(at(2)).as_bytes());
}

#[test]
fn who_has_what_would_be_said_now_is_told_so() {
    let mut ready = Ready::new(200, "application/json", DID, &confirmed(at(0)));
    assert!(ready.confirm_when_asked(at(0)));
    let (_, tag, _) = said(&mut ready, at(0), &HeaderMap::new());
    let mut has = HeaderMap::new();
    has.insert(IF_NONE_MATCH, HeaderValue::from_str(&tag).unwrap());
    let (status, told, body) = said(&mut ready, at(0), &has);
    assert_eq!((status, told, body.is_none()), (304, tag, true));
    assert_eq!(said(&mut ready, at(1), &has).0, 200);
}

#[test]
fn only_what_is_there_has_a_tag_and_only_the_time_that_was_meant_is_replaced() {
    let mut gone = Ready::new(410, "application/json", DID, "{}").tagged();
    let (status, tag, body) = said(&mut gone, at(0), &HeaderMap::new());
    assert_eq!((status, tag.as_str(), body.unwrap().rest()), (410, "", b"{}".as_slice()));
    let mut other = Ready::new(200, "application/json", DID, &confirmed(at(5)));
    assert!(!other.confirm_when_asked(at(0)));
    // A document may say anything before.
    let body = format!("{{{CONFIRMED}{}\",\"x\":1,{CONFIRMED}{}\"}}", at(0), at(0));
    let mut twice = Ready::new(200, "application/json", DID, &body);
    assert!(twice.confirm_when_asked(at(0)));
    let (_, _, body) = said(&mut twice, at(9), &HeaderMap::new());
    let wanted = format!("{{{CONFIRMED}{}\",\"x\":1,{CONFIRMED}{}\"}}", at(0), at(9));
    assert_eq!(body.unwrap().rest(), wanted.as_bytes());
}
