//! The contract of `marque_flows::ports::records` as a suite: [`holds`] runs on any engine, and
//! [`fill`] with [`is_filled`] show durability on one that can be opened again.
//!
//! Each case uses keys of its own, so all of them can share one engine. A broken promise is a panic.

use futures::future::join_all;
use marque_flows::ports::records::{
    Expect, MAX_BATCH, MAX_KEY_BYTES, MAX_SCAN, MAX_VALUE_BYTES, Records, StoreError, Table, Write,
};

/// Records that [`fill`] leaves, from 0.
const FILLED: u32 = 300;

/// A write that puts `value` whatever is there.
#[must_use]
pub fn put(table: Table, key: &[u8], value: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: Some(value.to_vec()), expect: Expect::Any }
}

/// A write that deletes whatever is there.
#[must_use]
pub fn delete(table: Table, key: &[u8]) -> Write {
    Write { table, key: key.to_vec(), value: None, expect: Expect::Any }
}

/// Runs all cases.
///
/// # Errors
/// What the engine answers where it should have answered `Ok`.
///
/// # Panics
/// Where the engine breaks the contract.
pub async fn holds(records: &dyn Records) -> Result<(), StoreError> {
    overwrites_and_deletes(records).await?;
    is_atomic(records).await?;
    compares_and_swaps(records).await?;
    lets_one_racer_win(records).await?;
    scans_in_order(records).await?;
    bounds_scans(records).await?;
    stamps_what_changes(records).await?;
    refuses_what_is_over_a_limit(records).await
}

/// Writes, overwrites and deletes what [`is_filled`] looks for.
///
/// # Errors
/// What the engine answers.
pub async fn fill(records: &dyn Records) -> Result<(), StoreError> {
    for n in 0..FILLED {
        let key = n.to_be_bytes();
        let both = vec![put(Table::Agents, &key, b"first"), put(Table::Owners, &key, &[7; 100])];
        records.commit(both).await?;
    }
    for n in (0..FILLED).step_by(3) {
        records.commit(vec![delete(Table::Agents, &n.to_be_bytes())]).await?;
    }
    for n in (1..FILLED).step_by(3) {
        records.commit(vec![put(Table::Agents, &n.to_be_bytes(), b"second")]).await?;
    }
    Ok(())
}

/// Looks for what [`fill`] acknowledged.
///
/// # Errors
/// What the engine answers.
///
/// # Panics
/// Where a record is not as it was acknowledged.
pub async fn is_filled(records: &dyn Records) -> Result<(), StoreError> {
    for n in 0..FILLED {
        let key = n.to_be_bytes();
        let wanted = match n % 3 {
            0 => None,
            1 => Some(b"second".to_vec()),
            _ => Some(b"first".to_vec()),
        };
        assert_eq!(value(records, Table::Agents, &key).await?, wanted, "agent {n}");
        assert_eq!(value(records, Table::Owners, &key).await?, Some(vec![7; 100]), "owner {n}");
    }
    let rows = records.scan(Table::Agents, b"", None, MAX_SCAN).await?;
    assert_eq!(rows.len() as u32, FILLED / 3 * 2);
    Ok(())
}

async fn value(records: &dyn Records, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(records.get(table, key).await?.map(|stored| stored.value))
}

async fn version(records: &dyn Records, table: Table, key: &[u8]) -> Result<u64, StoreError> {
    Ok(records.get(table, key).await?.map_or(0, |stored| stored.version))
}

async fn overwrites_and_deletes(records: &dyn Records) -> Result<(), StoreError> {
    let (table, key) = (Table::Logs, b"overwritten".as_slice());
    assert_eq!(value(records, table, key).await?, None);
    let mut last = 0;
    for text in [&b"one"[..], b"", b"three"] {
        records.commit(vec![put(table, key, text)]).await?;
        assert_eq!(value(records, table, key).await?.as_deref(), Some(text));
        let now = version(records, table, key).await?;
        assert!(now > last, "versions grow");
        last = now;
    }
    assert_eq!(value(records, Table::Lists, key).await?, None, "tables are apart");
    assert_eq!(value(records, table, b"overwritte").await?, None, "a prefix is another key");
    records.commit(vec![delete(table, key)]).await?;
    assert_eq!(value(records, table, key).await?, None);
    records.commit(vec![delete(table, key)]).await?;
    records.commit(vec![put(table, key, b"again")]).await?;
    assert!(version(records, table, key).await? > last, "versions grow past a deletion");
    records.commit(Vec::new()).await
}

async fn is_atomic(records: &dyn Records) -> Result<(), StoreError> {
    let table = Table::Credentials;
    records.commit(vec![put(table, b"atomic/there", b"old")]).await?;
    let refused = records
        .commit(vec![
            put(table, b"atomic/there", b"new"),
            put(Table::Indices, b"atomic/other", b"new"),
            Write { expect: Expect::Absent, ..put(table, b"atomic/absent", b"new") },
            Write { expect: Expect::Version(u64::MAX), ..put(table, b"atomic/wrong", b"new") },
        ])
        .await;
    assert_eq!(refused, Err(StoreError::Conflict(3)));
    assert_eq!(value(records, table, b"atomic/there").await?.as_deref(), Some(&b"old"[..]));
    assert_eq!(value(records, table, b"atomic/absent").await?, None);
    assert_eq!(value(records, Table::Indices, b"atomic/other").await?, None);
    Ok(())
}

async fn compares_and_swaps(records: &dyn Records) -> Result<(), StoreError> {
    let (table, key) = (Table::ListStates, b"swapped".as_slice());
    let with = |expect, text: &[u8]| vec![Write { expect, ..put(table, key, text) }];
    assert_eq!(records.commit(with(Expect::Version(1), b"x")).await, Err(StoreError::Conflict(0)));
    records.commit(with(Expect::Absent, b"one")).await?;
    assert_eq!(records.commit(with(Expect::Absent, b"x")).await, Err(StoreError::Conflict(0)));
    let first = version(records, table, key).await?;
    records.commit(with(Expect::Version(first), b"two")).await?;
    assert_eq!(records.commit(with(Expect::Version(first), b"x")).await, Err(StoreError::Conflict(0)));
    assert_eq!(value(records, table, key).await?.as_deref(), Some(&b"two"[..]));
    let second = version(records, table, key).await?;
    let gone = Write { expect: Expect::Version(second), ..delete(table, key) };
    records.commit(vec![gone.clone()]).await?;
    assert_eq!(records.commit(vec![gone]).await, Err(StoreError::Conflict(0)));
    records.commit(with(Expect::Absent, b"three")).await
}

async fn stamps_what_changes(records: &dyn Records) -> Result<(), StoreError> {
    let (table, key) = (Table::Logs, b"stamped".as_slice());
    let stamp = || records.stamp(table, key);
    let Some(mut before) = stamp() else { return Ok(()) };
    for write in [put(table, key, b"one"), put(table, key, b"two"), delete(table, key)] {
        records.commit(vec![put(table, b"beside", b""), write]).await?;
        let now = stamp().unwrap_or(before);
        assert_ne!(now, before, "a stamp changes with its record");
        before = now;
    }
    assert_eq!(stamp(), Some(before), "and not by itself");
    Ok(())
}

async fn lets_one_racer_win(records: &dyn Records) -> Result<(), StoreError> {
    let (table, key) = (Table::Claims, b"raced".as_slice());
    for round in 0..3 {
        let expect = match round {
            0 => Expect::Absent,
            _ => Expect::Version(version(records, table, key).await?),
        };
        let racers =
            (0..64_u8).map(|n| records.commit(vec![Write { expect, ..put(table, key, &[round, n]) }]));
        let outcomes = join_all(racers).await;
        let winners: Vec<usize> =
            outcomes.iter().enumerate().filter(|(_, o)| o.is_ok()).map(|(n, _)| n).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert!(outcomes.iter().all(|o| matches!(o, Ok(()) | Err(StoreError::Conflict(0)))));
        let won = value(records, table, key).await?;
        assert_eq!(won, winners.first().map(|n| vec![round, u8::try_from(*n).unwrap_or(u8::MAX)]));
    }
    Ok(())
}

async fn scans_in_order(records: &dyn Records) -> Result<(), StoreError> {
    let table = Table::Peers;
    let keys: [&[u8]; 6] = [b"s", b"s/", b"s/\x00", b"s/a", b"s/a\xff", b"s0"];
    for key in keys.iter().rev() {
        records.commit(vec![put(table, key, key)]).await?;
    }
    records.commit(vec![put(Table::Trust, b"s/0", b""), put(Table::Invites, b"s/1", b"")]).await?;
    let found = async |prefix: &[u8], after: Option<&[u8]>, limit| -> Result<Vec<Vec<u8>>, StoreError> {
        let rows = records.scan(table, prefix, after, limit).await?;
        assert!(rows.iter().all(|row| row.key == row.stored.value));
        Ok(rows.into_iter().map(|row| row.key).collect())
    };
    let range =
        |from: usize, to: usize| keys.iter().take(to).skip(from).map(|k| k.to_vec()).collect::<Vec<_>>();
    assert_eq!(found(b"s", None, 10).await?, range(0, 6));
    assert_eq!(found(b"s/", None, 10).await?, range(1, 5));
    assert_eq!(found(b"s/", None, 2).await?, range(1, 3));
    assert_eq!(found(b"s/", Some(b"s/\x00"), 2).await?, range(3, 5));
    assert_eq!(found(b"s/", Some(b"a"), 10).await?, range(1, 5), "`after` before the prefix");
    assert_eq!(found(b"s/", Some(b"t"), 10).await?, range(0, 0), "`after` behind the prefix");
    assert_eq!(found(b"s/", Some(b"s/0"), 10).await?, range(3, 5), "`after` need not exist");
    assert_eq!(found(b"s/b", None, 10).await?, range(0, 0));
    assert_eq!(found(b"s", None, 0).await?, range(0, 0));
    Ok(())
}

async fn bounds_scans(records: &dyn Records) -> Result<(), StoreError> {
    let table = Table::Evidence;
    let batch: Vec<Write> = (0..MAX_BATCH as u32 + 1)
        .map(|n| put(table, &[b"many/", &n.to_be_bytes()[..]].concat(), b""))
        .collect();
    assert!(matches!(records.commit(batch.clone()).await, Err(StoreError::TooLarge(_))));
    assert_eq!(records.scan(table, b"many/", None, 1).await?, Vec::new());
    let (most, rest) = batch.split_at(MAX_BATCH);
    records.commit(most.to_vec()).await?;
    records.commit(rest.to_vec()).await?;
    let rows = records.scan(table, b"many/", None, usize::MAX).await?;
    assert_eq!(rows.len(), MAX_SCAN);
    let last = rows.last().map(|row| row.key.as_slice());
    assert_eq!(records.scan(table, b"many/", last, usize::MAX).await?.len(), 1);
    Ok(())
}

async fn refuses_what_is_over_a_limit(records: &dyn Records) -> Result<(), StoreError> {
    let table = Table::Node;
    let longest = (vec![1; MAX_KEY_BYTES], vec![2; MAX_VALUE_BYTES]);
    let beside = || put(table, b"beside", b"");
    let bad = [
        put(table, &[1; MAX_KEY_BYTES + 1], b""),
        put(table, b"long", &[0; MAX_VALUE_BYTES + 1]),
        put(table, b"", b""),
        delete(table, b""),
        delete(table, b"beside"),
    ];
    for write in bad {
        let outcome = records.commit(vec![beside(), write]).await;
        assert!(matches!(outcome, Err(StoreError::TooLarge(_))), "{outcome:?}");
    }
    let huge: Vec<Write> = (0..20_u8).map(|n| put(table, &[b'h', n], &longest.1)).collect();
    assert!(matches!(records.commit(huge).await, Err(StoreError::TooLarge(_))));
    assert_eq!(records.scan(table, b"", None, 10).await?, Vec::new(), "nothing was written");
    assert_eq!(value(records, table, b"").await?, None);
    records.commit(vec![put(table, &longest.0, &longest.1)]).await?;
    assert_eq!(value(records, table, &longest.0).await?, Some(longest.1));
    records.commit(vec![delete(table, &longest.0)]).await
}
