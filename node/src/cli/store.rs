//! `store`: the object log of this data folder, looked at and mended while no node runs on it.

#[cfg(feature = "postgres")]
mod to_postgres;

use super::session::Session;
use crate::config::Engine;
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use crate::wiring::{self, loss};
use clap::Subcommand;
use marque_store::audit::{Audit, Problem, Remedy, verify};
use marque_store::engine::{Kind, Survey};
use marque_store::{Options, Rebuilt, Recovery, Store};
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

/// How often it is told how far a long work has come.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// What this node keeps.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// How much there is, of which kind, and how much of it is live
    Stats,
    /// Read all of it and say everything that is wrong; mend nothing
    Verify,
    /// Set the index aside and make it anew from the log
    Rebuild,
    /// Write the log anew without what is dead in it; a running node does that by itself once half is
    Compact,
    /// Move all records to the PostgreSQL of store.postgres_url, for several nodes; see docs/several-nodes.md
    ToPostgres,
}

impl StoreCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let (data, config) = (session.data(), session.layers()?.build()?.store);
        if config.engine == Engine::Postgres {
            let reason =
                "what this node keeps is in PostgreSQL, which has its own ways to look at and mend it";
            return Err(Failure::local(Local::Usage, reason, "This is for store.engine = \"files\"."));
        }
        if !data.store().join("log").exists() {
            let reason = format!("{} has no store", data.path().display());
            let action = "A node makes one when it starts: marque up; or name its folder with --data.";
            return Err(Failure::local(Local::Usage, reason, action));
        }
        let options = config.files();
        match self {
            Self::Stats => stats(session, options).await,
            Self::Verify => verified(session, &options),
            Self::Rebuild => rebuild(session, options).await,
            Self::Compact => compact(session, options).await,
            #[cfg(feature = "postgres")]
            Self::ToPostgres => to_postgres::run(session, &config).await,
            #[cfg(not(feature = "postgres"))]
            Self::ToPostgres => Err(crate::config::startable::without_postgres()),
        }
    }
}

/// Says on a terminal how far a work has come, now and then.
pub(super) fn telling(session: &Session, what: &'static str) -> impl FnMut(u64, u64) + use<> {
    let tells = !session.as_json() && std::io::stderr().is_terminal();
    let mut told = Instant::now();
    move |done, all| {
        if tells && told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            output::talk(&format!("{what}: {} of {}", size(done), size(all)));
        }
    }
}

/// Opens the store; that records are gone is noted whoever opens it first.
async fn opened(data: &Data, store: Result<Store, marque_store::OpenError>) -> Result<Store, Failure> {
    let store = store.map_err(|error| wiring::not_opened(&error))?;
    if let Err(failure) = loss::note(data, store.recovery()) {
        store.close().await;
        return Err(failure);
    }
    Ok(store)
}

async fn stats(session: &Session, options: Options) -> Result<Answer, Failure> {
    let store = Store::open(&session.data().store(), options);
    let store = opened(session.data(), store).await?;
    let survey = store.survey(&mut telling(session, "read"));
    let recovery = store.recovery().clone();
    store.close().await;
    Ok(recovered(survey_answer(&survey.map_err(|error| wiring::not_opened(&error))?), &recovery))
}

async fn rebuild(session: &Session, options: Options) -> Result<Answer, Failure> {
    let store = Store::rebuild(&session.data().store(), options);
    let store = opened(session.data(), store).await?;
    let recovery = store.recovery().clone();
    store.close().await;
    let human = format!("the index was made anew from {} batches of the log\n", recovery.replayed);
    let document = json!({"batches": recovery.replayed});
    Ok(recovered(Answer::new(document, human), &recovery))
}

async fn compact(session: &Session, options: Options) -> Result<Answer, Failure> {
    let store = Store::open(&session.data().store(), options);
    let store = opened(session.data(), store).await?;
    let done = store.compact(&mut telling(session, "compacted"));
    let recovery = store.recovery().clone();
    store.close().await;
    let done = done.map_err(|error| wiring::not_opened(&error))?;
    let (before, freed) = (done.closed, done.replaced.saturating_sub(done.written));
    let human = format!("{} of {} were dead and are free now\n", size(freed), size(before));
    let document =
        json!({"bytes": before, "replaced": done.replaced, "written": done.written, "freed": freed});
    Ok(recovered(Answer::new(document, human), &recovery))
}

/// What opening found, beside what was asked for.
fn recovered(mut answer: Answer, recovery: &Recovery) -> Answer {
    let lost = recovery.rebuilt == Some(Rebuilt::Ahead);
    if let Some(document) = answer.document.as_object_mut() {
        document.insert("lost".to_owned(), json!(lost));
        document.insert("tornBytes".to_owned(), json!(recovery.torn.as_ref().map_or(0, |torn| torn.bytes)));
    }
    if let Some(torn) = &recovery.torn {
        let file = torn.file.display();
        answer = answer.saying(format!(
            "{} of the end that were never acknowledged were set aside in {file}",
            size(torn.bytes)
        ));
    }
    if lost {
        answer =
            answer.saying("records that this node acknowledged are gone: marque up says what can be done");
    }
    answer
}

fn survey_answer(survey: &Survey) -> Answer {
    let sum = |of: fn(&Kind) -> u64| survey.kinds.iter().map(of).sum::<u64>();
    let (live, dead) = (sum(|kind| kind.live), sum(|kind| kind.dead));
    let name = |number: u8| {
        let kind = survey.kinds.iter().find(|kind| kind.number == number);
        kind.and_then(|kind| kind.table)
            .map_or_else(|| format!("table-{number}"), |table| table.as_str().to_owned())
    };
    let kinds = survey.kinds.iter().map(|kind| {
        json!({"kind": name(kind.number), "live": kind.live, "liveBytes": kind.live_bytes, "dead": kind.dead,
            "deadBytes": kind.dead_bytes})
    });
    let oldest =
        survey.oldest.map(|one| json!({"batch": one.batch, "segment": one.segment, "kind": name(one.table)}));
    let document = json!({
        "segments": survey.segments,
        "bytes": survey.bytes,
        "batches": survey.batches,
        "records": {"live": live, "dead": dead},
        "bytesLive": sum(|kind| kind.live_bytes),
        "bytesDead": sum(|kind| kind.dead_bytes),
        "oldest": oldest,
        "kinds": kinds.collect::<Value>(),
    });
    let oldest = survey.oldest.map(|one| format!("batch {}, {}", one.batch, name(one.table)));
    let mut human = output::facts(&[
        ("segments", survey.segments.to_string()),
        ("size", size(survey.bytes)),
        ("batches", survey.batches.to_string()),
        ("live records", format!("{live}, {}", size(sum(|kind| kind.live_bytes)))),
        ("dead records", format!("{dead}, {}", size(sum(|kind| kind.dead_bytes)))),
        ("oldest", oldest.unwrap_or_default()),
    ]);
    let rows: Vec<Vec<String>> = survey
        .kinds
        .iter()
        .map(|kind| {
            let numbers = [kind.live.to_string(), size(kind.live_bytes), kind.dead.to_string()];
            [vec![name(kind.number)], numbers.to_vec(), vec![size(kind.dead_bytes)]].concat()
        })
        .collect();
    human.push_str(&output::table(&["KIND", "LIVE", "SIZE", "DEAD", "SIZE"], &rows, "no records"));
    Answer::new(document, human)
}

fn verified(session: &Session, options: &Options) -> Result<Answer, Failure> {
    let audit = verify(&session.data().store(), options, &mut telling(session, "read"));
    let audit = audit.map_err(|error| wiring::not_opened(&error))?;
    let document = audit_document(&audit);
    let mut human = output::facts(&[
        ("segments", audit.segments.to_string()),
        ("size", size(audit.bytes)),
        ("batches", audit.batches.to_string()),
        ("records", if audit.compared { audit.records.to_string() } else { String::new() }),
        ("index", index_in_words(&audit)),
        ("torn", if audit.torn_bytes == 0 { String::new() } else { torn_in_words(audit.torn_bytes) }),
    ]);
    if audit.problems.is_empty() {
        return Ok(Answer::new(document, human));
    }
    for problem in &audit.problems {
        human.push_str(&format!("\n{}: {}\n  {}\n", place(problem), problem.what, action(problem.remedy)));
    }
    let count = audit.problems.len() as u64 + audit.more;
    if audit.more > 0 {
        human.push_str(&format!("\nand {} more\n", audit.more));
    }
    if !session.as_json() {
        // The failure says how many; what they are is data.
        drop(output::data(&output::plain(&human)));
    }
    let things = if count == 1 { "thing is" } else { "things are" };
    let reason = format!("{count} {things} wrong with the store");
    let failure = Failure::local(Local::Store, reason, "What to do stands with each.");
    Err(Failure { report: Some(Box::new(document)), ..failure })
}

fn audit_document(audit: &Audit) -> Value {
    let problems = audit.problems.iter().map(|problem| {
        json!({"file": problem.file.display().to_string(), "offset": problem.offset, "what": problem.what,
            "action": action(problem.remedy)})
    });
    json!({
        "segments": audit.segments,
        "bytes": audit.bytes,
        "batches": audit.batches,
        "records": audit.records,
        "compared": audit.compared,
        "tornBytes": audit.torn_bytes,
        "index": index_in_words(audit),
        "problems": problems.collect::<Value>(),
        "more": audit.more,
    })
}

/// What is so of the index.
fn index_in_words(audit: &Audit) -> String {
    match (audit.anew, audit.behind) {
        _ if audit.unsettled => "catches up with a compaction at the next start".to_owned(),
        (Some(_), _) => "made anew from the log at the next start".to_owned(),
        (None, 0) if audit.compared => "fits the log".to_owned(),
        (None, behind) if audit.compared => format!("fits the log, and is {behind} batches behind it"),
        (None, _) => "not compared with all of the log".to_owned(),
    }
}

fn torn_in_words(bytes: u64) -> String {
    format!("{} at the end were never acknowledged; the next start sets them aside", size(bytes))
}

fn place(problem: &Problem) -> String {
    let file = problem.file.display();
    problem.offset.map_or_else(|| file.to_string(), |offset| format!("{file} at byte {offset}"))
}

/// What to type or do.
const fn action(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::Restore => {
            "Restore the folder from a copy that is whole. Of a copy that is older: marque up says what can be done."
        }
        Remedy::Rebuild => "marque store rebuild",
        Remedy::Upgrade => "Use the version of marque that wrote it, or a newer one.",
        Remedy::System => "Mend what the system says: permissions, the disk, the file system.",
    }
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}
