//! The second part: keys rotate, links and agents are revoked, and everybody knows; also who was away.

use super::PATIENCE;
use super::forge::{Signer, all};
use super::nodes::{ALPHA, BRAVO, CHARLIE, Nodes, failure};
use super::report::Report;
use super::story::{CALENDAR, CALENDAR_AT_BRAVO, TRAVEL, read, show};
use crate::data::Kind;
use crate::failure::Failure;
use crate::mandate::Mandate;
use std::time::Instant;

/// Presents again and again until the verdict is `expected`, or patience ends: the last verdict.
async fn becomes(
    nodes: &Nodes,
    place: usize,
    (mandate, holder): (&Mandate, &Signer),
    expected: &str,
) -> Result<String, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let verdict = show(nodes, place, holder, all(mandate, holder)).await?.verdict();
        if verdict == expected || Instant::now() > deadline {
            return Ok(verdict);
        }
    }
}

async fn chain(nodes: &Nodes) -> Result<Mandate, Failure> {
    nodes.done(ALPHA, &["delegate", "alice", TRAVEL, "--cap", "calendar:read"]).await?;
    let further = ["delegate", TRAVEL, CALENDAR_AT_BRAVO, "--cap", "calendar:read"];
    read(&nodes.done(ALPHA, &further).await?)
}

/// A planned rotation, and one for compromise. Afterwards there is a new chain.
pub(super) async fn rotate(
    nodes: &mut Nodes,
    report: &mut Report,
    mandate: Mandate,
) -> Result<Mandate, Failure> {
    report.chapter("travel-bot rotates its keys: in good order, then because they were stolen");
    let holder = Signer::open(nodes, nodes.node(BRAVO)?, Kind::Agent, CALENDAR)?;
    let did = Signer::open(nodes, nodes.node(ALPHA)?, Kind::Agent, TRAVEL)?.did().to_string();
    nodes.done(ALPHA, &["agent", "rotate", TRAVEL]).await?;
    let began = Instant::now();
    let second = |output: &super::nodes::Output| {
        let metadata = output.json.get("didDocumentMetadata");
        metadata
            .and_then(|m| m.get("versionId"))
            .is_some_and(|id| id.as_str().is_some_and(|id| id.starts_with("2-")))
    };
    let seen = nodes.until(CHARLIE, &["resolve", &did], second).await?;
    if !second(&seen) {
        return Err(failure("charlie did not hear of the rotation".to_owned()));
    }
    let verdict = show(nodes, CHARLIE, &holder, all(&mandate, &holder)).await?.verdict();
    report.step("after a planned rotation, charlie knowing of it", "verified", &verdict, began.elapsed());

    nodes.done(ALPHA, &["agent", "rotate", TRAVEL, "--compromised"]).await?;
    let began = Instant::now();
    let verdict = becomes(nodes, CHARLIE, (&mandate, &holder), "key-not-authorised").await?;
    report.step("after a rotation for compromise", "key-not-authorised", &verdict, began.elapsed());

    let began = Instant::now();
    let anew = chain(nodes).await?;
    let verdict = becomes(nodes, CHARLIE, (&anew, &holder), "verified").await?;
    report.step("delegated anew with the new keys", "verified", &verdict, began.elapsed());
    Ok(anew)
}

/// The first link is revoked while bravo is down; then the agent of the second.
pub(super) async fn revoke(nodes: &mut Nodes, report: &mut Report, mandate: Mandate) -> Result<(), Failure> {
    report.chapter("alice takes it back, while bravo's node is down (kill -9)");
    let holder = Signer::open(nodes, nodes.node(BRAVO)?, Kind::Agent, CALENDAR)?;
    let verdict = becomes(nodes, BRAVO, (&mandate, &holder), "verified").await?;
    report.step("bravo verifies it, before", "verified", &verdict, std::time::Duration::ZERO);
    nodes.kill(BRAVO).await?;
    let first = mandate.links().first().ok_or_else(|| failure("no link".to_owned()))?.credential.id.clone();
    nodes.done(ALPHA, &["credential", "revoke", &first]).await?;
    // From the acknowledgement on.
    let began = Instant::now();
    let verdict = becomes(nodes, CHARLIE, (&mandate, &holder), "credential-revoked").await?;
    report.step("the first link is revoked: charlie", "credential-revoked", &verdict, began.elapsed());

    let began = Instant::now();
    nodes.up(BRAVO).await?;
    let verdict = becomes(nodes, BRAVO, (&mandate, &holder), "credential-revoked").await?;
    report.step("bravo comes back and refuses as well", "credential-revoked", &verdict, began.elapsed());

    report.chapter("bravo revokes its agent");
    let anew = chain(nodes).await?;
    let began = Instant::now();
    let verdict = becomes(nodes, CHARLIE, (&anew, &holder), "verified").await?;
    report.step("a new chain", "verified", &verdict, began.elapsed());
    nodes.done(BRAVO, &["agent", "revoke", CALENDAR]).await?;
    let began = Instant::now();
    let verdict = becomes(nodes, CHARLIE, (&anew, &holder), "AID-003").await?;
    report.step("calendar-bot is revoked: charlie", "AID-003", &verdict, began.elapsed());
    Ok(())
}
