use super::*;
use futures::executor::block_on;
use futures::io::Cursor;
use marque_rules::replica::{Hello, Refusal, Request};
use proptest::prelude::*;

const TINY: Bounded = Bounded { request: 8, response: 16 };

#[test]
fn a_response_of_one_byte_over_its_bound_is_not_read() {
    let at = block_on(TINY.clone().read_response(&SYNC, &mut Cursor::new(vec![7; 16]))).unwrap();
    assert_eq!(at, vec![7; 16]);
    let over = block_on(TINY.clone().read_response(&SYNC, &mut Cursor::new(vec![7; 17]))).unwrap_err();
    assert_eq!(over.kind(), io::ErrorKind::InvalidData);
}

//
#[test]
fn a_request_without_end_is_cut_where_its_decoder_refuses_it() {
    let cut = block_on(TINY.clone().read_request(&SYNC, &mut futures::io::repeat(1))).unwrap();
    assert_eq!(cut.len(), 9);
    let hello = block_on(Bounded::HELLO.clone().read_request(&HELLO, &mut futures::io::repeat(1))).unwrap();
    assert_eq!(Hello::decode(&hello), Err(Refusal::TooLarge));
    let sync = block_on(Bounded::SYNC.clone().read_request(&SYNC, &mut futures::io::repeat(1))).unwrap();
    assert_eq!(Request::decode(&sync), Err(Refusal::TooLarge));
}

#[test]
fn what_nobody_would_read_is_not_written() {
    let mut out = Vec::new();
    let refused = block_on(TINY.clone().write_request(&SYNC, &mut out, vec![0; 9])).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(bytes in prop::collection::vec(any::<u8>(), 0..=16)) {
        let mut out = Vec::new();
        block_on(TINY.clone().write_response(&HELLO, &mut out, bytes.clone())).unwrap();
        let back = block_on(TINY.clone().read_response(&HELLO, &mut Cursor::new(out))).unwrap();
        prop_assert_eq!(back, bytes);
    }
}
