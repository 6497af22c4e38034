//! Workers that misbehave, as real processes: each is a script that says hello and then does what it
//! should not. It can use what its shell has built in: it is bounded from its first question on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use marque_flows::ports::suites::{Judged, Proven, Suites, SuitesError};
use marque_worker::{Contexts, DEADLINE, MAX_WAITING, Worker};
use std::fs;
use std::future::pending;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What a script says first.
const HELLO: &str = r#"{"version":1,"suites":[],"methods":[]}"#;

/// As frames, in the escapes of printf.
fn frame(json: &str) -> String {
    let length = u32::try_from(json.len()).unwrap().to_be_bytes();
    let length: String = length.iter().map(|byte| format!("\\{byte:03o}")).collect();
    format!("{length}{}", json.replace('%', "%%"))
}

/// A script that says hello, reads the length of a question, and goes on with `then`.
struct Script {
    folder: TempDir,
    program: PathBuf,
}

impl Script {
    fn new(then: &str) -> Self {
        Self::saying(HELLO, then)
    }

    fn saying(hello: &str, then: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("worker");
        let text = format!("#!/bin/sh\nprintf '{}'\n{then}\n", frame(hello));
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder, program }
    }

    fn run(&self) -> Worker {
        marque_worker::spawn(self.program.clone(), Contexts::default(), pending()).0
    }
}

/// A question whose length ends in a byte that is a newline, so that `read` returns when it comes.
fn proven() -> Proven {
    let around = r#"{"id":1,"ask":{"verify":{"document":"","key":"z6Mk","contexts":{}}}}"#.len();
    let padding = (256 + usize::from(b'\n') - around % 256) % 256;
    Proven { document: " ".repeat(padding), key: "z6Mk".to_owned() }
}

/// A script that answers its first question, and waits for the end.
fn answering(say: &str) -> Script {
    let answer = frame(&format!(r#"{{"id":1,"say":{say}}}"#));
    Script::new(&format!("read question\nprintf '{answer}'\nread question"))
}

#[tokio::test]
async fn what_a_worker_says_is_what_is_told() {
    for (say, judged) in [
        (r#"{"holds":"00ff"}"#, Judged::Holds(vec![0, 255])),
        (r#""fails""#, Judged::Fails),
        (r#"{"unprocessable":"no"}"#, Judged::Unprocessable),
    ] {
        assert_eq!(answering(say).run().judge(proven()).await, Ok(judged));
    }
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_counts_for_nothing() {
    let answers = [
        r#"{"id":2,"say":{"holds":"00"}}"#,
        r#"{"id":1,"say":{"holds":"0g"}}"#,
        r#"{"id":1,"say":{"holds":true}}"#,
        r#"{"id":1,"say":{"holds":"00"},"more":1}"#,
        r#"{"id":1}"#,
        "",
        "holds",
    ];
    for answer in answers {
        let script = Script::new(&format!("read question\nprintf '{}'\nread question", frame(answer)));
        assert_eq!(script.run().judge(proven()).await, Err(SuitesError::Exhausted), "{answer}");
    }
    // A length of four gigabytes is not believed.
    let script = Script::new("read question\nprintf '\\377\\377\\377\\377'\nread question");
    assert_eq!(script.run().judge(proven()).await, Err(SuitesError::Exhausted));
}

#[tokio::test]
async fn a_worker_that_never_answers_is_ended_in_time_and_another_started() {
    let script = Script::new("");
    let starts = script.folder.path().join("starts");
    // The file says how often it was started; it is opened before there are bounds.
    let text = format!(
        "#!/bin/sh\necho started >> {}\nprintf '{}'\nwhile :; do :; done\n",
        starts.display(),
        frame(HELLO)
    );
    fs::write(&script.program, text).unwrap();
    let worker = script.run();
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(worker.judge(proven()).await, Err(SuitesError::Exhausted));
        let took = began.elapsed();
        assert!(took >= DEADLINE && took < DEADLINE + Duration::from_secs(8), "{took:?}");
    }
    assert_eq!(fs::read_to_string(starts).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn a_worker_can_open_nothing_once_it_is_asked() {
    let script = Script::new("");
    let file = script.folder.path().join("file");
    let (opened, refused) = (r#"{"id":1,"say":{"holds":"00"}}"#, r#"{"id":1,"say":"fails"}"#);
    let text = format!(
        "#!/bin/sh\nprintf '{}'\nread question\nif true > {}; then printf '{}'; else printf '{}'; fi\nread question\n",
        frame(HELLO),
        file.display(),
        frame(opened),
        frame(refused),
    );
    fs::write(&script.program, text).unwrap();
    assert_eq!(script.run().judge(proven()).await, Ok(Judged::Fails));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_program_that_is_none_is_not_tried_without_a_pause() {
    for script in [
        Script::saying(r#"{"version":2}"#, "read question"),
        Script::saying("hello", "read question"),
        Script::new("exit 1"),
    ] {
        let worker = script.run();
        // Of the last, the pipe breaks at the first question, or it is gone before it is bounded.
        let first = worker.judge(proven()).await.unwrap_err();
        assert_ne!(first, SuitesError::Busy);
    }
    let (worker, _task) =
        marque_worker::spawn(PathBuf::from("/nowhere/worker"), Contexts::default(), pending());
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(worker.judge(proven()).await, Err(SuitesError::Down));
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn more_questions_than_may_wait_are_refused_at_once() {
    let script = Script::new("while :; do :; done");
    let worker = script.run();
    let mut waiting: Vec<_> = (0..MAX_WAITING + 2).map(|_| worker.judge(proven())).collect();
    let mut last = waiting.pop().unwrap();
    let mut asked = Vec::new();
    for mut question in waiting {
        // Polled once, so that it is in the queue.
        let _pending = futures::poll!(&mut question);
        asked.push(question);
    }
    assert_eq!(futures::poll!(&mut last), std::task::Poll::Ready(Err(SuitesError::Busy)));
}

#[tokio::test]
async fn with_the_node_its_worker_ends() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let script = answering(r#""fails""#);
    let (worker, task) = marque_worker::spawn(script.program.clone(), Contexts::default(), async {
        let _ended = stopped.await;
    });
    assert_eq!(worker.judge(proven()).await, Ok(Judged::Fails));
    drop(stop);
    tokio::time::timeout(Duration::from_secs(10), task).await.unwrap().unwrap();
    assert_eq!(worker.judge(proven()).await, Err(SuitesError::Down));
}

#[test]
fn contexts_are_an_object_of_https_urls_and_what_is_taken() {
    let read = |text: &str| Contexts::read(text.as_bytes(), |context| context["@context"]["a"] != "no");
    assert!(read(r#"{"https://a.example/v1": {"@context": {"a": "https://a.example/a"}}}"#).is_ok());
    for text in [
        "[]",
        "{",
        r#"{"http://a.example/v1": {"@context": {}}}"#,
        r#"{"https://a.example/v1": {"@context": ["https://b.example/v1"]}}"#,
        r#"{"https://a.example/v1": {}}"#,
        r#"{"https://a.example/v1": {"@context": {"a": "no"}}}"#,
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let long =
        format!("{{\"https://a.example/v1\": {{\"@context\": {{\"a\": \"{}\"}}}}}}", "a".repeat(140_000));
    assert!(read(&long).is_err());
}
