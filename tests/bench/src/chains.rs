//! G1, G2, G3, G5: a chain of three links with its four identity credentials and its presentation, eight
//! signatures, from bytes to a verdict with every rule, against as many bare verifications of the same
//! bytes, biscuit-auth, jsonwebtoken, and ssi.
//!
//! The DID documents and status lists are in memory. What counts as seen was read and
//! verified before.

use crate::comparators;
use crate::goals::{Bound, Goals};
use crate::proofs;
use crate::rounds::{Candidate, Shared, compare};
use crate::world::{NOW, Signed, World};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use did_resolver::codec;
use vc_schemas::check::{Held, Outcome, check, check_with};
use vc_schemas::facts::{Expect, Facts};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};
use vc_schemas::seen::{DEFAULT_CAPACITY, Seen};

const ENVELOPES: [(&str, Envelope); 5] = [
    ("vp+jwt", Envelope::Jwt),
    ("vp+cose", Envelope::Cose),
    ("vp, eddsa-jcs-2022", Envelope::DataIntegrity),
    ("compact vp+cose", Envelope::Compact),
    ("vp+sd-jwt", Envelope::VcSdJwt),
];

const HOPS: usize = 3;

/// Identity credentials: the owner's, and that of each agent.
const IDENTITIES: usize = HOPS + 1;

/// From bytes to a verdict.
fn verify(envelope: Envelope, bytes: &[u8], facts: &Facts, expect: &Expect) -> usize {
    let secured = Secured::parse(Content::Presentation, envelope, bytes, MAX_PRESENTATION_BYTES).unwrap();
    match check(&Held::read(secured).unwrap(), facts, expect, NOW) {
        Outcome::Verified(verdict) => verdict.links.len(),
        other => panic!("{other:?}"),
    }
}

/// The same, by a verifier that saw some of it before.
fn verify_seen(envelope: Envelope, bytes: &[u8], facts: &Facts, expect: &Expect, seen: &Seen) -> usize {
    let secured = Secured::parse(Content::Presentation, envelope, bytes, MAX_PRESENTATION_BYTES).unwrap();
    match check_with(&Held::read_with(secured, seen).unwrap(), facts, expect, NOW, seen) {
        (Outcome::Verified(verdict), _) => verdict.links.len(),
        (other, _) => panic!("{other:?}"),
    }
}

fn presentation(chain: &[Signed]) -> &Secured {
    &chain.last().unwrap().secured
}

fn dalek(chain: &[Signed]) -> usize {
    chain.iter().filter(|one| one.key.verify_strict(&one.input, &one.signature).is_ok()).count()
}

fn aws_lc(chain: &[Signed]) -> usize {
    let holds = |one: &&Signed| {
        let key = UnparsedPublicKey::new(&ED25519, one.key.as_bytes());
        key.verify(&one.input, &one.signature.to_bytes()).is_ok()
    };
    chain.iter().filter(holds).count()
}

/// The groups of G1, G3 and G5.
pub fn run(goals: &mut Goals) {
    let tokens = comparators::start("marque-bench-tokens");
    let ssi = comparators::start("marque-bench-ssi");
    for (name, envelope) in ENVELOPES {
        cold(name, envelope, &tokens, &ssi, goals);
    }
    for (name, envelope) in ENVELOPES {
        hops(name, envelope, goals);
    }
    bytes(&tokens, goals);
}

fn cold(name: &str, envelope: Envelope, tokens: &Shared, ssi: &Shared, goals: &mut Goals) {
    const AWS_LC: &str = "8 bare verifies of the same bytes, AWS-LC";
    const DALEK: &str = "8 bare verify_strict of the same bytes, ed25519-dalek";
    const WHOLE: &str = "Secured::parse, Held::read, check: nothing seen before";
    const AWS_LC_FOUR: &str = "4 bare verifies, AWS-LC";
    const IDENTITIES_SEEN: &str = "the same: identity credentials seen before";
    const ALL_SEEN: &str = "the same: identity credentials and links seen before";
    const BISCUIT: &str = "biscuit-auth: authority and 3 blocks, with authorisation";
    let world = World::new(HOPS);
    let (facts, expect, chain) = (world.facts(), world.expect(), world.chain(envelope));
    let bytes = presentation(&chain).bytes();
    let read = || Secured::parse(Content::Presentation, envelope, bytes, MAX_PRESENTATION_BYTES).unwrap();
    let held = Held::read(read()).unwrap();
    // Identity credentials are verified first. The presentation is never kept.
    let (_, sightings) = check_with(&held, &facts, &expect, NOW, &Seen::new(0));
    assert_eq!(sightings.len(), HOPS + IDENTITIES);
    let (mut all_seen, mut identities_seen) = (Seen::new(DEFAULT_CAPACITY), Seen::new(DEFAULT_CAPACITY));
    all_seen.take(sightings.clone(), NOW);
    identities_seen.take(sightings.into_iter().take(IDENTITIES).collect(), NOW);
    let jwts: String = chain
        .iter()
        .filter(|_| envelope == Envelope::Jwt)
        .map(|one| {
            let token = String::from_utf8_lossy(one.secured.bytes());
            format!("{} {token}\n", codec::to_base64url(one.key.as_bytes()))
        })
        .collect();
    let links: String = jwts.lines().take(HOPS).chain(jwts.lines().last()).flat_map(|l| [l, "\n"]).collect();
    let four = &chain[IDENTITIES..];
    let (credential, context) = proofs::for_ssi();
    let rdfc: [&[u8]; 3] = [credential.as_bytes(), proofs::CONTEXT_URL.as_bytes(), context.as_bytes()];
    let mut candidates = vec![
        Candidate::new(AWS_LC, 10, || aws_lc(&chain)),
        Candidate::new(DALEK, 10, || dalek(&chain)),
        Candidate::new(WHOLE, 10, || verify(envelope, bytes, &facts, &expect)),
        Candidate::new(AWS_LC_FOUR, 20, || aws_lc(four)),
        Candidate::new(IDENTITIES_SEEN, 10, || {
            verify_seen(envelope, bytes, &facts, &expect, &identities_seen)
        }),
        Candidate::new(ALL_SEEN, 10, || verify_seen(envelope, bytes, &facts, &expect, &all_seen)),
        Candidate::new("  Secured::parse of the presentation alone", 40, || read().bytes().len()),
        Candidate::new("  Secured::parse and Held::read alone", 20, || {
            Held::read(read()).unwrap().links().len()
        }),
        Candidate::new("  check alone", 10, || {
            usize::from(matches!(check(&held, &facts, &expect, NOW), Outcome::Verified(_)))
        }),
        Candidate::new("  PublicKey::verify of the same bytes alone", 10, || {
            let holds = |one: &&Signed| one.public.verify(&one.input, &one.signature.to_bytes()).is_ok();
            chain.iter().filter(holds).count()
        }),
        Candidate::new("  SHA-256 of what each signature covers alone", 40, || {
            chain.iter().filter(|one| codec::sha256(&one.input) != [0; 32]).count()
        }),
        Candidate::there(BISCUIT, 5, tokens, ("biscuit", &[&[0; HOPS]])),
        Candidate::there("ssi: 8 credentials, eddsa-rdfc-2022", 1, ssi, ("eddsa-rdfc-2022-eight", &rdfc)),
    ];
    if envelope == Envelope::Jwt {
        let (eight, four) =
            ("jsonwebtoken: the same 8 tokens", "jsonwebtoken: links and presentation, 4 tokens");
        candidates.push(Candidate::there(eight, 10, tokens, ("jsonwebtoken", &[jwts.as_bytes()])));
        candidates.push(Candidate::there(four, 10, tokens, ("jsonwebtoken", &[links.as_bytes()])));
    }
    let measured = compare(&format!("G1: three hops as {name}, {} bytes", bytes.len()), candidates);
    let of = format!("three hops as {name}, nothing seen");
    goals.note(
        "G1",
        format!("{of} / 8 bare verifies by the same library"),
        measured.ratio(WHOLE, AWS_LC),
        Bound::Most(1.25),
    );
    goals.note(
        "G1",
        format!("{of} / 8 verify_strict by ed25519-dalek"),
        measured.ratio(WHOLE, DALEK),
        Bound::Most(1.0),
    );
    let of = |seen: &str| format!("three hops as {name}, {seen}");
    let all = of("all seen but the presentation");
    let ratio = measured.ratio(ALL_SEEN, AWS_LC_FOUR);
    goals.note("G2", format!("{all} / 4 bare verifies by the same library"), ratio, Bound::Most(0.35));
    goals.note("G2", format!("biscuit-auth / {all}"), measured.ratio(BISCUIT, ALL_SEEN), Bound::Least(4.0));
    let ratio = measured.ratio(IDENTITIES_SEEN, BISCUIT);
    goals.note("G3", of("identity credentials seen / biscuit-auth"), ratio, Bound::Most(0.65));
}

/// What one more hop costs: a link and an identity credential.
fn hops(name: &str, envelope: Envelope, goals: &mut Goals) {
    const AWS_LC: &str = "2 bare verifies, AWS-LC";
    let lengths = [1, 2, 4, 8];
    let worlds: Vec<_> = lengths
        .iter()
        .map(|hops| {
            let world = World::new(*hops);
            (world.facts(), world.expect(), world.chain(envelope))
        })
        .collect();
    let mut candidates = vec![Candidate::new(AWS_LC, 20, || aws_lc(&worlds[0].2[..2]))];
    for (hops, (facts, expect, chain)) in lengths.iter().zip(&worlds) {
        let work = || verify(envelope, presentation(chain).bytes(), facts, expect);
        candidates.push(Candidate::new(&format!("{hops} hops"), 5, work));
    }
    let measured = compare(&format!("G1: hops as {name}"), candidates);
    let more = (measured.ratio("8 hops", AWS_LC) - measured.ratio("2 hops", AWS_LC)) / 6.0;
    goals.note(
        "G1",
        format!("one more hop as {name} / its 2 bare verifies, same library"),
        more,
        Bound::Most(1.3),
    );
}

/// G5: how large the same presentation is.
fn bytes(tokens: &Shared, goals: &mut Goals) {
    let world = World::new(HOPS);
    println!("\nG5: bytes of a presentation of three hops, four identity credentials in it");
    let sizes = ENVELOPES.map(|(name, envelope)| {
        let chain = world.chain(envelope);
        let size = presentation(&chain).bytes().len();
        let link = chain[1].secured.bytes().len();
        println!("  {name:<20} {size:>8}    a link {link:>6}");
        size
    });
    let biscuit = tokens.borrow_mut().prepare("biscuit-bytes", &[&[0; HOPS]]).expect("biscuit").1;
    println!("  {:<20} {biscuit:>8}    without identity credentials", "biscuit");
    let of = |other: usize| sizes[3] as f64 / sizes[other] as f64;
    goals.note("G5", "bytes as compact vp+cose / as vp+jwt", of(0), Bound::Most(0.30));
    goals.note("G5", "bytes as compact vp+cose / with Data Integrity proofs", of(2), Bound::Most(0.45));
}
