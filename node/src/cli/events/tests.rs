//! Streams of events, in whatever pieces they come.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const SAID: &str = ":\n\nevent: refused\ndata: {\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"refused\",\
    \"peerId\":\"12D3\",\"kind\":\"log\",\"subject\":\"did:webvh:x:y\",\"sequence\":\"7\",\"via\":\"gossip\",\
    \"reason\":\"older\"}\n\nid: 1\r\nevent: missed\r\ndata:{\"events\":2}\r\n\r\nevent: end\ndata: {}\n\n";

#[test]
fn an_event_is_one_line_for_people_and_one_object_for_programs() {
    let events = Reading::default().take(SAID.as_bytes()).unwrap();
    let [refused, missed, end] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        human(refused),
        "2026-01-01T00:00:00Z  refused       log  did:webvh:x:y  #7  from 12D3  by gossip  because older"
    );
    assert_eq!(missed.document(), json!({"event": "missed", "events": 2}));
    assert_eq!(human(missed), "2 events were missed: this program read too slowly");
    assert_eq!(end.name, "end");
}

#[test]
fn what_is_no_stream_of_events_is_refused() {
    let long = "x".repeat(70_000);
    for (bytes, why) in [
        (b"data: {\n\n".as_slice(), "an event is not JSON"),
        (b"data: 1\n\n", "an event is no object"),
        (b"data: {}\ndata: {}\n\n", "an event has two lines"),
        (b"\xff\n", "a line is not UTF-8"),
        (long.as_bytes(), "a line is too long"),
    ] {
        assert_eq!(Reading::default().take(bytes), Err(why));
    }
}

proptest! {
    #[test]
    fn a_stream_reads_the_same_in_any_pieces(cuts in proptest::collection::vec(0..SAID.len(), 0..9)) {
        let whole = Reading::default().take(SAID.as_bytes()).unwrap();
        let mut ends = cuts;
        ends.extend([0, SAID.len()]);
        ends.sort_unstable();
        let (mut reading, mut pieces) = (Reading::default(), Vec::new());
        for pair in ends.windows(2) {
            pieces.extend(reading.take(&SAID.as_bytes()[pair[0]..pair[1]]).unwrap());
        }
        prop_assert_eq!(pieces, whole);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Reading::default().take(&bytes);
    }
}
