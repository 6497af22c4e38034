//! Tests of one connection. What it is asked lies with it before it begins, so that no machine is too slow for it.

use super::*;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Nothing that is tested here takes so long.
const NEVER: Duration = Duration::from_secs(1_000);

const SOON: Duration = Duration::from_millis(50);

fn router() -> Router {
    let slowly = || async {
        let steps = futures::stream::unfold(0, |step| async move {
            if step > 0 {
                tokio::time::sleep(SOON).await;
            }
            (step < 5).then(|| (Ok::<_, Infallible>(Bytes::from_static(b"step ")), step + 1))
        });
        Body::from_stream(steps)
    };
    Router::new().route("/", get(|| async { "here" })).route("/slowly", get(slowly))
}

/// All that comes back until the connection ends, which the other end does not do.
async fn told(asked: &str, times: Times) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.write_all(asked.as_bytes()).await.unwrap();
    let slots = Arc::new(Semaphore::new(1));
    let (stream, caller, slot) = next(&listener, &slots).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let front = (Front::closed(router()), caller);
    let mut told = String::new();
    let both = async {
        tokio::join!(connection(stream, front, stopped, times, slot), client.read_to_string(&mut told))
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.unwrap().1.unwrap();
    assert_eq!(slots.available_permits(), 1);
    told
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")
}

#[tokio::test]
async fn a_connection_on_which_no_whole_head_comes_in_time_is_cut_off_be_it_the_first_or_a_later_one() {
    let times = Times { head: SOON, life: NEVER };
    for half in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        assert_eq!(told(half, times).await, "");
        for before in 1..4 {
            let told = told(&(ask("/").repeat(before) + half), times).await;
            assert_eq!((told.matches("HTTP/1.1 ").count(), told.matches("here").count()), (before, before));
        }
    }
}

#[tokio::test]
async fn an_answer_may_take_longer_than_a_head() {
    let times = Times { head: SOON, life: NEVER };
    let told = told(&(ask("/slowly") + &ask("/")), times).await;
    let (slow, other) = told.split_once("0\r\n\r\nHTTP/1.1 200").unwrap();
    assert_eq!(slow.matches("step ").count(), 5, "{told}");
    assert!(other.ends_with("here"));
}

#[tokio::test]
async fn a_connection_ends_with_its_life_and_what_was_asked_on_it_is_answered() {
    let times = Times { head: NEVER, life: SOON };
    assert_eq!(told("", times).await, "");
    let told = told(&(ask("/slowly") + &ask("/")), times).await;
    assert_eq!(told.matches("step ").count(), 5, "{told}");
}
