//! One verification of a presentation of three hops, for tools that count what a processor does.
//!
//! `callgrind` (this folder) runs it. Instructions do not depend on what else a machine does, so two
//! versions of Marque compare by them where their times would not.

#[allow(dead_code, reason = "other measurements use more of it")]
mod world;

use std::hint::black_box;
use vc_schemas::check::{Held, Outcome, check_with};
use vc_schemas::facts::{Expect, Facts};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};
use vc_schemas::seen::{DEFAULT_CAPACITY, Seen};
use world::{NOW, World};

const HOPS: usize = 3;

/// From bytes to a verdict. What is counted is what happens in here.
#[inline(never)]
fn measured(envelope: Envelope, bytes: &[u8], facts: &Facts, expect: &Expect, seen: &Seen) -> usize {
    let secured = Secured::parse(Content::Presentation, envelope, bytes, MAX_PRESENTATION_BYTES).unwrap();
    match check_with(&Held::read_with(secured, seen).unwrap(), facts, expect, NOW, seen) {
        (Outcome::Verified(verdict), _) => verdict.links.len(),
        (other, _) => panic!("{other:?}"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let format = arguments.next().unwrap_or_default();
    let envelope = Envelope::of_format(Content::Presentation, &format);
    let envelope = envelope.expect("an envelope of a presentation, such as vp+jwt");
    let world = World::new(HOPS);
    let (facts, expect, chain) = (world.facts(), world.expect(), world.chain(envelope));
    let bytes = chain.last().unwrap().secured.bytes();
    let mut seen = Seen::new(DEFAULT_CAPACITY);
    if arguments.next().as_deref() == Some("seen") {
        let held = Held::read(
            Secured::parse(Content::Presentation, envelope, bytes, MAX_PRESENTATION_BYTES).unwrap(),
        )
        .unwrap();
        let (_, sightings) = check_with(&held, &facts, &expect, NOW, &seen);
        seen.take(sightings, NOW);
    }
    assert_eq!(measured(envelope, black_box(bytes), &facts, &expect, &seen), HOPS);
}
