//! G10: what a status check costs, and what taking in a list costs, in lists of several lengths.

use crate::goals::{Bound, Goals};
use crate::rounds::{Candidate, compare};
use crate::world::{NOW, Party, list, list_url, spread, token};
use std::hint::black_box;
use std::io::Read;
use std::sync::Arc;
use vc_schemas::facts::{Facts, ListFact, ListKey};
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::reference::Reference;
use vc_schemas::status::token_list::{Form, Token, TokenStatus};
use vc_schemas::status::{MAX_LIST_BYTES, Purpose, StatusList};

/// Checks in one run, of indices that do not lie side by side.
const CHECKS: u32 = 1_000;

/// Lists, of the fewest entries that a list may have up to a million.
const LENGTHS: [(&str, u32); 2] = [("131,072 entries", 131_072), ("1,048,576 entries", 1_048_576)];

/// The groups of G10.
pub fn run(goals: &mut Goals) {
    let domain = Party::new("alpha.example");
    let made =
        LENGTHS.map(|(name, entries)| (name, entries, list(&domain, Purpose::Revocation, entries, 100)));
    let key = ListKey { issuer: domain.did.clone(), url: list_url(&domain, Purpose::Revocation) };
    checks(&key, &made, goals);
    token_checks(&domain, goals);
    for (name, _, (secured, document)) in &made {
        loads(name, secured, document, goals);
    }
}

type Made = (&'static str, u32, (Secured, did_resolver::document::Document));

fn checks(key: &ListKey, made: &[Made], goals: &mut Goals) {
    let facts: Vec<Facts> = made
        .iter()
        .map(|(_, _, (secured, document))| {
            let list = StatusList::verified(secured.clone(), document, NOW).unwrap();
            let mut facts = Facts::default();
            facts.insert_list(ListFact { list: Arc::new(list), revoked_ever: None });
            facts
        })
        .collect();
    let mut candidates = Vec::new();
    for ((name, entries, _), facts) in made.iter().zip(&facts) {
        let indices: Vec<u32> =
            (0..CHECKS).map(|n| (spread(u64::from(n)) % u64::from(*entries)) as u32).collect();
        candidates.push(Candidate::new(
            &format!("1,000 checks, {name}: Facts::list, Bits::get"),
            50,
            move || {
                let valid = indices.iter().filter(|index| {
                    facts.list(black_box(key)).is_some_and(|fact| fact.list.bits.get(**index).is_some())
                });
                valid.count()
            },
        ));
    }
    let names: Vec<String> =
        made.iter().map(|m| format!("1,000 checks, {}: Facts::list, Bits::get", m.0)).collect();
    let measured = compare("G10: status checks", candidates);
    for name in &names {
        goals.note(
            "G10",
            format!("nanoseconds of a check ({name})"),
            measured.median(name),
            Bound::Most(40.0),
        );
    }
    let growth = measured.ratio(&names[1], &names[0]);
    goals.note("G10", "a check in 1,048,576 entries / in 131,072", growth, Bound::Most(1.5));
}

fn loads(name: &str, secured: &Secured, document: &did_resolver::document::Document, goals: &mut Goals) {
    const INFLATE: &str = "raw inflate alone";
    const LOAD: &str = "Secured::parse, StatusList::verified";
    let bytes = secured.bytes();
    let encoded = secured.payload()["credentialSubject"]["encodedList"].as_str().unwrap();
    let compressed = did_resolver::codec::from_base64url(&encoded[1..]).unwrap();
    let measured = compare(
        &format!("G10: taking in a list of {name}, 1 % set, as vc+jwt, {} bytes", bytes.len()),
        vec![
            Candidate::new(INFLATE, 5, || {
                let mut bits = Vec::with_capacity(1 << 18);
                flate2::read::GzDecoder::new(compressed.as_slice()).read_to_end(&mut bits).unwrap()
            }),
            Candidate::new(LOAD, 5, || {
                let secured =
                    Secured::parse(Content::Credential, Envelope::Jwt, bytes, MAX_LIST_BYTES).unwrap();
                let list = StatusList::verified(secured, document, NOW).unwrap();
                list.bits.entries() as usize
            }),
        ],
    );
    let what = format!("taking in a list of {name} as vc+jwt / raw inflate");
    goals.note("G10", what, measured.ratio(LOAD, INFLATE), Bound::Most(2.0));
}

/// Status List Tokens may be shorter than bitstring lists.
fn token_checks(domain: &Party, goals: &mut Goals) {
    const SHORT: &str = "1,000 checks, 1,000 entries: TokenList::status";
    const LONG: &str = "1,000 checks, 1,048,576 entries: TokenList::status";
    let made = [(SHORT, 1_000), (LONG, 1_048_576)].map(|(name, entries)| {
        let (token, _) = token(domain, entries, 100, Form::Cwt);
        let reference = |n| Reference {
            index: (spread(u64::from(n)) % u64::from(entries)) as u32,
            uri: token.list().url.clone(),
        };
        let references: Vec<Reference> = (0..CHECKS).map(reference).collect();
        (name, token, references)
    });
    let candidates = made.iter().map(|(name, token, references)| {
        Candidate::new(name, 50, || {
            let status = |reference: &&Reference| token.list().status(black_box(reference), NOW);
            references.iter().filter(|reference| status(reference) == Ok(TokenStatus::Valid)).count()
        })
    });
    let measured = compare("G10: status checks by Status List Token", candidates.collect());
    for name in [SHORT, LONG] {
        goals.note(
            "G10",
            format!("nanoseconds of a check ({name})"),
            measured.median(name),
            Bound::Most(40.0),
        );
    }
    let growth = measured.ratio(LONG, SHORT);
    goals.note("G10", "a check in 1,048,576 entries / in 1,000, Status List Token", growth, Bound::Most(1.5));

    const INFLATE: &str = "raw inflate alone";
    const LOAD: &str = "Token::parse, Token::verified";
    let (cwt, document) = token(domain, 1_048_576, 100, Form::Cwt);
    let compressed = zlib(&cwt);
    let measured = compare(
        &format!("G10: taking in a list of 1,048,576 entries, 1 % set, as CWT, {} bytes", cwt.bytes().len()),
        vec![
            Candidate::new(INFLATE, 5, || {
                let mut bits = Vec::with_capacity(1 << 18);
                flate2::read::ZlibDecoder::new(compressed).read_to_end(&mut bits).unwrap()
            }),
            Candidate::new(LOAD, 5, || {
                let token = Token::parse(Form::Cwt, cwt.bytes()).unwrap();
                token.verified(&document, NOW).unwrap().token().list().bits.entries() as usize
            }),
        ],
    );
    let what = "taking in a list of 1,048,576 entries as CWT / raw inflate";
    goals.note("G10", what, measured.ratio(LOAD, INFLATE), Bound::Most(2.0));
}

/// Where the compressed array begins in a CWT: a zlib header that inflates to what the list holds.
fn zlib(token: &Token) -> &[u8] {
    let bytes = token.bytes();
    let inflates = |at: &usize| {
        let mut array = Vec::new();
        let read = flate2::read::ZlibDecoder::new(&bytes[*at..]).read_to_end(&mut array);
        read.is_ok_and(|read| read == token.list().bits.as_bytes().len())
    };
    let at = (0..bytes.len()).filter(|at| bytes[*at] == 0x78).find(inflates);
    &bytes[at.expect("an array in the token")..]
}
