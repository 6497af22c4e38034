//! The contract on a real server, where `MARQUE_POSTGRES` names one: a connection URI of a database in which
//! schemas may be made. Without it these say so; where `CI` is set they fail.

use super::*;
use crate::contract::{self, put};
use crate::memory::Memory;
use futures::future::join_all;
use marque_flows::ports::records::Expect;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long what other tests do on the server may take.
const PATIENCE: Duration = Duration::from_secs(60);

static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A server, and a schema of its own for one test.
fn server() -> Option<Options> {
    let Ok(url) = std::env::var("MARQUE_POSTGRES") else {
        assert!(std::env::var("CI").is_err(), "MARQUE_POSTGRES is not set: tests/postgres runs a server");
        println!("SKIPPED: MARQUE_POSTGRES is not set; `tests/postgres cargo test ...` runs a server");
        return None;
    };
    let n = SCHEMAS.fetch_add(1, Ordering::Relaxed);
    Some(Options { url, schema: format!("test_{}_{n}", std::process::id()), connections: 8 })
}

//
#[tokio::test(flavor = "multi_thread")]
async fn the_postgres_engine_keeps_the_contract() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    contract::holds(&engine).await.unwrap();
    contract::fill(&engine).await.unwrap();
    engine.close().await;
    let again = Postgres::open(&options).await.unwrap();
    contract::is_filled(&again).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_on_one_schema_are_one_store() {
    let Some(options) = server() else { return };
    let (a, b) = tokio::join!(Postgres::open(&options), Postgres::open(&options));
    let engines = [a.unwrap(), b.unwrap()];
    contract::holds(&engines[1]).await.unwrap();
    // Each index is claimed by both; one of them gets it, and no batch is half there.
    let claim = |engine: usize, n: u32| {
        let key = n.to_be_bytes();
        let absent = |table| Write { expect: Expect::Absent, ..put(table, &key, &[engine as u8]) };
        let mut batch = vec![absent(Table::Indices), absent(Table::Credentials)];
        if engine == 1 {
            batch.reverse();
        }
        engines[engine].commit(batch)
    };
    let outcomes = join_all((0..200).flat_map(|n| [claim(0, n), claim(1, n)])).await;
    for (n, pair) in outcomes.chunks(2).enumerate() {
        assert_eq!(pair.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{n}: {pair:?}");
        assert!(
            pair.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict(0)))),
            "{pair:?}"
        );
        let winner = pair.iter().position(Result::is_ok).unwrap() as u8;
        for table in [Table::Indices, Table::Credentials] {
            let stored = engines[0].get(table, &(n as u32).to_be_bytes()).await.unwrap().unwrap();
            assert_eq!(stored.value, [winner]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_name_the_same_records_in_any_order_all_go_through() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    let batch = |n: u8| {
        let mut writes: Vec<Write> = (0..16_u8).map(|key| put(Table::Peers, &[key], &[n])).collect();
        writes.rotate_left(usize::from(n % 16));
        // Some name a record as new that others put: those may be refused, and nothing of them is there.
        if n.is_multiple_of(4) {
            writes.push(Write { expect: Expect::Absent, ..put(Table::Trust, &[n % 3], &[n]) });
        }
        engine.commit(writes)
    };
    let outcomes = join_all((0..64).map(batch)).await;
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict(16)))),
        "{outcomes:?}"
    );
    let rows = engine.scan(Table::Peers, b"", None, 64).await.unwrap();
    assert_eq!(rows.len(), 16);
    assert!(rows.iter().all(|row| row.stored.value == rows[0].stored.value), "of one batch, all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_batches_that_wait_for_each_other_one_goes_first() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    let batch = |n: u8, new: u8, any: u8| {
        let absent = Write { expect: Expect::Absent, ..put(Table::Claims, &[n, new], &[new]) };
        engine.commit(vec![absent, put(Table::Claims, &[n, any], &[new])])
    };
    let crossed = (0..50).flat_map(|n| [batch(n, 0, 1), batch(n, 1, 0)]);
    let outcomes = join_all(crossed).await;
    for (n, pair) in outcomes.chunks(2).enumerate() {
        let of_pair = (pair.contains(&Ok(())), pair.contains(&Err(StoreError::Conflict(0))));
        assert_eq!(of_pair, (true, true), "{n}: {pair:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_never_comes_again_and_grows() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    let version = async || Some(engine.get(Table::Node, b"n").await.unwrap()?.version);
    let (mut last, mut n) = (0, 0_u8);
    while n < 20 {
        join_all((0..8).map(|m| engine.commit(vec![put(Table::Node, b"n", &[n, m])]))).await;
        let now = version().await.unwrap();
        assert!(now > last, "{now} after {last}");
        last = now;
        if n.is_multiple_of(5) {
            engine.commit(vec![contract::delete(Table::Node, b"n")]).await.unwrap();
        }
        n += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_committed_after_a_mark_is_told_from_it_on() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    let changes = async |since| Records::changes(&engine, Table::Envelopes, b"e/", since).await.unwrap();
    engine.commit(vec![put(Table::Envelopes, b"e/before", b"")]).await.unwrap();
    let start = changes(None).await;
    assert_eq!(start.keys, Vec::<Vec<u8>>::new());
    // One that began before the mark and ends after it, with one that went by between.
    let mut early = engine.pool.begin().await.unwrap();
    sqlx::query::<Server>(
        "INSERT INTO records (tbl, key, value, version) VALUES (3, 'e/early', '', 1000000)",
    )
    .execute(&mut *early)
    .await
    .unwrap();
    engine
        .commit(vec![put(Table::Envelopes, b"e/late", b""), put(Table::Envelopes, b"o/other", b"")])
        .await
        .unwrap();
    let first = changes(Some(start.mark)).await;
    assert!(
        first.keys.contains(&b"e/late".to_vec()) && !first.keys.contains(&b"e/early".to_vec()),
        "{first:?}"
    );
    assert!(!first.keys.contains(&b"o/other".to_vec()));
    early.commit().await.unwrap();
    let second = changes(Some(first.mark)).await;
    assert!(second.keys.contains(&b"e/early".to_vec()), "{second:?}");
    // Told again as long as anything that began before is under way on the server, and then no more.
    let (mut mark, until) = (second.mark, Instant::now() + PATIENCE);
    loop {
        let next = changes(Some(mark)).await;
        mark = next.mark;
        if next.keys.is_empty() {
            break;
        }
        assert!(Instant::now() < until, "{next:?}");
    }
    // More than are looked at once, in the end all of them; and what is overwritten is told again.
    let many = |n: u32| {
        (0..1_000).map(move |m| put(Table::Envelopes, format!("e/{n}/{m}").as_bytes(), b"")).collect()
    };
    for n in [0, 1, 2, 3, 4, 5, 0] {
        engine.commit(many(n)).await.unwrap();
    }
    let told: std::collections::BTreeSet<_> = changes(Some(mark)).await.keys.into_iter().collect();
    assert_eq!(told.len(), 6_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_later_release_is_not_touched() {
    let Some(options) = server() else { return };
    let engine = Postgres::open(&options).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (1000, 'later', true, '\\x00', 0)";
    sqlx::query::<Server>(later).execute(&engine.pool).await.unwrap();
    let refused = Postgres::open(&options).await.unwrap_err();
    assert!(matches!(refused, PostgresError::Schema(_)), "{refused}");
}

/// What a run of commits is made of: small keys, so that batches meet.
fn batches() -> impl Strategy<Value = Vec<Vec<Write>>> {
    let expect =
        prop_oneof![3 => Just(Expect::Any), 2 => Just(Expect::Absent), 1 => Just(Expect::Version(u64::MAX))];
    let value = proptest::option::weighted(0.8, proptest::collection::vec(any::<u8>(), 0..4));
    let write = (0..3_usize, 0..6_u8, value, expect).prop_map(|(table, key, value, expect)| {
        let table = [Table::Agents, Table::Claims, Table::Deferred][table];
        let key = vec![u8::MAX; usize::from(key % 3)].into_iter().chain([key]).collect();
        Write { table, key, value, expect }
    });
    proptest::collection::vec(proptest::collection::vec(write, 0..5), 0..12)
}

#[test]
fn whatever_is_committed_it_is_as_in_memory() {
    let Some(options) = server() else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let engine = runtime.block_on(Postgres::open(&options)).unwrap();
    proptest!(ProptestConfig::with_cases(64), |(batches in batches(), prefix in proptest::collection::vec(prop_oneof![Just(255_u8), 0..6_u8], 0..3))| {
        let same: Result<(), TestCaseError> = runtime.block_on(async {
            let memory = Memory::default();
            sqlx::query::<Server>("TRUNCATE records").execute(&engine.pool).await.unwrap();
            for batch in &batches {
                let wanted = memory.commit(batch.clone()).await;
                prop_assert_eq!(engine.commit(batch.clone()).await, wanted);
            }
            for table in [Table::Agents, Table::Claims, Table::Deferred] {
                for after in [None, Some([2_u8].as_slice())] {
                    let rows = |rows: Vec<Record>| rows.into_iter().map(|r| (r.key, r.stored.value)).collect::<Vec<_>>();
                    let wanted = rows(memory.scan(table, &prefix, after, 64).await.unwrap());
                    prop_assert_eq!(rows(engine.scan(table, &prefix, after, 64).await.unwrap()), wanted);
                }
            }
            Ok(())
        });
        same?;
    });
}
