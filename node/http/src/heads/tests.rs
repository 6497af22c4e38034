//! Tests of when a head is late.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_head_is_waited_for_from_the_start_of_a_connection_and_from_the_end_of_each_answer() {
    let heads = Heads::new();
    let left = |now| heads.0.left(at(now), TIMEOUT);
    assert_eq!((left(0), left(9), left(10), left(11)), (Some(at(10)), Some(at(1)), None, None));
    for answered in [20, 300] {
        let answering = heads.came();
        // However long that takes, and whatever of it is written meanwhile.
        heads.0.flushed(|| at(15));
        assert_eq!((left(10), left(1_000)), (Some(TIMEOUT), Some(TIMEOUT)));
        drop(answering);
        assert_eq!(left(1_000), Some(TIMEOUT), "it has not left yet");
        heads.0.flushed(|| at(answered));
        assert_eq!((left(answered), left(answered + 9)), (Some(TIMEOUT), Some(at(1))));
        assert_eq!(left(answered + 10), None);
        // Nothing more was written: it is waited for since then.
        heads.0.flushed(|| at(answered + 5));
        assert_eq!(left(answered + 10), None);
    }
}
