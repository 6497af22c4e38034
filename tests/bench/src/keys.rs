//! G7: resolving did:key, from the text of the DID to a document, against Affinidi's resolver.
//!
//! Its documents of Ed25519 keys also hold a key for agreement, which it derives; those of P-256 keys
//! hold what Marque's do, so that both kinds are measured.

use crate::comparators;
use crate::goals::{Bound, Goals};
use crate::rounds::{Candidate, Shared, compare};
use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::methods;
use ed25519_dalek::SigningKey;
use marque_flows::documents::Documents;

/// DIDs that take turns: more than any processor's own caches are good at, few enough to make at once.
const DIDS: usize = 10_000;

/// DIDs of a cache whose answers must take no longer than those of one of 1,000: 100,000 documents are
/// 300 MB.
const MANY: usize = 100_000;

fn ed25519(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let key = SigningKey::from_bytes(&seed).verifying_key();
            methods::key_did(&PublicKey::ed25519(key.as_bytes()).unwrap()).unwrap().to_string()
        })
        .collect()
}

/// Points of P-256: one x in two is one.
fn p256(count: usize) -> Vec<String> {
    (0_u64..)
        .filter_map(|number| {
            let mut sec1 = [2; 33];
            sec1[25..].copy_from_slice(&number.to_be_bytes());
            PublicKey::p256(&sec1).ok()
        })
        .map(|key| methods::key_did(&key).unwrap().to_string())
        .take(count)
        .collect()
}

/// G7: what is not cached, and what is.
pub fn run(goals: &mut Goals) {
    let affinidi = comparators::start("marque-bench-dids");
    uncached("Ed25519", &ed25519(DIDS), &affinidi, goals);
    uncached("P-256", &p256(DIDS), &affinidi, goals);
    cached(&ed25519(MANY), &affinidi, goals);
}

/// What resolves it, with every DID in it.
fn warm(dids: &[String]) -> Documents {
    // A cache forgets by generations of its parts: twice the room, and some for parts that get more.
    let documents = Documents::new(dids.len() * 3);
    for did in dids {
        documents.resolve(&did.parse().unwrap()).unwrap();
    }
    documents
}

fn cached(many: &[String], affinidi: &Shared, goals: &mut Goals) {
    const FEW: &str = "text -> Did -> Documents::resolve, 1,000 DIDs";
    const HELD: &str = "text -> Did -> Documents::resolve, 10,000 DIDs";
    const FULL: &str = "text -> Did -> Documents::resolve, 100,000 DIDs";
    const THEIRS: &str = "affinidi-did-resolver-cache-sdk, 10,000 DIDs in its cache";
    let joined = many[..DIDS].join("\n");
    let inputs: [&[u8]; 1] = [joined.as_bytes()];
    let mut candidates: Vec<_> = [(FEW, 1_000), (HELD, DIDS), (FULL, MANY)]
        .into_iter()
        .map(|(name, count)| {
            let documents = warm(&many[..count]);
            let mut turns = many[..count].iter().cycle();
            Candidate::new(name, 2_000, move || {
                let did: Did = turns.next().unwrap().parse().unwrap();
                let (resolution, held) = documents.resolve(&did).unwrap();
                usize::from(held && resolution.document.is_some())
            })
        })
        .collect();
    candidates.push(Candidate::there(THEIRS, 2_000, affinidi, ("cached", &inputs)));
    let measured = compare("G7: did:key of Ed25519, cached", candidates);
    let what = "affinidi's resolver / Documents::resolve, did:key of Ed25519, cached";
    goals.note("G7", what, measured.ratio(THEIRS, HELD), Bound::Least(8.0));
    let what = "a cached DID among 100,000 / among 1,000";
    goals.note("G7", what, measured.ratio(FULL, FEW), Bound::Most(1.5));
}

fn uncached(kind: &str, dids: &[String], affinidi: &Shared, goals: &mut Goals) {
    const MARQUE: &str = "text -> Did -> methods::resolve";
    const MISSED: &str = "affinidi-did-resolver-cache-sdk: not in its cache";
    let joined = dids.join("\n");
    let inputs: [&[u8]; 1] = [joined.as_bytes()];
    let (mut first, mut second) = (dids.iter().cycle(), dids.iter().cycle());
    let measured = compare(
        &format!("G7: did:key of {kind}, uncached, {} DIDs in turn", dids.len()),
        vec![
            Candidate::new(MARQUE, 200, || {
                let did: Did = first.next().unwrap().parse().unwrap();
                methods::resolve(&did).unwrap().methods().len()
            }),
            Candidate::new("  the key alone: methods::key_of", 200, || {
                let did: Did = second.next().unwrap().parse().unwrap();
                usize::from(methods::key_of(&did).is_ok())
            }),
            Candidate::there("affinidi-did-common: DID::resolve", 200, affinidi, ("uncached", &inputs)),
            Candidate::there(MISSED, 200, affinidi, ("missed", &inputs)),
        ],
    );
    let what = format!("affinidi's resolver / methods::resolve, did:key of {kind}, uncached");
    goals.note("G7", what, measured.ratio(MISSED, MARQUE), Bound::Least(3.0));
}
