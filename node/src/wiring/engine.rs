//! The engine that keeps the records: on files, or on a server that several nodes of the domain share.

use super::{loss, not_opened};
use crate::config::{Config, Engine as Kind};
use crate::data::Data;
use crate::failure::{Failure, Local};
use marque_flows::ports::records::Records;
use marque_store::{Rebuilt, Store};
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// What is open.
#[derive(Debug)]
pub(super) enum Engine {
    /// The object log and its index.
    Files(Store),
    /// PostgreSQL, and the lock of the folder whose keys this node has.
    #[cfg(feature = "postgres")]
    Postgres { engine: marque_store::Postgres, _folder: marque_store::Held },
}

impl Engine {
    /// Opens the engine that is configured.
    ///
    /// # Errors
    /// Why it does not open; nothing was acknowledged or changed then.
    pub(super) async fn open(config: &Config, data: &Data, after_loss: bool) -> Result<Self, Failure> {
        match config.store.engine {
            Kind::Files => {
                if data.moved().exists() {
                    let reason = "the records of this folder were moved to PostgreSQL";
                    let action = "Set store.engine = \"postgres\". If the move did not end, run it again: \
                                  marque store to-postgres.";
                    return Err(Failure::local(Local::Configuration, reason, action));
                }
                let background = Some(marque_store::Background::default());
                let options = marque_store::Options { background, ..config.store.files() };
                let store = Store::open(&data.store(), options);
                let store = store.map_err(|error| not_opened(&error))?;
                match store.recovery().rebuilt {
                    // By another release, or another store.index.
                    Some(Rebuilt::Format) => {
                        tracing::info!("the index was of another kind, and is made anew")
                    }
                    Some(why) => tracing::warn!(?why, "the index was rebuilt from the log"),
                    None => {}
                }
                loss::refuse(data, store.recovery(), after_loss)?;
                Ok(Self::Files(store))
            }
            Kind::Postgres => Self::postgres(config, data).await,
        }
    }

    #[cfg(feature = "postgres")]
    async fn postgres(config: &Config, data: &Data) -> Result<Self, Failure> {
        if data.store().join("log").exists() {
            let reason = "this folder has a store on files, which a node on PostgreSQL would pass over";
            let action = "Set store.engine = \"files\" and move them: marque store to-postgres; or move the folder \
                          \"store\" away if it is no longer needed.";
            return Err(Failure::local(Local::Configuration, reason, action));
        }
        let held = marque_store::Held::take(&data.store()).map_err(|error| not_opened(&error))?;
        let engine = open_postgres(&config.store).await?;
        let is_part = marque_store::transfer::is_under_way(&engine).await;
        if is_part.map_err(|error| Failure::local(Local::Configuration, error.to_string(), ""))? {
            let reason = "a move of records to this schema of PostgreSQL did not end: it has not all of them";
            let action = "On the node whose records they are: marque store to-postgres.";
            return Err(Failure::local(Local::Configuration, reason, action));
        }
        Ok(Self::Postgres { engine, _folder: held })
    }

    #[cfg(not(feature = "postgres"))]
    async fn postgres(_: &Config, _: &Data) -> Result<Self, Failure> {
        Err(crate::config::startable::without_postgres())
    }

    pub(super) fn records(&self) -> Arc<dyn Records> {
        match self {
            Self::Files(store) => Arc::new(store.clone()),
            #[cfg(feature = "postgres")]
            Self::Postgres { engine, .. } => Arc::new(engine.clone()),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        match self {
            Self::Files(store) => store.register(registry),
            #[cfg(feature = "postgres")]
            Self::Postgres { .. } => {}
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Files(store) => store.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres { engine, .. } => engine.close().await,
        }
    }
}

/// The server that is configured.
///
/// # Errors
/// [`Local::Configuration`].
#[cfg(feature = "postgres")]
pub(crate) async fn open_postgres(
    settings: &crate::config::Store,
) -> Result<marque_store::Postgres, Failure> {
    let options = marque_store::postgres::Options {
        url: settings.postgres_url.clone(),
        schema: settings.postgres_schema.clone(),
        connections: settings.postgres_connections,
    };
    marque_store::Postgres::open(&options).await.map_err(|error| {
        let action = "Check store.postgres_url, and that the server runs and lets this node in.";
        Failure::local(Local::Configuration, error.to_string(), action)
    })
}
