//! Budgets hold, in virtual time.

use super::*;
use futures::AsyncReadExt;

/// Reads from an endless source for some virtual seconds.
async fn read_for(meter: &Arc<Meter>, seconds: u64) -> u64 {
    let before = meter.bytes_received();
    let mut connection = Counted::new(futures::io::repeat(7), Arc::clone(meter));
    let mut buffer = vec![0; 16 * 1_024];
    let reading = async {
        loop {
            connection.read_exact(&mut buffer).await.unwrap();
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(seconds), reading).await;
    assert!(ended.is_err());
    meter.bytes_received() - before
}

//
#[tokio::test(start_paused = true)]
async fn a_peer_is_read_from_as_fast_as_its_budget_says_and_no_faster() {
    let meter = Meters::default().of(PeerId::random());
    let stranger = read_for(&meter, 10).await;
    let expected = STRANGER_BYTES_BURST + 10 * STRANGER_BYTES_PER_SECOND;
    assert!((expected..expected + 32 * 1_024).contains(&stranger), "{stranger}");

    meter.admit(true);
    let member = read_for(&meter, 10).await;
    let expected = 10 * MEMBER_BYTES_PER_SECOND;
    assert!(member >= expected - 64 * 1_024 && member <= expected + MEMBER_BYTES_BURST, "{member}");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_at_once_has_what_was_left_of_its_budget() {
    let meters = Meters::default();
    let peer = PeerId::random();
    let first = read_for(&meters.of(peer), 1).await;
    assert!(first >= STRANGER_BYTES_BURST);
    for _ in 0..2 * MAX_METERS {
        let _ = meters.of(PeerId::random());
    }
    assert!(read_for(&meters.of(peer), 1).await < 2 * STRANGER_BYTES_PER_SECOND);
    assert!(locked(&meters.0).len() <= MAX_METERS + 1);
}

#[tokio::test]
async fn meters_are_never_more_than_their_bound() {
    let meters = Meters::default();
    for _ in 0..2 * MAX_METERS {
        meters.of(PeerId::random()).received(usize::try_from(STRANGER_BYTES_BURST).unwrap());
    }
    assert!(locked(&meters.0).len() <= MAX_METERS);
}
