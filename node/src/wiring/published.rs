//! Keeps what anybody may read where others find it without this node: in a folder, in a bucket of an object store.
//!
//! Each place has what is due there, and none waits for the other. What could not be written is tried again; what was
//! missed while no node ran, at the next start. Nobody who changes something waits for any of it.

#[cfg(feature = "s3")]
mod bucket;
mod folder;

use crate::config::Config;
use crate::failure::Failure;
use folder::Folder;
use futures::future::join_all;
use marque_flows::domain::Domain;
use marque_flows::published::{Changed, Publishing, Subject};
use marque_rules::issuance::MemberKind;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often everything is looked at: for what changed without being noted, such as by a request that was cut off
/// right after its commit.
const ALL: Duration = Duration::from_secs(300);

/// How long after a failure it is tried again, twice as long after each, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long a node that stops goes on with what is due. systemd waits for thirty seconds, of which requests take five.
const DRAIN: Duration = Duration::from_secs(10);

/// Why something is not there.
#[derive(Debug)]
enum Trouble {
    /// It is about this subject.
    One(String),
    /// Of nothing else would come more, now.
    #[cfg_attr(not(feature = "s3"), expect(dead_code, reason = "a folder is always there"))]
    Place(String),
}

/// Where it is kept.
trait Place: Send + Sync + 'static {
    /// Its kind: one word.
    const KIND: &'static str;
    /// Subjects that are written at once.
    const AT_ONCE: usize;

    /// Sees to it that one can write there. `true` where nothing is there of what was.
    fn ready(&self) -> impl Future<Output = Result<bool, Trouble>> + Send;

    /// Has what is to be read about a subject there as it should be. May be dropped.
    fn keep(
        &self,
        domain: &Arc<Domain>,
        subject: &Subject,
    ) -> impl Future<Output = Result<(), Trouble>> + Send;
}

/// Publishes where the configuration says, until `stopped`.
///
/// # Errors
/// What of the configuration cannot be.
pub(super) fn begin<S>(
    config: &Config,
    domain: &Arc<Domain>,
    stopped: impl Fn() -> S,
) -> Result<Vec<JoinHandle<()>>, Failure>
where
    S: Future<Output = ()> + Send + 'static,
{
    let mut tasks = Vec::new();
    if !config.publish.bucket.is_empty() {
        tasks.push(in_bucket(config, domain, stopped())?);
    }
    if !config.publish.folder.is_empty() {
        let folder = Folder(config.publish.folder.as_str().into());
        tasks.push(tokio::spawn(keep(Arc::clone(domain), folder, stopped())));
    }
    Ok(tasks)
}

#[cfg(feature = "s3")]
fn in_bucket(
    config: &Config,
    domain: &Arc<Domain>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    let bucket = bucket::InBucket::open(&config.publish, domain.home.did.as_str())?;
    Ok(tokio::spawn(keep(Arc::clone(domain), bucket, stopped)))
}

#[cfg(not(feature = "s3"))]
fn in_bucket(
    _: &Config,
    _: &Arc<Domain>,
    _: impl Future<Output = ()> + Send + 'static,
) -> Result<JoinHandle<()>, Failure> {
    Err(crate::config::startable::without_buckets())
}

/// What is due in one place.
#[derive(Debug, Default)]
struct Due {
    changed: Changed,
    /// Behind which of them everything is still to be looked at; `None`, behind none.
    at: Option<(MemberKind, Vec<u8>)>,
    /// What failed, until the next turn.
    failed: BTreeSet<Subject>,
}

impl Due {
    fn add(&mut self, more: Changed) {
        if more.all {
            self.at = None;
        }
        self.changed.add(more);
    }

    /// What is written next: the lists by themselves, since nothing may hold up what they revoke.
    fn next(&self, most: usize) -> Vec<Subject> {
        match self.changed.subjects.first() {
            Some(Subject::Lists) => vec![Subject::Lists],
            _ => self.changed.subjects.iter().take(most).cloned().collect(),
        }
    }
}

/// Publishes until the node stops, and then what is left to be published, once.
async fn keep<P: Place>(domain: Arc<Domain>, place: P, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    let publishing = domain.publish_to(P::KIND);
    let (mut due, mut wait, mut all_at) = (Due::default(), RETRY.0, Instant::now() + ALL);
    loop {
        let failed = tokio::select! {
            () = &mut stopped => break,
            kept = publish(&domain, &place, &publishing, &mut due) => kept.is_err(),
        };
        let more = tokio::select! {
            () = &mut stopped => break,
            () = sleep(wait), if failed => Changed::default(),
            more = publishing.next(), if !failed => more,
            () = sleep_until(all_at), if !failed => {
                all_at = Instant::now() + ALL;
                Changed::all()
            }
        };
        wait = if failed { wait.saturating_mul(2).min(RETRY.1) } else { RETRY.0 };
        due.add(more);
    }
    let last = timeout(DRAIN, publish(&domain, &place, &publishing, &mut due)).await;
    if !matches!(last, Ok(Ok(()))) {
        tracing::warn!(place = P::KIND, "what changed is published at the next start");
    }
}

/// Publishes what is due. What fails stays due.
async fn publish<P: Place>(
    domain: &Arc<Domain>,
    place: &P,
    publishing: &Publishing,
    due: &mut Due,
) -> Result<(), ()> {
    let failed = std::mem::take(&mut due.failed);
    due.changed.subjects.extend(failed);
    let why = match turn(domain, place, publishing, due).await {
        Ok(None) => {
            publishing.done();
            return Ok(());
        }
        Ok(Some(why)) | Err(why) => why,
    };
    tracing::warn!(place = P::KIND, why, "what changed is not published yet");
    publishing.failed(&why);
    Err(())
}

/// Goes through what is due. `None` where all of it is there now, else why something is not.
async fn turn<P: Place>(
    domain: &Arc<Domain>,
    place: &P,
    publishing: &Publishing,
    due: &mut Due,
) -> Result<Option<String>, String> {
    let mut why = None;
    loop {
        due.add(publishing.by_now());
        match place.ready().await {
            Ok(false) => {}
            Ok(true) => due.add(Changed::all()),
            Err(Trouble::One(why) | Trouble::Place(why)) => return Err(why),
        }
        let subjects = due.next(P::AT_ONCE);
        if subjects.is_empty() {
            if !due.changed.all {
                return Ok(why);
            }
            let page = domain.public_subjects(due.at.as_ref()).await;
            let (subjects, next) = page.map_err(|error| error.to_string())?;
            due.changed.subjects.extend(subjects);
            due.changed.all = next.is_some();
            due.at = next;
            continue;
        }
        let kept = join_all(subjects.iter().map(|subject| place.keep(domain, subject))).await;
        let mut is_over = None;
        for (subject, kept) in subjects.iter().zip(kept) {
            match kept {
                Ok(()) => {}
                Err(Trouble::One(what)) => {
                    due.failed.insert(subject.clone());
                    why = Some(what);
                }
                Err(Trouble::Place(what)) => {
                    is_over = Some(what);
                    continue;
                }
            }
            due.changed.subjects.remove(subject);
        }
        if let Some(why) = is_over {
            return Err(why);
        }
    }
}
