//! Tests of work that may end early.

use super::*;
use std::sync::atomic::AtomicU32;
use std::time::Duration;
use tokio::sync::oneshot;

/// Never comes, and counts how often it is asked.
struct Asked<'a>(&'a AtomicU32, Option<oneshot::Receiver<()>>);

impl Future for Asked<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        match &mut self.1 {
            Some(ended) => Pin::new(ended).poll(context).map(drop),
            None => Poll::Pending,
        }
    }
}

async fn ended<T>(of: impl Future<Output = T>) -> T {
    tokio::select! {
        // First, so that it is not this that has the other asked again.
        biased;
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("nobody was woken"),
        done = of => done,
    }
}

#[tokio::test]
async fn what_may_end_the_work_is_not_asked_each_time_that_the_work_goes_on() {
    let asked = AtomicU32::new(0);
    let work = async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        7
    };
    tokio::pin!(work);
    assert_eq!(ended(unless(work.as_mut(), Asked(&asked, None))).await, Ok(7));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn work_ends_where_its_end_comes_first_whichever_task_it_is_in_by_then() {
    let asked = AtomicU32::new(0);
    let (end, comes) = oneshot::channel();
    let work = std::future::pending::<()>();
    tokio::pin!(work);
    let mut waiting = Box::pin(unless(work, Asked(&asked, Some(comes))));
    // Asked by one task, and then by another.
    let other = futures::task::noop_waker();
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&other)).is_pending());
    tokio::spawn(async move { end.send(()).unwrap() });
    let told = ended(waiting).await;
    assert_eq!((told, asked.load(Ordering::Relaxed)), (Err(()), 2));
}

#[tokio::test]
async fn an_end_that_asks_to_be_asked_again_is() {
    let work = std::future::pending::<()>();
    tokio::pin!(work);
    let end = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        "ended"
    };
    assert_eq!(ended(unless(work, end)).await, Err("ended"));
}
