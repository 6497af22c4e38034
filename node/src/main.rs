//! The `marque` program; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    marque::main()
}
