//! Asking peers for one thing that is not held here (MESH.md D7: several sources, of different domains; D8:
//! where none of them has a log, members that are said to hold it). What they give is judged and stored like
//! anything else.

use crate::command::{Command, Line, Source};
use crate::limits::MAX_SOURCES;
use futures::StreamExt;
use futures::future::{BoxFuture, Either, join_all, select};
use futures::stream::FuturesUnordered;
use marque_flows::ports::mesh::{Asked, Intake, MeshError, Submission};
use marque_rules::replica::limits::MAX_LOG_BYTES;
use marque_rules::replica::state::Via;
use marque_rules::replica::{Envelope, LogHead, Request, Response, Scid, Verdict};
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

/// Judgements of one envelope: as it came, with its log, and with a newer document of its origin.
const MAX_JUDGEMENTS: usize = 3;

/// Pages of one log: at the size that D6 allows there are two, and a slow source may give less.
const MAX_PAGES: usize = 64;

/// What one source came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It gave something new, and that is durable.
    Stored,
    /// It gave what is held, or something older.
    Known,
    /// It gave nothing of use.
    Nothing,
}

/// Searches of this node.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    pub(crate) line: Line,
    pub(crate) intake: Arc<dyn Intake>,
    /// Places at the judge, shared with the driver.
    pub(crate) computing: Arc<Semaphore>,
    /// Places for searches.
    pub(crate) places: Arc<Semaphore>,
}

impl Search {
    /// Asks up to [`MAX_SOURCES`] peers at once, and where none of them has a log as many again that hints name;
    /// all of it for at most `within`.
    ///
    /// # Errors
    /// [`MeshError::Busy`], [`MeshError::Closed`].
    pub(crate) async fn run(
        &self,
        request: &Request,
        first: Option<Scid>,
        within: Duration,
    ) -> Result<Asked, MeshError> {
        let _place = self.places.try_acquire().map_err(|_| MeshError::Busy)?;
        let mut sources = self.line.ask(|reply| Command::Sources { first, reply }).await?;
        sources.truncate(MAX_SOURCES);
        let now = Instant::now();
        let asking = pin!(self.all(&sources, request, now + within));
        let Request::Resolve { did } = request else { return Ok(asking.await) };
        // Whoever is silent takes half of the time, not all of it.
        let patience = pin!(sleep_until(now + within / 2));
        let asking = match select(asking, patience).await {
            Either::Left((asked, _)) if asked.answers > 0 => return Ok(asked),
            Either::Left(_) => None,
            Either::Right(((), asking)) => Some(asking),
        };
        let hinted = pin!(self.hinted(&sources, did, request, now + within));
        let Some(asking) = asking else { return Ok(hinted.await) };
        Ok(match select(asking, hinted).await {
            Either::Left((asked, _)) | Either::Right((asked, _)) if asked.answers > 0 => asked,
            Either::Left((_, hinted)) => hinted.await,
            Either::Right((_, asking)) => asking.await,
        })
    }

    /// Asks these peers at once, until the deadline.
    async fn all(&self, sources: &[Source], request: &Request, deadline: Instant) -> Asked {
        let asked = sources.iter().map(|source| timeout_at(deadline, self.one(source, request, true)));
        let mut total = Asked::default();
        let mut domains = BTreeSet::new();
        for (source, outcome) in sources.iter().zip(join_all(asked).await) {
            let outcome = outcome.unwrap_or(Outcome::Nothing);
            if outcome == Outcome::Nothing {
                continue;
            }
            total.answers += 1;
            total.stored |= outcome == Outcome::Stored;
            domains.extend(&source.domain);
        }
        total.domains = domains.len();
        total
    }

    /// Asks whom hints name, each once it is admitted, until one has it or the deadline is there. A hint that is
    /// false costs a question.
    async fn hinted(&self, before: &[Source], did: &str, request: &Request, deadline: Instant) -> Asked {
        let (reply, mut holders) = mpsc::channel(MAX_SOURCES);
        let asked = before.iter().map(|source| source.peer).collect();
        let command = Command::Holders { did: did.to_owned(), asked, reply };
        let asking = async {
            self.line.tell(command).await.ok()?;
            let mut questions = FuturesUnordered::new();
            loop {
                let found = tokio::select! {
                    Some(holder) = holders.recv() => {
                        let question = async move { (self.one(&holder, request, true).await, holder.domain) };
                        questions.push(question);
                        continue;
                    }
                    Some(found) = questions.next() => found,
                    // Nobody is left.
                    else => return None,
                };
                if found.0 != Outcome::Nothing {
                    return Some(found);
                }
            }
        };
        let found = timeout_at(deadline, asking).await.ok().flatten();
        found.map_or_else(Asked::default, |(outcome, domain)| Asked {
            answers: 1,
            stored: outcome == Outcome::Stored,
            domains: usize::from(domain.is_some()),
        })
    }

    /// Asks one peer. Where the origin's document is too old, asks it for that too, once.
    fn one<'a>(&'a self, source: &'a Source, request: &'a Request, deep: bool) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let Some(Response::Envelope(bytes)) = self.ask(source, request.clone()).await else {
                return Outcome::Nothing;
            };
            match Envelope::decode(&bytes) {
                Ok(envelope) if answers(request, &envelope) => self.settle(source, envelope, deep).await,
                _ => Outcome::Nothing,
            }
        })
    }

    async fn settle(&self, source: &Source, envelope: Envelope, mut deep: bool) -> Outcome {
        let mut log = None;
        for _ in 0..MAX_JUDGEMENTS {
            let submission = Submission { via: Via::Sync, envelope: envelope.clone(), log: log.take() };
            let judgement = {
                let Ok(_place) = self.computing.acquire().await else { return Outcome::Nothing };
                self.intake.judge(submission).await
            };
            match (judgement.verdict, judgement.write) {
                (Verdict::Accept { held } | Verdict::Beside(held, _), Some(write)) => {
                    let domain = envelope.body().domain.clone();
                    let (of, items) = (domain.clone(), held.clone());
                    let room = self.line.ask(|reply| Command::Room { domain: of, items, reply }).await;
                    if room != Ok(true) || write.await.is_err() {
                        return Outcome::Nothing;
                    }
                    // Where the driver is gone there is no view to be told.
                    let _ = self.line.tell(Command::Held { domain, items: held }).await;
                    return Outcome::Stored;
                }
                (Verdict::Same { .. } | Verdict::Older { .. }, _) => return Outcome::Known,
                (Verdict::NeedLog, _) => match self.log(source, &envelope).await {
                    Some(bytes) => log = Some(bytes),
                    None => return Outcome::Nothing,
                },
                (Verdict::NeedDomain { did }, _) if deep => {
                    deep = false;
                    let request = Request::Resolve { did: did.as_str().to_owned() };
                    if self.one(source, &request, false).await == Outcome::Nothing {
                        return Outcome::Nothing;
                    }
                }
                _ => return Outcome::Nothing,
            }
        }
        Outcome::Nothing
    }

    /// Pulls the log that a head announces, page by page.
    async fn log(&self, source: &Source, envelope: &Envelope) -> Option<Vec<u8>> {
        let head = LogHead::of(envelope.body()).ok()?;
        let length = usize::try_from(head.length).ok().filter(|length| *length <= MAX_LOG_BYTES)?;
        let mut so_far = Vec::new();
        for _ in 0..MAX_PAGES {
            let request =
                Request::Log { did: head.did.clone(), digest: head.digest, offset: so_far.len() as u64 };
            let Response::Log { bytes, .. } = self.ask(source, request).await? else { return None };
            if bytes.is_empty() {
                return None;
            }
            so_far.extend(bytes.iter().take(length - so_far.len()));
            if so_far.len() == length {
                return (did_resolver::codec::sha256(&so_far) == head.digest).then_some(so_far);
            }
        }
        None
    }

    async fn ask(&self, source: &Source, request: Request) -> Option<Response> {
        let peer = source.peer;
        self.line.ask(|reply| Command::Ask { peer, request, reply }).await.ok().flatten()
    }
}

/// Whether an envelope is about what was asked for.
fn answers(request: &Request, envelope: &Envelope) -> bool {
    use marque_rules::replica::ItemKind::{Log, StatusList};
    if !envelope.body().kind.is_held() {
        return false;
    }
    let about = (envelope.body().kind.item_kind(), envelope.body().subject.as_str());
    match request {
        Request::Resolve { did } => about == (Log, did.as_str()),
        Request::List { url } => about == (StatusList, url.as_str()),
        Request::Digest { .. }
        | Request::Ranges { .. }
        | Request::Items { .. }
        | Request::Objects { .. }
        | Request::Log { .. } => false,
    }
}
