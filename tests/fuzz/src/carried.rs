//! What envelopes carry: one reader for each kind of the table.

use did_resolver::did::Did;
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{DuplicityProof, Log};
use marque_rules::replica::membership::EpochDecision;
use marque_rules::replica::{
    Body, Envelope, EnvelopeDraft, Kind, LogHead, MembershipEpoch, Recognitions, Scid,
};
use vc_schemas::secure::{Content, Envelope as Securing, Secured};
use vc_schemas::status::bitstring::Bits;
use vc_schemas::status::delta::Delta;
use vc_schemas::status::{MAX_LIST_BYTES, StatusList};

/// Every seed was written before this.
const NOW: UnixSeconds = UnixSeconds::new(4_000_000_000);

/// The origin of what is carried, and the subject of it.
pub const ORIGIN: &str = "did:webvh:QmdqVXkjM8xu6PiDV6LMtYWtaR5qckpR4FJ1iojmrjrKPP:acme.example";

/// The first byte says of which kind, the second under which number, and the rest is what is carried.
pub fn carried(bytes: &[u8]) {
    let [kind, number, payload @ ..] = bytes else { return };
    let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
    let _ = is_read(kind, u64::from(*number), payload);
}

/// Whether a payload is one of `kind`. Whatever is read is written back as it came, and what is asked of it next
/// does not panic. A kind without a line here does not build.
pub fn is_read(kind: Kind, number: u64, payload: &[u8]) -> bool {
    let body = body(kind, number, payload);
    enveloped(&body);
    match kind {
        Kind::Log => Log::verify(payload, NOW).is_ok_and(|log| log.bytes() == payload),
        Kind::LogHead => LogHead::of(&body).is_ok_and(|head| {
            assert_eq!(head.encode(), payload);
            assert_eq!((head.did.as_str(), head.version_number), (ORIGIN, number));
            true
        }),
        Kind::StatusList => is_list(payload),
        Kind::StatusDelta => is_delta(payload),
        Kind::DuplicityProof => is_proof(payload),
        Kind::Membership => MembershipEpoch::of(&body).is_ok_and(|epoch| {
            assert_eq!(epoch.encode(), payload);
            assert!(epoch.admits(epoch.not_before) && epoch.decide(epoch) == EpochDecision::Same);
            true
        }),
        Kind::Recognitions => Recognitions::of(&body).is_ok_and(|said| {
            assert_eq!(said.encode(), payload);
            is_stated(&said, &body.domain);
            true
        }),
    }
}

fn origin() -> Did {
    ORIGIN.parse().unwrap()
}

fn body(kind: Kind, number: u64, payload: &[u8]) -> Body {
    Body {
        kind,
        domain: Scid::of(&origin()).unwrap(),
        subject: ORIGIN.to_owned(),
        seq: number,
        prev: None,
        issued_at: NOW,
        expires_at: NOW,
        payload: payload.to_vec(),
        witness: None,
    }
}

/// It fits into an envelope where the table says so, and there alone; unsigned as it is, nobody reads it.
fn enveloped(body: &Body) {
    let key_id = origin().with_fragment("key").unwrap();
    let draft = EnvelopeDraft::new(body.clone(), key_id, KeyKind::Ed25519);
    assert_eq!(draft.is_ok(), body.payload.len() <= body.kind.rule().max_payload);
    assert!(draft.is_err() || Envelope::decode(draft.unwrap().signing_input()).is_err());
}

fn is_list(payload: &[u8]) -> bool {
    let secured = Secured::parse(Content::Credential, Securing::Jwt, payload, MAX_LIST_BYTES);
    let Ok(list) = secured.as_ref().map_err(drop).and_then(|secured| StatusList::read(secured).map_err(drop))
    else {
        return false;
    };
    assert_eq!(secured.unwrap().bytes(), payload);
    assert!(list.issued < list.valid_until && list.bits.covers(&list.bits));
    assert_eq!(Bits::decode(&list.bits.encode().unwrap(), list.bits.entries()).as_ref(), Ok(&list.bits));
    true
}

fn is_delta(payload: &[u8]) -> bool {
    let Ok(delta) = Delta::from_cbor(payload) else { return false };
    assert_eq!(delta.to_cbor(), payload);
    let nothing = Bits::new(131_072).unwrap();
    if let Ok(bits) = delta.apply_to(&nothing) {
        assert_eq!(bits.digest(), delta.to.digest);
        assert!(bits.covers(&nothing));
    }
    true
}

fn is_proof(payload: &[u8]) -> bool {
    let Ok(proof) = DuplicityProof::verify(payload, NOW) else { return false };
    let again = proof.to_json().to_string().into_bytes();
    assert_eq!(DuplicityProof::verify(&again, NOW).as_ref(), Ok(&proof));
    assert!(proof.branches().iter().all(|log| log.names(proof.did()) && log.head().number >= proof.at()));
    true
}

/// What a domain states names each domain once, in order and never itself, and states itself again.
fn is_stated(said: &Recognitions, own: &Scid) {
    let scids: Vec<Scid> = said.domains().iter().map(|domain| Scid::of(&domain.did).unwrap()).collect();
    assert!(scids.is_sorted_by(|one, other| one.as_str() < other.as_str()) && !scids.contains(own));
    for (scid, domain) in scids.iter().zip(said.domains()) {
        assert_eq!(said.of_domain(scid), Some(domain));
    }
    let again = Recognitions::new(said.number, own, said.domains().iter().cloned());
    assert!(again.domains().iter().all(|domain| said.domains().contains(domain)));
    assert_eq!(again.is_whole, again.domains().len() == said.domains().len());
}
