//! Affinidi's resolver with its cache, for did:key, and didwebvh-rs, for logs.
//!
//! Both are of one family and share what they build on, with the same features.

use affinidi_did_common::DID;
use affinidi_did_resolver_cache_sdk::DIDCacheClient;
use affinidi_did_resolver_cache_sdk::config::DIDCacheConfigBuilder;
use didwebvh_rs::DIDWebVHState;
use marque_bench_pipe::{Work, serve};
use std::future::Future;

fn main() -> std::io::Result<()> {
    serve(|name, inputs| match (name, inputs) {
        ("cached", [dids]) => cached(dids),
        ("missed", [dids]) => missed(dids),
        ("uncached", [dids]) => uncached(dids),
        ("resolve_log", [did, log, forged]) => resolve_log(did, log, forged),
        _ => Err(format!("no work {name}")),
    })
}

/// Runs a future of a client that only ever waits for itself, on this thread alone.
struct Executor(tokio::runtime::Runtime);

impl Executor {
    fn new() -> Result<Self, String> {
        tokio::runtime::Builder::new_current_thread().build().map(Self).map_err(|e| e.to_string())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(future)
    }
}

fn text(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|e| e.to_string())
}

fn lines(bytes: &[u8]) -> Result<Vec<String>, String> {
    Ok(text(bytes)?.lines().map(ToOwned::to_owned).collect())
}

fn client(executor: &Executor, capacity: usize) -> Result<DIDCacheClient, String> {
    let capacity = u32::try_from(capacity).map_err(|e| e.to_string())?;
    let config = DIDCacheConfigBuilder::default().with_cache_capacity(capacity).build();
    executor.run(DIDCacheClient::new(config)).map_err(|e| e.to_string())
}

/// One DID after another, as many of them as the cache has room for; each is there.
fn cached(dids: &[u8]) -> Result<Work<'static>, String> {
    let (executor, dids) = (Executor::new()?, lines(dids)?);
    let client = client(&executor, dids.len() * 2)?;
    for did in &dids {
        executor.run(client.resolve(did)).map_err(|e| e.to_string())?;
    }
    executor.run(async { client.get_cache().run_pending_tasks().await });
    let mut turn = 0;
    Ok(Box::new(move || {
        turn = (turn + 1) % dids.len();
        let answer = executor.run(client.resolve(&dids[turn]));
        usize::from(answer.is_ok_and(|answer| answer.cache_hit && answer.doc.verification_method.len() == 2))
    }))
}

/// One DID after another, of so many that none is in the cache any more when its turn comes.
fn missed(dids: &[u8]) -> Result<Work<'static>, String> {
    let (executor, dids) = (Executor::new()?, lines(dids)?);
    let client = client(&executor, dids.len() / 100)?;
    let mut turn = 0;
    Ok(Box::new(move || {
        turn = (turn + 1) % dids.len();
        let answer = executor.run(client.resolve(&dids[turn]));
        usize::from(answer.is_ok_and(|answer| !answer.cache_hit))
    }))
}

/// Without the client: parsed, and resolved by its method.
fn uncached(dids: &[u8]) -> Result<Work<'static>, String> {
    let dids = lines(dids)?;
    let mut turn = 0;
    Ok(Box::new(move || {
        turn = (turn + 1) % dids.len();
        let document = dids[turn].parse::<DID>().ok().and_then(|did| did.resolve().ok());
        usize::from(document.is_some_and(|document| !document.verification_method.is_empty()))
    }))
}

fn resolve_log(did: &[u8], log: &[u8], forged: &[u8]) -> Result<Work<'static>, String> {
    let (executor, did, log) = (Executor::new()?, text(did)?, text(log)?);
    let entries = move |log: &str| {
        let mut state = DIDWebVHState::default();
        match executor.run(state.resolve_log(&did, log, None)) {
            Ok(_) => state.log_entries().len(),
            Err(_) => 0,
        }
    };
    let sound = log.lines().count();
    if entries(&text(forged)?) == sound {
        return Err("a forged log passes".to_owned());
    }
    if entries(&log) != sound {
        return Err("a sound log does not pass".to_owned());
    }
    Ok(Box::new(move || entries(&log)))
}
