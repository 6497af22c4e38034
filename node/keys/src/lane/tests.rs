//! Calls that block.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Instant;

const SHORT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_call_that_does_not_return_is_late_and_holds_up_nobody_who_is_not_in_its_queue() {
    let lane = Lane::start("test", 0_u32).unwrap();
    let (release, released) = sync_channel::<()>(1);
    let stuck = lane.run(SHORT, move |_| until(&released));
    assert_eq!(stuck.await, Err(Error::Late));
    assert_eq!(lane.run(SHORT, |_| Ok(())).await, Err(Error::Late), "whoever is behind it");
    assert_eq!(lane.wait(SHORT, |_| Ok(())), Err(Error::Late));
    release.send(()).unwrap();
    assert_eq!(lane.run(LONG, |count| Ok(*count)).await, Ok(0), "it goes on afterwards");
}

#[tokio::test]
async fn one_more_than_may_wait_is_refused_at_once() {
    let lane = Lane::start("test", ()).unwrap();
    let (release, released) = sync_channel::<()>(1);
    let (begun, has_begun) = sync_channel::<()>(1);
    let stuck = lane.run(LONG, move |()| {
        begun.send(()).unwrap();
        until(&released)
    });
    let mut stuck = Box::pin(stuck);
    assert!(at_once(&mut stuck).is_none());
    has_begun.recv().unwrap();
    let mut waiting: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(lane.run(LONG, |()| Ok(())))).collect();
    for one in &mut waiting {
        assert!(at_once(one).is_none());
    }
    assert_eq!(lane.run(LONG, |()| Ok(())).await, Err(Error::Busy));
    release.send(()).unwrap();
    for one in waiting {
        assert_eq!(one.await, Ok(()));
    }
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_done() {
    let lane = Lane::start("test", 0_u32).unwrap();
    let (release, released) = sync_channel::<()>(1);
    assert_eq!(lane.run(SHORT, move |_| until(&released)).await, Err(Error::Late));
    let given_up = lane.run(SHORT, |count| {
        *count += 1;
        Ok(())
    });
    assert_eq!(given_up.await, Err(Error::Late));
    release.send(()).unwrap();
    assert_eq!(lane.run(LONG, |count| Ok(*count)).await, Ok(0));
}

#[test]
fn a_call_that_panics_ends_the_lane_and_each_later_question_is_refused() {
    let lane = Lane::start("test", ()).unwrap();
    assert!(matches!(
        lane.wait(LONG, |()| -> Result<(), Error> { panic!("a defect") }),
        Err(Error::Other(_))
    ));
    let deadline = Instant::now() + LONG;
    while !matches!(lane.wait(LONG, |()| Ok(())), Err(Error::Other(_))) {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn who_asks_last_waits_until_the_thread_has_let_go_of_what_it_had_unless_a_call_never_returns() {
    struct Slow(Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            // Others have every chance to go on.
            (0..1000).for_each(|_| std::thread::yield_now());
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let is_gone = Arc::new(AtomicBool::new(false));
    // On a machine that is busy with something else it takes long until each has.
    drop(Lane::ending_within(LONG, "test", Slow(Arc::clone(&is_gone))).unwrap());
    assert!(is_gone.load(Ordering::SeqCst));

    let lane = Lane::start("test", ()).unwrap();
    let (release, released) = sync_channel::<()>(1);
    assert_eq!(lane.wait(SHORT, move |()| until(&released)), Err(Error::Late));
    drop(lane);
    drop(release);
}

fn until(released: &std::sync::mpsc::Receiver<()>) -> Result<(), Error> {
    released.recv().map_err(|_| Error::Busy)
}

/// What a future is at once.
fn at_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::Pin::new(future).poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}
