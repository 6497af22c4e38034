//! The saved corpora of the targets in `tests/fuzz` that are about this crate, run as ordinary tests.

#![expect(clippy::disallowed_methods, reason = "corpora are files")]

use std::path::Path;

#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a target says what does not hold"
)]
#[expect(unreachable_pub, reason = "public in the fuzz workspace")]
#[path = "../../tests/fuzz/src/compact.rs"]
mod compact;

#[test]
fn the_compact_form_goes_both_ways_on_the_saved_corpora() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    let mut files = 0;
    for corpus in ["compact", "json_reader", "jcs"] {
        for entry in std::fs::read_dir(corpora.join(corpus)).unwrap() {
            compact::compact(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
    }
    assert!(files > 20);
    println!("compact: {files} inputs");
}
