//! Builds and starts the comparators.
//!
//! Each is a package of this workspace and a process of its own, built by a cargo command of its own:
//! cargo unifies features over what one command builds, and ssi turns on `serde_json/arbitrary_precision`,
//! which makes every number of every JSON document a string. Linked together, Marque would be measured
//! as nobody runs it, and so would the other comparators.

use crate::rounds::Shared;
use marque_bench_pipe::Comparator;
use std::cell::RefCell;
use std::process::Command;
use std::rc::Rc;

/// Starts the comparator of that package, and builds it before where it is not built.
///
/// # Panics
/// Where it cannot be built or does not start.
pub fn start(package: &str) -> Shared {
    println!("\n(comparator {package})");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let this = std::env::current_exe().expect("the program that runs");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "--package", package]);
    // The comparator comes to lie beside this program: the same profile, the same target folder.
    if this.parent().is_some_and(|folder| folder.ends_with("release")) {
        command.arg("--release");
    }
    let built = command.current_dir(env!("CARGO_MANIFEST_DIR")).status();
    assert!(built.is_ok_and(|status| status.success()), "{package} does not build");
    Rc::new(RefCell::new(Comparator::start(&this.with_file_name(package)).expect(package)))
}
