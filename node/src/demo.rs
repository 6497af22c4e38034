//! `demo`: three trust domains as three real nodes on loopback, driven by the very commands that an
//! operator types, and everything that must be refused, refused.

mod forge;
mod nodes;
mod report;
mod revocations;
mod story;

use crate::failure::{Failure, Local};
use crate::files;
use crate::output::Answer;
use crate::signing;
use crate::wiring::signals::Signals;
use did_resolver::codec;
use nodes::Nodes;
use report::Report;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a step waits for at most: three rounds of anti-entropy and room for a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// How the demo is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// One JSON document instead of a narration.
    pub json: bool,
    /// Leave the nodes running at the end, and say what to try.
    pub keep: bool,
}

/// Runs the demo. Every process that it started is stopped when this returns, unless the nodes are to be
/// kept and all came out as expected.
///
/// # Errors
/// [`Local::Demo`] where a step came out differently, or could not be done at all.
pub async fn run(options: Options) -> Result<Answer, Failure> {
    let mut signals = Signals::hear(false)?;
    let mut folder = Folder::make()?;
    let mut report = Report::new(options.json);
    let mut nodes = Nodes::new(folder.path(), options.keep)?;
    let told = async {
        nodes.start(&mut report).await?;
        story::tell(&mut nodes, &mut report).await
    };
    let told = tokio::select! {
        told = told => told,
        () = signals.stop() => {
            Err(Failure::local(Local::Demo, "interrupted; every node was stopped", ""))
        }
    };
    let good = told.is_ok() && report.all_as_expected();
    if options.keep && good {
        folder.keep = true;
        let mut answer = report.answer();
        answer.human.push_str(&nodes.what_to_try());
        if let Some(members) = answer.document.as_object_mut() {
            members.insert("kept".to_owned(), nodes.kept());
        }
        return Ok(answer);
    }
    nodes.stop_all().await;
    match told {
        Err(failure) => Err(report.cut_off(failure)),
        Ok(()) if good => Ok(report.answer()),
        Ok(()) => Err(report.failure()),
    }
}

/// The folder of the demo: removed at the end, unless the nodes are kept.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn make() -> Result<Self, Failure> {
        let name = format!("marque-demo-{}", codec::to_hex(&signing::random::<6>()?));
        let path = std::env::temp_dir().join(name);
        files::make_folder(&path)?;
        files::make_private(&path)?;
        Ok(Self { path, keep: false })
    }

    fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}
