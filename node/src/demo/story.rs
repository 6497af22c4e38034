//! The first part of what the demo shows: domains meet, authority is passed on, and everything that
//! would stretch it is refused.

use super::forge::{Signer, all};
use super::nodes::{ALPHA, BRAVO, CHARLIE, Nodes, Output, failure};
use super::report::Report;
use super::revocations;
use crate::data::Kind;
use crate::failure::Failure;
use crate::files;
use crate::mandate::Mandate;
use crate::output::{self, in_words};
use serde_json::Value;
use std::time::Instant;
use vc_schemas::secure::Secured;

pub(super) const TRAVEL: &str = "travel-bot";
pub(super) const CALENDAR: &str = "calendar-bot";
pub(super) const CALENDAR_AT_BRAVO: &str = "calendar-bot@bravo.test";

/// Tells it all.
pub(super) async fn tell(nodes: &mut Nodes, report: &mut Report) -> Result<(), Failure> {
    meet(nodes, report).await?;
    populate(nodes, report).await?;
    let mandate = delegate(nodes, report).await?;
    refuse(nodes, report, &mandate).await?;
    let mandate = revocations::rotate(nodes, report, mandate).await?;
    revocations::revoke(nodes, report, mandate).await
}

async fn meet(nodes: &mut Nodes, report: &mut Report) -> Result<(), Failure> {
    report.chapter("They meet by join token, and recognise each other as far as each says");
    let began = Instant::now();
    for (host, guest) in [(ALPHA, BRAVO), (ALPHA, CHARLIE), (BRAVO, CHARLIE)] {
        let token = nodes.done(host, &["peer", "invite"]).await?.text("token");
        let joined = nodes.run(guest, &["peer", "join", "-"], token.as_bytes()).await?;
        if joined.exit != 0 {
            return Err(failure(format!("joining failed: {}", joined.json)));
        }
    }
    report.step("three domains join each other's mesh", "joined", "joined", began.elapsed());
    let began = Instant::now();
    let did = |nodes: &Nodes, place| nodes.node(place).map(|node| node.did.clone());
    let (alpha, bravo) = (did(nodes, ALPHA)?, did(nodes, BRAVO)?);
    nodes.done(ALPHA, &["trust", "add", &bravo]).await?;
    nodes.done(BRAVO, &["trust", "add", &alpha, "--cap", "calendar:read,calendar:write"]).await?;
    nodes.done(CHARLIE, &["trust", "add", &alpha, "--cap", "calendar:read,calendar:write"]).await?;
    nodes.done(CHARLIE, &["trust", "add", &bravo]).await?;
    report.step(
        "charlie lets alpha root calendar:*, and bravo nothing",
        "recognised",
        "recognised",
        began.elapsed(),
    );
    Ok(())
}

async fn populate(nodes: &mut Nodes, report: &mut Report) -> Result<(), Failure> {
    report.chapter("alice of alpha.test, her travel-bot, and calendar-bot of bravo.test");
    let began = Instant::now();
    nodes.done(ALPHA, &["owner", "create", "alice"]).await?;
    let capabilities = "calendar:read,calendar:write,mail:send";
    let travel =
        nodes.done(ALPHA, &["agent", "create", TRAVEL, "--owner", "alice", "--cap", capabilities]).await?;
    nodes
        .done(BRAVO, &["agent", "create", CALENDAR, "--owner", "organization", "--cap", capabilities])
        .await?;
    report.step("agents with keys of their own", "created", "created", began.elapsed());
    let did = travel.text("did");
    for (place, name) in
        [(BRAVO, "travel-bot resolves at bravo"), (CHARLIE, "travel-bot resolves at charlie")]
    {
        let began = Instant::now();
        let resolved = nodes.until(place, &["resolve", &did], |output| output.exit == 0).await?;
        let document = resolved.json.get("didDocument").and_then(|d| d.get("id")).and_then(Value::as_str);
        let got = if document == Some(did.as_str()) { "resolved" } else { "not resolved" };
        report.step(name, "resolved", got, began.elapsed());
    }
    report.say("  (alpha has no public listener at all: they know it from the mesh)");
    Ok(())
}

async fn delegate(nodes: &mut Nodes, report: &mut Report) -> Result<Mandate, Failure> {
    report.chapter("alice -> travel-bot -> calendar-bot, with fewer capabilities at each link");
    nodes.done(ALPHA, &["delegate", "alice", TRAVEL, "--cap", "calendar:read,calendar:write"]).await?;
    // The name is known at alpha once bravo's announcement has arrived.
    let named = ["delegate", TRAVEL, CALENDAR_AT_BRAVO, "--cap", "calendar:read", "--ttl", "30m"];
    let began = Instant::now();
    let delegated = nodes.until(ALPHA, &named, |output| output.exit == 0).await?;
    let mandate = read(&delegated)?;
    report.step("travel-bot delegates to calendar-bot", "delegated", "delegated", began.elapsed());

    let began = Instant::now();
    let (nonce, audience) = nonce(nodes, CHARLIE).await?;
    let file = nodes.node(BRAVO)?.data.path().join("mandate.json");
    files::replace(&file, mandate.to_json().to_string().as_bytes())?;
    let file = file.display().to_string();
    let present = ["present", "--agent", CALENDAR, "--mandate", &file, "--nonce", &nonce, "--aud", &audience];
    let presented = nodes.done(BRAVO, &present).await?.text("presentation");
    let verdict = settled(nodes, CHARLIE, presented.as_bytes()).await?;
    report.step("charlie verifies the presentation", "verified", &verdict.verdict(), began.elapsed());
    for link in verdict.json.get("chain").and_then(Value::as_array).into_iter().flatten() {
        let text = |member| output::text(link, member);
        let (from, to) = (in_words(&text("issuer")), in_words(&text("subject")));
        report.say(&format!("      {from} -> {to}  {}", output::text(link, "capabilities")));
    }
    Ok(mandate)
}

async fn refuse(nodes: &mut Nodes, report: &mut Report, mandate: &Mandate) -> Result<(), Failure> {
    report.chapter("What charlie refuses");
    let holder = Signer::open(nodes, nodes.node(BRAVO)?, Kind::Agent, CALENDAR)?;
    let travel = Signer::open(nodes, nodes.node(ALPHA)?, Kind::Agent, TRAVEL)?;
    let good = all(mandate, &holder);
    let replaced = |at: usize, by: Secured| {
        let mut credentials = good.clone();
        if let Some(place) = credentials.get_mut(at) {
            *place = by;
        }
        credentials
    };
    let second =
        mandate.chain().get(1).ok_or_else(|| failure("a chain of two links is missing".to_owned()))?;

    let widened = replaced(1, travel.widen(second, &["calendar:read", "calendar:write", "mail:send"])?);
    attempt(nodes, report, "a link widened with travel-bot's own key", "AID-009", &holder, widened).await?;

    let again = read(&nodes.done(ALPHA, &["delegate", "alice", TRAVEL, "--cap", "calendar:read"]).await?)?;
    let swapped = again.chain().first().cloned().ok_or_else(|| failure("no link".to_owned()))?;
    let name = "a link swapped for a valid one of another chain";
    attempt(nodes, report, name, "parent-mismatch", &holder, replaced(0, swapped)).await?;

    let middle = travel.did();
    let without: Vec<Secured> = good
        .iter()
        .filter(|credential| {
            let subject = credential.payload().get("credentialSubject");
            let about = subject.and_then(|s| s.get("id")).and_then(Value::as_str) == Some(middle.as_str());
            !(about && subject.is_some_and(|s| s.get("name").is_some()))
        })
        .cloned()
        .collect();
    let name = "travel-bot's AgentCredential left out";
    attempt(nodes, report, name, "identity-missing", &holder, without).await?;

    let (nonce, audience) = nonce(nodes, CHARLIE).await?;
    let once = holder.present(&nonce, &audience, good.clone())?;
    let first = verify(nodes, CHARLIE, &once).await?;
    report.step("a fresh nonce", "verified", &first.verdict(), std::time::Duration::ZERO);
    let began = Instant::now();
    let second = verify(nodes, CHARLIE, &once).await?;
    report.step("the same presentation again", "AID-010", &second.verdict(), began.elapsed());

    let folder = nodes.stranger().await?;
    let stranger = Signer::domain(nodes, &folder)?;
    let mut strange = vec![stranger.root(holder.did(), &["calendar:read"])?, stranger.own_owner()?];
    strange.extend(holder.identity.iter().cloned());
    let name = "a principal of a domain that charlie does not recognise";
    attempt(nodes, report, name, "domain-not-recognised", &holder, strange).await?;

    let mail = ["--cap", "mail:send"];
    nodes.done(ALPHA, &[&["delegate", "alice", TRAVEL], &mail[..]].concat()).await?;
    let further = nodes.done(ALPHA, &[&["delegate", TRAVEL, CALENDAR_AT_BRAVO], &mail[..]].concat()).await?;
    let beyond = all(&read(&further)?, &holder);
    let name = "a capability that charlie does not let alpha root";
    attempt(nodes, report, name, "root-exceeds-anchor", &holder, beyond).await
}

/// The mandate that a `delegate` printed.
pub(super) fn read(delegated: &Output) -> Result<Mandate, Failure> {
    if delegated.exit != 0 {
        return Err(failure(format!("delegating failed: {}", delegated.json)));
    }
    Mandate::read(&delegated.json)
}

/// A nonce and the audience of a verifier.
pub(super) async fn nonce(nodes: &Nodes, place: usize) -> Result<(String, String), Failure> {
    let given = nodes.done(place, &["verify", "--new-nonce"]).await?;
    Ok((given.text("nonce"), given.text("audience")))
}

/// Lets a node verify a presentation.
pub(super) async fn verify(nodes: &Nodes, place: usize, presented: &[u8]) -> Result<Output, Failure> {
    nodes.run(place, &["verify", "-"], presented).await
}

/// The same, for a presentation of what was made just now: "could not know" is asked again, since the
/// nonce is used up by a verification only.
async fn settled(nodes: &Nodes, place: usize, presented: &[u8]) -> Result<Output, Failure> {
    let deadline = Instant::now() + super::PATIENCE;
    loop {
        let output = verify(nodes, place, presented).await?;
        let unknown = ["did-unresolvable", "status-unknown"].contains(&output.verdict().as_str());
        if !unknown || Instant::now() > deadline {
            return Ok(output);
        }
    }
}

/// Presents with a fresh nonce.
pub(super) async fn show(
    nodes: &Nodes,
    place: usize,
    holder: &Signer,
    credentials: Vec<Secured>,
) -> Result<Output, Failure> {
    let (nonce, audience) = nonce(nodes, place).await?;
    let presented = holder.present(&nonce, &audience, credentials)?;
    settled(nodes, place, &presented).await
}

async fn attempt(
    nodes: &Nodes,
    report: &mut Report,
    name: &'static str,
    expected: &'static str,
    holder: &Signer,
    credentials: Vec<Secured>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let output = show(nodes, CHARLIE, holder, credentials).await?;
    report.step(name, expected, &output.verdict(), began.elapsed());
    Ok(())
}
