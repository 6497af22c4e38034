//! Tests of bodies on their way out.

use super::*;
use crate::heads::Heads;
use futures::future::poll_fn;
use hyper::body::Body as _;

async fn whole(mut given: Given, step: usize) -> (Vec<u8>, SizeHint) {
    let (hint, mut bytes) = (given.size_hint(), Vec::new());
    while let Some(frame) = poll_fn(|context| Pin::new(&mut given).poll_frame(context)).await {
        let mut chunk = frame.unwrap().into_data().unwrap();
        while chunk.has_remaining() {
            let taken = step.min(chunk.chunk().len());
            bytes.extend_from_slice(&chunk.chunk()[..taken]);
            chunk.advance(taken);
        }
    }
    assert!(given.is_end_stream());
    (bytes, hint)
}

#[tokio::test]
async fn a_kept_body_and_one_that_was_made_come_whole_in_steps_of_any_length() {
    let heads = Heads::new();
    let bytes: Arc<[u8]> = (0..=255).collect::<Vec<u8>>().into();
    for step in [1, 3, 100, 1_000] {
        for at in [0, 1, 255] {
            let kept = Given::kept(Some(Piece::new(Arc::clone(&bytes), at)), heads.came());
            let made = Given::made(Body::from(bytes[at..].to_vec()), heads.came());
            for given in [kept, made] {
                assert!(!given.is_end_stream());
                let (all, hint) = whole(given, step).await;
                assert_eq!((all.as_slice(), hint.exact()), (&bytes[at..], Some(256 - at as u64)));
            }
        }
    }
    for nothing in [None, Some(Piece::new(Arc::clone(&bytes), 256)), Some(Piece::new(bytes, 1_000))] {
        let given = Given::kept(nothing, heads.came());
        assert!(given.is_end_stream());
        assert_eq!(whole(given, 1).await.1.exact(), Some(0));
    }
}
