//! Checks over the whole workspace that belong to no single crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Every Rust file of the workspace.
#[must_use]
pub fn sources() -> Vec<PathBuf> {
    let crates = ["did-resolver", "vc-schemas", "node", "tests", "examples"];
    crates.iter().flat_map(|name| rust_files(&root().join(name))).collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The requirement numbers in a text: `R-` and three digits.
#[must_use]
pub fn requirement_numbers(text: &str) -> BTreeSet<String> {
    let number =
        |rest: &str| rest.get(..3).filter(|n| n.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
    text.split("R-").skip(1).filter_map(number).map(|n| format!("R-{n}")).collect()
}
