//! The parts over what is on the disk are one map.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Apply(Vec<(u8, Option<u8>)>),
    Seal,
    Write,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0..24_u8, proptest::option::weighted(0.6, any::<u8>()));
    prop_oneof![
        4 => proptest::collection::vec(change, 0..12).prop_map(Step::Apply),
        1 => Just(Step::Seal),
        1 => Just(Step::Write),
    ]
}

/// A map that parts are written to.
#[derive(Default)]
struct Disk(BTreeMap<Vec<u8>, Vec<u8>>);

impl Disk {
    fn write(&mut self, part: &Part) {
        for (key, value) in part {
            match value {
                Some(value) => drop(self.0.insert(key.clone(), value.clone())),
                None => drop(self.0.remove(key)),
            }
        }
    }

    fn source<'a>(&'a self, range: Range<'a>, is_backwards: bool) -> Source<'a> {
        let rows = self.0.range::<[u8], _>(range);
        let said = |(key, value): (&Vec<u8>, &Vec<u8>)| Ok((key.clone(), Some(value.clone())));
        if is_backwards { Box::new(rows.rev().map(said)) } else { Box::new(rows.map(said)) }
    }
}

proptest! {
    //
    #[test]
    fn whatever_was_applied_sealed_and_written_the_last_of_each_key_is_read(
        steps in proptest::collection::vec(step(), 0..40),
        (from, to) in (0..24_u8, 0..25_u8),
        limit in 0..30_usize,
        // A part may be on the disk before it is let go of.
        is_twice in any::<bool>(),
    ) {
        let (mut parts, mut disk, mut model) = (Parts::default(), Disk::default(), BTreeMap::new());
        for step in steps {
            match step {
                Step::Apply(changes) => {
                    let keys: Vec<_> = changes.iter().map(|(key, _)| [*key]).collect();
                    let changes: Vec<Change<'_>> = changes
                        .iter()
                        .zip(&keys)
                        .map(|((_, value), key)| (key.as_slice(), value.map(|value| vec![value])))
                        .collect();
                    parts.apply(&changes);
                    for (key, value) in changes {
                        match value {
                            Some(value) => drop(model.insert(key.to_vec(), value)),
                            None => drop(model.remove(key)),
                        }
                    }
                }
                Step::Seal => parts.seal(),
                Step::Write => disk.write(&parts.written().unwrap_or_default()),
            }
        }
        if is_twice && let Some(part) = parts.oldest() {
            disk.write(&part);
        }
        for key in 0..24_u8 {
            let got = parts.get(&[key]).cloned().unwrap_or_else(|| disk.0.get(&[key][..]).cloned());
            prop_assert_eq!(got.as_ref(), model.get(&[key][..]));
        }
        let (from, to) = ([from.min(to)], [to]);
        let range: Range<'_> = (Bound::Included(&from), Bound::Excluded(&to));
        for is_backwards in [false, true] {
            let look = parts.look(range, limit, is_backwards);
            let rows = look.over(disk.source(range, is_backwards), range, is_backwards);
            let rows: Vec<Pair> = rows.take(limit).collect::<Result<_, _>>().unwrap();
            let expected = model.range::<[u8], _>(range).map(|(key, value)| (key.clone(), value.clone()));
            let expected: Vec<Pair> =
                if is_backwards { expected.rev().take(limit).collect() } else { expected.take(limit).collect() };
            prop_assert_eq!(rows, expected);
        }
    }
}

#[test]
fn what_does_not_read_on_the_disk_is_an_error_and_not_an_absence() {
    let mut parts = Parts::default();
    parts.apply(&[(b"b", Some(vec![1]))]);
    let all: Range<'_> = (Bound::Unbounded, Bound::Unbounded);
    let look = parts.look(all, 10, false);
    let broken: Source<'_> =
        Box::new([Ok((b"a".to_vec(), Some(vec![2]))), Err(io::Error::other("broken"))].into_iter());
    let rows: io::Result<Vec<Pair>> = look.over(broken, all, false).collect();
    assert_eq!(rows.unwrap_err().to_string(), "broken");
}
