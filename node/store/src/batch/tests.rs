//! Tests of `batch`.

use super::*;
use marque_flows::ports::records::{Expect, Table};
use proptest::prelude::*;

fn write(key: &[u8], value: Option<&[u8]>) -> Write {
    Write { table: Table::Logs, key: key.to_vec(), value: value.map(<[u8]>::to_vec), expect: Expect::Any }
}

#[test]
fn a_batch_reads_back_with_the_places_that_encoding_named() {
    let batch = [write(b"a", Some(b"one")), write(b"bb", None), write(b"c", Some(b""))];
    let mut bytes = vec![9; 5];
    let places = encode(&batch, 7, &mut bytes);
    let body = &bytes[5..];
    assert_eq!(body.len(), encoded_len(&batch));
    let read = decode(body, 7).unwrap();
    assert_eq!(read[0].value, Some(&b"one"[..]));
    assert_eq!(read[1].value, None);
    assert_eq!(read[2].value, Some(&b""[..]));
    for (written, (offset, length)) in read.iter().zip(places) {
        assert_eq!(written.place, (offset - 5, length));
        assert_eq!(decode_one(&bytes[offset..offset + length], 7).unwrap().key, written.key);
    }
}

#[test]
fn a_write_of_another_version_is_refused() {
    let mut bytes = Vec::new();
    let places = encode(&[write(b"a", Some(b"one"))], 7, &mut bytes);
    assert!(decode(&bytes, 8).is_none());
    assert!(decode_one(&bytes[places[0].0..], 8).is_none());
}

#[test]
fn a_batch_over_its_bytes_is_refused() {
    let value = vec![0; MAX_VALUE_BYTES];
    let batch: Vec<Write> = (0..13_u8).map(|i| write(&[i], Some(&value))).collect();
    assert_eq!(check(&batch), Err(StoreError::TooLarge("bytes of a batch")));
    assert_eq!(check(&batch[..12]), Ok(()));
}

proptest! {
    #[test]
    fn decoding_never_panics_and_takes_only_what_encoding_makes(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(read) = decode(&bytes, 1) {
            prop_assert!(read.is_empty());
        }
        prop_assert!(decode_one(&bytes, 1).is_none());
    }

    #[test]
    fn encode_then_decode_is_the_identity(
        writes in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 1..20),
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)), 0..8),
        sequence in any::<u64>(),
    ) {
        let batch: Vec<Write> = writes.iter().map(|(k, v)| write(k, v.as_deref())).collect();
        let mut bytes = Vec::new();
        encode(&batch, sequence, &mut bytes);
        let read = decode(&bytes, sequence).unwrap();
        prop_assert_eq!(read.len(), batch.len());
        for (r, w) in read.iter().zip(&batch) {
            prop_assert_eq!((r.key, r.value), (w.key.as_slice(), w.value.as_deref()));
        }
    }
}
