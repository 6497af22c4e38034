//! The domain's own keys replaced: its DID stays, and what the old ones signed counts as long as the log says.

use crate::peer::{announced, announced_of, hello, judge, knock, take};
use crate::shared::Both;
use crate::world::{Holder, NOW, Node};
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use marque_flows::error::Error;
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::{Kind, Refusal, Verdict};
use marque_store::memory::Memory;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::facts::Request;
use vc_schemas::secure::{Envelope, Secured};
use vc_schemas::status::Purpose;

const OVERLAP: Duration = Duration::from_secs(600);

/// A node of alpha.test, and who holds the key that its log commits to.
async fn alpha() -> (Node, Holder) {
    (
        Node::new("alpha.test").await,
        Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000)),
    )
}

/// Replaces the keys as an operator does. Two versions never share a second.
async fn rotate(node: &Node, holder: &Holder, overlap: Option<Duration>) -> Result<Holder, Error> {
    node.pass(1);
    node.domain.next_keys(false).await?;
    let next = holder.rotated(node.domain.now(), overlap);
    node.domain.rotate_keys(next.log.bytes(), false).await?;
    Ok(next)
}

/// What alice passed on to the bot, and the identities of both as their domain gives them now.
struct Mandate {
    bot: Holder,
    link: Secured,
}

impl Mandate {
    async fn of(node: &Node) -> Self {
        let alice = node.owner("alice").await;
        let bot = node.agent("bot", "alice", &["calendar:read"]).await;
        let link = node.link(&alice, &bot, &[], &["calendar:read"]).await;
        node.trusts(node, &["calendar:read"]).await;
        Self { bot, link }
    }

    async fn identities(node: &Node) -> [Secured; 2] {
        [node.identity(MemberKind::Owner, "alice").await, node.identity(MemberKind::Agent, "bot").await]
    }

    /// What a verifier says of them.
    async fn verdict(&self, node: &Node, identities: &[Secured; 2]) -> Result<(), Code> {
        node.domain.refresh_lists().await.unwrap();
        let shown = [std::slice::from_ref(&self.link), identities].concat();
        let presented = self.bot.present(node, &node.domain.new_nonce().unwrap(), shown);
        let verdict = node.domain.verify(&presented, Envelope::Jwt, Request::default()).await;
        verdict.map(drop).map_err(|error| error.refusal().code)
    }
}

async fn outcomes(node: &Node) -> Vec<String> {
    let rows = node.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap();
    let json = |value: &[u8]| serde_json::from_slice::<serde_json::Value>(value).unwrap();
    rows.iter().map(|row| json(&row.stored.value)["outcome"].as_str().unwrap().to_owned()).collect()
}

/// Fails unless everything that the domain announces and every list of it is by its newest key.
async fn everything_is_by_the_newest_key(node: &Node) {
    let held = node.domain.held_log(&node.domain.home.did).await.unwrap();
    let document = held.log().unwrap().document().unwrap().clone();
    let lasting = |id: &_| {
        let key = document.authorised(Relationship::AssertionMethod, id, node.domain.now());
        key.is_ok_and(|key| !key.retiring)
    };
    for envelope in announced(node).await {
        assert!(lasting(envelope.key_id()), "{:?} {}", envelope.body().kind, envelope.key_id());
    }
    for purpose in [Purpose::Revocation, Purpose::Suspension] {
        let list = node.domain.held_own_list(purpose).await.unwrap().unwrap().list;
        assert!(lasting(list.secured().key_id()), "{purpose:?}");
    }
}

// R-022 R-133 R-276
#[tokio::test]
async fn a_domain_keeps_its_did_and_what_it_signed_counts_until_the_overlap_is_over() {
    let (node, holder) = alpha().await;
    let did = node.domain.home.did.clone();
    let mandate = Mandate::of(&node).await;
    let first = Mandate::identities(&node).await;
    node.domain.act_on_member(MemberKind::Agent, "bot", Act::Suspend).await.unwrap();
    node.domain.act_on_member(MemberKind::Agent, "bot", Act::Resume).await.unwrap();
    node.domain.revoke_memberships().await.unwrap();

    let second_holder = rotate(&node, &holder, Some(OVERLAP)).await.unwrap();
    assert_eq!(node.domain.own_log().await.unwrap().did(), &did);
    everything_is_by_the_newest_key(&node).await;
    assert_eq!(mandate.verdict(&node, &first).await, Ok(()), "in circulation");
    let second = Mandate::identities(&node).await;
    assert_ne!(first[0].key_id(), second[0].key_id(), "what is asked for from now on is by the new key");
    assert_eq!(mandate.verdict(&node, &second).await, Ok(()));

    node.pass(OVERLAP.as_secs());
    assert_eq!(mandate.verdict(&node, &first).await, Err(Code::KeyRetired));
    assert_eq!(mandate.verdict(&node, &second).await, Ok(()));

    rotate(&node, &second_holder, None).await.unwrap();
    everything_is_by_the_newest_key(&node).await;
    assert_eq!(mandate.verdict(&node, &second).await, Err(Code::KeyNotAuthorised), "compromised: at once");
    assert_eq!(mandate.verdict(&node, &Mandate::identities(&node).await).await, Ok(()));
    assert_eq!(node.domain.own_log().await.unwrap().did(), &did);
    assert_eq!(outcomes(&node).await.iter().filter(|outcome| *outcome == "rotated").count(), 2);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Rotate(Option<u64>),
    Pass(u64),
    /// Shows the identities of the era that is so many rotations old.
    Show(usize),
    Revoke,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..400_u64).prop_map(|overlap| Step::Rotate(Some(overlap))),
        Just(Step::Rotate(None)),
        (1..300_u64).prop_map(Step::Pass),
        (0..3_usize).prop_map(Step::Show),
        (0..3_usize).prop_map(Step::Show),
        Just(Step::Revoke),
    ];
    proptest::collection::vec(step, 1..9)
}

async fn goes_by_the_log(steps: Vec<Step>) {
    let (node, mut holder) = alpha().await;
    let did = holder.did();
    let mandate = Mandate::of(&node).await;
    // The identities of each era, and until when its key is listed; without an end, for good.
    let mut eras = vec![(Mandate::identities(&node).await, None)];
    for step in steps {
        match step {
            Step::Pass(seconds) => node.pass(seconds),
            Step::Revoke => {
                let nobody = node.domain.reserve_index(&mandate.bot.did()).await.unwrap();
                assert!(nobody > 0);
                node.domain.revoke_memberships().await.unwrap();
            }
            Step::Rotate(overlap) => {
                let overlap = overlap.map(Duration::from_secs);
                holder = rotate(&node, &holder, overlap).await.unwrap();
                let now = node.domain.now();
                let last = eras.len() - 1;
                for (at, (_, end)) in eras.iter_mut().enumerate() {
                    // An entry of this holder keeps the key before it alone.
                    *end = Some(if at == last { now.plus(overlap.unwrap_or_default()) } else { now });
                }
                eras.push((Mandate::identities(&node).await, None));
                everything_is_by_the_newest_key(&node).await;
            }
            Step::Show(ago) => {
                let Some(at) = eras.len().checked_sub(1 + ago) else { continue };
                let (identities, end) = &eras[at];
                let counts = end.is_none_or(|end| node.domain.now() < end);
                assert_eq!(mandate.verdict(&node, identities).await.is_ok(), counts, "era {at}: {end:?}");
            }
        }
        assert_eq!(*node.domain.own_log().await.unwrap().did(), did);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    // R-022 R-133
    #[test]
    fn whenever_keys_are_replaced_what_each_signed_counts_as_long_as_the_log_lists_it(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(goes_by_the_log(steps));
    }
}

//
#[tokio::test]
async fn an_entry_that_does_not_replace_the_keys_by_those_that_were_made_changes_nothing() {
    let (node, holder) = alpha().await;
    node.pass(10);
    let now = node.domain.now();
    let refused = async |log: &[u8], code: Code| {
        let before = announced(&node).await;
        let refused = node.domain.rotate_keys(log, false).await.unwrap_err().refusal();
        assert_eq!(refused.code, code, "{refused}");
        assert_eq!(announced(&node).await, before);
        assert_eq!(node.domain.own_log().await.unwrap().head().number, 1);
        refused.detail
    };
    let next = holder.rotated(now, Some(OVERLAP));
    let detail = refused(next.log.bytes(), Code::LogRefused).await;
    assert_eq!(detail, "does not list the keys that were made for it", "they were not made");
    node.domain.next_keys(false).await.unwrap();
    refused(holder.log.bytes(), Code::LogRefused).await;
    refused(b"{}", Code::LogRefused).await;
    let too_long = holder.rotated(now, Some(Duration::from_secs(74 * 3_600)));
    refused(too_long.log.bytes(), Code::LogRefused).await;
    let other = Holder::new("other", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    refused(other.rotated(now, None).log.bytes(), Code::LogRefused).await;
    let kept = holder.keeping_its_key(now);
    let detail = refused(kept.log.bytes(), Code::LogRefused).await;
    assert_eq!(detail, "does not end the keys that it replaces");
    assert_eq!(outcomes(&node).await.iter().filter(|outcome| *outcome == "refused").count(), 6);
    node.domain.rotate_keys(next.log.bytes(), false).await.unwrap();
}

// what was durable before a crash is what the node goes on by.
#[tokio::test]
async fn a_node_that_starts_again_signs_by_the_newest_entry_and_not_at_all_without_its_keys() {
    let (node, holder) = alpha().await;
    Mandate::of(&node).await;
    let next = rotate(&node, &holder, Some(OVERLAP)).await.unwrap();
    // With the first entry alone in its folder: the store has both.
    let later = Node::held_by(&next, node.records.clone(), node.records.clone()).await;
    later.pass(200);
    everything_is_by_the_newest_key(&later).await;
    let without = Node::try_held_by(&holder, node.records.clone(), node.records.clone()).await;
    assert!(matches!(without, Err(Error::Keys(_))), "{:?}", without.err());

    // The store is an older copy, and the folder has the newer log.
    let records = Arc::new(Memory::default());
    Node::held_by(&holder, records.clone(), records.clone()).await;
    let restored = Node::held_by(&next, records.clone(), records.clone()).await;
    assert_eq!(restored.domain.own_log().await.unwrap().head().number, 2);
    restored.pass(1);
    restored.domain.refresh_lists().await.unwrap();
    let list = restored.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
    assert!(list.secured().key_id().as_str().ends_with("#key-2"));
}

// an envelope that was sealed before the entry, and committed after everything was sealed anew.
#[tokio::test]
async fn what_was_under_way_during_a_rotation_is_sealed_anew_as_well() {
    let (node, holder) = alpha().await;
    let mandate = Mandate::of(&node).await;
    let before = node.records.scan(Table::Envelopes, b"e/", None, 1_000).await.unwrap();
    rotate(&node, &holder, Some(OVERLAP)).await.unwrap();
    everything_is_by_the_newest_key(&node).await;
    let bot = mandate.bot.did();
    let late =
        before.into_iter().find(|row| String::from_utf8_lossy(&row.key).contains(bot.as_str())).unwrap();
    let late =
        Write { table: Table::Envelopes, key: late.key, value: Some(late.stored.value), expect: Expect::Any };
    node.records.commit(vec![late]).await.unwrap();
    node.domain.seal_again().await.unwrap();
    node.pass(61);
    node.domain.seal_again().await.unwrap();
    node.domain.refresh_lists().await.unwrap();
    everything_is_by_the_newest_key(&node).await;
    let envelopes = async || node.records.scan(Table::Envelopes, &[], None, 1_000).await.unwrap();
    let settled = envelopes().await;
    node.pass(10);
    node.domain.seal_again().await.unwrap();
    assert_eq!(envelopes().await, settled, "there is an end to it");
}

// who was away during the overlap learns members from a peer that was not.
#[tokio::test]
async fn a_peer_passes_on_what_was_sealed_anew_when_the_old_key_is_gone() {
    let (node, holder) = alpha().await;
    let bravo = Node::new("bravo.test").await;
    bravo.trusts(&node, &[]).await;
    bravo.intake.admit(knock("alpha.test", hello(&node).await)).await.unwrap();
    let bot = Mandate::of(&node).await.bot.did();
    for envelope in announced(&node).await {
        take(&bravo, &envelope).await;
    }
    let old =
        announced_of(&bravo, &node).await.into_iter().find(|e| e.body().subject == bot.as_str()).unwrap();
    rotate(&node, &holder, Some(OVERLAP)).await.unwrap();
    bravo.pass(1);
    // The log of the domain first, by which the others verify.
    let (own, others): (Vec<_>, Vec<_>) =
        announced(&node).await.into_iter().partition(|e| e.body().subject == holder.did().as_str());
    for envelope in own.into_iter().chain(others) {
        let verdict = take(&bravo, &envelope).await;
        assert!(matches!(verdict, Verdict::Accept { .. } | Verdict::Same { .. }), "{verdict:?}");
        let again = judge(&bravo, &envelope).await;
        assert!(again.write.is_none(), "it is written once: {:?}", again.verdict);
    }
    // The old one, which counts for a while, does not come back.
    assert!(judge(&bravo, &old).await.write.is_none());
    node.pass(OVERLAP.as_secs() + 10);
    let (charlie, delta) = (Node::new("charlie.test").await, Node::new("delta.test").await);
    for late in [&charlie, &delta] {
        late.pass(OVERLAP.as_secs() + 10);
        late.trusts(&node, &[]).await;
        late.intake.admit(knock("alpha.test", hello(&node).await)).await.unwrap();
    }
    for envelope in
        announced_of(&bravo, &node).await.iter().filter(|envelope| envelope.body().kind == Kind::Log)
    {
        let verdict = take(&charlie, envelope).await;
        assert!(matches!(verdict, Verdict::Accept { .. } | Verdict::Same { .. }), "{verdict:?}");
    }
    assert!(charlie.domain.held_log(&bot).await.unwrap().log().is_some());
    let gone = take(&delta, &old).await;
    assert!(matches!(gone, Verdict::Ignore(Refusal::KeyNotAuthorised)), "{gone:?}");
}

// Nodes of one domain have keys of their own folders: one alone cannot replace those of the others.
#[tokio::test]
async fn where_several_nodes_share_a_store_one_replaces_the_keys_alone_and_the_others_sign_no_more() {
    let (records, store) =
        (Arc::new(Memory::default()), |records: &Arc<Memory>| Arc::new(Both(records.clone())));
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let one = Node::held_by(&holder, records.clone(), store(&records)).await;
    let other = Node::held_by(&holder, records.clone(), store(&records)).await;
    other.hands.shuffle();
    let refused = one.domain.next_keys(false).await.unwrap_err().refusal();
    assert_eq!(refused.code, Code::StateConflict);
    one.pass(1);
    other.pass(1);
    let next = holder.rotated(one.domain.now(), Some(OVERLAP));
    let refused = one.domain.rotate_keys(next.log.bytes(), false).await.unwrap_err().refusal();
    assert_eq!(refused.code, Code::StateConflict);
    one.domain.next_keys(true).await.unwrap();
    one.domain.rotate_keys(next.log.bytes(), true).await.unwrap();
    everything_is_by_the_newest_key(&one).await;
    let list = async || one.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list.sequence;
    let before = list().await;
    // Before it has heard of it, too: no list stands behind one of the new key.
    other.pass(200);
    assert!(matches!(other.domain.refresh_lists().await, Err(Error::Keys(_))));
    assert!(matches!(other.domain.follow().await, Err(Error::Keys(_))));
    assert!(matches!(other.domain.follow().await, Ok(None)), "it is said once");
    assert!(matches!(other.domain.refresh_lists().await, Err(Error::Keys(_))));
    assert_eq!(list().await, before);
    one.pass(200);
    one.domain.refresh_lists().await.unwrap();
    assert!(list().await > before);
}
