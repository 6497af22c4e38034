//! A chain of three hops: whatever is changed in it refuses, and a brute-force oracle says the same of what
//! it allows.

use super::*;

const CEILING: &[&str] = &["calendar:read", "calendar:write", "mail:send"];

fn narrowing() -> [Terms; 3] {
    let bound = |rooms: Value, depth: u8| json!({"resource": rooms, "maxDepth": depth, "purpose": "travel"});
    [
        Terms {
            constraints: bound(json!(["room-1", "room-2"]), 2),
            ..terms(&["calendar:read", "calendar:write"])
        },
        Terms { constraints: bound(json!(["room-1"]), 1), ..terms(&["calendar:read"]) },
        Terms { constraints: bound(json!(["room-1"]), 0), ..terms(&["calendar:read"]) },
    ]
}

fn hops(envelope: Envelope) -> (World, Party, Vec<Secured>) {
    let mut world = World::new(envelope);
    let [one, two, three] = narrowing();
    let (mail, all) = world.three_hops([&one, &two, &three], [CEILING; 3]);
    (world, mail, all)
}

// R-041 R-076
#[test]
fn a_changed_byte_of_any_credential_of_three_hops_refuses_also_where_the_holder_signs_anew() {
    for envelope in Envelope::ALL {
        let (world, mail, all) = hops(envelope);
        let facts = world.facts();
        let judged = |credentials: Vec<Secured>| match Held::read(world.present(&mail, credentials)) {
            Ok(held) => check(&held, &facts, &world.expect(), NOW),
            Err(refusal) => Outcome::Refused(refusal),
        };
        verified(judged(all.clone()));
        let (mut tried, mut read) = (0, 0);
        for (at, secured) in all.iter().enumerate() {
            // The last link has no child that names its digest: each byte of it. Of the others some.
            let step = if at == 2 { 1 } else { 37 };
            for place in (0..secured.bytes().len()).step_by(step) {
                let mut bytes = secured.bytes().to_vec();
                bytes[place] ^= 1 << (place % 7);
                tried += 1;
                let Ok(changed) = Secured::parse(Content::Credential, envelope, &bytes, 1 << 20) else {
                    continue;
                };
                read += 1;
                let mut credentials = all.clone();
                credentials[at] = changed;
                let outcome = judged(credentials);
                assert!(
                    matches!(outcome, Outcome::Refused(_)),
                    "{envelope:?}: byte {place} of {at}: {outcome:?}"
                );
            }
        }
        assert!(tried > 500 && read > 100, "{envelope:?}: {read} of {tried} could be read");
    }
}

fn leaves(json: &Value, at: &str, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| leaves(value, &format!("{at}/{index}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

// not even with the holder's help, and under the key id of the one who signed.
#[test]
fn a_changed_member_of_any_credential_of_three_hops_refuses_whoever_else_signs_it() {
    for envelope in Envelope::ALL {
        let (world, mail, all) = hops(envelope);
        let facts = world.facts();
        let mut tried = 0;
        for (at, secured) in all.iter().enumerate() {
            let mut places = Vec::new();
            leaves(secured.payload(), "", &mut places);
            let mut forger = mail.clone();
            forger.did = secured.key_id().did().clone();
            for place in places {
                let mut payload = secured.payload().clone();
                let member = payload.pointer_mut(&place).unwrap();
                *member = match member {
                    Value::String(text) => json!(format!("{text}1")),
                    Value::Number(number) => json!(number.as_u64().unwrap() + 1),
                    _ => json!(null),
                };
                let mut credentials = all.clone();
                credentials[at] = forger.sign(Content::Credential, envelope, payload);
                let outcome = match Held::read(world.present(&mail, credentials)) {
                    Ok(held) => check(&held, &facts, &world.expect(), NOW),
                    Err(refusal) => Outcome::Refused(refusal),
                };
                assert!(!matches!(outcome, Outcome::Verified(_)), "{envelope:?}: {place} of {at}");
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried}");
    }
}

const CAPABILITIES: [&str; 3] = ["calendar:read", "calendar:write", "mail:send"];
const ROOMS: [&str; 2] = ["room-1", "room-2"];

/// One link as the oracle sees it: sets as bits.
#[derive(Debug, Clone, Copy)]
struct Hop {
    capabilities: u8,
    /// `None`: any room.
    rooms: Option<u8>,
    depth: Option<u8>,
    ceiling: u8,
}

fn chosen(names: &[&'static str], bits: u8) -> Vec<&'static str> {
    names.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, name)| *name).collect()
}

fn hop_terms(hop: &Hop) -> Terms {
    let mut constraints = json!({});
    if let Some(rooms) = hop.rooms {
        constraints["resource"] = json!(chosen(&ROOMS, rooms));
    }
    if let Some(depth) = hop.depth {
        constraints["maxDepth"] = json!(depth);
    }
    Terms { constraints, ..terms(&chosen(&CAPABILITIES, hop.capabilities)) }
}

/// Whether every use that a hop allows is one that everything above it allows.
fn holds(hops: &[Hop; 3], anchor: u8) -> bool {
    // The third room is one that nobody names.
    let uses = |hop: Hop| {
        let all = (0..3_u8).flat_map(|c| (0..3_u8).map(move |r| (c, r)));
        all.filter(move |(c, r)| hop_allows(*c, *r, hop.capabilities, hop.rooms))
    };
    let depth = |at: usize| {
        let after = 2 - at as u64;
        hops[at].depth.is_none_or(|depth| after <= u64::from(depth))
            && (at == 0
                || hops[at - 1].depth.is_none_or(|above| hops[at].depth.is_some_and(|own| own < above)))
    };
    (0..3).all(|at| {
        let capped = hops[at].capabilities & !hops[at].ceiling == 0;
        let within = match at {
            0 => hops[0].capabilities & !anchor == 0,
            _ => {
                let above = &hops[at - 1];
                uses(hops[at]).all(|(c, r)| hop_allows(c, r, above.capabilities, above.rooms))
            }
        };
        capped && within && depth(at)
    })
}

fn hop_allows(capability: u8, room: u8, capabilities: u8, rooms: Option<u8>) -> bool {
    capabilities >> capability & 1 == 1 && rooms.is_none_or(|rooms| rooms >> room & 1 == 1)
}

/// Bits of which most are set, so that about half of the chains hold.
fn mostly(bits: u32) -> impl Strategy<Value = u8> {
    let all = (1_u8 << bits) - 1;
    prop_oneof![3 => Just(all), 2 => 1..=all]
}

fn any_hop() -> impl Strategy<Value = Hop> {
    let rooms = prop::option::weighted(0.4, mostly(2));
    (mostly(3), rooms, prop_oneof![4 => Just(None), 3 => (0..4_u8).prop_map(Some)], mostly(3))
        .prop_map(|(capabilities, rooms, depth, ceiling)| Hop { capabilities, rooms, depth, ceiling })
}

/// A hop that mostly continues the one before it.
fn any_hops() -> impl Strategy<Value = [Hop; 3]> {
    (any_hop(), any_hop(), any_hop(), 0..4_u8).prop_map(|(one, mut two, mut three, free)| {
        if free != 0 {
            two.capabilities &= one.capabilities;
            two.rooms = two.rooms.or(one.rooms);
            three.capabilities &= two.capabilities;
            three.rooms = three.rooms.or(two.rooms);
        }
        if free > 1 {
            two.depth = one.depth.map(|depth| depth.saturating_sub(1)).or(two.depth);
            three.depth = two.depth.map(|depth| depth.saturating_sub(1)).or(three.depth);
        }
        [one, two, three]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // R-077 R-082 R-084
    #[test]
    fn three_hops_verify_exactly_where_the_oracle_says_that_nothing_widens(hops in any_hops(), anchor in mostly(3)) {
        // A link without capabilities allows nothing, and then nothing follows from what it allows.
        prop_assume!(hops.iter().all(|hop| hop.capabilities != 0));
        let mut world = World::new(Envelope::Jwt);
        let all = hops.map(|hop| hop_terms(&hop));
        let ceilings = hops.map(|hop| chosen(&CAPABILITIES, hop.ceiling));
        let (mail, credentials) =
            world.three_hops([&all[0], &all[1], &all[2]], [&ceilings[0], &ceilings[1], &ceilings[2]]);
        let held = Held::read(world.present(&mail, credentials)).unwrap();
        let mut expect = world.expect();
        let alpha = world.alpha.scid();
        expect.domains.get_mut(&alpha).unwrap().anchor.capabilities = scope(&chosen(&CAPABILITIES, anchor));
        let facts = world.facts();
        let outcome = check(&held, &facts, &expect, NOW);
        prop_assert_eq!(matches!(outcome, Outcome::Verified(_)), holds(&hops, anchor), "{:?} {:?}", hops, outcome);
        let Outcome::Verified(verdict) = outcome else { return Ok(()) };
        let effective = hops.iter().fold(anchor, |all, hop| all & hop.capabilities & hop.ceiling);
        prop_assert_eq!(&verdict.capabilities, &scope(&chosen(&CAPABILITIES, effective)));
        for (c, capability) in (0_u8..).zip(CAPABILITIES) {
            for (r, room) in (0_u8..).zip(["room-1", "room-2", "room-3"]) {
                expect.request.capability = Some(capability.parse().unwrap());
                expect.request.resource = Some(room.to_owned());
                let allowed = hops.iter().all(|hop| hop_allows(c, r, hop.capabilities & hop.ceiling, hop.rooms));
                let outcome = check(&held, &facts, &expect, NOW);
                prop_assert_eq!(matches!(outcome, Outcome::Verified(_)), allowed, "{} {}", capability, room);
            }
        }
    }
}
