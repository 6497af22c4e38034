//! The loop: a question is read, answered, and forgotten.

use crate::methods::{self, METHODS};
use crate::proofs::{self, SUITES};
use crate::wire::{Answer, Ask, Hello, MAX_QUESTION_BYTES, Question, Say, VERSION, read_frame, write_frame};
use std::io::{self, Read, Write};

/// Longest reason that is told; the cause of a refusal may quote what was asked.
const MAX_REASON_CHARS: usize = 200;

/// Answers questions until there are no more.
///
/// # Errors
/// Those of the pipe, and [`io::ErrorKind::InvalidData`] for what is no question.
pub fn serve(questions: &mut impl Read, answers: &mut impl Write) -> io::Result<()> {
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let hello = Hello { version: VERSION, suites: names(&SUITES), methods: names(&METHODS) };
    write_frame(answers, &serde_json::to_vec(&hello)?)?;
    while let Some(bytes) = read_frame(questions, MAX_QUESTION_BYTES)? {
        let Question { id, ask } = serde_json::from_slice(&bytes)?;
        let say = shortened(say(ask));
        write_frame(answers, &serde_json::to_vec(&Answer { id, say })?)?;
    }
    Ok(())
}

fn say(ask: Ask) -> Say {
    match ask {
        Ask::Verify { document, key, contexts } => proofs::verify(&document, &key, &contexts),
        Ask::Prepare { document, proof, key, contexts } => {
            proofs::prepare(&document, &proof, &key, &contexts)
        }
        Ask::Resolve { did } => methods::resolve(&did),
    }
}

fn shortened(say: Say) -> Say {
    match say {
        Say::Unprocessable(why) => Say::Unprocessable(why.chars().take(MAX_REASON_CHARS).collect()),
        other => other,
    }
}
