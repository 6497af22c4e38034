//! The resolver of a running node as any client sees it (DID Resolution 1.0, section 11): methods,
//! representations, statuses, and DIDs written in every way that a URL may have them.

use crate::offline::vector;
use crate::process::Domain;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const KEY: &str = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";

/// What the node answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn media_type(&self) -> &str {
        self.headers.get("content-type").map_or("", String::as_str)
    }

    /// The name of the error, or nothing.
    pub(crate) fn error(&self) -> String {
        let json = self.json();
        let metadata = json.get("dereferencingMetadata").or_else(|| json.get("didResolutionMetadata"));
        let named = metadata.and_then(|m| m.pointer("/error/type")).and_then(Value::as_str).unwrap_or("");
        named.rsplit('#').next().unwrap().to_owned()
    }
}

/// A node and the two doors that are used here.
struct Node {
    domain: Domain,
    public: SocketAddr,
    admin: SocketAddr,
}

impl Node {
    fn start() -> Self {
        let domain = Domain::start("alpha.test");
        let about = domain.about();
        let door = |name: &str| about[name].as_str().unwrap().parse().unwrap();
        let (public, admin) = (door("public"), door("admin"));
        Self { domain, public, admin }
    }

    fn ask(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        ask(self.public, line, headers, body)
    }

    fn get(&self, rest: &str, accept: &str) -> Reply {
        self.ask(&format!("GET /1.0/identifiers/{rest}"), &[("Accept", accept)], "")
    }

    fn post(&self, rest: &str, options: &Value) -> Reply {
        let line = format!("POST /1.0/identifiers/{rest}");
        self.ask(&line, &[("Content-Type", "application/json")], &options.to_string())
    }

    /// Hands the log of another implementation in, and gives its DID.
    fn import(&self, name: &str) -> (String, Reply) {
        let text = std::fs::read_to_string(vector(name)).unwrap();
        let log: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let did = log.last().unwrap()["state"]["id"].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(self.domain.data().join("admin.token")).unwrap();
        let authorization = format!("Bearer {}", token.trim());
        let headers = [("Content-Type", "application/json"), ("Authorization", authorization.as_str())];
        let body = json!({"did": did, "log": log}).to_string();
        let reply = ask(self.admin, "POST /v1/webvh/import", &headers, &body);
        (did, reply)
    }
}

pub(crate) fn ask(door: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut request = format!("{line} HTTP/1.1\r\nHost: resolver.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(door).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Reply { status, headers: lines.map(header).collect(), body: body.to_owned() }
}

const ANY: &str = "*/*";

#[test]
fn a_running_node_answers_as_the_http_binding_says() {
    let node = Node::start();
    let did = node.domain.did.clone();
    let encoded = did.replace(':', "%3A");

    // However the DID is written, and by either method.
    let whole = node.get(&did, ANY);
    assert_eq!((whole.status, whole.media_type()), (200, "application/did-resolution"));
    assert_eq!(whole.json()["didDocument"]["id"], did.as_str());
    for rest in [did.clone(), encoded.clone(), encoded.replace("%3A", "%3a")] {
        for reply in [node.get(&rest, ANY), node.post(&rest, &json!({}))] {
            assert_eq!(reply.status, 200, "{rest}: {}", reply.body);
            assert_eq!(reply.json()["didDocument"], whole.json()["didDocument"], "{rest}");
        }
    }
    let first = node.post(&encoded, &json!({"versionNumber": "1", "accept": "application/did"}));
    assert_eq!((first.status, first.media_type()), (200, "application/did"));
    assert_eq!(first.json()["id"], did.as_str());

    // The command line says where the answer came from, and how long that took.
    let told = node.domain.run(&["resolve", &did, "--trace"]);
    assert_eq!((told.exit, &told.json["didDocument"]), (0, &whole.json()["didDocument"]), "{}", told.json);
    let step = &told.json["didResolutionMetadata"]["trace"][0];
    assert_eq!((&step["source"], &step["outcome"]), (&json!("store"), &json!("found")));
    assert!(step["ms"].is_u64() && told.json["didResolutionMetadata"]["confirmedAt"].is_string());
    let plain = node.domain.run(&["resolve", &format!("{did}#key-1"), "--version-number", "1"]);
    assert_eq!((plain.exit, &plain.json["content"]["type"]), (0, &json!("Multikey")), "{}", plain.json);
    assert!(plain.json["dereferencingMetadata"].get("trace").is_none());

    // Each representation.
    let profiled = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
    for (accept, of_whole) in [
        ("application/did-resolution", true),
        (profiled, true),
        ("application/did", false),
        ("application/did+json", false),
        ("application/did+ld+json", false),
    ] {
        for subject in [did.as_str(), KEY] {
            let reply = node.get(subject, accept);
            assert_eq!((reply.status, reply.media_type()), (200, accept), "{subject}");
            let json = reply.json();
            let document = if of_whole { &json["didDocument"] } else { &json };
            assert_eq!(document["id"], subject, "{accept}");
        }
    }
    assert_eq!(node.get(&did, profiled).json()["@context"], "https://w3id.org/did-resolution/v1");

    // What does not resolve, each with its status and its error.
    let unknown = "did:webvh:QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3:nowhere.example";
    for (rest, status, error) in [
        ("nonsense", 400, "INVALID_DID"),
        ("did:webvh:short:a.example", 400, "INVALID_DID"),
        ("did:key:z6Mk", 400, "INVALID_DID"),
        ("did:key:z6Mk%23x%23y", 400, "INVALID_DID_URL"),
        (&format!("{did}?versionTime=yesterday"), 400, "INVALID_OPTIONS"),
        (&format!("{did}?versionNumber=7"), 404, "NOT_FOUND"),
        (&format!("{did}%23nothing"), 404, "NOT_FOUND"),
        (unknown, 404, "NOT_FOUND"),
        (&format!("{KEY}?versionNumber=1"), 501, "FEATURE_NOT_SUPPORTED"),
        (&format!("{did}?noCache=true"), 501, "FEATURE_NOT_SUPPORTED"),
        ("did:example:123", 501, "METHOD_NOT_SUPPORTED"),
    ] {
        let reply = node.get(rest, ANY);
        assert_eq!((reply.status, reply.error().as_str()), (status, error), "{rest}: {}", reply.body);
    }
    for rest in [did.clone(), format!("{did}%23key-1")] {
        let reply = node.get(&rest, "text/html");
        assert_eq!((reply.status, reply.error().as_str()), (406, "REPRESENTATION_NOT_SUPPORTED"));
    }
    let put = node.ask(&format!("PUT /1.0/identifiers/{did}"), &[], "");
    assert_eq!((put.status, &put.json()["code"]), (405, &json!("method-not-allowed")));
}

#[test]
fn a_running_node_shows_the_way_to_services_and_says_that_a_did_is_gone() {
    let node = Node::start();
    let did = node.domain.did.clone();
    for (rest, leads_to) in [
        (format!("{did}/whois"), "https://alpha.test/whois.vp"),
        (format!("{did}/a/b.txt"), "https://alpha.test/a/b.txt"),
        (format!("{did}?service=files&relativeRef=%2Fc.json"), "https://alpha.test/c.json"),
        (format!("{}%3Fservice%3Dwhois", did.replace(':', "%3A")), "https://alpha.test/whois.vp"),
    ] {
        for reply in [node.get(&rest, ANY), node.get(&rest, "text/uri-list"), node.post(&rest, &json!({}))] {
            assert_eq!((reply.status, reply.headers["location"].as_str()), (303, leads_to), "{rest}");
        }
        assert!(node.get(&rest, "text/uri-list").body.is_empty(), "{rest}");
    }
    let key = node.get(&format!("{did}%23files"), "application/did-url-dereferencing");
    assert_eq!((key.status, &key.json()["content"]["serviceEndpoint"]), (200, &json!("https://alpha.test/")));

    let (gone, imported) = node.import("deactivate.ts.jsonl");
    assert_eq!(imported.status, 200, "{}", imported.body);
    for reply in [node.get(&gone, ANY), node.get(&gone, "application/did"), node.post(&gone, &json!({}))] {
        let json = reply.json();
        assert_eq!((reply.status, reply.media_type()), (410, "application/did-resolution"), "{json}");
        assert_eq!(json["didDocument"], Value::Null);
        assert_eq!(json["didDocumentMetadata"]["deactivated"], true);
    }
    let before = node.get(&format!("{gone}?versionNumber=1"), ANY);
    assert_eq!((before.status, &before.json()["didDocument"]["id"]), (410, &json!(gone)));

    let (moved, imported) = node.import("portable-move.ts.jsonl");
    assert_eq!(imported.status, 200, "{}", imported.body);
    let old = node.get(&format!("{moved}?versionNumber=1"), ANY).json()["didDocument"]["id"].clone();
    let under_the_old_name = node.get(old.as_str().unwrap(), ANY).json();
    assert_ne!(old, moved);
    assert_eq!(under_the_old_name["didDocument"]["id"], moved);
    assert_eq!(under_the_old_name["didDocumentMetadata"]["canonicalId"], moved);
    assert_eq!(under_the_old_name["didDocumentMetadata"]["equivalentId"], json!([moved]));
    let scid = format!("did:scid:vh:1:{}", moved.split(':').nth(2).unwrap());
    for reply in [node.get(&scid, ANY), node.get(&format!("{scid}?src=example.org"), ANY)] {
        let json = reply.json();
        assert_eq!((reply.status, &json["didDocument"]["id"]), (200, &json!(scid)), "{json}");
        assert!(json["didDocument"]["alsoKnownAs"].as_array().unwrap().contains(&json!(moved)));
    }
    let files = node.get(&format!("{scid}%3Fsrc=example.org%23files"), ANY).json();
    assert_eq!(files["content"]["serviceEndpoint"], "https://example.org/");
}
