//! What PostgreSQL acknowledged is there after it was killed, and the engine goes on by itself.

use marque_flows::ports::records::{Records, StoreError, Table};
use marque_store::contract;
use marque_store::postgres::{Options, Postgres};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a server takes to recover.
const DEADLINE: Duration = Duration::from_secs(60);

/// Batches that are acknowledged before the server is killed.
const BEFORE: u32 = 50;

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

//
#[tokio::test(flavor = "multi_thread")]
async fn what_postgres_acknowledged_is_there_after_the_server_was_killed() {
    let (Some(url), Some(restart)) = (told("MARQUE_POSTGRES"), told("MARQUE_POSTGRES_RESTART")) else {
        assert!(told("CI").is_none(), "MARQUE_POSTGRES is not set: tests/postgres runs a server");
        println!("SKIPPED: MARQUE_POSTGRES is not set; `tests/postgres cargo test ...` runs a server");
        return;
    };
    let schema = format!("killed_{}", std::process::id());
    let engine = Postgres::open(&Options { url, schema, connections: 4 }).await.unwrap();
    contract::fill(&engine).await.unwrap();
    // Batches under way while the server dies: what was acknowledged of them is there, and never half of one.
    let (begun, mut has_begun) = tokio::sync::watch::channel(0);
    let under_way = tokio::spawn({
        let engine = engine.clone();
        async move {
            let mut acknowledged = 0_u32;
            loop {
                let key = acknowledged.to_be_bytes();
                let both = [Table::Claims, Table::Deferred].map(|table| contract::put(table, &key, &key));
                match engine.commit(both.to_vec()).await {
                    Ok(()) => acknowledged += 1,
                    Err(StoreError::Unavailable(_)) => return acknowledged,
                    Err(other) => panic!("{other}"),
                }
                begun.send_replace(acknowledged);
            }
        }
    });
    has_begun.wait_for(|acknowledged| *acknowledged >= BEFORE).await.unwrap();
    let killed =
        tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &restart]).status().unwrap());
    assert!(killed.await.unwrap().success());
    let acknowledged = under_way.await.unwrap();
    let since = Instant::now();
    while let Err(error) = engine.get(Table::Node, b"n").await {
        assert!(since.elapsed() < DEADLINE, "{error}");
    }
    contract::is_filled(&engine).await.unwrap();
    let mut there = 0;
    for n in 0..=acknowledged {
        let key = n.to_be_bytes();
        let one = engine.get(Table::Claims, &key).await.unwrap();
        let other = engine.get(Table::Deferred, &key).await.unwrap();
        assert_eq!(one.as_ref().map(|s| &s.value), other.as_ref().map(|s| &s.value));
        there += u32::from(one.is_some());
    }
    assert!(there >= acknowledged, "{there} of {acknowledged}");
    println!("{acknowledged} batches acknowledged before the server was killed, {there} there");
    contract::fill(&engine).await.unwrap();
}
