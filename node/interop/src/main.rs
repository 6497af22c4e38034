//! Answers the questions of a node on standard input, and ends with them.

use std::io::{stdin, stdout};
use std::process::ExitCode;

fn main() -> ExitCode {
    match marque_interop::answer::serve(&mut stdin().lock(), &mut stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("marque-interop: {error}");
            ExitCode::FAILURE
        }
    }
}
