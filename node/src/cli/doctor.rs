//! `doctor`: gathers what can be seen of a node from here, and says what is wrong with it.

use super::session::Session;
use crate::config::{Config, Listen};
use crate::custody::{self, Kept, issuer_role};
use crate::data::{Data, Kind};
use crate::doctor::{Ending, Facts, Level, OTHERS, Place, Private, judge, newest};
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use crate::passphrase::{OF_BACKUP, OF_KEYS, OF_TOKEN, Question};
use crate::{files, signing};
use did_resolver::time::UnixSeconds;
use marque_p2p::start::{taken, tcp};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Most files of one folder that are looked at: those of a node's own owners and agents.
const MAX_FILES: usize = 1_024;

pub(super) async fn run(session: &Session) -> Result<Answer, Failure> {
    let found = judge(&gather(session).await?);
    let document = json!({"findings": found.iter().map(crate::doctor::Finding::to_json).collect::<Value>()});
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|one| vec![one.level.as_str().to_owned(), one.about.to_owned(), one.reason.clone()])
        .collect();
    let mut human = output::table(&["", "ABOUT", "WHAT IS SO"], &rows, "");
    let told = found.iter().filter(|one| !one.action.is_empty());
    for one in told {
        human.push_str(&format!("\n{}: {}\n  {}\n", one.about, one.reason, one.action));
    }
    let bad = found.iter().filter(|one| one.level == Level::Bad).count();
    if bad == 0 {
        return Ok(Answer::new(document, human));
    }
    if !session.as_json() {
        // The failure says how many; what they are is data.
        drop(output::data(&output::plain(&human)));
    }
    let things = if bad == 1 { "thing is" } else { "things are" };
    let failure =
        Failure::local(Local::Doctor, format!("{bad} {things} wrong"), "What to do stands with each.");
    Err(Failure { report: Some(Box::new(document)), ..failure })
}

async fn gather(session: &Session) -> Result<Facts, Failure> {
    let data = session.data();
    if !data.node_keys().exists() {
        return Err(session.not_initialised());
    }
    let config = session.layers().and_then(|layers| layers.build());
    let config = config.and_then(|config| session.check_startable(&config).map(|()| config));
    let node = match session.client() {
        Ok(client) => client.get("/v1/node").await,
        Err(failure) => Err(failure),
    };
    let is_down = node.is_err();
    let credentials = if is_down { None } else { credentials(session).await };
    let places = config.as_ref().ok().filter(|_| is_down).map(places);
    let keys = config.as_ref().ok().map(|config| keys(config, data));
    let mut held = vec![data.path().to_owned(), data.keys(), data.admin_token(), data.store()];
    held.extend([OF_KEYS, OF_TOKEN, OF_BACKUP].into_iter().filter_map(given));
    held.extend(named(config.as_ref().ok()));
    let recovery = data.recovery_keys();
    Ok(Facts {
        keys,
        private: private(&held),
        is_lossy: data.loss().exists(),
        recovery: recovery.exists().then_some(recovery),
        now: signing::now(),
        seen: latest(&[data.node(), data.domain_log(), data.store().join("log")]),
        free: files::free(data.path()),
        unwritable: [data.path().to_owned(), data.store()]
            .into_iter()
            .filter(|path| path.exists())
            .find_map(|path| files::unwritable(&path).map(|why| (path, why))),
        places: places.unwrap_or_default(),
        unrunnable: config.as_ref().ok().and_then(unrunnable),
        config,
        node,
        credentials,
    })
}

/// When those of owners and agents end, as the node says. One that does not say so is asked about something else.
async fn credentials(session: &Session) -> Option<Vec<Ending>> {
    let client = session.client().ok()?;
    let issued = client.get("/v1/credentials").await.ok()?;
    let mut all = Vec::new();
    for kind in [Kind::Owner, Kind::Agent] {
        let members = client.get(&format!("/v1/{}", kind.plural())).await.ok()?;
        all.extend(newest(kind, &members, &issued));
    }
    Some(all)
}

/// What is said of the domain's keys by whoever has them. A module may block for as long as its limit.
fn keys(config: &Config, data: &Data) -> Result<Kept, Failure> {
    let issuers: Vec<_> = config.issuers()?.into_iter().map(issuer_role).collect();
    custody::asked(&config.keys, &config.domain, &issuers, data)
}

/// The files with secrets of other servers that variables and the configuration name.
fn named(config: Option<&Config>) -> Vec<PathBuf> {
    let bucket = config.map(|config| &config.publish.bucket_credentials).filter(|path| !path.is_empty());
    let named = [std::env::var_os("PGPASSFILE").map(PathBuf::from), bucket.map(PathBuf::from)];
    named.into_iter().flatten().filter_map(reached).collect()
}

fn unrunnable(config: &Config) -> Option<String> {
    let program = Some(&config.interop.program).filter(|program| !program.is_empty())?;
    files::unrunnable(Path::new(program))
}

/// Where a node of this configuration would listen.
fn places(config: &Config) -> Vec<Place> {
    let Listen { public, admin, health, p2p } = &config.listen;
    let mesh =
        std::iter::once(("listen.p2p", p2p)).chain(config.mesh.listen.iter().map(|a| ("mesh.listen", a)));
    let mesh = mesh.filter_map(|(key, text)| Some((key, tcp(&text.parse().ok()?)?)));
    let all = [("listen.public", *public), ("listen.admin", *admin), ("listen.health", *health)].into_iter();
    all.chain(mesh).map(|(key, address)| Place { key, address, taken: taken(address) }).collect()
}

/// The file by which that is given to commands here, unless nobody else enters its folder.
fn given(question: Question) -> Option<PathBuf> {
    reached(std::env::var_os(question.variable)?.into())
}

/// The file, if others get at it: in a folder that nobody else enters nobody else reads anything.
fn reached(path: PathBuf) -> Option<PathBuf> {
    let mode = std::fs::metadata(path.parent()?).ok()?.permissions().mode();
    (mode & OTHERS != 0).then_some(path)
}

/// What is there of `paths`, with its permissions. In a folder that nobody else enters nobody else reads
/// anything, so that of what holds keys the folders count.
fn private(paths: &[PathBuf]) -> Vec<Private> {
    let mode = |path: &PathBuf| {
        let mode = std::fs::symlink_metadata(path).ok()?.permissions().mode();
        Some(Private { path: path.clone(), mode })
    };
    paths.iter().filter_map(mode).collect()
}

/// When the newest of `paths`, or of the files in them, was written: the clock was there already.
fn latest(paths: &[PathBuf]) -> Option<UnixSeconds> {
    let written = |path: &Path| {
        let at = std::fs::metadata(path).ok()?.modified().ok()?;
        Some(at.duration_since(UNIX_EPOCH).ok()?.as_secs())
    };
    let inside = paths.iter().filter_map(|path| std::fs::read_dir(path).ok()).flatten().take(MAX_FILES);
    let inside = inside.filter_map(|entry| written(&entry.ok()?.path()));
    paths.iter().filter_map(|path| written(path)).chain(inside).max().map(UnixSeconds::new)
}
