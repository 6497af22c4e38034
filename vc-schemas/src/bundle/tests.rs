use super::*;
use crate::delegation::scope::Scope;
use crate::facts::Anchor;
use did_resolver::keys::PublicKey;
use did_resolver::webvh::Log;
use did_resolver::webvh::{Genesis, create};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

struct Maker {
    secret: SigningKey,
    log: Log,
}

impl Maker {
    fn new(seed: u8, host: &str, portable: bool) -> Self {
        let secret = SigningKey::from_bytes(&[seed; 32]);
        let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
        let did = format!("did:webvh:{{SCID}}:{host}");
        let document = json!({
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
            "id": did,
            "verificationMethod": [{
                "id": format!("{did}#k"), "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey(),
            }],
            "assertionMethod": [format!("{did}#k")],
        });
        let genesis = Genesis {
            host: host.to_owned(),
            port: None,
            path: vec![],
            document,
            update_keys: vec![key.clone()],
            next_key_hashes: vec![],
            time: NOW.minus(Duration::from_secs(60)),
            portable,
            ttl_seconds: None,
        };
        let draft = create(genesis).unwrap();
        let signature = secret.sign(&draft.signing_input(&key).unwrap()).to_bytes();
        let log = Log::verify(&draft.attach(&key, &signature).unwrap(), NOW).unwrap();
        Self { secret, log }
    }

    fn did(&self) -> Did {
        self.log.did().clone()
    }

    fn bundled(&self) -> BundledLog {
        BundledLog { did: self.did(), log: self.log.bytes().to_vec(), witness: Vec::new() }
    }

    fn seal(&self, bundle: &Bundle) -> Vec<u8> {
        let key_id: DidUrl = format!("{}#k", self.did()).parse().unwrap();
        let draft = bundle.draft(&key_id, KeyKind::Ed25519).unwrap();
        let key = PublicKey::ed25519(self.secret.verifying_key().as_bytes()).unwrap();
        let signature = self.secret.sign(draft.signing_input()).to_bytes();
        draft.attach(&key, &signature).unwrap().into_bytes()
    }
}

fn acme() -> Maker {
    Maker::new(1, "acme.example", false)
}

fn bundle(maker: &Maker) -> Bundle {
    let scope = |texts: &[&str]| Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap();
    let anchor = |resources: Option<&[&str]>| Anchor {
        capabilities: scope(&["calendar:read", "calendar:write"]),
        resources: resources.map(|r| r.iter().map(|t| (*t).to_owned()).collect()),
    };
    Bundle {
        by: maker.did(),
        made: NOW,
        presentation: Some((Envelope::Cose, vec![1, 2, 3])),
        logs: vec![maker.bundled()],
        contested: [Maker::new(2, "other.example", false).did()].into(),
        lists: vec![],
        domains: [
            ("QmA".to_owned(), Recognition { suspended: true, anchor: anchor(None) }),
            ("QmB".to_owned(), Recognition { suspended: false, anchor: anchor(Some(&["a", "b"])) }),
        ]
        .into(),
        audience: "did:example:verifier".to_owned(),
        nonce: "n".to_owned(),
        status_max_age: Duration::from_secs(300),
        skew: Duration::from_secs(60),
    }
}

fn open(bytes: &[u8], maker: &Did, at: UnixSeconds) -> Result<(Bundle, Facts), BundleError> {
    Sealed::parse(bytes)?.open(maker, at)
}

//
#[test]
fn what_was_sealed_is_opened_by_whoever_names_its_maker() {
    let maker = acme();
    let bundle = bundle(&maker);
    let (opened, facts) = open(&maker.seal(&bundle), &maker.did(), NOW).unwrap();
    assert_eq!(opened, bundle);
    assert!(matches!(facts.did(&maker.did()), Some(DidFact::Active { version: 1, .. })));
    let other = bundle.contested.first().unwrap();
    assert!(matches!(facts.did(other), Some(DidFact::Contested)));
    let expect = opened.expect(Request::default());
    assert_eq!((expect.audience, expect.domains), (bundle.audience, bundle.domains));
}

#[test]
fn a_bundle_of_another_maker_key_or_time_is_refused() {
    let (maker, other) = (acme(), Maker::new(3, "acme.example", false));
    let sealed = maker.seal(&bundle(&maker));
    assert_eq!(
        open(&sealed, &other.did(), NOW).unwrap_err(),
        BundleError::Maker,
        "the same name, another SCID"
    );
    let claimed = other.seal(&bundle(&maker));
    assert_eq!(open(&claimed, &maker.did(), NOW).unwrap_err(), BundleError::Maker, "a key of another DID");
    // Signed by a key that the maker's document does not list under that name.
    let thief = Maker { secret: other.secret.clone(), log: maker.log.clone() };
    assert_eq!(open(&thief.seal(&bundle(&maker)), &maker.did(), NOW).unwrap_err(), BundleError::Signature);
    let early = NOW.minus(Duration::from_secs(61));
    assert_eq!(open(&sealed, &maker.did(), early).unwrap_err(), BundleError::FromFuture);
    let without = Bundle { logs: vec![], ..bundle(&maker) };
    assert_eq!(open(&maker.seal(&without), &maker.did(), NOW).unwrap_err(), BundleError::Maker);
    let contested = Bundle { contested: [maker.did()].into(), ..bundle(&maker) };
    assert_eq!(open(&maker.seal(&contested), &maker.did(), NOW).unwrap_err(), BundleError::Maker);
    let moving = Maker::new(4, "acme.example", true);
    assert_eq!(open(&moving.seal(&bundle(&moving)), &moving.did(), NOW).unwrap_err(), BundleError::Maker);
}

#[test]
fn an_object_that_does_not_verify_refuses_the_whole() {
    let maker = acme();
    let mut bent = bundle(&maker);
    bent.logs[0].log[40] ^= 1;
    assert!(matches!(open(&maker.seal(&bent), &maker.did(), NOW), Err(BundleError::Log(0, _))));
    let mut misnamed = bundle(&maker);
    misnamed.logs.push(BundledLog { did: Maker::new(2, "other.example", false).did(), ..maker.bundled() });
    assert_eq!(open(&maker.seal(&misnamed), &maker.did(), NOW).unwrap_err(), BundleError::Malformed);
    let mut listed = bundle(&maker);
    listed.lists = vec![BundledList { issuer: maker.did(), list: b"a.b.c".to_vec(), revoked_ever: None }];
    assert!(matches!(open(&maker.seal(&listed), &maker.did(), NOW), Err(BundleError::Secured(_))));
}

#[test]
fn a_bundle_has_one_spelling_and_bounds() {
    let maker = acme();
    let key_id: DidUrl = format!("{}#k", maker.did()).parse().unwrap();
    let refused = |bundle: &Bundle| bundle.draft(&key_id, KeyKind::Ed25519).unwrap_err();
    let twice = Bundle { logs: vec![maker.bundled(), maker.bundled()], ..bundle(&maker) };
    assert_eq!(refused(&twice), BundleError::Malformed);
    let list = BundledList { issuer: maker.did(), list: vec![], revoked_ever: Some(String::new()) };
    assert_eq!(
        refused(&Bundle { lists: vec![list; MAX_OBJECTS + 1], ..bundle(&maker) }),
        BundleError::TooLarge
    );
    let large = Bundle { presentation: Some((Envelope::Jwt, vec![0; MAX_BUNDLE_BYTES])), ..bundle(&maker) };
    assert_eq!(refused(&large), BundleError::TooLarge);
    assert_eq!(Sealed::parse(&vec![0; MAX_BUNDLE_BYTES + 1]).unwrap_err(), BundleError::TooLarge);
    let written = wire::write(&bundle(&maker));
    for end in 0..written.len() {
        assert!(wire::parse(&written[..end]).is_err());
    }
    assert_eq!(wire::parse(&[&written[..], b"\0"].concat()).unwrap_err(), BundleError::Malformed);
}

proptest! {
    #[test]
    fn a_changed_byte_is_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let maker = acme();
        let mut sealed = maker.seal(&bundle(&maker));
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(open(&sealed, &maker.did(), NOW).is_err());
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = wire::parse(&bytes);
        let _ = Sealed::parse(&bytes);
    }
}
