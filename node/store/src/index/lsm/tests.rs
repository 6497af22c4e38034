//! What the tree does beside what every tree does: it writes, merges and goes back to what it wrote.

use super::*;
use std::collections::BTreeMap;

const CACHE: u64 = 1024 * 1024;

/// Distinct keys in no order.
fn key(n: u32) -> Vec<u8> {
    let mut key = n.wrapping_mul(0x9e37_79b1).to_be_bytes().to_vec();
    key.extend_from_slice(&[b'k'; 40]);
    key
}

fn batch(numbers: impl Iterator<Item = u32>, value: u32) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    numbers.map(|n| (key(n), (n % 5 != value % 5).then(|| value.to_be_bytes().to_vec()))).collect()
}

fn apply(tree: &Lsm, rows: &[(Vec<u8>, Option<Vec<u8>>)]) -> io::Result<()> {
    tree.apply(&rows.iter().map(|(key, value)| (key.as_slice(), value.clone())).collect::<Vec<_>>())
}

/// All rows, as pages of a thousand.
fn all(tree: &Lsm) -> Vec<Pair> {
    let mut rows: Vec<Pair> = Vec::new();
    loop {
        let from = rows.last().map_or(Bound::Unbounded, |(key, _)| Bound::Excluded(key.as_slice()));
        let page = tree.rows(from, b"", 1_000).unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

//
#[test]
fn what_was_written_and_merged_reads_as_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut tree = Lsm::open(dir.path(), CACHE).unwrap();
    let mut model = BTreeMap::new();
    for round in 0..24_u32 {
        let changes = batch((0..2_000).filter(|n| n % 3 == round % 3), round);
        apply(&tree, &changes).unwrap();
        for (key, value) in changes {
            match value {
                Some(value) => drop(model.insert(key, value)),
                None => drop(model.remove(&key)),
            }
        }
        if round % 2 == 0 {
            tree.flush().unwrap();
            tree.shared.merge().unwrap();
        }
        if round % 10 == 9 {
            tree.flush().unwrap();
            drop(tree);
            tree = Lsm::open(dir.path(), CACHE).unwrap();
        }
        let rows: Vec<Pair> = model.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(all(&tree), rows, "round {round}");
        let last: Vec<Pair> = rows.iter().rev().take(3).cloned().collect();
        assert_eq!(tree.last(3).unwrap(), last);
        for n in 0..50 {
            assert_eq!(tree.get(&key(n)).unwrap(), model.get(&key(n)).cloned());
        }
    }
    assert!(tree.shared.tree.l0_run_count() < usize::from(MERGED_AT), "nothing was merged");
}

//
#[test]
fn what_a_process_had_in_memory_is_gone_by_whole_batches_and_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    // Enough for some parts of the memory, which workers write while it goes on.
    let mut applied = 0_u32;
    while tree.shared.tree.table_count() == 0 || applied < 300 {
        let rows: Vec<_> = (0..1_000_u32)
            .map(|n| (key(applied * 1_000 + n), Some(vec![7; 28])))
            .chain([(vec![0], Some(applied.to_be_bytes().to_vec()))])
            .collect();
        apply(&tree, &rows).unwrap();
        applied += 1;
    }
    // It dies: no destructor of it runs.
    std::mem::forget(tree);
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    let reached = tree.get(&[0]).unwrap().expect("some batches were written");
    let reached = u32::from_be_bytes(reached.try_into().unwrap());
    assert!(reached < applied);
    for n in (0..applied * 1_000).step_by(97) {
        assert_eq!(tree.get(&key(n)).unwrap().is_some(), n / 1_000 <= reached, "{n} of {reached}");
    }
}

//
#[test]
fn a_tree_that_cannot_write_says_so_and_takes_nothing_further() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    apply(&tree, &batch(0..10, 1)).unwrap();
    std::fs::remove_dir_all(dir.path().join("tables")).unwrap();
    assert!(tree.flush().is_err());
    assert!(apply(&tree, &batch(0..1, 2)).is_err(), "it goes on as if it wrote");
    // The reason stays the first one, and nothing is tried again.
    std::fs::create_dir(dir.path().join("tables")).unwrap();
    assert!(tree.flush().is_err() && tree.shared.merge().is_err());
    // What was read is read on.
    assert_eq!(
        all(&tree),
        batch(0..10, 1)
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect::<BTreeMap<_, _>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

//
#[test]
fn whoever_applies_while_merges_fall_behind_waits_for_them() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    for n in 0..=MAX_RUNS as u32 {
        apply(&tree, &[(vec![0], Some(vec![1])), (key(n), Some(vec![1])), (vec![255], Some(vec![1]))])
            .unwrap();
        tree.shared.parts_mut().seal();
        tree.shared.write().unwrap();
    }
    assert!(tree.shared.tree.l0_run_count() > MAX_RUNS);
    tree.shared.bound_runs().unwrap();
    assert!(tree.shared.tree.l0_run_count() <= MAX_RUNS);
    assert_eq!(all(&tree).len(), MAX_RUNS + 3);
}

//
#[test]
fn what_a_process_that_died_left_is_taken_away_and_a_tree_without_its_names_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    apply(&tree, &batch(0..10, 1)).unwrap();
    tree.flush().unwrap();
    drop(tree);
    std::fs::write(dir.path().join(".tmpAbCdEf"), b"half of it").unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    assert!(!dir.path().join(".tmpAbCdEf").exists());
    assert_eq!(all(&tree).len(), 8);
    drop(tree);
    std::fs::remove_file(dir.path().join("current")).unwrap();
    assert!(Lsm::open(dir.path(), CACHE).is_err());
}

//
#[test]
fn rows_are_read_as_they_stood_at_one_moment_though_others_are_written_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    let put = |value: u8| {
        apply(&tree, &[(vec![1], Some(vec![value])), (vec![2], Some(vec![value]))]).unwrap();
        tree.flush().unwrap();
    };
    put(0);
    // One of them lies in memory, the other on the disk: then both are written anew.
    apply(&tree, &[(vec![1], Some(vec![1]))]).unwrap();
    let all = (Bound::Unbounded, Bound::Unbounded);
    let (look, on_disk) = tree.shared.look(all, 10, false);
    put(2);
    tree.shared.merge().unwrap();
    let rows: io::Result<Vec<Pair>> = look.over(on_disk, all, false).collect();
    assert_eq!(rows.unwrap(), [(vec![1], vec![1]), (vec![2], vec![0])]);
    assert_eq!(tree.shared.range(all, 10, false).unwrap(), [(vec![1], vec![2]), (vec![2], vec![2])]);
}

//
#[test]
fn readers_and_one_who_applies_and_writes_go_on_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    let put = |value: u32| {
        let rows: Vec<_> = (0..1_000).map(|n| (key(n), Some(value.to_be_bytes().to_vec()))).collect();
        apply(&tree, &rows).unwrap();
    };
    put(0);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let looks = thread::scope(|scope| {
        scope.spawn(|| {
            (1..1_000).for_each(put);
            is_done.store(true, std::sync::atomic::Ordering::Release);
        });
        let mut looks = 0_u32;
        while !is_done.load(std::sync::atomic::Ordering::Acquire) {
            let rows = tree.rows(Bound::Unbounded, b"", 2_000).unwrap();
            assert_eq!(rows.len(), 1_000);
            let (_, first) = &rows[0];
            assert!(rows.iter().all(|(_, value)| value == first), "some of one batch and some of another");
            looks += 1;
        }
        looks
    });
    assert!(looks > 1 && tree.shared.tree.table_count() > 0, "{looks} looks");
}

//
#[test]
fn however_often_little_is_written_there_are_few_runs_to_look_through() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..3 * MAX_RUNS as u32 {
        let tree = Lsm::open(dir.path(), CACHE).unwrap();
        // The first and the last of all keys, so that no two of them make one run.
        let row = |key: Vec<u8>| (key, Some(vec![1]));
        apply(&tree, &[row(vec![0; 64]), row(key(n)), row(vec![255; 64])]).unwrap();
        tree.flush().unwrap();
        assert!(tree.shared.tree.l0_run_count() <= MAX_RUNS);
    }
    // Who merges is done when it is closed.
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    assert!(tree.shared.tree.l0_run_count() < usize::from(MERGED_AT), "{tree:?}");
    assert_eq!(all(&tree).len(), 3 * MAX_RUNS + 2);
}

#[test]
fn a_key_that_is_written_often_lies_in_memory_once_and_is_replayed_a_bounded_number_of_times() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    let write = |times: usize| {
        for n in 0..times {
            apply(&tree, &[(vec![0], Some(n.to_be_bytes().to_vec()))]).unwrap();
        }
    };
    let held = || tree.shared.parts().held();
    write(PART_CHANGES - 1);
    assert_eq!(held(), 1);
    write(1);
    tree.flush().unwrap();
    assert_eq!((held(), tree.shared.tree.table_count()), (0, 1));
}

#[test]
fn the_keys_that_begin_with_a_prefix_end_where_others_begin() {
    let dir = tempfile::tempdir().unwrap();
    let tree = Lsm::open(dir.path(), CACHE).unwrap();
    let keys: [&[u8]; 6] = [&[1], &[1, 255], &[1, 255, 255], &[2], &[255], &[255, 255]];
    let rows: Vec<_> = keys.iter().map(|key| (key.to_vec(), Some(vec![1]))).collect();
    apply(&tree, &rows).unwrap();
    let of = |from: Bound<&[u8]>, prefix: &[u8]| -> Vec<Vec<u8>> {
        tree.rows(from, prefix, 10).unwrap().into_iter().map(|(key, _)| key).collect()
    };
    for prefix in [&[][..], &[1], &[1, 255], &[2], &[255], &[255, 255], &[3]] {
        let expected: Vec<_> =
            keys.iter().filter(|key| key.starts_with(prefix)).map(|key| key.to_vec()).collect();
        assert_eq!(of(Bound::Included(prefix), prefix), expected, "{prefix:?}");
        assert_eq!(of(Bound::Excluded(prefix), prefix), {
            expected.into_iter().filter(|key| key != prefix).collect::<Vec<_>>()
        });
    }
    // Behind all of them.
    assert_eq!(of(Bound::Excluded(&[2]), &[1]), Vec::<Vec<u8>>::new());
    assert_eq!(of(Bound::Excluded(&[9]), &[1]), Vec::<Vec<u8>>::new());
    assert_eq!(of(Bound::Excluded(&[1, 255, 255]), &[1]), Vec::<Vec<u8>>::new());
}
