//! How many questions and bytes it takes one node to find out what another has and it has not: by ranges of ids,
//! as `/marque/sync/1` does it, beside negentropy (Marque does not link it), and beside the listing of every
//! bucket that differs, as it was before.
//!
//! ```text
//! cargo run
//! ```
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot go on ends")]

use marque_rules::replica::view::range::{MAX_PREFIXES, Prefix};
use marque_rules::replica::view::{Item, ItemKind, View};
use marque_rules::replica::{Request, Response, Scid};
use negentropy::{Id, Negentropy, NegentropyStorageVector};
use std::collections::BTreeSet;

/// What finding out took.
#[derive(Default)]
struct Cost {
    questions: usize,
    /// Until the ids, or their beginnings, were known.
    bytes: usize,
    /// Until kind, subject and number of each were known too; what negentropy does not tell.
    with_items: usize,
}

fn item(n: usize) -> Item {
    let subject =
        format!("did:webvh:QmXHCk8QGX1LdQJpXgPLa4vVqxWxjzYtYTWmyW6fLkWQcV:acme.example:agents:bot-{n}");
    Item { kind: ItemKind::Log, subject, seq: 1, digest: [7; 32] }
}

fn view(items: impl Iterator<Item = usize>) -> View {
    let mut view = View::default();
    for n in items {
        view.replace(vec![item(n)]).unwrap();
    }
    view
}

/// Which of `count` items one side is missing: `differences` of them, spread evenly.
fn is_missing(n: usize, count: usize, differences: usize) -> bool {
    n % (count / differences) == 0 && n / (count / differences) < differences
}

impl Cost {
    fn ask(&mut self, request: &Request, response: &Response) {
        self.questions += 1;
        self.bytes += request.encode().len() + response.encode().len();
    }
}

fn by_ranges(count: usize, differences: usize, narrowing: bool) -> Cost {
    let mut here = view((0..count).filter(|n| !is_missing(*n, count, differences)));
    let mut there = view(0..count);
    let domain = Scid::parse("QmXHCk8QGX1LdQJpXgPLa4vVqxWxjzYtYTWmyW6fLkWQcV").unwrap();
    let mut cost = Cost::default();
    let digest = Request::Digest { domain: domain.clone(), root: Some(here.digest().root) };
    cost.ask(&digest, &Response::Digest(there.digest()));
    let mut ranges = here.differing(&there.digest()).unwrap().unwrap();
    if !narrowing {
        ranges.list.append(&mut ranges.compare);
    }
    while !ranges.compare.is_empty() {
        let rest = ranges.compare.split_off(ranges.compare.len().min(MAX_PREFIXES));
        let prefixes = std::mem::replace(&mut ranges.compare, rest);
        let parts: Vec<_> = prefixes.iter().map(|prefix| there.part(prefix)).collect();
        let request = Request::Ranges { domain: domain.clone(), prefixes: prefixes.clone() };
        cost.ask(&request, &Response::Ranges(parts.clone()));
        for (prefix, part) in prefixes.iter().zip(&parts) {
            let mut narrowed = here.narrow(prefix, part);
            ranges.compare.append(&mut narrowed.compare);
            ranges.list.append(&mut narrowed.list);
        }
        ranges.compare.sort();
    }
    ranges.list.sort();
    let mut found = BTreeSet::new();
    let ids_known = cost.bytes;
    for prefixes in ranges.list.chunks(MAX_PREFIXES) {
        list(&mut cost, &domain, &there, prefixes, |item| {
            found.extend(Some(item.id()).filter(|id| !here.holds(id)));
        });
    }
    assert_eq!(found.len(), differences);
    Cost { with_items: cost.bytes, bytes: ids_known, ..cost }
}

fn list(cost: &mut Cost, domain: &Scid, there: &View, prefixes: &[Prefix], mut found: impl FnMut(&Item)) {
    let mut after = None;
    loop {
        let (items, more) = there.page(prefixes, after);
        items.iter().for_each(&mut found);
        let request = Request::Items { domain: domain.clone(), prefixes: prefixes.to_vec(), after };
        after = items.last().map(Item::id);
        cost.ask(&request, &Response::Items { items, more });
        if !more {
            return;
        }
    }
}

fn by_negentropy(count: usize, differences: usize) -> Cost {
    let storage = |here: bool| {
        let mut storage = NegentropyStorageVector::new();
        for n in (0..count).filter(|n| !here || !is_missing(*n, count, differences)) {
            storage.insert(0, Id::from_byte_array(item(n).id())).unwrap();
        }
        storage.seal().unwrap();
        storage
    };
    let (here, there) = (storage(true), storage(false));
    // Frames as long as an answer of the sync protocol may be.
    let frame = 1_048_576;
    let mut here = Negentropy::borrowed(&here, frame).unwrap();
    let mut there = Negentropy::borrowed(&there, frame).unwrap();
    let (mut cost, mut found) = (Cost::default(), Vec::new());
    let mut question = here.initiate().unwrap();
    loop {
        let answer = there.reconcile(&question).unwrap();
        cost.questions += 1;
        cost.bytes += question.len() + answer.len();
        match here.reconcile_with_ids(&answer, &mut Vec::new(), &mut found).unwrap() {
            Some(next) => question = next,
            None => break,
        }
    }
    assert_eq!(found.len(), differences);
    cost
}

fn main() {
    println!(
        "{:>8} {:>12}  {:<22} {:>9} {:>11} {:>13}",
        "items", "differences", "by", "questions", "bytes", "with items"
    );
    for (count, differences) in [(1_000, 1), (65_000, 1), (65_000, 1_000), (100_000, 1), (100_000, 1_000)] {
        let tell = |by: &str, cost: Cost| {
            let items = if cost.with_items == 0 { String::from("-") } else { cost.with_items.to_string() };
            println!(
                "{count:>8} {differences:>12}  {by:<22} {:>9} {:>11} {items:>13}",
                cost.questions, cost.bytes
            );
        };
        // A domain has 65,536 items at most.
        if count <= 65_536 {
            tell("ranges", by_ranges(count, differences, true));
            tell("256 buckets, listed", by_ranges(count, differences, false));
        }
        tell("negentropy", by_negentropy(count, differences));
    }
}
