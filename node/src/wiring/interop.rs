//! The worker that judges proofs over RDF canonicalisation, where there is one.

use crate::config::Interop;
use crate::failure::{Failure, Local};
use crate::files;
use marque_flows::domain::Domain;
use marque_worker::{Contexts, MAX_CONTEXTS_BYTES};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use vc_schemas::secure::linked_data;

/// Joins a worker to the domain, if one is configured. It runs from its first question until `stopped`.
pub(super) fn join(
    interop: &Interop,
    domain: &Arc<Domain>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<Option<JoinHandle<()>>, Failure> {
    if interop.program.is_empty() {
        return Ok(None);
    }
    let contexts = if interop.contexts.is_empty() {
        Contexts::default()
    } else {
        let bytes = files::read(Path::new(&interop.contexts), MAX_CONTEXTS_BYTES)?;
        Contexts::read(&bytes, linked_data::signs_all).map_err(|error| {
            Failure::local(
                Local::Configuration,
                format!("interop.contexts: {error}"),
                "Mend the file, or leave the context out.",
            )
        })?
    };
    if let Some(why) = files::unrunnable(Path::new(&interop.program)) {
        tracing::warn!(
            program = interop.program,
            why,
            "interop.program cannot be run; it is tried again when asked"
        );
    }
    let (worker, task) = marque_worker::spawn(interop.program.clone().into(), contexts, stopped);
    domain.join_suites(Arc::new(worker));
    Ok(Some(task))
}
