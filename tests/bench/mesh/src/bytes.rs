//! G11: what a change of a status list weighs, against the list.

use crate::links::Quality;
use crate::nodes::Swarm;
use crate::world::{Holder, NOW};
use did_resolver::codec::sha256;
use did_resolver::document::Document;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::{Body, Kind, Scid};
use std::time::Duration;
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::bitstring::Bits;
use vc_schemas::status::delta::{Delta, Next};
use vc_schemas::status::{ListDraft, MAX_LIST_BYTES, Purpose, StatusList};

const URL: &str = "https://acme.test/status/revocation";

/// A period that does not come.
const NEVER_MS: u64 = 3_600_000;

/// Revocations whose bytes are counted on a link.
const TIMES: u64 = 5;

/// Longer than gossipsub takes from one heartbeat to the next.
const QUIET: Duration = Duration::from_millis(1_000);

/// Indices that do not lie side by side and repeat in every run.
fn spread(count: u32, seed: u64, entries: u32) -> impl Iterator<Item = u32> {
    (0..u64::from(count)).map(move |n| {
        let digest = sha256(&[seed.to_be_bytes(), n.to_be_bytes()].concat());
        (u64::from_be_bytes(digest[..8].try_into().unwrap()) % u64::from(entries)) as u32
    })
}

/// A list with so many entries of which so many are revoked, as its issuer signs it.
fn list(issuer: &Holder, entries: u32, revoked: u32) -> (Secured, StatusList) {
    let mut bits = Bits::new(entries).unwrap();
    for index in spread(revoked, 1, entries) {
        bits.set(index).unwrap();
    }
    let now = UnixSeconds::new(NOW);
    let draft = ListDraft {
        url: URL.to_owned(),
        issuer: issuer.did(),
        purpose: Purpose::Revocation,
        sequence: 7,
        issued: now,
        valid_until: now.plus(Duration::from_secs(3_600)),
        ttl: Duration::from_secs(300),
        bits,
    };
    let secured = issuer.sign(Content::Credential, Envelope::Jwt, draft.payload().unwrap());
    let document: &Document = issuer.log.document().unwrap();
    let read = Secured::parse(Content::Credential, Envelope::Jwt, secured.bytes(), MAX_LIST_BYTES).unwrap();
    let verified = StatusList::verified(read, document, now).unwrap();
    (secured, StatusList::clone(&verified))
}

fn seal(issuer: &Holder, kind: Kind, seq: u64, payload: Vec<u8>) -> usize {
    let now = UnixSeconds::new(NOW);
    let body = Body {
        kind,
        domain: Scid::of(&issuer.did()).unwrap(),
        subject: URL.to_owned(),
        seq,
        prev: None,
        issued_at: now,
        expires_at: now.plus(Duration::from_secs(600)),
        payload,
        witness: None,
    };
    issuer.seal(body).bytes().len()
}

/// The envelope of so many new revocations on a list.
fn delta(issuer: &Holder, list: &StatusList, count: u32) -> usize {
    let mut bits = list.bits.clone();
    let free = spread(4 * count, 2, bits.entries()).filter(|index| list.bits.get(*index) == Some(false));
    free.take(count as usize).for_each(|index| bits.set(index).unwrap());
    assert_eq!(bits.count_set(), list.bits.count_set() + count);
    let issued = list.issued.plus(Duration::from_secs(1));
    let next = Next { sequence: 8, issued, valid_until: list.valid_until, ttl: list.ttl };
    let delta = Delta::between(list, &bits, next).unwrap();
    assert_eq!(delta.apply(list).unwrap().bits, bits, "equal lists");
    seal(issuer, Kind::StatusDelta, 8, delta.to_cbor())
}

/// Waits until nothing went over any link for a while.
async fn quiet(swarm: &Swarm) {
    let mut passed = swarm.passed();
    loop {
        tokio::time::sleep(QUIET).await;
        let before = std::mem::replace(&mut passed, swarm.passed());
        if before == passed {
            return;
        }
    }
}

pub(crate) async fn run() {
    println!("-- bytes (G11)");
    let issuer = Holder::new("acme", "acme.test", &[], UnixSeconds::new(NOW - 1_000));
    let (small, small_list) = list(&issuer, 131_072, 1_310);
    let (large, large_list) = list(&issuer, 1_000_000, 10_000);
    let full = seal(&issuer, Kind::StatusList, 7, large.bytes().to_vec());
    let fifty = delta(&issuer, &large_list, 50);
    println!("list of 131,072, 1 % revoked: signed {} B", small.bytes().len());
    println!("  one revocation more: envelope {} B", delta(&issuer, &small_list, 1));
    println!("list of 1,000,000, 1 % revoked: signed {} B, in its envelope {full} B", large.bytes().len());
    println!("  one revocation more: envelope {} B", delta(&issuer, &large_list, 1));
    let ratio = full as f64 / fifty as f64;
    println!("  50 revocations more: envelope {fifty} B, 1/{ratio:.0} of the list (goal: 1/40 at most)");

    // Between two nodes: Noise, yamux, gossipsub and what it says about the message included. What changed is
    // there by gossip at once, the whole list after a round only, which does not come: that links are quiet is
    // what says that all was said.
    let mut swarm = Swarm::start(2, Some(Quality::PERFECT), NEVER_MS).await;
    let mut bytes = 0;
    for _ in 0..TIMES {
        let name = swarm.register().await;
        quiet(&swarm).await;
        let before = swarm.passed();
        swarm.revoke(&name, &[1]).await;
        quiet(&swarm).await;
        bytes += swarm.passed() - before;
    }
    println!("on a link, one revocation by gossip: {} B, mean of {TIMES}", bytes / TIMES);
    swarm.stop().await;
}
