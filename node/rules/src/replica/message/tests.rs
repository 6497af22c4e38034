//! Messages have one encoding, within their bounds.

use super::*;
use crate::replica::view::ItemKind;
use crate::replica::view::range::MAX_TOLD_IDS;
use did_resolver::codec;
use proptest::collection::vec;
use proptest::prelude::*;

fn scid() -> Scid {
    Scid::parse(&codec::multihash_base58btc(b"acme")).unwrap()
}

fn hello() -> Hello {
    Hello {
        membership: vec![1, 2, 3],
        domain: format!("did:webvh:{}:acme.example", scid()).parse().unwrap(),
        domain_log: b"{}\n".to_vec(),
        domain_witness: None,
        join_secret: Some(JoinSecret::new([7; 32])),
        addresses: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
    }
}

#[test]
fn a_hello_reads_back_and_its_version_is_checked_first() {
    assert_eq!(Hello::decode(&hello().encode()), Ok(hello()));
    let without = Hello { join_secret: None, ..hello() };
    assert_eq!(Hello::decode(&without.encode()), Ok(without));
    assert_eq!(Hello::decode(&[0x83, 0x03, 0x00, 0x00]), Err(Refusal::UnknownVersion));
    for answer in [HelloAnswer::Admitted(Box::new(hello())), HelloAnswer::Refused(Refusal::BadMembership)] {
        assert_eq!(HelloAnswer::decode(&answer.encode()), Ok(answer));
    }
}

#[test]
fn a_hello_with_witness_proofs_has_a_version_of_its_own() {
    let witnessed = Hello { domain_witness: Some(b"[]".to_vec()), ..hello() };
    let (bytes, plain) = (witnessed.encode(), hello().encode());
    assert_eq!(Hello::decode(&bytes), Ok(witnessed.clone()));
    let answer = HelloAnswer::Admitted(Box::new(witnessed.clone()));
    assert_eq!(HelloAnswer::decode(&answer.encode()), Ok(answer));
    // Who knows the first version only refuses by the version; to others nothing has changed.
    assert_eq!((plain[..2].to_vec(), bytes[..2].to_vec()), (vec![0x86, 0x01], vec![0x87, 0x02]));
    let relabelled = |bytes: &[u8], version| [&bytes[..1], &[version], &bytes[2..]].concat();
    let empty = Hello { domain_witness: Some(Vec::new()), ..witnessed }.encode();
    for malformed in [relabelled(&plain, 2), relabelled(&bytes, 1), empty] {
        assert_eq!(Hello::decode(&malformed), Err(Refusal::Malformed));
    }
}

#[test]
fn a_hello_at_its_bounds_fits_and_one_over_them_does_not() {
    let full = Hello {
        membership: vec![0; MAX_MEMBERSHIP_BYTES],
        domain_log: vec![0; MAX_LOG_BYTES],
        domain_witness: Some(vec![0; MAX_PROOFS_BYTES]),
        addresses: vec!["x".repeat(512); 8],
        ..hello()
    };
    assert!(HelloAnswer::decode(&HelloAnswer::Admitted(Box::new(full.clone())).encode()).is_ok());
    let over = Hello { domain_log: vec![0; MAX_LOG_BYTES + 1], ..full.clone() };
    assert_eq!(Hello::decode(&over.encode()), Err(Refusal::TooLarge));
    let over = Hello { domain_witness: Some(vec![0; MAX_PROOFS_BYTES + 1]), ..full };
    assert_eq!(Hello::decode(&over.encode()), Err(Refusal::TooLarge));
}

//
#[test]
fn a_reason_of_a_later_release_is_an_answer_and_what_is_no_reason_is_none() {
    let named = |variant: u8, name: &str| {
        let mut bytes = vec![0x82, variant, 0x78, u8::try_from(name.len()).unwrap()];
        if name.len() < 24 {
            bytes.truncate(2);
            bytes.push(0x60 | u8::try_from(name.len()).unwrap());
        }
        [&bytes[..], name.as_bytes()].concat()
    };
    let refused = Ok(Response::Refused(Refusal::UnknownReason));
    let answer = |name: &str| named(5, name);
    for name in ["moonless", "not-a-moon", &"a".repeat(64)] {
        assert_eq!(Response::decode(&answer(name)), refused, "{name}");
        let hello = HelloAnswer::decode(&named(1, name));
        assert_eq!(hello, Ok(HelloAnswer::Refused(Refusal::UnknownReason)));
    }
    assert_eq!(Response::decode(&answer("not-found")), Ok(Response::Refused(Refusal::NotFound)));
    for name in ["", "-", "a--b", "Moonless", "moon less", "m\u{f6}\u{f6}n", &"a".repeat(65)] {
        assert!(Response::decode(&answer(name)).is_err(), "{name}");
        assert!(HelloAnswer::decode(&named(1, name)).is_err(), "{name}");
    }
    // The length of the name in two bytes instead of one.
    let longer = [&[0x82, 5, 0x78, 8][..], b"moonless"].concat();
    assert_eq!(Response::decode(&longer), Err(Refusal::Malformed));
    assert_eq!(Response::decode(&named(7, "moonless")), Err(Refusal::Malformed));
}

#[test]
fn a_full_page_fits_in_a_response() {
    let envelopes = MAX_PAGE_BYTES / MAX_ENVELOPE_BYTES;
    let objects = vec![([9; 32], vec![0; MAX_ENVELOPE_BYTES]); envelopes];
    assert!(Response::Objects(objects).encode().len() <= MAX_SYNC_RESPONSE_BYTES);
    let ids = vec![[9; 32]; MAX_IDS_PER_REQUEST];
    let request = Request::Objects { domain: scid(), ids };
    assert_eq!(Request::decode(&request.encode()), Ok(request));
}

#[test]
fn another_spelling_and_trailing_bytes_are_refused() {
    let request = Request::Digest { domain: scid(), root: None }.encode();
    assert_eq!(Request::decode(&[&request[..], &[0]].concat()), Err(Refusal::Malformed));
    // The variant's number in two bytes instead of one.
    let longer = [&request[..1], &[0x18, 0x00], &request[2..]].concat();
    assert_eq!(Request::decode(&longer), Err(Refusal::Malformed));
    // An array that says it has 2^32 elements.
    let huge = [0x83, 0x02, 0x9a, 0xff, 0xff, 0xff, 0xff];
    assert!(Response::decode(&huge).is_err());
}

fn digest() -> impl Strategy<Value = [u8; 32]> {
    any::<[u8; 32]>()
}

fn item() -> impl Strategy<Value = Item> {
    let kind = prop_oneof![Just(ItemKind::Log), Just(ItemKind::StatusList)];
    (kind, "[a-z:/]{0,40}", any::<u64>(), digest()).prop_map(|(kind, subject, seq, digest)| Item {
        kind,
        subject,
        seq,
        digest,
    })
}

/// Ranges that are apart.
fn prefixes() -> impl Strategy<Value = Vec<Prefix>> {
    let beneath = (any::<u8>(), vec(0_u8..16, 0..6));
    vec(beneath, 0..9).prop_map(|ranges| {
        let of_byte: std::collections::BTreeMap<_, _> = ranges.into_iter().collect();
        let prefix = |(byte, nibbles): (u8, Vec<u8>)| {
            nibbles.into_iter().fold(Prefix::byte(byte), |prefix, nibble| prefix.child(nibble))
        };
        of_byte.into_iter().map(prefix).collect()
    })
}

fn part() -> impl Strategy<Value = Part> {
    let ids = vec(any::<u32>(), 0..=MAX_TOLD_IDS).prop_map(|mut tails| {
        tails.sort_unstable();
        Part::Ids(tails)
    });
    prop_oneof![any::<[[u8; 4]; 16]>().prop_map(Part::Digests), ids]
}

fn request() -> impl Strategy<Value = Request> {
    let did = "did:example:[a-z]{1,9}";
    prop_oneof![
        proptest::option::of(digest()).prop_map(|root| Request::Digest { domain: scid(), root }),
        prefixes().prop_map(|prefixes| Request::Ranges { domain: scid(), prefixes }),
        (prefixes(), proptest::option::of(digest())).prop_map(|(prefixes, after)| Request::Items {
            domain: scid(),
            prefixes,
            after
        }),
        vec(digest(), 0..9).prop_map(|ids| Request::Objects { domain: scid(), ids }),
        (did, digest(), any::<u64>()).prop_map(|(did, digest, offset)| Request::Log { did, digest, offset }),
        did.prop_map(|did| Request::Resolve { did }),
        "[a-z:/]{0,40}".prop_map(|url| Request::List { url }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let buckets = any::<[u8; 4]>().prop_map(|b| vec![b; BUCKETS]);
    prop_oneof![
        (digest(), buckets).prop_map(|(root, buckets)| Response::Digest(DomainDigest { root, buckets })),
        digest().prop_map(|root| Response::Digest(DomainDigest { root, buckets: Vec::new() })),
        vec(part(), 0..9).prop_map(Response::Ranges),
        (vec(item(), 0..9), any::<bool>()).prop_map(|(items, more)| Response::Items { items, more }),
        vec((digest(), vec(any::<u8>(), 0..40)), 0..9).prop_map(Response::Objects),
        (any::<u64>(), vec(any::<u8>(), 0..40)).prop_map(|(total, bytes)| Response::Log { total, bytes }),
        vec(any::<u8>(), 0..40).prop_map(Response::Envelope),
        (0..Refusal::ALL.len()).prop_map(|n| Response::Refused(Refusal::ALL[n])),
    ]
}

proptest! {
    #[test]
    fn a_message_reads_back_as_it_was_written(request in request(), response in response()) {
        prop_assert_eq!(Request::decode(&request.encode()), Ok(request));
        prop_assert_eq!(Response::decode(&response.encode()), Ok(response));
    }

    //
    #[test]
    fn reading_never_panics(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Hello::decode(&bytes);
        let _ = HelloAnswer::decode(&bytes);
        let _ = Request::decode(&bytes);
        let _ = Response::decode(&bytes);
    }

    #[test]
    fn a_damaged_message_is_refused_or_is_the_only_spelling_of_another(
        response in response(), at in any::<proptest::sample::Index>(), bit in 0_u8..8,
    ) {
        let mut bytes = response.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // A reason that is not known here has one spelling too, and its name is not kept.
        if let Ok(other) = Response::decode(&bytes)
            && other != Response::Refused(Refusal::UnknownReason)
        {
            prop_assert_eq!(other.encode(), bytes);
        }
    }
}

#[test]
fn items_of_a_later_release_are_read_and_keep_their_id() {
    let item = |kind| Item { kind, subject: "urn:x".to_owned(), seq: 1, digest: [1; 32] };
    let page = |kinds: &[ItemKind]| Response::Items {
        items: kinds.iter().map(|kind| item(*kind)).collect(),
        more: false,
    };
    let mixed = page(&[ItemKind::Log, ItemKind::Later(77), ItemKind::StatusList, ItemKind::Later(255)]);
    assert_eq!(Response::decode(&mixed.encode()), Ok(mixed));
    assert_ne!(item(ItemKind::Later(77)).id(), item(ItemKind::Later(78)).id());
    assert_eq!(Response::decode(&page(&[ItemKind::Later(0)]).encode()), Err(Refusal::Malformed));
    for number in 0..300 {
        let kind = ItemKind::from_number(number);
        assert_eq!(kind.map(|kind| u64::from(kind.number())), (1..256).contains(&number).then_some(number));
    }
}

#[test]
fn ranges_that_overlap_are_malformed_so_that_nothing_is_told_twice() {
    let one = Prefix::byte(7);
    let ask = |prefixes| Request::Ranges { domain: scid(), prefixes }.encode();
    for bad in [
        vec![one, one],
        vec![one, one.child(3)],
        vec![Prefix::byte(8), one],
        vec![one.child(4), one.child(3)],
    ] {
        assert_eq!(Request::decode(&ask(bad)), Err(Refusal::Malformed));
    }
    let apart = vec![one.child(3), one.child(4), Prefix::byte(8)];
    assert!(Request::decode(&ask(apart)).is_ok());
    // Longer than a range that is told in parts, though items may be asked for by it.
    let long = (0..7).fold(one, |prefix, nibble| prefix.child(nibble));
    assert_eq!(Request::decode(&ask(vec![long])), Err(Refusal::Malformed));
    let items = Request::Items { domain: scid(), prefixes: vec![long], after: None };
    assert_eq!(Request::decode(&items.encode()), Ok(items));
    let many: Vec<_> = (0..=255).flat_map(|byte| (0..3).map(move |n| Prefix::byte(byte).child(n))).collect();
    assert_eq!(Request::decode(&ask(many)), Err(Refusal::TooLarge));
}
