//! Makes `tests/vectors/marque`: for each credential type signed material, what a verifier knows, and what it
//! must say. `MARQUE_WRITE=1 cargo test -p vc-schemas vectors` writes the files; the test here says when they
//! are out of date, and `vc-schemas/tests/vectors.rs` runs them from the files alone.

use super::*;
use crate::claims::{Approval, DomainRecognition, NodeMembership, Parent, Signal, TrustSignal, peer_id};
use crate::refusal::Path;
use did_resolver::codec;

/// A way to be wrong: the member, what it becomes (`null`: left out), and the member that is named.
type Wrong = (&'static str, &'static str, Value, &'static str);

enum Expected {
    Verified,
    Refused(Code, Path),
    Wants(Vec<Did>, Vec<ListKey>),
}

struct Case {
    name: String,
    secured: Secured,
    at: UnixSeconds,
    request: Option<Value>,
    expected: Expected,
}

/// Where the credential that is tried stands.
#[derive(Clone, Copy)]
enum Place {
    /// By itself.
    Alone,
    /// The second link of a chain.
    Link,
    /// The approval of what the last agent of a chain asks for.
    Approval,
}

impl Place {
    /// Where it is named before it is known what it is.
    fn unread(self) -> Path {
        match self {
            Self::Alone => Path::root(),
            Self::Link => Path::entry(1),
            Self::Approval => Path::entry(5),
        }
    }

    fn path(self) -> Path {
        match self {
            Self::Alone => Path::root(),
            Self::Link => Path::link(1),
            Self::Approval => Path::approval(),
        }
    }
}

struct Vectors {
    world: World,
    place: Place,
    /// The others of the presentation, in order, the one that is tried left out.
    beside: Vec<Secured>,
    /// What is asked of presentations.
    request: Option<Value>,
    cases: Vec<Case>,
}

fn request(json: &Value) -> Request {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    Request {
        capability: text("capability").map(|capability| capability.parse().unwrap()),
        resource: text("resource"),
        arguments: json["arguments"].as_object().cloned().unwrap_or_default().into_iter().collect(),
        ..Request::default()
    }
}

fn late() -> UnixSeconds {
    NOW.plus(Duration::from_secs(361))
}

impl Vectors {
    /// An identity credential of a domain under which its subject does not stand.
    fn foreign(&mut self, domain: &Party, credential: &Credential) {
        let (secured, issuer) = (self.world.secure(domain, credential), Path::root().then("issuer"));
        self.refused(
            "by a domain under which its subject does not stand",
            secured,
            Code::IdentityMismatch,
            issuer,
        );
    }

    fn new(place: Place) -> Self {
        let mut world = World::new(Envelope::Jwt);
        // Whoever keeps the records of the suspended, deactivated, contested, unknown and unresolved domains.
        for name in ["charlie", "delta", "echo", "foxtrot"] {
            let party = Party::new(name, &format!("{name}.test"));
            world.documents.insert(party.did.clone(), party.document_json());
        }
        Self { world, place, beside: Vec::new(), request: None, cases: Vec::new() }
    }

    fn domain(name: &str) -> Party {
        Party::new(name, &format!("{name}.test"))
    }

    fn facts(&self) -> Facts {
        let mut facts = self.world.facts();
        facts.insert_did(Self::domain("delta").did, DidFact::Deactivated);
        facts.insert_did(Self::domain("echo").did, DidFact::Contested);
        facts
    }

    fn expect(&self) -> Expect {
        let mut expect = self.world.expect();
        for (name, suspended) in [("charlie", true), ("delta", false), ("echo", false), ("golf", false)] {
            let recognition = Recognition { suspended, anchor: Anchor::default() };
            expect.domains.insert(Self::domain(name).scid(), recognition);
        }
        expect
    }

    /// The credential where it stands, presented at `at` if it is presented.
    fn placed(&self, secured: Secured, envelope: Envelope, at: UnixSeconds) -> Secured {
        let mut all = self.beside.clone();
        match self.place {
            Place::Alone => return secured,
            Place::Link => all.insert(1, secured),
            Place::Approval => all.push(secured),
        }
        let holder = &self.world.calendar;
        let mut presentation = self.world.presentation(holder, all);
        presentation.issued = at;
        presentation.expires = at.plus(Duration::from_secs(120));
        holder.sign(Content::Presentation, envelope, presentation.to_json())
    }

    fn whole(&mut self, name: &str, secured: Secured, at: UnixSeconds, expected: Expected) {
        let request = self.request.clone();
        self.cases.push(Case { name: name.to_owned(), secured, at, request, expected });
    }

    fn case(&mut self, name: &str, secured: Secured, expected: Expected) {
        let whole = self.placed(secured, Envelope::Jwt, NOW);
        self.whole(name, whole, NOW, expected);
    }

    fn refused(&mut self, name: &str, secured: Secured, code: Code, path: Path) {
        self.case(name, secured, Expected::Refused(code, path));
    }

    fn signed(&self, signer: &Party, payload: Value) -> Secured {
        signer.sign(Content::Credential, Envelope::Jwt, payload)
    }

    /// What can be wrong with a credential of any type.
    fn frame(&mut self, signer: &Party, good: &Credential) {
        let payload = good.to_json();
        let envelopes = [
            Envelope::Jwt,
            Envelope::Cose,
            Envelope::DataIntegrity,
            Envelope::Compact,
            Envelope::VcSdJwt,
            Envelope::DcSdJwt,
        ];
        for envelope in envelopes {
            let secured = signer.sign(Content::Credential, envelope, payload.clone());
            let whole = self.placed(secured, envelope, NOW);
            self.whole(&format!("valid, as {}", whole.media_type()), whole, NOW, Expected::Verified);
        }
        let contexts = &payload["@context"];
        let other_type = |kind: &str| json!(["VerifiableCredential", kind]);
        let status = &payload["credentialStatus"];
        self.members(
            signer,
            &payload,
            [
                ("contexts in another order", "/@context", json!([contexts[1], contexts[0]]), "@context"),
                ("a context inline", "/@context", json!([contexts[0], {"id": "@id"}]), "@context"),
                ("a type that is not known", "/type", other_type("PowerCredential"), "type"),
                ("a type more", "/type", json!([payload["type"][0], payload["type"][1], "A"]), "type"),
                ("a member that is not known", "/more", json!(true), "credential"),
                ("a claim that is not known", "/credentialSubject/more", json!(true), "credentialSubject"),
                ("no subject id", "/credentialSubject/id", Value::Null, "id"),
                ("an id that is no UUID URN", "/id", json!("https://alpha.test/1"), "id"),
                ("an issuer that is no DID", "/issuer", json!("https://alpha.test"), "issuer"),
                ("no end", "/validUntil", Value::Null, "validUntil"),
                ("an end before the begin", "/validUntil", payload["validFrom"].clone(), "validUntil"),
                ("a begin that is no instant", "/validFrom", json!("2027-01-15"), "validFrom"),
                ("no status", "/credentialStatus", Value::Null, "credentialStatus"),
                ("one status entry", "/credentialStatus", json!([status[0]]), "credentialStatus"),
                (
                    "two of one purpose",
                    "/credentialStatus",
                    json!([status[0], status[0]]),
                    "credentialStatus",
                ),
                (
                    "an index that is no text",
                    "/credentialStatus/0/statusListIndex",
                    json!(7),
                    "credentialStatus",
                ),
            ],
        );
        self.dates_and_signatures(signer, good);
        self.status(signer, good);
    }

    fn members<const N: usize>(&mut self, signer: &Party, payload: &Value, wrong: [Wrong; N]) {
        for (name, pointer, value, member) in wrong {
            let mut changed = payload.clone();
            let (above, last) = pointer.rsplit_once('/').unwrap();
            let members = changed.pointer_mut(above).unwrap();
            match value {
                Value::Null => {
                    members.as_object_mut().unwrap().remove(last);
                }
                value if members.is_array() => members[last.parse::<usize>().unwrap()] = value,
                value => members[last] = value,
            }
            let code = match member {
                "@context" => Code::ContextUnknown,
                "constraints" if name.contains("not known") => Code::ConstraintUnknown,
                _ => Code::CredentialMalformed,
            };
            let secured = self.signed(signer, changed);
            self.refused(name, secured, code, self.place.unread().then(member));
        }
    }

    fn dates_and_signatures(&mut self, signer: &Party, good: &Credential) {
        let path = || self.place.path();
        let (root, from, until) = (path(), path().then("validFrom"), path().then("validUntil"));
        let second = |by: u64| Duration::from_secs(by);
        for (name, valid_from, valid_until, expected) in [
            ("begins within the skew", NOW.plus(second(60)), good.valid_until, None),
            (
                "begins later",
                NOW.plus(second(61)),
                good.valid_until,
                Some((Code::CredentialNotYetValid, from)),
            ),
            ("ended within the skew", good.valid_from, NOW.minus(second(59)), None),
            ("ended", good.valid_from, NOW.minus(second(60)), Some((Code::CredentialExpired, until))),
        ] {
            let dated = Credential { valid_from, valid_until, ..good.clone() };
            let secured = self.signed(signer, dated.to_json());
            let expected = expected.map_or(Expected::Verified, |(code, path)| Expected::Refused(code, path));
            self.case(name, secured, expected);
        }
        let mallory = Party::new("mallory", "alpha.test");
        let stranger = self.signed(&mallory, good.to_json());
        self.refused("signed by a key of another DID", stranger, Code::KeyNotAuthorised, root.clone());
        let mut impostor = signer.clone();
        impostor.take_key_of(&mallory);
        let forged = self.signed(&impostor, good.to_json());
        self.refused(
            "signed by another key under the id of the right one",
            forged,
            Code::SignatureInvalid,
            root.clone(),
        );
        let secured = self.signed(signer, good.to_json());
        let mut changed = good.to_json();
        changed["validUntil"] = json!(good.valid_until.minus(second(1)).to_string());
        let text = secured.to_text().into_owned();
        let mut parts: Vec<_> = text.split('.').map(str::to_owned).collect();
        parts[1] = codec::to_base64url(&did_resolver::jcs::canonical(&changed).unwrap());
        let altered =
            Secured::parse(Content::Credential, Envelope::Jwt, parts.join(".").as_bytes(), 1 << 20).unwrap();
        self.refused("altered after it was signed", altered, Code::SignatureInvalid, root);
    }

    fn status(&mut self, signer: &Party, good: &Credential) {
        let path = self.place.path().then("credentialStatus");
        for (name, revoked, code) in
            [("revoked", true, Code::CredentialRevoked), ("suspended", false, Code::CredentialSuspended)]
        {
            let mut set = good.clone();
            for entry in [&mut set.status.revocation, &mut set.status.suspension] {
                entry.index += 1_000 + u32::from(revoked);
            }
            self.world.set(if revoked { &set.status.revocation } else { &set.status.suspension });
            let secured = self.signed(signer, set.to_json());
            self.refused(name, secured, code, path.clone());
        }
        let mut other = good.to_json();
        other["credentialStatus"][0]["statusListCredential"] =
            other["credentialStatus"][1]["statusListCredential"].clone();
        let other = self.signed(signer, other);
        self.refused("points to a list of another purpose", other, Code::StatusAuthority, path.clone());
        let mut beyond = good.to_json();
        beyond["credentialStatus"][0]["statusListIndex"] = json!("131072");
        let beyond = self.signed(signer, beyond);
        self.refused("points beyond its list", beyond, Code::StatusAuthority, path.clone());
        let mut unknown = good.clone();
        unknown.status.revocation.list.push_str("-2");
        // The domain whose list counts: that of the issuer, or that which vouches for the issuer.
        let issuer = self.world.alpha.did.clone();
        let wanted = ListKey { issuer, url: unknown.status.revocation.list.clone() };
        let secured = self.signed(signer, unknown.to_json());
        self.case("on a list that is not there", secured, Expected::Wants(Vec::new(), vec![wanted]));
        let whole = self.placed(self.signed(signer, good.to_json()), Envelope::Jwt, late());
        let first = match self.place {
            Place::Alone if held::subject_status(good).is_some() => Path::root().then("subjectStatus"),
            Place::Alone => path,
            _ => Path::identity(0).then("subjectStatus"),
        };
        self.whole("on a list that is too old", whole, late(), Expected::Refused(Code::StatusStale, first));
    }

    /// What can be wrong with a domain that issues.
    fn domains(&mut self, good: impl Fn(&mut World, &Party) -> Credential) {
        let issuer = Path::root().then("issuer");
        for (name, domain, expected) in [
            ("by a domain that is not recognised", "foxtrot", (Code::DomainNotRecognised, issuer.clone())),
            ("by a domain that is suspended", "charlie", (Code::DomainSuspended, issuer)),
            ("by a domain whose DID is deactivated", "delta", (Code::Deactivated, Path::root())),
            ("by a domain whose DID is contested", "echo", (Code::DidContested, Path::root())),
        ] {
            let domain = Self::domain(domain);
            let credential = good(&mut self.world, &domain);
            let secured = self.world.secure(&domain, &credential);
            self.refused(name, secured, expected.0, expected.1);
        }
        let golf = Self::domain("golf");
        let credential = good(&mut self.world, &golf);
        let secured = self.world.secure(&golf, &credential);
        self.case(
            "by a domain whose DID is not resolved",
            secured,
            Expected::Wants(vec![golf.did], Vec::new()),
        );
    }

    /// The file, each case of which was tried.
    fn file(self, credential_type: &str) -> Value {
        let (facts, expect) = (self.facts(), self.expect());
        let cases = self.cases.iter().map(|case| {
            let expect =
                Expect { request: case.request.as_ref().map(request).unwrap_or_default(), ..expect.clone() };
            let told = match case.secured.content() {
                Content::Presentation => match Held::read(case.secured.clone()) {
                    Ok(held) => {
                        told(check(&held, &facts, &expect, case.at), |verdict| Some(verdict.to_json()))
                    }
                    Err(refusal) => told(Outcome::<()>::Refused(refusal), |()| None),
                },
                Content::Credential => {
                    told(check_credential(&case.secured, &facts, &expect, case.at), |_| None)
                }
            };
            let expected = match &case.expected {
                Expected::Verified => json!("verified"),
                Expected::Refused(code, path) => json!([code.as_str(), path.to_json()]),
                Expected::Wants(dids, lists) => json!([
                    dids.iter().map(Did::as_str).collect::<Vec<_>>(),
                    lists
                        .iter()
                        .map(|key| json!({"issuer": key.issuer.as_str(), "url": key.url}))
                        .collect::<Vec<_>>()
                ]),
            };
            let got = match told["outcome"].as_str().unwrap() {
                "verified" => json!("verified"),
                "refused" => json!([told["code"], told["path"]]),
                _ => json!([told["dids"], told["statusLists"]]),
            };
            assert_eq!(got, expected, "{credential_type}: {}", case.name);
            let mut json = json!({
                "name": case.name, "now": case.at.to_string(), "mediaType": case.secured.media_type(),
                "secured": case.secured.to_text(), "expected": told,
            });
            if let Some(request) = &case.request {
                json["request"] = request.clone();
            }
            json
        });
        let cases: Vec<_> = cases.collect();
        let dids = self.world.documents.iter().map(|(did, document)| {
            let fact = match facts.did(did) {
                Some(DidFact::Deactivated) => json!({"deactivated": true}),
                Some(DidFact::Contested) => json!({"contested": true}),
                _ => json!({"document": document}),
            };
            (did.to_string(), fact)
        });
        let lists = [&self.world.alpha, &self.world.bravo].into_iter().flat_map(|domain| {
            [Purpose::Revocation, Purpose::Suspension]
                .map(|purpose| self.world.list(domain, purpose, NOW).list.secured().to_text().into_owned())
        });
        let domains = expect.domains.iter().map(|(scid, recognition)| {
            let anchor = recognition.anchor.capabilities.to_json();
            (scid.clone(), json!({"suspended": recognition.suspended, "capabilities": anchor}))
        });
        json!({
            "type": credential_type,
            "dids": dids.collect::<serde_json::Map<_, _>>(),
            "statusLists": lists.collect::<Vec<_>>(),
            "expect": {
                "audience": expect.audience, "nonce": expect.nonce, "skewSeconds": expect.skew.as_secs(),
                "statusMaxAgeSeconds": expect.status_max_age.as_secs(),
                "domains": domains.collect::<serde_json::Map<_, _>>(),
            },
            "cases": cases,
        })
    }
}

fn told<V>(outcome: Outcome<V>, verdict: impl Fn(&V) -> Option<Value>) -> Value {
    match outcome {
        Outcome::Verified(told) => match verdict(&told) {
            Some(verdict) => json!({"outcome": "verified", "verdict": verdict}),
            None => json!({"outcome": "verified"}),
        },
        Outcome::Refused(refusal) => {
            json!({"outcome": "refused", "code": refusal.code.as_str(), "path": refusal.path.to_json()})
        }
        Outcome::Wants(wants) => json!({
            "outcome": "wants",
            "dids": wants.dids.iter().map(Did::as_str).collect::<Vec<_>>(),
            "statusLists": wants.status_lists.iter()
                .map(|key| json!({"issuer": key.issuer.as_str(), "url": key.url})).collect::<Vec<_>>(),
        }),
    }
}

/// Revokes and suspends the subject of an identity credential, each in a copy.
fn subject_status(vectors: &mut Vectors, signer: &Party, good: &Credential, codes: (Code, Code)) {
    for (name, revoked, code) in
        [("its subject revoked", true, codes.0), ("its subject suspended", false, codes.1)]
    {
        let mut set = good.clone();
        let pair = match &mut set.claims {
            Claims::Owner(owner) => &mut owner.status,
            Claims::Agent(agent) => &mut agent.status,
            _ => panic!("no identity"),
        };
        for entry in [&mut pair.revocation, &mut pair.suspension] {
            entry.index += 2_000 + u32::from(revoked);
        }
        vectors.world.set(if revoked { &pair.revocation } else { &pair.suspension });
        let secured = vectors.signed(signer, set.to_json());
        vectors.refused(name, secured, code, Path::root().then("subjectStatus"));
    }
}

fn owners() -> Value {
    let mut vectors = Vectors::new(Place::Alone);
    let (alpha, bravo, alice) =
        (vectors.world.alpha.clone(), vectors.world.bravo.clone(), vectors.world.alice.clone());
    let good = vectors.world.owner_credential(&alpha, &alice);
    vectors.frame(&alpha, &good);
    vectors.members(
        &alpha,
        &good.to_json(),
        [
            ("of another kind", "/credentialSubject/type", json!("Agent"), "credentialSubject.type"),
            ("of no kind of owner", "/credentialSubject/ownerType", json!("agent"), "ownerType"),
            ("a domain that is no label", "/credentialSubject/domain", json!("\u{fc}.test"), "domain"),
            ("no status of the subject", "/credentialSubject/subjectStatus", Value::Null, "subjectStatus"),
        ],
    );
    subject_status(&mut vectors, &alpha, &good, (Code::OwnerRevoked, Code::OwnerSuspended));
    vectors.domains(|world, domain| {
        let owner = Party::new("owner", &format!("{}.test:owners:owner", domain.name));
        world.owner_credential(domain, &owner)
    });
    let foreign = vectors.world.owner_credential(&bravo, &alice);
    vectors.foreign(&bravo, &foreign);
    vectors.file("OwnerCredential")
}

fn agents() -> Value {
    let mut vectors = Vectors::new(Place::Alone);
    let (alpha, bravo, travel) =
        (vectors.world.alpha.clone(), vectors.world.bravo.clone(), vectors.world.travel.clone());
    let good = vectors.world.agent_credential(&alpha, &travel, &["calendar:read", "com.example.mail.send"]);
    vectors.frame(&alpha, &good);
    vectors.members(
        &alpha,
        &good.to_json(),
        [
            ("of another kind", "/credentialSubject/type", json!("Owner"), "credentialSubject.type"),
            ("a name that is none", "/credentialSubject/name", json!("Travel Bot"), "name"),
            ("no owner", "/credentialSubject/owner", Value::Null, "owner"),
            ("no ceiling", "/credentialSubject/capabilities", Value::Null, "capabilities"),
            (
                "a capability that is none",
                "/credentialSubject/capabilities",
                json!(["calendar"]),
                "capabilities",
            ),
            ("a capability twice", "/credentialSubject/capabilities", json!(["a:b", "a:b"]), "capabilities"),
        ],
    );
    subject_status(&mut vectors, &alpha, &good, (Code::AgentRevoked, Code::AgentSuspended));
    vectors.domains(|world, domain| {
        let agent = Party::new("agent", &format!("{}.test:agents:agent", domain.name));
        world.agent_credential(domain, &agent, &["calendar:read"])
    });
    let foreign = vectors.world.agent_credential(&bravo, &travel, &["calendar:read"]);
    vectors.foreign(&bravo, &foreign);
    vectors.file("AgentCredential")
}

fn memberships() -> Value {
    let mut vectors = Vectors::new(Place::Alone);
    let alpha = vectors.world.alpha.clone();
    let node = Party::of_key("node");
    let claims = |domain: &Party| {
        Claims::NodeMembership(NodeMembership {
            id: node.did.clone(),
            peer_id: peer_id(&node.public()).unwrap(),
            domain: format!("{}.test", domain.name),
        })
    };
    let made = |world: &mut World, domain: &Party| world.credential(domain, domain, 80_000, claims(domain));
    let good = made(&mut vectors.world, &alpha);
    vectors.frame(&alpha, &good);
    let other = peer_id(&Party::of_key("another").public()).unwrap();
    vectors.members(
        &alpha,
        &good.to_json(),
        [
            ("a PeerId of another key", "/credentialSubject/peerId", json!(other), "peerId"),
            ("no PeerId", "/credentialSubject/peerId", Value::Null, "peerId"),
            ("a subject that is no did:key", "/credentialSubject/id", json!(alpha.did.as_str()), "peerId"),
            ("a life of more than a day", "/validUntil", json!("2027-01-16T07:58:21Z"), "validUntil"),
        ],
    );
    vectors.domains(made);
    vectors.file("NodeMembershipCredential")
}

fn recognitions() -> Value {
    let mut vectors = Vectors::new(Place::Alone);
    let alpha = vectors.world.alpha.clone();
    let other = Vectors::domain("hotel");
    let made = |world: &mut World, domain: &Party| {
        let claims = DomainRecognition {
            id: other.did.clone(),
            domain: "hotel.test".to_owned(),
            capabilities: scope(&["calendar:read"]),
            resource: Some(["room-1".to_owned()].into()),
        };
        world.credential(domain, domain, 80_000, Claims::DomainRecognition(claims))
    };
    let good = made(&mut vectors.world, &alpha);
    vectors.frame(&alpha, &good);
    vectors.members(
        &alpha,
        &good.to_json(),
        [
            ("of itself", "/credentialSubject/id", json!(alpha.did.as_str()), "issuer"),
            ("of what is no domain", "/credentialSubject/id", json!("did:web:hotel.test"), "id"),
            ("of another kind", "/credentialSubject/type", json!("Owner"), "credentialSubject.type"),
            ("for no resource", "/credentialSubject/resource", json!([]), "resource"),
            (
                "a capability that is none",
                "/credentialSubject/capabilities",
                json!(["calendar"]),
                "capabilities",
            ),
        ],
    );
    vectors.domains(made);
    vectors.file("DomainRecognitionCredential")
}

fn signals() -> Value {
    let mut vectors = Vectors::new(Place::Alone);
    let (alpha, travel) = (vectors.world.alpha.clone(), vectors.world.travel.clone());
    let made = |world: &mut World, domain: &Party| {
        let claims = TrustSignal {
            id: travel.did.clone(),
            signal: Signal::PolicyViolation,
            count: 3,
            from: NOW.minus(Duration::from_secs(7_200)),
            until: NOW.minus(Duration::from_secs(3_600)),
            record: Some(codec::sha256(b"record")),
        };
        world.credential(domain, domain, 80_000, Claims::TrustSignal(claims))
    };
    let good = made(&mut vectors.world, &alpha);
    vectors.frame(&alpha, &good);
    let before = json!("2027-01-15T05:59:59Z");
    vectors.members(
        &alpha,
        &good.to_json(),
        [
            ("of itself", "/credentialSubject/id", json!(alpha.did.as_str()), "issuer"),
            ("a signal that is none", "/credentialSubject/signal", json!("rumour"), "signal"),
            ("observed never", "/credentialSubject/count", json!(0), "count"),
            ("observed too often", "/credentialSubject/count", json!(1_000_001), "count"),
            ("ended before it began", "/credentialSubject/observedUntil", before, "observedUntil"),
            (
                "a record that is no digest",
                "/credentialSubject/record/digestMultibase",
                json!("zQm"),
                "digestMultibase",
            ),
        ],
    );
    vectors.domains(made);
    vectors.file("TrustSignalCredential")
}

fn delegations() -> Value {
    let mut vectors = Vectors::new(Place::Link);
    let both = terms(&["calendar:read", "calendar:write"]);
    let bound = json!({"resource": ["room-1", "room-2"], "maxDepth": 1, "needsApproval": ["calendar:write"]});
    let tight = json!({"resource": ["room-1"], "maxDepth": 0, "needsApproval": ["calendar:write"]});
    let (first, second) = (
        Terms { constraints: bound, ..both.clone() },
        Terms { constraints: tight, ..terms(&["calendar:read", "calendar:write"]) },
    );
    let credentials = vectors.world.journey(&first, &second);
    let good = read(&credentials[1]);
    vectors.beside = credentials.clone();
    vectors.beside.remove(1);
    let travel = vectors.world.travel.clone();
    vectors.frame(&travel, &good);
    let subject = "/credentialSubject";
    assert!(good.to_json().pointer(subject).is_some());
    vectors.members(
        &travel,
        &good.to_json(),
        [
            (
                "a constraint that is not known",
                "/credentialSubject/constraints/colour",
                json!("red"),
                "constraints",
            ),
            ("an audience of nobody", "/credentialSubject/constraints/audience", json!([]), "constraints"),
            ("a depth beyond eight", "/credentialSubject/constraints/maxDepth", json!(9), "constraints"),
            ("no principal", "/credentialSubject/principal", Value::Null, "principal"),
            (
                "a capability that is none",
                "/credentialSubject/capabilities",
                json!(["calendar"]),
                "capabilities",
            ),
            (
                "a parent without a digest",
                "/credentialSubject/parent/digestMultibase",
                Value::Null,
                "digestMultibase",
            ),
        ],
    );
    // What a link may not say after the one before it.
    let widened = Code::DelegationWidened;
    for (name, pointer, value, code, member) in [
        (
            "adds a capability",
            "/credentialSubject/capabilities",
            json!(["mail:send"]),
            widened,
            "capabilities",
        ),
        (
            "names another resource",
            "/credentialSubject/constraints/resource",
            json!(["room-3"]),
            widened,
            "resource",
        ),
        (
            "drops an approval",
            "/credentialSubject/constraints/needsApproval",
            json!([]),
            widened,
            "needsApproval",
        ),
        ("allows as much depth", "/credentialSubject/constraints/maxDepth", json!(1), widened, "maxDepth"),
        ("outlives its parent", "/validUntil", json!("2027-01-15T08:50:01Z"), widened, "validUntil"),
        (
            "names another parent",
            "/credentialSubject/parent/id",
            json!(good.id),
            Code::ParentMismatch,
            "parent",
        ),
        (
            "has the digest of another",
            "/credentialSubject/parent/digestMultibase",
            json!(codec::digest_multibase(&credentials[1].digest())),
            Code::ParentMismatch,
            "parent",
        ),
        (
            "acts for another principal",
            "/credentialSubject/principal",
            json!(travel.did.as_str()),
            Code::PrincipalMismatch,
            "principal",
        ),
    ] {
        let mut changed = good.to_json();
        *changed.pointer_mut(pointer).unwrap() = value;
        let secured = vectors.signed(&travel, changed);
        vectors.refused(name, secured, code, Path::link(1).then(member));
    }
    chains(&mut vectors, &credentials);
    vectors.file("DelegationCredential")
}

/// What can be wrong with a whole chain.
fn chains(vectors: &mut Vectors, credentials: &[Secured]) {
    let calendar = vectors.world.calendar.clone();
    let mut chain = |name: &str, at: &[usize], code: Code, path: Path| {
        let all = at.iter().map(|at| credentials[*at].clone()).collect();
        let whole = vectors.world.present(&calendar, all);
        vectors.whole(name, whole, NOW, Expected::Refused(code, path));
    };
    chain("no link", &[2, 3, 4], Code::ChainEmpty, Path::root().then("chain"));
    chain(
        "the links in the wrong order",
        &[1, 0, 2, 3, 4],
        Code::HolderMismatch,
        Path::root().then("holder"),
    );
    chain("a link left out", &[1, 2, 3, 4], Code::PrincipalMismatch, Path::link(0).then("principal"));
    chain("a link twice", &[0, 1, 1, 2, 3, 4], Code::ChainRepeats, Path::link(2).then("id"));
    chain("nobody says who the principal is", &[0, 1, 3, 4], Code::IdentityMissing, Path::identity(0));
    chain("nobody says who the last agent is", &[0, 1, 2, 3], Code::IdentityMissing, Path::identity(2));
    let (alice, travel) = (vectors.world.alice.clone(), vectors.world.travel.clone());
    let whole = vectors.world.present(&travel, credentials.to_vec());
    let holder = Path::root().then("holder");
    vectors.whole("presented by another", whole, NOW, Expected::Refused(Code::HolderMismatch, holder));
    for (name, member, value, code) in [
        ("for another audience", "aud", json!("did:webvh:other"), Code::AudienceMismatch),
        ("with another nonce", "nonce", json!("nonce-2"), Code::NonceMismatch),
    ] {
        let mut payload = vectors.world.presentation(&calendar, credentials.to_vec()).to_json();
        payload[member] = value;
        let whole = calendar.sign(Content::Presentation, Envelope::Jwt, payload);
        vectors.whole(name, whole, NOW, Expected::Refused(code, Path::root().then(member)));
    }
    let whole = vectors.world.present(&calendar, credentials.to_vec());
    let end = Expected::Refused(Code::PresentationExpired, Path::root().then("exp"));
    vectors.whole("presented too late", whole, NOW.plus(Duration::from_secs(180)), end);
    // alice roots what no anchor lets her domain root.
    let alpha = vectors.world.alpha.clone();
    let much = vectors.world.link((&alice, &alpha), &travel, &alice, None, &terms(&["mail:send"]));
    let all = vec![much.1, credentials[2].clone(), credentials[3].clone()];
    let whole = vectors.world.present(&travel, all);
    let path = Path::link(0).then("capabilities");
    vectors.whole("roots more than its anchor", whole, NOW, Expected::Refused(Code::RootExceedsAnchor, path));
}

fn approvals() -> Value {
    let mut vectors = Vectors::new(Place::Approval);
    let needs = json!({"needsApproval": ["calendar:write"]});
    let both = Terms { constraints: needs, ..terms(&["calendar:read", "calendar:write"]) };
    vectors.beside = vectors.world.journey(&both, &both);
    let asked = json!({"capability": "calendar:write", "resource": "room-1", "arguments": {"day": 7}});
    vectors.request = Some(asked.clone());
    let (alice, alpha) = (vectors.world.alice.clone(), vectors.world.alpha.clone());
    let (calendar, travel) = (vectors.world.calendar.clone(), vectors.world.travel.clone());
    let last = vectors.beside[1].clone();
    let claims = Approval {
        id: calendar.did.clone(),
        capability: "calendar:write".parse().unwrap(),
        action: request(&asked).action(world::AUDIENCE).unwrap().digest().unwrap(),
        mandate: Parent { id: read(&last).id, digest: last.digest() },
    };
    let good = vectors.world.credential(&alice, &alpha, 600, Claims::Approval(claims));
    vectors.frame(&alice, &good);
    vectors.members(
        &alice,
        &good.to_json(),
        [
            ("no action", "/credentialSubject/action", Value::Null, "action"),
            ("no mandate", "/credentialSubject/mandate", Value::Null, "mandate"),
            ("a capability that is none", "/credentialSubject/capability", json!("calendar"), "capability"),
            ("a life of more than an hour", "/validUntil", json!("2027-01-15T08:58:21Z"), "validUntil"),
            ("given to whoever gives it", "/credentialSubject/id", json!(alice.did.as_str()), "issuer"),
        ],
    );
    let another = json!(codec::digest_multibase(&codec::sha256(b"another")));
    for (name, pointer, value, member) in [
        ("given to another agent", "/credentialSubject/id", json!(travel.did.as_str()), "id"),
        ("for another mandate", "/credentialSubject/mandate/id", json!(good.id), "mandate"),
        ("for another link", "/credentialSubject/mandate/digestMultibase", another.clone(), "mandate"),
        ("for another use", "/credentialSubject/action/digestMultibase", another, "action"),
        ("shows another capability", "/credentialSubject/capability", json!("calendar:read"), "capability"),
        ("by an agent of the chain", "/issuer", json!(travel.did.as_str()), "issuer"),
    ] {
        let mut changed = good.to_json();
        *changed.pointer_mut(pointer).unwrap() = value;
        let signer = if member == "issuer" { &travel } else { &alice };
        let secured = vectors.signed(signer, changed);
        vectors.refused(name, secured, Code::ApprovalMismatch, Path::approval().then(member));
    }
    let twice = vectors.signed(&alice, good.to_json());
    vectors.beside.push(twice.clone());
    vectors.refused("twice", twice, Code::PresentationMalformed, Path::root().then("verifiableCredential"));
    vectors.beside.pop();
    let none = vectors.world.present(&calendar, vectors.beside.clone());
    let path = Path::link(1).then("needsApproval");
    vectors.whole("none", none, NOW, Expected::Refused(Code::ApprovalRequired, path));
    vectors.request =
        Some(json!({"capability": "calendar:write", "resource": "room-2", "arguments": {"day": 7}}));
    let secured = vectors.signed(&alice, good.to_json());
    vectors.refused(
        "and another use is asked for",
        secured,
        Code::ApprovalMismatch,
        Path::approval().then("action"),
    );
    vectors.file("ApprovalCredential")
}

#[test]
fn the_vectors_of_every_type_are_up_to_date_and_say_what_is_expected() {
    for file in [owners(), agents(), delegations(), memberships(), recognitions(), approvals(), signals()] {
        let name = file["type"].as_str().unwrap();
        let path = format!("{}/../tests/vectors/marque/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let text = serde_json::to_string_pretty(&file).unwrap() + "\n";
        if std::env::var_os("MARQUE_WRITE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{path} is out of date: MARQUE_WRITE=1 cargo test -p vc-schemas vectors");
    }
}
