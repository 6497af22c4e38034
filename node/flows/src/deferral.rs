//! Verdicts of low assurance that rest on old lists: each is noted with its decision, and confirmed by the first
//! list that was signed after it. "Could not know" does not become "good" by being forgotten.

use crate::domain::{Domain, put, read_json};
use crate::error::Error;
use crate::ports::records::{Expect, Row, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vc_schemas::check::{Deferred, Verdict, Wants, status_of};
use vc_schemas::code::{Class, Code};
use vc_schemas::facts::{Expect as Verifier, Facts, ListKey, Request};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::status::{Purpose, StatusEntry};

/// Most verdicts that wait to be confirmed. Beyond it nothing is deferred any more: so many are no outage of a
/// partner, and each is a durable record that a caller can cause.
const MAX_DEFERRED: usize = 1_024;

/// How long a verdict waits. A partner that is away for longer is for its operator to look at; that it was
/// never confirmed is on record.
const MAX_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// Verdicts that are looked at in one turn.
const MAX_A_TURN: usize = 64;

/// Lists that are looked for in one turn, unless one verdict needs more: each may leave the node, and others
/// look things up too.
const MAX_LISTS_A_TURN: usize = 16;

/// How a verdict that was deferred ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    /// Nothing was revoked or suspended.
    Good,
    /// This was.
    Not(Code),
    /// Nobody could know within [`MAX_WAIT`].
    Never,
}

/// A verdict that waits: when it was given, and what it waits for.
struct Waiting {
    at: UnixSeconds,
    record: Value,
    lists: Vec<(ListKey, StatusEntry, Code)>,
}

impl Domain {
    /// The writes that note a verdict that rests on old lists; none for any other.
    ///
    /// # Errors
    /// [`Error::Refused`] with `status-stale` where [`MAX_DEFERRED`] wait already; [`Error::Store`].
    pub(crate) async fn deferral(&self, nonce: &str, verdict: &Verdict) -> Result<Vec<Write>, Error> {
        let Some(first) = verdict.deferred.first() else { return Ok(Vec::new()) };
        if self.deferred().await? >= MAX_DEFERRED {
            let detail = "the status list is old, and as many verdicts as can wait for news already";
            return Err(Refusal::new(Code::StatusStale, first.path.clone(), detail).into());
        }
        let now = self.now();
        let links: Vec<&str> = verdict.links.iter().map(|link| link.id.as_str()).collect();
        let record = json!({
            "at": now.get(),
            "holder": verdict.holder.as_str(),
            "principal": verdict.principal.as_str(),
            "links": links,
            "lists": verdict.deferred.iter().map(Deferred::to_json).collect::<Value>(),
        });
        // The oldest first.
        let key = format!("{:016x}/{}", now.get(), codec::to_hex(&codec::sha256(nonce.as_bytes())));
        Ok(vec![put(Table::Deferred, key, &record, Expect::Absent)])
    }

    /// How many verdicts wait to be confirmed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn deferred(&self) -> Result<usize, Error> {
        Ok(self.all(Table::Deferred, &[], MAX_DEFERRED).await?.len())
    }

    /// Looks again at verdicts that rested on old lists: those that come after `after`, up to a bound. Where
    /// there are more, answers with where to go on.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn confirm_deferred(&self, after: Option<Vec<u8>>) -> Result<Option<Vec<u8>>, Error> {
        let rows = self.records.scan(Table::Deferred, &[], after.as_deref(), MAX_A_TURN).await?;
        let mut next = (rows.len() == MAX_A_TURN).then(|| rows.last().map(|row| row.key.clone())).flatten();
        let (mut waiting, mut wants) = (Vec::<(Waiting, Row)>::new(), Wants::default());
        for row in rows {
            let one = match read(&row) {
                Ok(one) => one,
                Err(error) => {
                    // It keeps none of the others waiting.
                    tracing::error!(%error, "a deferred verdict cannot be read");
                    continue;
                }
            };
            let lists = one.lists.iter().map(|(key, ..)| key).chain(&wants.status_lists);
            let lists: BTreeSet<_> = lists.cloned().collect();
            // Those that are left have the next turn; one that needs very many has a turn alone.
            if let Some((_, last)) = waiting.last().filter(|_| lists.len() > MAX_LISTS_A_TURN) {
                next = Some(last.key.clone());
                break;
            }
            wants.dids.extend(lists.iter().map(|key| key.issuer.clone()));
            wants.status_lists = lists;
            waiting.push((one, row));
        }
        let mut facts = Facts::default();
        self.gather(&wants, &mut facts).await?;
        let expect = self.expect(String::new(), Request::default()).await?;
        for (one, row) in &waiting {
            if let Some(confirmed) = confirmed(one, &facts, &expect, self.now()) {
                self.note(one, row, confirmed).await?;
            }
        }
        Ok(next)
    }

    async fn note(&self, one: &Waiting, row: &Row, confirmed: Confirmed) -> Result<(), Error> {
        let holder = one.record.get("holder").and_then(Value::as_str).unwrap_or_default();
        let outcome = match confirmed {
            Confirmed::Good => "confirmed",
            Confirmed::Not(_) => "not-confirmed",
            Confirmed::Never => "never-confirmed",
        };
        let facts = json!({
            "decidedAt": one.at.to_string(),
            "principal": one.record.get("principal"),
            "links": one.record.get("links"),
        });
        let mut decision = Decision::new(Kind::Verified, holder, outcome).with(facts);
        if let Confirmed::Not(code) = confirmed {
            // Whoever let it go on by an old list should hear of it.
            tracing::warn!(holder, code = code.as_str(), decided = %one.at, "what went on by an old list was not to");
            decision = decision.because(code);
        }
        let expect = Expect::Version(row.stored.version);
        let done = Write { table: Table::Deferred, key: row.key.clone(), value: None, expect };
        self.records.commit(vec![done, self.entry(decision)?]).await?;
        Ok(())
    }
}

/// What is known of a verdict that waits, by the rule that a verdict itself follows. A list that was signed
/// before it says nothing new.
fn confirmed(one: &Waiting, facts: &Facts, expect: &Verifier, now: UnixSeconds) -> Option<Confirmed> {
    let mut good = true;
    for (key, entry, code) in &one.lists {
        match status_of(entry, &key.issuer, Path::root(), (facts, expect, now)) {
            Ok(_) => good &= facts.list(key).is_some_and(|fact| fact.list.issued > one.at),
            Err(refusal) => match refusal.code.class() {
                Class::Revoked => return Some(Confirmed::Not(*code)),
                Class::Denied => return Some(Confirmed::Not(refusal.code)),
                _ => good = false,
            },
        }
    }
    let late = now.since(one.at) > MAX_WAIT;
    if good { Some(Confirmed::Good) } else { late.then_some(Confirmed::Never) }
}

fn read(row: &Row) -> Result<Waiting, Error> {
    let damaged = || Error::Record("a verdict that waits to be confirmed");
    let record = read_json(&row.stored.value)?;
    let at = record.get("at").and_then(Value::as_u64).ok_or_else(damaged)?;
    let lists = record.get("lists").and_then(Value::as_array).ok_or_else(damaged)?;
    let lists = lists.iter().map(|list| {
        let text = |name| list.get(name).and_then(Value::as_str);
        let issuer: Did = text("issuer")?.parse().ok()?;
        let index = list.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok())?;
        let (purpose, code) = (Purpose::parse(text("purpose")?)?, text("code")?.parse().ok()?);
        let entry = StatusEntry { purpose, index, list: text("list")?.to_owned() };
        Some((ListKey { issuer, url: entry.list.clone() }, entry, code))
    });
    let lists = lists.collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
    Ok(Waiting { at: UnixSeconds::new(at), record, lists })
}
