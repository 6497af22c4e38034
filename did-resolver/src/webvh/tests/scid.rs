//! Logs by their SCID alone.

use super::*;
use crate::did::DidUrl;
use crate::resolution::{Resolution, ResolutionError};

fn read(text: &str) -> Result<ScidId, HostError> {
    ScidId::parse(&text.parse::<DidUrl>().unwrap())
}

const SCID: &str = "QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3";

#[test]
fn a_did_scid_names_a_log_and_src_the_place_where_it_may_be() {
    let bare = read(&format!("did:scid:vh:1:{SCID}")).unwrap();
    assert_eq!((bare.scid(), bare.webvh()), (SCID, Ok(None)));
    assert_eq!(ScidId::of(SCID), Ok(bare));
    for (src, place) in [
        ("example.com", "example.com"),
        ("example.com/allan", "example.com:allan"),
        ("did.company.info/employee/abc", "did.company.info:employee:abc"),
        ("example.com%3A8443%2Fx", "example.com%3A8443:x"),
    ] {
        let id = read(&format!("did:scid:vh:1:{SCID}?versionNumber=1&src={src}#key-1")).unwrap();
        let did = id.webvh().unwrap().unwrap().did().to_string();
        assert_eq!(did, format!("did:webvh:{SCID}:{place}"), "{src}");
    }
}

#[test]
fn what_is_no_place_or_no_scid_is_refused() {
    for src in [
        "",
        "/x",
        "127.0.0.1",
        "localhost",
        "example.com/",
        "example.com/..",
        "example.com/%2e%2e",
        "example.com/a%2Fb%2F..",
        "Example.com",
        "example.com:x",
        "example.com:80:80",
        "example.com/a:b",
        "example.com%253A80",
        "example.com:",
        "example.com:0",
        "user@example.com",
        "https%3A%2F%2Fexample.com",
        "example.com%3Fq",
        "example.com%23f",
        "did:cheqd:testnet:x",
        "example.com&src=example.org",
    ] {
        assert!(read(&format!("did:scid:vh:1:{SCID}?src={src}")).is_err(), "{src}");
    }
    for other in ["did:scid:ke:1:x", "did:scid:vh:2:x", "did:webvh:x:a.example", "did:scid:vh"] {
        assert_eq!(read(other), Err(HostError::OtherMethod), "{other}");
    }
    assert_eq!(read("did:scid:vh:1:Qm"), Err(HostError::Scid));
    assert_eq!(ScidId::of("a:b"), Err(HostError::Scid));
    assert_eq!(ScidId::of(""), Err(HostError::Scid));
}

#[test]
fn under_its_did_scid_a_log_says_what_it_says_under_its_did_and_names_that() {
    let mut portable = genesis();
    portable.portable = true;
    portable.document["service"] = json!([{"id": "did:webvh:{SCID}:acme.example:agents:bot#s", "type": "T",
        "serviceEndpoint": {"uri": "did:webvh:{SCID}:acme.example:agents:bot", "n": 1}}]);
    let log = first(portable);
    let old = log.did().to_string();
    let new = format!("did:webvh:{}:acme.example", log.scid());
    let document = json!({"id": new, "alsoKnownAs": [old, "did:web:acme.example"], "controller": new});
    let log = then(&log, Change { document: Some(document), ..Change::default() }, 1, 1);
    let id = ScidId::of(log.scid()).unwrap();
    let name = id.did().as_str();
    let now = Resolution::of_scid(&log, &id, None).unwrap();
    let shown = now.document.unwrap();
    assert_eq!((&shown["id"], &shown["controller"]), (&json!(name), &json!(name)));
    // The old name begins as the new one does, and is another.
    assert_eq!(shown["alsoKnownAs"], json!([old, "did:web:acme.example", new]));
    let files = format!("{name}#files");
    assert!(shown["service"].as_array().unwrap().iter().any(|service| service["id"] == files.as_str()));
    let metadata = now.metadata.to_json();
    assert_eq!((&metadata["versionNumber"], metadata.get("canonicalId")), (&json!("2"), None));

    let then = Resolution::of_scid(&log, &id, Some(&VersionQuery::Number(1))).unwrap().document.unwrap();
    assert_eq!((&then["id"], &then["alsoKnownAs"]), (&json!(name), &json!([old])));
    assert_eq!(then["service"][0]["id"], json!(format!("{name}#s")));
    assert_eq!(then["service"][0]["serviceEndpoint"]["uri"], json!(name));
    let other = ScidId::of(SCID).unwrap();
    assert_eq!(Resolution::of_scid(&log, &other, None), Err(ResolutionError::NotFound));
    let gone = then_deactivated(&log);
    let over = Resolution::of_scid(&gone, &id, None).unwrap();
    assert_eq!((over.document.clone(), over.status()), (None, 410));
}

fn then_deactivated(log: &Log) -> Log {
    then(log, Change { deactivate: true, ..Change::default() }, 5, 1)
}
