//! `store to-postgres`: a domain that outgrew one node. All records go to the server that several nodes share, and
//! those on files are set aside.

use super::{Session, opened};
use crate::config::Store as Settings;
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer};
use crate::wiring::engine::open_postgres;
use crate::wiring::own_log;
use marque_store::Store;
use marque_store::transfer::{TransferError, finish, transfer};
use serde_json::json;
use std::fs;
use std::io::IsTerminal as _;
use std::time::Instant;

/// Moves the records of this folder.
///
/// # Errors
/// Why it was not done: the records on files are as they were, and the next try goes on.
pub(super) async fn run(session: &Session, settings: &Settings) -> Result<Answer, Failure> {
    let data = session.data();
    check(data, settings)?;
    let did = own_log::read(data)?.did().to_string();
    let options = marque_store::Options { background: None, ..settings.files() };
    let store = opened(data, Store::open(&data.store(), options)).await?;
    let moved = move_to(session, settings, &store, &did).await;
    store.close().await;
    drop(store);
    let records = moved?;
    let aside = data.store_aside();
    fs::rename(data.store(), &aside).map_err(|error| {
        let reason = format!("the records are moved, and {} is not: {error}", data.store().display());
        Failure::local(Local::File, reason, format!("Move it to {} by hand.", aside.display()))
    })?;
    let human = format!(
        "{records} records are in PostgreSQL, schema {}, and read back\n",
        output::plain(&settings.postgres_schema)
    );
    let document = json!({"records": records, "schema": settings.postgres_schema, "aside": aside});
    Ok(Answer::new(document, human)
        .saying("Set store.engine = \"postgres\" and store.node = \"a\" in config.toml, then: marque up")
        .saying(format!(
            "The records on files are in {}: remove them once the server is backed up",
            aside.display()
        )))
}

fn check(data: &Data, settings: &Settings) -> Result<(), Failure> {
    if settings.postgres_url.is_empty() {
        let reason = "store.postgres_url says no server";
        let action = "Set it, or MARQUE_STORE__POSTGRES_URL; see docs/several-nodes.md.";
        return Err(Failure::local(Local::Configuration, reason, action));
    }
    if data.loss().exists() {
        let reason = "this store lacks records that were acknowledged, and has not caught up with its peers";
        let action = "Let it catch up on files first: marque up says how.";
        return Err(Failure::local(Local::Store, reason, action));
    }
    let aside = data.store_aside();
    if aside.exists() {
        let reason = format!("{} is there already", aside.display());
        return Err(Failure::local(Local::File, reason, "Move it away: it is what was moved before."));
    }
    Ok(())
}

async fn move_to(session: &Session, settings: &Settings, from: &Store, did: &str) -> Result<u64, Failure> {
    let to = open_postgres(settings).await?;
    let tells = !session.as_json() && std::io::stderr().is_terminal();
    let mut told = Instant::now();
    let mut progress = |done: u64| {
        if tells && told.elapsed() >= super::TELL_EVERY {
            told = Instant::now();
            output::talk(&format!("written and read back: {done} records"));
        }
    };
    let moved = transfer(from, &to, did, &mut progress).await;
    let moved = match moved {
        Ok(moved) => {
            // From here on no node starts on the files; from the next line on one may on the server.
            let note = format!("to PostgreSQL, schema {}\n", settings.postgres_schema);
            files::replace(&session.data().moved(), note.as_bytes())?;
            finish(&to).await.map(|()| moved).map_err(TransferError::To)
        }
        Err(error) => Err(error),
    };
    to.close().await;
    moved.map_err(|error| refused(&error, settings))
}

fn refused(error: &TransferError, settings: &Settings) -> Failure {
    let (local, action) = match error {
        TransferError::Occupied => {
            let action = "Name an empty one: store.postgres_schema. One that belongs to this domain already needs \
                          no move.";
            return Failure::local(
                Local::Configuration,
                format!("schema {} in PostgreSQL: {error}", output::plain(&settings.postgres_schema)),
                action,
            );
        }
        TransferError::From(_) => (Local::Store, "marque store verify says all that is wrong."),
        TransferError::To(_) => (Local::Configuration, "Once the server answers, run it again: it goes on."),
        TransferError::Differs(_) => {
            (Local::Store, "Something else writes to that schema, or the server is broken.")
        }
    };
    Failure::local(local, error.to_string(), action)
}
