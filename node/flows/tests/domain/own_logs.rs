//! Logs of domains, announced by themselves: by which key they are signed, they say.

use crate::peer::{hello, knock};
use crate::world::{Holder, NOW, Node};
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use marque_flows::ports::mesh::{Intake, Submission};
use marque_rules::replica::state::Via;
use marque_rules::replica::{Body, Envelope, Kind, LogHead, Refusal, Scid, Verdict};
use std::time::Duration;

const OVERLAP: Option<Duration> = Some(Duration::from_secs(3_600));

fn alpha() -> Holder {
    Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000))
}

/// What a domain says of its own log: the log, or its head alone.
fn says(domain: &Holder, kind: Kind) -> Envelope {
    let log = &domain.log;
    let head = LogHead {
        did: domain.did().to_string(),
        version_number: u64::from(log.head().number),
        version_id: log.head().id.clone(),
        length: log.bytes().len() as u64,
        digest: codec::sha256(log.bytes()),
    };
    let issued_at = UnixSeconds::new(NOW);
    domain.seal(Body {
        kind,
        domain: Scid::of(&domain.did()).unwrap(),
        subject: head.did.clone(),
        seq: head.version_number,
        prev: None,
        issued_at,
        expires_at: issued_at.plus(Duration::from_secs(3_600)),
        payload: if kind == Kind::Log { log.bytes().to_vec() } else { head.encode() },
        witness: None,
    })
}

async fn take(node: &Node, envelope: &Envelope, log: Option<&Holder>) -> Verdict {
    let log = log.map(|holder| holder.log.bytes().to_vec());
    let judgement = node.intake.judge(Submission { via: Via::Sync, envelope: envelope.clone(), log }).await;
    if let Some(write) = judgement.write {
        write.await.unwrap();
    }
    judgement.verdict
}

// R-340, MESH.md D3: found by the simulator. A long log of a domain comes to those that know nothing of it.
#[tokio::test]
async fn a_domain_is_learnt_by_the_head_of_its_own_log() {
    let bravo = Node::new("bravo.test").await;
    let first = alpha();
    let head = says(&first, Kind::LogHead);
    assert!(matches!(take(&bravo, &head, None).await, Verdict::NeedLog));
    // Whose word it was shows by the log, before anything is kept.
    let mallory = Holder::new("mallory.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let refused = take(&bravo, &says(&mallory, Kind::LogHead), Some(&first)).await;
    assert!(matches!(refused, Verdict::Ignore(_)), "{refused:?}");
    assert!(matches!(take(&bravo, &head, Some(&first)).await, Verdict::Accept { .. }));
    // And so it is followed to a key that only the longer log lists.
    bravo.pass(30);
    let second = first.rotated(UnixSeconds::new(NOW + 1), OVERLAP);
    let head = says(&second, Kind::LogHead);
    assert!(matches!(take(&bravo, &head, None).await, Verdict::NeedLog));
    assert!(matches!(take(&bravo, &head, Some(&second)).await, Verdict::Accept { .. }));
}

// The log that a head announces may be held before anything announced it, by a hello.
#[tokio::test]
async fn a_head_of_a_log_that_is_held_counts_by_its_signature_alone() {
    let (announcer, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&announcer, &[]).await;
    bravo.intake.admit(knock("alpha.test", hello(&announcer).await)).await.unwrap();
    let first = alpha();
    let held = bravo.domain.held_log(&first.did()).await.unwrap();
    assert_eq!(held.log().map(|log| log.bytes()), Some(first.log.bytes()));
    for kind in [Kind::LogHead, Kind::Log] {
        let head = says(&first, kind);
        let mut forged = head.bytes().to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let refused = take(&bravo, &Envelope::decode(&forged).unwrap(), None).await;
        assert!(matches!(refused, Verdict::Reject(Refusal::BadSignature)), "{refused:?}");
        let taken = take(&bravo, &head, None).await;
        assert!(matches!(taken, Verdict::Accept { .. } | Verdict::Same { .. }), "{taken:?}");
    }
}

// found by the simulator. A node that knows two histories and hears a third is to show all three.
#[tokio::test]
async fn every_history_of_a_contested_domain_is_taken_and_nothing_else_of_it() {
    let bravo = Node::new("bravo.test").await;
    let first = alpha();
    let branch = |at: u64| first.rotated(UnixSeconds::new(NOW + at), OVERLAP);
    bravo.pass(30);
    for at in [1, 2] {
        assert!(matches!(take(&bravo, &says(&branch(at), Kind::Log), None).await, Verdict::Accept { .. }));
    }
    assert!(bravo.domain.held_log(&first.did()).await.unwrap().is_contested());
    let third = says(&branch(3), Kind::LogHead);
    assert!(matches!(take(&bravo, &third, None).await, Verdict::NeedLog));
    assert!(matches!(take(&bravo, &third, Some(&branch(3))).await, Verdict::Accept { .. }));
    assert_eq!(bravo.domain.held_log(&first.did()).await.unwrap().branches.len(), 3);
    let bot = Holder::new("bot", "alpha.test", &["bot"], UnixSeconds::new(NOW - 1_000));
    let said = Body {
        subject: bot.did().to_string(),
        seq: 1,
        payload: bot.log.bytes().to_vec(),
        ..says(&branch(1), Kind::Log).body().clone()
    };
    let refused = take(&bravo, &branch(1).seal(said), None).await;
    assert!(matches!(refused, Verdict::Ignore(Refusal::Contested)), "{refused:?}");
}
