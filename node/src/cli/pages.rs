//! `completions` and `man`: what a shell and a reader of manuals know of the command line, made from it.

use super::Cli;
use crate::failure::{Failure, Local};
use crate::output::Answer;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;
use std::path::PathBuf;

/// Print what makes a shell complete this program's commands.
#[derive(Debug, Args)]
pub struct Completions {
    /// Which shell; for bash: marque completions bash > /etc/bash_completion.d/marque
    shell: Shell,
}

/// Write the manual pages into a folder.
#[derive(Debug, Args)]
pub struct Man {
    /// Where, such as /usr/local/share/man/man1
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Completions {
    pub(super) fn run(&self) -> Answer {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "marque", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        Answer::new(json!({"shell": self.shell.to_string(), "script": script}), script)
    }
}

impl Man {
    pub(super) fn run(&self) -> Result<Answer, Failure> {
        let unusable = |error: std::io::Error| {
            let reason = format!("{} cannot be written to: {error}", self.dir.display());
            Failure::local(Local::File, reason, "Name a folder of yours with --dir.")
        };
        std::fs::create_dir_all(&self.dir).map_err(unusable)?;
        clap_mangen::generate_to(Cli::command(), &self.dir).map_err(unusable)?;
        let next = format!("man -l {}", self.dir.join("marque.1").display());
        Ok(Answer::new(json!({"dir": self.dir.display().to_string()}), String::new()).saying(next))
    }
}
