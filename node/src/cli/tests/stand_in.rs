//! A stand-in for the node: as much of its admin API as a mandate needs, over a real socket, in a thread.

use crate::data::{Data, Kind};
use crate::mandate;
use crate::mandate::tests::{Party, pair, scope};
use crate::signing;
use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::webvh::{Extension, Log};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vc_schemas::chain;
use vc_schemas::check::Held;
use vc_schemas::claims::{Agent, Claims, Owner, OwnerKind};
use vc_schemas::code::Code;
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// The one nonce that it gives.
pub(super) const NONCE: &str = "nonce-1";

/// What the stand-in knows of somebody.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) log: Log,
    owner: Option<Did>,
    capabilities: Vec<String>,
}

pub(super) struct StandIn {
    pub(super) domain: Party,
    pub(super) known: Mutex<BTreeMap<(&'static str, String), Known>>,
    pub(super) links: Mutex<Vec<Secured>>,
    token: String,
}

impl StandIn {
    /// Serves `data` as the node of `domain`, for as long as the test runs.
    pub(super) fn serve(data: &Data, domain: Party) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::fs::write(data.node(), json!({"admin": address.to_string()}).to_string()).unwrap();
        let token = std::fs::read_to_string(data.admin_token()).unwrap().trim().to_owned();
        let node = Arc::new(Self { domain, known: Mutex::default(), links: Mutex::default(), token });
        let served = Arc::clone(&node);
        std::thread::spawn(move || listener.incoming().for_each(|stream| served.answer(stream.unwrap())));
        node
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(&stream);
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_owned());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let authorised = head
            .iter()
            .any(|line| line.eq_ignore_ascii_case(&format!("authorization: Bearer {}", self.token)));
        let mut words = head[0].split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let result = if authorised { self.route(method, path, &body) } else { Err(Code::AdminTokenWrong) };
        let (status, text) = match result {
            Ok(Value::String(text)) => (200, text),
            Ok(json) => (200, json.to_string()),
            Err(code) => {
                (code.http_status(), json!({"code": code.as_str(), "detail": code.meaning()}).to_string())
            }
        };
        let length = text.len();
        write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}")
            .unwrap();
    }

    fn route(&self, method: &str, path: &str, body: &Value) -> Result<Value, Code> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["v1", "nonces"]) => {
                Ok(json!({"nonce": NONCE, "audience": self.domain.did().as_str(), "expiresIn": 300}))
            }
            ("POST", ["v1", "indices"]) => Ok(json!({
                "index": 7, "revocation": pair().revocation.list, "suspension": pair().suspension.list,
            })),
            ("POST", ["v1", "links"]) => self.register_link(body),
            ("POST", ["v1", kind]) => self.register(kind, body),
            ("POST", ["v1", kind, name, "log"]) => self.rotate(kind, name, body),
            ("GET", ["v1", "agents"]) => Ok(json!({"agents": []})),
            ("GET", ["v1", kind, name]) => {
                let known = self.find(kind, name)?;
                let capabilities = &known.capabilities;
                Ok(
                    json!({"name": name, "did": known.log.did().as_str(), "state": "active", "capabilities": capabilities}),
                )
            }
            ("GET", ["v1", kind, name, "credential"]) => {
                let format = query.trim_start_matches("format=").replace("%2B", "+");
                let envelope = Envelope::of_format(Content::Credential, &format).unwrap_or(Envelope::Jwt);
                let credential = self.credential(&self.find(kind, name)?, name, envelope);
                Ok(json!({"credential": mandate::encode(&credential)}))
            }
            ("GET", [kind, name, "did.jsonl"]) => {
                let known = self.find(kind, name)?;
                Ok(Value::String(String::from_utf8(known.log.bytes().to_vec()).unwrap()))
            }
            _ => Err(Code::NotFound),
        }
    }

    fn find(&self, kind: &str, name: &str) -> Result<Known, Code> {
        let known = self.known.lock().unwrap();
        let found = known.iter().find(|((k, n), _)| *k == kind && n == name);
        found.map(|(_, known)| known.clone()).ok_or(Code::NotFound)
    }

    fn register(&self, kind: &str, body: &Value) -> Result<Value, Code> {
        let kind =
            [Kind::Owner, Kind::Agent].into_iter().find(|k| k.plural() == kind).ok_or(Code::NotFound)?;
        let name = body["name"].as_str().unwrap();
        let now = signing::now();
        let log = Log::verify(body["log"].as_str().unwrap().as_bytes(), now).map_err(|_| Code::LogRefused)?;
        let proof = body["proof"].as_str().unwrap().as_bytes();
        let proof = Secured::parse(Content::Presentation, Envelope::Jwt, proof, 1 << 16).unwrap();
        let key = log
            .document()
            .unwrap()
            .authorised(Relationship::Authentication, proof.key_id(), now)
            .unwrap()
            .key
            .clone();
        proof.verify(&key, now, Duration::ZERO).map_err(|_| Code::PossessionUnproven)?;
        let held = Held::read(proof).unwrap();
        let said = held.presentation();
        if said.nonce != NONCE || said.holder != *log.did() || said.audience != self.domain.did().as_str() {
            return Err(Code::PossessionUnproven);
        }
        let owner = match body.get("owner").and_then(Value::as_str) {
            Some(owner) => {
                Some(self.find("owners", owner).map_err(|_| Code::OwnerUnknown)?.log.did().clone())
            }
            None => None,
        };
        let capabilities = body.get("capabilities").and_then(Value::as_array).cloned().unwrap_or_default();
        let capabilities = capabilities.iter().map(|c| c.as_str().unwrap().to_owned()).collect();
        let known = Known { log, owner, capabilities };
        let credential = mandate::encode(&self.credential(&known, name, Envelope::Jwt));
        let answer = json!({"name": name, "did": known.log.did().as_str(), "credential": credential});
        self.known.lock().unwrap().insert((kind.plural(), name.to_owned()), known);
        Ok(answer)
    }

    fn rotate(&self, kind: &str, name: &str, body: &Value) -> Result<Value, Code> {
        let mut known = self.known.lock().unwrap();
        let found = known.iter_mut().find(|((k, n), _)| *k == kind && n == name).ok_or(Code::NotFound)?.1;
        match found.log.extend(body["log"].as_str().unwrap().as_bytes(), signing::now()) {
            Ok(Extension::Longer(log)) => found.log = log,
            _ => return Err(Code::LogRefused),
        }
        Ok(json!({"name": name, "versionNumber": found.log.head().number}))
    }

    fn register_link(&self, body: &Value) -> Result<Value, Code> {
        let texts = body["chain"].as_array().unwrap();
        let chain: Vec<Secured> = texts
            .iter()
            .map(|t| mandate::decode(t.as_str().unwrap(), MAX_CREDENTIAL_BYTES).unwrap())
            .collect();
        let links: Vec<_> = chain.iter().map(|secured| mandate::read_link(secured).unwrap()).collect();
        chain::check(&links).map_err(|refusal| refusal.code)?;
        let last = links.last().unwrap();
        self.links.lock().unwrap().push(chain.last().unwrap().clone());
        Ok(json!({"id": last.credential.id, "digest": did_resolver::codec::digest_multibase(&last.digest)}))
    }

    fn credential(&self, known: &Known, name: &str, envelope: Envelope) -> Secured {
        let (id, domain) = (known.log.did().clone(), "alpha.test".to_owned());
        let claims = match &known.owner {
            None => Claims::Owner(Owner { id, kind: OwnerKind::Person, domain, status: pair() }),
            Some(owner) => Claims::Agent(Agent {
                id,
                name: name.to_owned(),
                domain,
                owner: owner.clone(),
                capabilities: scope(&known.capabilities.iter().map(String::as_str).collect::<Vec<_>>()),
                status: pair(),
            }),
        };
        let now = signing::now();
        self.domain.sign(
            envelope,
            &Credential {
                id: uuid_urn(signing::random().unwrap()),
                issuer: self.domain.did().clone(),
                valid_from: now,
                valid_until: now.plus(Duration::from_secs(86_400)),
                status: pair(),
                claims,
            },
        )
    }
}
