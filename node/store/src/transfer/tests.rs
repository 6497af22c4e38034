//! Records are taken over whole, whatever comes in between, and never mixed with others.

use super::*;
use crate::contract::{delete, put};
use crate::memory::Memory;
use futures::future::BoxFuture;
use marque_flows::ports::records::{MAX_SCAN, Stored};
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

const DOMAIN: &str = "did:webvh:x:acme.test";

/// Answers so many calls, and then none.
#[derive(Debug)]
struct Failing<'a> {
    records: &'a Memory,
    left: AtomicUsize,
}

impl Failing<'_> {
    fn lives(&self) -> Result<(), StoreError> {
        let less = |left: usize| left.checked_sub(1);
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        left.map(drop).map_err(|_| StoreError::Unavailable("it fails".to_owned()))
    }
}

impl Records for Failing<'_> {
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            self.lives()?;
            self.records.get(table, key).await
        })
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            self.lives()?;
            self.records.scan(table, prefix, after, limit).await
        })
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.lives()?;
            self.records.commit(batch).await
        })
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn all(records: &dyn Records) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for table in Table::ALL {
        let rows = records.scan(table, b"", None, MAX_SCAN).await.unwrap();
        all.extend(rows.into_iter().map(|row| (table, row.key, row.stored.value)));
    }
    all
}

async fn taken_over(from: &dyn Records, to: &dyn Records) -> Result<u64, TransferError> {
    transfer(from, to, DOMAIN, &mut |_| {}).await
}

//
#[test]
fn all_records_of_all_tables_are_taken_over_and_the_note_goes_last() {
    block_on(async {
        let (from, to) = (Memory::default(), Memory::default());
        for (n, table) in (0_u32..).zip(Table::ALL) {
            for m in 0..(PAGE as u32 + n) {
                from.commit(vec![put(table, &[&m.to_be_bytes()[..], b"key"].concat(), &n.to_be_bytes())])
                    .await
                    .unwrap();
            }
        }
        let many = all(&from).await;
        let mut told = Vec::new();
        let moved = transfer(&from, &to, DOMAIN, &mut |count| told.push(count)).await;
        assert_eq!(moved, Ok(many.len() as u64));
        assert_eq!((told.is_sorted(), told.last().copied()), (true, Some(2 * many.len() as u64)));
        assert!(is_under_way(&to).await.unwrap());
        finish(&to).await.unwrap();
        assert!(!is_under_way(&to).await.unwrap());
        assert_eq!(all(&to).await, many);
    });
}

//
#[test]
fn what_has_records_of_its_own_takes_none_over() {
    block_on(async {
        let (from, to) = (Memory::default(), Memory::default());
        from.commit(vec![put(Table::Logs, b"a", b"1")]).await.unwrap();
        to.commit(vec![put(Table::Bans, b"b", b"2")]).await.unwrap();
        let before = all(&to).await;
        assert_eq!(taken_over(&from, &to).await, Err(TransferError::Occupied));
        assert_eq!(all(&to).await, before);
        // Also where it is under way to another domain.
        let to = Memory::default();
        transfer(&from, &to, "did:webvh:y:bravo.test", &mut |_| {}).await.unwrap();
        assert_eq!(taken_over(&from, &to).await, Err(TransferError::Occupied));
    });
}

//
#[test]
fn what_was_taken_over_once_is_not_taken_over_again() {
    block_on(async {
        let (from, to) = (Memory::default(), Memory::default());
        from.commit(vec![put(Table::Logs, b"a", b"1")]).await.unwrap();
        taken_over(&from, &to).await.unwrap();
        finish(&to).await.unwrap();
        to.commit(vec![put(Table::Logs, b"a", b"2")]).await.unwrap();
        assert_eq!(taken_over(&from, &to).await, Err(TransferError::Occupied));
        assert_eq!(to.get(Table::Logs, b"a").await.unwrap().unwrap().value, b"2");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    //
    #[test]
    fn whatever_fails_on_the_way_the_next_try_leaves_all_and_nothing_else(
        before in proptest::collection::btree_map((0..21_usize, 0..40_u8), 0..3_u8, 0..120),
        after in proptest::collection::vec((0..21_usize, 0..40_u8, proptest::option::of(0..3_u8)), 0..20),
        fails_from in 0..400_usize,
        fails_to in 0..400_usize,
    ) {
        block_on(async {
            let (from, to) = (Memory::default(), Memory::default());
            for ((table, key), value) in before {
                from.commit(vec![put(Table::ALL[table], &[key], &[value])]).await.unwrap();
            }
            let (bad_from, bad_to) = (
                Failing { records: &from, left: AtomicUsize::new(fails_from) },
                Failing { records: &to, left: AtomicUsize::new(fails_to) },
            );
            let first = taken_over(&bad_from, &bad_to).await;
            // A node may have gone on with what it has.
            for (table, key, value) in after {
                let write = match value {
                    Some(value) => put(Table::ALL[table], &[key], &[value]),
                    None => delete(Table::ALL[table], &[key]),
                };
                from.commit(vec![write]).await.unwrap();
            }
            if first.is_err() {
                let is_part = !all(&to).await.is_empty();
                assert_eq!(is_under_way(&to).await.unwrap(), is_part, "a part says so");
            }
            let many = all(&from).await;
            assert_eq!(taken_over(&from, &to).await, Ok(many.len() as u64));
            finish(&to).await.unwrap();
            assert_eq!(all(&to).await, many);
        });
    }
}
