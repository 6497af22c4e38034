//! The saved corpora of the targets in `tests/fuzz` that are about the mesh, run as ordinary tests.

#![expect(clippy::disallowed_methods, reason = "corpora are files")]

use marque_rules::replica::Kind;
use std::collections::BTreeSet;
use std::path::Path;

#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what does not hold"
)]
#[expect(unreachable_pub, reason = "public in the fuzz workspace")]
#[path = "../../../tests/fuzz/src/carried.rs"]
mod carried;

#[expect(clippy::expect_used, reason = "a panic is how a target says what does not hold")]
#[expect(unreachable_pub, reason = "public in the fuzz workspace")]
#[path = "../../../tests/fuzz/src/sync.rs"]
mod sync;

/// Every input of a corpus.
#[expect(clippy::unwrap_used, reason = "a corpus that cannot be read ends the test")]
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_kind_of_the_table_has_seeds_that_are_read_and_the_target_holds_on_all() {
    let mut read = BTreeSet::new();
    for input in corpus("carried") {
        carried::carried(&input);
        let [kind, number, payload @ ..] = input.as_slice() else { continue };
        let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
        if carried::is_read(kind, u64::from(*number), payload) {
            read.insert(kind);
        }
    }
    assert_eq!(read, BTreeSet::from(Kind::ALL));
}

#[test]
fn what_peers_say_is_read_and_written_as_it_came_on_all_corpora() {
    let own = corpus("sync");
    assert!(own.len() > 10);
    own.iter().chain(&corpus("carried")).for_each(|input| sync::sync(input));
    corpus("sync").iter().for_each(|input| carried::carried(input));
}
