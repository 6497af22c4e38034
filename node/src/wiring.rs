//! The node process: one of each, joined. Opens the store, the keys and the sockets, starts the mesh,
//! serves, and stops in the order in which nothing is lost.

mod duties;
mod catch_up;
pub(crate) mod engine;
mod first_owner;
mod high_water;
mod interop;
mod listening;
pub(crate) mod loss;
mod notify;
pub(crate) mod own_log;
mod published;
mod reload;
mod settings;
pub(crate) mod signals;
mod system;

pub use reload::Again;

use crate::admin_token;
use crate::config::Config;
use crate::custody::{self, Custody, DomainKeys};
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::signing;
use catch_up::{CatchUp, CautiousKeys};
use did_resolver::methods;
use did_resolver::webvh::Log;
use duties::Lease;
use engine::Engine;
use high_water::{HighWater, TimelyKeys};
use listening::{announce, bind, node_info};
use marque_fetch::{Client, FetchPolicy};
use marque_flows::domain::Domain;
use marque_flows::intake::NodeIntake;
use marque_http::door::Door;
use marque_http::{AdminToken, Answers, Faces, Listeners, RequestIds, Stopping, Watchers};
use marque_rules::issuance::Home;
use marque_store::OpenError;
use marque_store::keyfile::KeyFile;
use marque_store::secret::Passphrase;
use prometheus_client::registry::Registry;
use reload::{Current, Reload};
use serde_json::json;
use settings::{mesh_config, policy, proxies};
use signals::{Signals, Told};
use std::sync::{Arc, Mutex};
use system::System;
use tokio::sync::watch;
use vc_schemas::code::Code;

/// Longest admin token file.
const MAX_TOKEN_BYTES: usize = 4_096;

/// How the node is run, beside its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Stop at the end of standard input.
    pub while_stdin: bool,
    /// Have a public listener.
    pub public: bool,
    /// Say where the node listens as one JSON document.
    pub json: bool,
    /// Start although acknowledged records are gone.
    pub after_loss: bool,
    /// Sign although no peer has given back what it holds.
    pub without_peers: bool,
    /// Forget that a later time was seen.
    pub clock_is_right: bool,
}

/// Runs the node until it is told to stop, by a signal or by the end of standard input.
///
/// # Errors
/// Why it did not start, or stopped by itself.
pub async fn up(
    config: Config,
    again: Again,
    data: Data,
    passphrase: Passphrase,
    options: Options,
) -> Result<(), Failure> {
    run(FetchPolicy::default(), config, Some(again), data, passphrase, options).await
}

/// The same where code says which hosts the node reaches, and what its configuration is; no file, variable, flag or
/// request does.
///
/// # Errors
/// As [`up`].
pub async fn up_reaching(
    reach: FetchPolicy,
    config: Config,
    data: Data,
    passphrase: Passphrase,
    options: Options,
) -> Result<(), Failure> {
    run(reach, config, None, data, passphrase, options).await
}

async fn run(
    reach: FetchPolicy,
    config: Config,
    again: Option<Again>,
    data: Data,
    passphrase: Passphrase,
    options: Options,
) -> Result<(), Failure> {
    let system = Arc::new(System);
    let mut file = KeyFile::open(&data.node_keys(), &passphrase).map_err(|error| signing::keys(&error))?;
    let log = own_log::read(&data)?;
    let mut home = home_of(&log)?;
    if !config.issue.public_url.is_empty() {
        home = home.at(&config.issue.public_url);
    }
    config.check_startable()?;
    config.check_domain_is(&home.label)?;
    let store = Engine::open(&config, &data, options.after_loss).await?;
    let node_role = custody::node_role(&config.store.node);
    custody::make_node(&mut file, &node_role)?;
    let log = own_log::newest(store.records().as_ref(), log).await?;
    let custody = domain_keys(&config, &data, &home.label, &mut file)?;
    let node_key = signing::key(&file, &node_role)?;
    let node = methods::key_did(node_key.public()).map_err(|error| file_failure(error.to_string()))?;
    let (mesh_key, token_key) =
        (custody::node_secret(&file, &node_role)?, custody::node_secret(&file, &node_role)?);
    let file = Arc::new(Mutex::new(file));
    let keys = DomainKeys::take(Arc::new(custody), file, &log, &config.issuers()?)?;
    let policy = policy(&config)?;
    let (records, right) = (store.records(), options.clock_is_right);
    let high_water = HighWater::take_up(records, system.clone(), policy.skew, right).await?;
    let catch_up = Arc::new(CatchUp::new(loss::is_catching_up(&data)?));
    let keys = CautiousKeys::new(TimelyKeys::new(keys, Arc::clone(&high_water)), Arc::clone(&catch_up));
    let keys = Arc::new(keys);
    let domain = Domain::new(home, policy, store.records(), keys, system.clone(), system.clone());
    let domain = Arc::new(domain.map_err(|error| flow_failure(&error))?);
    catch_up.look(&domain, &config, options.without_peers).await?;
    domain.found(log.bytes()).await.map_err(|error| flow_failure(&error))?;
    if let Err(error) = domain.state_recognitions().await {
        tracing::warn!(%error, "the others are told later whom this domain recognises");
    }
    first_owner::register(&domain, &data, &passphrase, config.kdf()).await?;

    let listeners = Listeners {
        public: if options.public { Some(bind("public", config.listen.public).await?) } else { None },
        admin: bind("admin", config.listen.admin).await?,
        health: bind("health", config.listen.health).await?,
    };
    let mut registry = Registry::with_prefix("marque");
    store.register(&mut registry);
    let lease = Lease::register(&domain, &mut registry);
    let mesh_metrics = marque_p2p::Metrics::register(&mut registry);
    let http_metrics = marque_http::Metrics::register(&mut registry);
    let current = Current::register(&mut registry);

    let (stop, stopped) = watch::channel(false);
    let mesh = marque_p2p::spawn(
        mesh_config(&config, mesh_key)?,
        Arc::new(NodeIntake::new(Arc::clone(&domain), node)),
        system.clone(),
        mesh_metrics,
        ended(stopped.clone()),
    );
    let mesh = mesh.await.map_err(|error| {
        Failure::local(Local::Usage, error.to_string(), "Choose another address: listen.p2p or --p2p.")
    })?;
    domain.join_mesh(Arc::new(mesh.handle.clone()));
    if config.resolve.web {
        let client = Client::new(reach);
        domain.join_web(Arc::new(client.map_err(|error| file_failure(error.to_string()))?));
    }

    // What the last requests change is published too.
    let (served, all_served) = watch::channel(false);
    let publishing = published::begin(&config, &domain, || ended(all_served.clone()))?;
    let worker = interop::join(&config.interop, &domain, ended(stopped.clone()))?;

    let info = node_info(&listeners, &mesh.listening, &config.mesh.external, token_key)?;
    let about = json!({
        "pid": std::process::id(),
        "did": domain.home.did.as_str(),
        "domain": domain.home.label,
        "peerId": info.peer_id,
        "public": info.listeners.get("public"),
        "admin": info.listeners.get("admin"),
        "health": info.listeners.get("health"),
        "p2p": mesh.listening,
    });
    let door = Arc::new(Door::new(config.limits.address_per_minute, proxies(&config)?));
    let faces = Faces {
        door: Arc::clone(&door),
        domain: Arc::clone(&domain),
        info,
        admin_token: AdminToken::new(token(&data)?.trim_ascii()),
        registry,
        metrics: http_metrics,
        requests: RequestIds::new(signing::random()?),
        watchers: Watchers::default(),
        stopping: Stopping::default(),
        answers: Answers::new(
            usize::try_from(config.resolve.cache_mib).unwrap_or(0).saturating_mul(1_048_576),
        ),
    };
    let mut reload = Reload {
        again,
        taken: config.clone(),
        started: config,
        domain: Arc::clone(&domain),
        high_water: Arc::clone(&high_water),
        mesh: mesh.handle.clone(),
        door,
        current,
    };
    let keeping = tokio::spawn(high_water.keep_on(ended(stopped.clone())));
    let catching_up = Arc::clone(&catch_up).run(Arc::clone(&domain), data.clone(), ended(stopped.clone()));
    let catching_up = tokio::spawn(catching_up);
    let refreshing = tokio::spawn(duties::refresh(
        Arc::clone(&domain),
        data.clone(),
        (lease.clone(), catch_up),
        ended(stopped.clone()),
    ));
    let confirming = tokio::spawn(duties::confirm(Arc::clone(&domain), lease, ended(stopped.clone())));
    // Who is told that the node answers may tell it to stop at once.
    let mut signals = Signals::hear(options.while_stdin)?;
    files::replace(&data.node(), format!("{about:#}\n").as_bytes())?;
    announce(&about, options.json);
    notify::tell(notify::READY);

    let serving = marque_http::serve(Arc::new(faces), listeners, ended(stopped));
    tokio::pin!(serving);
    loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::Reload => reload.run().await,
                Told::Stop => {
                    notify::tell(notify::STOPPING);
                    stop.send_replace(true);
                    serving.await;
                    break;
                }
            },
            () = &mut serving => {
                stop.send_replace(true);
                break;
            }
        }
    }
    served.send_replace(true);
    files::remove(&data.node())?;
    let tasks =
        [Some(refreshing), Some(catching_up), Some(confirming), Some(keeping), Some(mesh.task), worker];
    for task in tasks.into_iter().flatten().chain(publishing) {
        if let Err(error) = task.await {
            tracing::error!(%error, "a task of the node failed");
        }
    }
    store.close().await;
    tracing::info!("the node has stopped");
    Ok(())
}

/// Where the domain's keys are, opened, with those of did:key issuers made. How well they are guarded is said once.
fn domain_keys(config: &Config, data: &Data, domain: &str, file: &mut KeyFile) -> Result<Custody, Failure> {
    let (backend, issuers) = (config.keys.backend, config.issuers()?);
    let custody = Custody::open(&config.keys, domain)?;
    let secret = custody::secret_file(backend);
    let weakness = custody::look(backend, custody.is_software(), domain, data.path(), secret.as_deref());
    if let Some(weak) = weakness {
        tracing::warn!(keys = backend.as_str(), "{}. {}", weak.reason, weak.action);
    }
    custody::make_issuers(&custody, file, &issuers)?;
    Ok(custody)
}

/// The token of the admin API; made anew where its file is gone, which is how it is replaced.
fn token(data: &Data) -> Result<Vec<u8>, Failure> {
    if !data.admin_token().exists() {
        tracing::info!("the admin API has a new token");
        admin_token::renew(data)?;
    }
    files::read(&data.admin_token(), MAX_TOKEN_BYTES)
}

/// The domain whose keys and records a folder has.
///
/// # Errors
/// [`Local::File`].
pub(crate) fn own_domain(data: &Data) -> Result<String, Failure> {
    Ok(home_of(&own_log::read(data)?)?.label)
}

fn home_of(log: &Log) -> Result<Home, Failure> {
    Home::new(log.did().clone()).map_err(|error| file_failure(error.to_string()))
}

/// Why the store is not open. Where another node has it, nothing is wrong with it.
pub(crate) fn not_opened(error: &OpenError) -> Failure {
    match error {
        OpenError::Locked { .. } => Failure::of(Code::StateConflict)
            .because(format!("the node of this folder runs already: {error}"))
            .so("marque status says where it listens."),
        OpenError::Io { .. } => {
            let action =
                "Nothing was changed. The node's user must be able to write there: marque doctor looks.";
            Failure::local(Local::File, error.to_string(), action)
        }
        OpenError::Damaged { .. } | OpenError::Format { .. } => {
            let action = "Nothing was changed. marque store verify says all that is wrong.";
            Failure::local(Local::File, error.to_string(), action)
        }
    }
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end as well.
    let _ended = stopped.wait_for(|stopped| *stopped).await;
}

fn file_failure(reason: String) -> Failure {
    Failure::local(Local::File, reason, "The data folder is damaged: restore it, or init another.")
}

fn flow_failure(error: &marque_flows::error::Error) -> Failure {
    tracing::error!(%error, "the node could not start");
    let refusal = error.refusal();
    Failure::of(refusal.code).because(format!("the node could not start: {error}"))
}
