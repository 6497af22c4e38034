//! Tests of the log without an index: torn tails, damage, segments.

use super::*;
use crate::batch;
use crate::disk::Machine;
use crate::error::OpenError;
use marque_flows::ports::records::{Expect, Table, Write};
use proptest::prelude::*;
use std::fs::{self, File};

fn machine() -> Arc<dyn Disk> {
    Arc::new(Machine)
}

fn frame(log: &Log, sequence: u64, place: u16) -> Vec<u8> {
    let write = Write {
        table: Table::Logs,
        key: sequence.to_be_bytes().to_vec(),
        value: Some(vec![u8::try_from(sequence).unwrap(); 9]),
        expect: Expect::Any,
    };
    let mut out = Vec::new();
    encode_frame(&mut out, log.place().1, sequence, place, |out| batch::encode(&[write], sequence, out));
    out
}

/// A log of single-frame groups `1..=frames`, and where each frame ends in the last segment.
fn written(dir: &Path, frames: u64, segment_bytes: u64) -> Vec<u64> {
    let (mut log, _) = reopen(dir, segment_bytes).unwrap();
    let mut ends = Vec::new();
    for n in 1..=frames {
        log.room_for(60, n).unwrap();
        let bytes = frame(&log, n, 0);
        log.append(&bytes).unwrap();
        ends.push(log.place().2);
    }
    ends
}

fn reopen(dir: &Path, segment_bytes: u64) -> Result<(Log, (u64, Option<Torn>)), OpenError> {
    let segments = Segments::open(&machine(), dir)?;
    let mut seen = 0;
    let end = segments.scan(Checkpoint::START, u64::MAX, &mut |frame| {
        seen += 1;
        assert_eq!(frame.sequence, seen);
        assert!(batch::decode(frame.body, frame.sequence).is_some());
        Ok(())
    })?;
    assert_eq!(end.next, seen + 1);
    let (log, torn) = segments.into_log(end, segment_bytes)?;
    Ok((log, (seen, torn)))
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    path_of(dir, number)
}

//
#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_set_aside() {
    let origin = tempfile::tempdir().unwrap();
    let ends = written(origin.path(), 4, SEGMENT_BYTES);
    let whole = fs::read(segment(origin.path(), 1)).unwrap();
    for length in ends[2] as usize..whole.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(segment(dir.path(), 1), &whole[..length]).unwrap();
        let (mut log, (frames, torn)) = reopen(dir.path(), SEGMENT_BYTES).unwrap();
        assert_eq!(frames, 3);
        let lost = &whole[ends[2] as usize..length];
        match torn {
            Some(torn) => {
                assert_eq!(torn.file, dir.path().join("torn-4.bin"));
                assert_eq!(fs::read(&torn.file).unwrap(), lost);
            }
            None => assert!(lost.is_empty()),
        }
        let bytes = frame(&log, 4, 0);
        log.append(&bytes).unwrap();
        assert_eq!(fs::read(segment(dir.path(), 1)).unwrap(), whole);
    }
}

#[test]
fn a_tail_torn_twice_at_one_place_is_kept_twice() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 2, SEGMENT_BYTES);
    for name in ["torn-3.bin", "torn-3-2.bin"] {
        let file = File::options().append(true).open(segment(dir.path(), 1)).unwrap();
        io::Write::write_all(&mut &file, b"half a fra").unwrap();
        let (_, (frames, torn)) = reopen(dir.path(), SEGMENT_BYTES).unwrap();
        assert_eq!((frames, torn.unwrap().file), (2, dir.path().join(name)));
    }
}

//
#[test]
fn a_flipped_bit_is_damage_but_in_the_last_frame_where_it_is_a_torn_tail() {
    let origin = tempfile::tempdir().unwrap();
    let ends = written(origin.path(), 3, SEGMENT_BYTES);
    let whole = fs::read(segment(origin.path(), 1)).unwrap();
    for bit in 0..whole.len() * 8 {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(segment(dir.path(), 1), bytes).unwrap();
        let outcome = reopen(dir.path(), SEGMENT_BYTES);
        if bit as u64 / 8 >= ends[1] {
            assert_eq!(outcome.unwrap().1.0, 2);
        } else {
            let begin = ends.iter().rev().chain([&40, &0]).find(|e| **e <= bit as u64 / 8).unwrap();
            assert!(
                matches!(outcome, Err(OpenError::Damaged { offset, .. }) if offset == *begin),
                "bit {bit}: {outcome:?}"
            );
        }
    }
}

#[test]
fn a_group_that_was_synchronised_once_is_torn_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = reopen(dir.path(), SEGMENT_BYTES).unwrap();
    let first = frame(&log, 1, 0);
    log.append(&first).unwrap();
    let group = [frame(&log, 2, 0), frame(&log, 3, 1), frame(&log, 4, 2)].concat();
    log.append(&group).unwrap();
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    // The page with the middle frame never reached the disk, that with the last one did.
    let mut bytes = whole.clone();
    bytes[40 + first.len() + first.len() + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (_, (frames, torn)) = reopen(dir.path(), SEGMENT_BYTES).unwrap();
    assert_eq!((frames, torn.unwrap().bytes), (2, 2 * first.len() as u64));
    // Broken in the group before the last: that was acknowledged.
    let mut bytes = whole;
    bytes[40 + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(reopen(dir.path(), SEGMENT_BYTES), Err(OpenError::Damaged { offset: 40, .. })));
}

#[test]
fn the_log_goes_on_in_a_new_segment_and_damage_in_an_earlier_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 20, 300);
    let (log, (frames, torn)) = reopen(dir.path(), 300).unwrap();
    assert_eq!((frames, torn), (20, None));
    let last = log.place().0;
    assert!(last > 3);
    // The last frame of a segment that is not the last one.
    let path = segment(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(reopen(dir.path(), 300), Err(OpenError::Damaged { file, .. }) if file == path));
    fs::write(&path, &whole[..40]).unwrap();
    let outcome = reopen(dir.path(), 300);
    assert!(matches!(outcome, Err(OpenError::Damaged { file, .. }) if file == segment(dir.path(), 3)));
    fs::remove_file(&path).unwrap();
    assert!(matches!(reopen(dir.path(), 300), Err(OpenError::Damaged { file, .. }) if file == path));
    fs::write(&path, &whole).unwrap();
    fs::copy(segment(dir.path(), 3), &path).unwrap();
    assert!(matches!(reopen(dir.path(), 300), Err(OpenError::Damaged { file, .. }) if file == path));
}

#[test]
fn a_segment_whose_header_was_never_finished_is_set_aside() {
    let origin = tempfile::tempdir().unwrap();
    written(origin.path(), 5, 300);
    let (mut log, _) = reopen(origin.path(), 300).unwrap();
    log.room_for(300, 6).unwrap();
    let number = log.place().0;
    for length in 0..40 {
        let path = segment(origin.path(), number);
        let header = SegmentHeader { number, first: 6, salt: 9, compacted: None }.encode();
        fs::write(&path, &header[..length]).unwrap();
        let (mut log, (frames, _)) = reopen(origin.path(), 300).unwrap();
        assert_eq!(frames, 5);
        log.room_for(300, 6).unwrap();
        assert_eq!(log.place().0, number);
    }
}

#[test]
fn a_newer_format_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), 1, SEGMENT_BYTES);
    let path = segment(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 3;
    let crc = crc32c::crc32c(&bytes[..36]).to_le_bytes();
    bytes[36..40].copy_from_slice(&crc);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(reopen(dir.path(), 300).unwrap_err(), OpenError::Format { file: path.clone(), version: 3 });
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_behind_the_last_frame_are_a_torn_tail(tail in proptest::collection::vec(any::<u8>(), 1..200)) {
        let dir = tempfile::tempdir().unwrap();
        written(dir.path(), 2, SEGMENT_BYTES);
        let file = File::options().append(true).open(segment(dir.path(), 1)).unwrap();
        io::Write::write_all(&mut &file, &tail).unwrap();
        let (_, (frames, torn)) = reopen(dir.path(), SEGMENT_BYTES).unwrap();
        prop_assert_eq!((frames, torn.unwrap().bytes), (2, tail.len() as u64));
    }
}
