//! The saved corpora of `tests/fuzz`, run as ordinary tests: no target panics on any of them.

#![expect(clippy::disallowed_methods, reason = "corpora are files")]

use std::path::Path;

#[expect(clippy::unwrap_used, reason = "a panic is how a target says what does not hold")]
#[expect(unreachable_pub, reason = "public in the fuzz workspace")]
#[path = "../../tests/fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_target_holds_on_its_saved_corpus() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut files = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            target(&std::fs::read(entry.unwrap().path()).unwrap());
            files += 1;
        }
        assert!(files > 0, "{name} has a corpus");
        println!("{name}: {files} inputs");
    }
}

#[test]
fn every_target_holds_on_the_corpora_of_the_others() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus");
    for folder in std::fs::read_dir(corpora).unwrap() {
        for entry in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            targets::TARGETS.iter().for_each(|(_, target)| target(&bytes));
        }
    }
}
