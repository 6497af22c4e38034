//! The engine that keeps the records: on files, or on a server that several nodes of the domain share.

use super::{loss, not_opened};
use crate::config::{Config, Engine as Kind};
use crate::data::Data;
use crate::failure::{Failure, Local};
use marque_flows::ports::records::Records;
use marque_store::Store;
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
                let background = Some(marque_store::Background::default());
                let options = marque_store::Options { background, ..config.store.files() };
                let store = Store::open(&data.store(), options);
                let store = store.map_err(|error| not_opened(&error))?;
                if let Some(why) = store.recovery().rebuilt {
                    tracing::warn!(?why, "the index was rebuilt from the log");
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
            let action =
                "Set store.engine = \"files\", or move the folder \"store\" away if it is no longer needed.";
            return Err(Failure::local(Local::Configuration, reason, action));
        }
        let held = marque_store::Held::take(&data.store()).map_err(|error| not_opened(&error))?;
        let options = marque_store::postgres::Options {
            url: config.store.postgres_url.clone(),
            schema: config.store.postgres_schema.clone(),
            connections: config.store.postgres_connections,
        };
        let engine = marque_store::Postgres::open(&options).await.map_err(|error| {
            let action = "Check store.postgres_url, and that the server runs and lets this node in.";
            Failure::local(Local::Configuration, error.to_string(), action)
        })?;
        Ok(Self::Postgres { engine, _folder: held })
    }

    #[cfg(not(feature = "postgres"))]
    async fn postgres(_: &Config, _: &Data) -> Result<Self, Failure> {
        let reason = "this program was built without PostgreSQL";
        Err(Failure::local(Local::Configuration, reason, "Build it with --features postgres, or use files."))
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
