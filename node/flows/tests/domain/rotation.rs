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
    let next = holder.rotated_as_planned(node.domain.now(), overlap);
    node.domain.rotate_keys(next.log.bytes(), false).await?;
    Ok(next)
}

/// How long the old keys go on to sign.
const LEAD: u64 = 300;

/// What a node does twice a second.
async fn tick(node: &Node) {
    node.domain.follow().await.unwrap();
    node.domain.refresh_lists().await.unwrap();
    for _ in 0..4 {
        node.domain.seal_again().await.unwrap();
    }
}

/// Lets the time go by after which the new keys sign.
async fn lead(node: &Node) {
    node.pass(LEAD);
    tick(node).await;
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

/// Fails unless everything that the domain announces and every list of it is by this key, which its log lists.
async fn everything_is_by(node: &Node, number: usize) {
    let log = node.domain.own_log().await.unwrap();
    let key = node.domain.home.did.with_fragment(&format!("key-{number}")).unwrap();
    let now = node.domain.now();
    assert!(log.document().unwrap().authorised(Relationship::AssertionMethod, &key, now).is_ok(), "{key}");
    for envelope in announced(node).await {
        assert_eq!(*envelope.key_id(), key, "{:?}", envelope.body().kind);
    }
    for purpose in [Purpose::Revocation, Purpose::Suspension] {
        let list = node.domain.held_own_list(purpose).await.unwrap().unwrap().list;
        assert_eq!(*list.secured().key_id(), key, "{purpose:?}");
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
    everything_is_by(&node, 1).await;
    assert_eq!(mandate.verdict(&node, &first).await, Ok(()), "in circulation");
    lead(&node).await;
    everything_is_by(&node, 2).await;
    assert_eq!(mandate.verdict(&node, &first).await, Ok(()), "in circulation");
    let second = Mandate::identities(&node).await;
    assert_ne!(first[0].key_id(), second[0].key_id(), "what is asked for from now on is by the new key");
    assert_eq!(mandate.verdict(&node, &second).await, Ok(()));

    node.pass(OVERLAP.as_secs() - LEAD);
    assert_eq!(mandate.verdict(&node, &first).await, Err(Code::KeyRetired));
    assert_eq!(mandate.verdict(&node, &second).await, Ok(()));

    rotate(&node, &second_holder, None).await.unwrap();
    everything_is_by(&node, 3).await;
    assert_eq!(mandate.verdict(&node, &second).await, Err(Code::KeyNotAuthorised), "compromised: at once");
    assert_eq!(mandate.verdict(&node, &Mandate::identities(&node).await).await, Ok(()));
    assert_eq!(node.domain.own_log().await.unwrap().did(), &did);
    assert_eq!(outcomes(&node).await.iter().filter(|outcome| *outcome == "rotated").count(), 2);
}

// what is given out during the rotation verifies also where it was not heard of yet.
#[tokio::test]
async fn a_partner_that_has_not_heard_of_a_rotation_goes_on_verifying_what_is_given_out() {
    let (node, holder) = alpha().await;
    let bravo = Node::new("bravo.test").await;
    bravo.trusts(&node, &["calendar:read"]).await;
    bravo.intake.admit(knock("alpha.test", hello(&node).await)).await.unwrap();
    let mandate = Mandate::of(&node).await;
    rotate(&node, &holder, Some(OVERLAP)).await.unwrap();
    let own = |envelope: &marque_rules::replica::Envelope| envelope.body().subject == holder.did().as_str();
    node.pass(LEAD - 10);
    bravo.pass(LEAD - 10);
    tick(&node).await;
    for envelope in announced(&node).await.iter().filter(|envelope| !own(envelope)) {
        let verdict = take(&bravo, envelope).await;
        assert!(matches!(verdict, Verdict::Accept { .. }), "{verdict:?}");
    }
    let verdict = async |identities: &[Secured; 2]| {
        let shown = [std::slice::from_ref(&mandate.link), identities].concat();
        let presented = mandate.bot.present(&bravo, &bravo.domain.new_nonce().unwrap(), shown);
        let verdict = bravo.domain.verify(&presented, Envelope::Jwt, Request::default()).await;
        verdict.map(drop).map_err(|error| error.refusal().code)
    };
    assert_eq!(verdict(&Mandate::identities(&node).await).await, Ok(()));
    // What is by the new key is not before there was time to hear of it.
    node.pass(10);
    bravo.pass(10);
    tick(&node).await;
    let identities = Mandate::identities(&node).await;
    assert_eq!(verdict(&identities).await, Err(Code::KeyNotAuthorised));
    for envelope in announced(&node).await.iter().filter(|envelope| own(envelope)) {
        take(&bravo, envelope).await;
    }
    assert_eq!(verdict(&identities).await, Ok(()));
}

// one rotation soon after another.
#[tokio::test]
async fn of_several_old_keys_one_that_is_listed_still_goes_on() {
    let (node, holder) = alpha().await;
    Mandate::of(&node).await;
    let second = rotate(&node, &holder, Some(Duration::from_secs(100))).await.unwrap();
    rotate(&node, &second, Some(OVERLAP)).await.unwrap();
    everything_is_by(&node, 1).await;
    node.pass(150);
    tick(&node).await;
    everything_is_by(&node, 2).await;
    lead(&node).await;
    everything_is_by(&node, 3).await;
}

// whatever comes in between, a member has one log.
#[tokio::test]
async fn a_log_that_changes_while_it_is_sealed_anew_is_announced_once_and_as_it_is() {
    for delay in 0..60 {
        let records = Arc::new(Memory::default());
        let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
        let node = Node::held_by(&holder, records.clone(), Arc::new(Both(records))).await;
        let bot = Mandate::of(&node).await.bot;
        node.pass(1);
        node.domain.next_keys(true).await.unwrap();
        let next = holder.rotated(node.domain.now(), Some(OVERLAP));
        node.domain.rotate_keys(next.log.bytes(), true).await.unwrap();
        node.pass(LEAD);
        node.domain.follow().await.unwrap();
        let longer = bot.rotated(node.domain.now(), Some(OVERLAP));
        let updating = async {
            for _ in 0..delay {
                tokio::task::yield_now().await;
            }
            node.domain.update_log(MemberKind::Agent, "bot", longer.log.bytes()).await
        };
        let (sealed, updated) = futures::future::join(node.domain.seal_again(), updating).await;
        sealed.unwrap();
        let log = if updated.is_ok() { &longer.log } else { &bot.log };
        let of_bot = announced(&node).await.into_iter().filter(|e| e.body().subject == bot.did().as_str());
        let payloads: Vec<_> = of_bot.map(|envelope| envelope.body().payload.clone()).collect();
        assert_eq!(payloads, [log.bytes().to_vec()], "after {delay}: {updated:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Rotate(Option<u64>),
    Pass(u64),
    /// Shows the identities by the key before so many others.
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
    // Until when each key is listed, without an end for good; from when on the newest signs at last; how far keys have
    // taken over; and identities that were given out, each by a key.
    let (mut ends, mut takes_over): (Vec<Option<UnixSeconds>>, _) = (vec![None], UnixSeconds::new(0));
    let mut reached = 1;
    let mut given = vec![(1, Mandate::identities(&node).await)];
    for step in steps {
        match step {
            Step::Pass(seconds) => node.pass(seconds),
            Step::Revoke => drop(node.domain.revoke_memberships().await.unwrap()),
            Step::Rotate(overlap) => {
                let overlap = overlap.map(Duration::from_secs);
                holder = rotate(&node, &holder, overlap).await.unwrap();
                let now = node.domain.now();
                let new_end = now.plus(overlap.unwrap_or_default());
                ends.iter_mut().for_each(|end| *end = Some(end.map_or(new_end, |end| end.min(new_end))));
                takes_over = now.plus(Duration::from_secs(LEAD));
                ends.push(None);
            }
            Step::Show(ago) => {
                let Some(at) = given.len().checked_sub(1 + ago) else { continue };
                let (number, identities) = &given[at];
                let end = ends[number - 1];
                let counts = end.is_none_or(|end| node.domain.now() < end);
                assert_eq!(mandate.verdict(&node, identities).await.is_ok(), counts, "key {number}: {end:?}");
            }
        }
        tick(&node).await;
        let now = node.domain.now();
        let goes_on = |number: &usize| ends[number - 1].is_some_and(|end| now < end);
        let in_force = (reached..ends.len()).find(goes_on).filter(|_| now < takes_over).unwrap_or(ends.len());
        reached = in_force;
        everything_is_by(&node, in_force).await;
        let identities = Mandate::identities(&node).await;
        let key = format!("#key-{in_force}");
        assert!(identities.iter().all(|identity| identity.key_id().as_str().ends_with(&key)), "{key}");
        if given.last().is_some_and(|(number, _)| *number != in_force) {
            given.push((in_force, identities));
        }
        assert_eq!(*node.domain.own_log().await.unwrap().did(), did);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

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
    everything_is_by(&later, 1).await;
    later.pass(1);
    lead(&later).await;
    everything_is_by(&later, 2).await;
    // Also where the old ones were to go on for longer, no list is by them any more.
    let again = Node::held_by(&next, node.records.clone(), node.records.clone()).await;
    again.pass(250);
    again.hands.shuffle();
    tick(&again).await;
    everything_is_by(&again, 2).await;
    let without = Node::try_held_by(&holder, node.records.clone(), node.records.clone()).await;
    assert!(matches!(without, Err(Error::Keys(_))), "{:?}", without.err());

    // The store is an older copy, and the folder has the newer log.
    let records = Arc::new(Memory::default());
    Node::held_by(&holder, records.clone(), records.clone()).await;
    let restored = Node::held_by(&next, records.clone(), records.clone()).await;
    assert_eq!(restored.domain.own_log().await.unwrap().head().number, 2);
    restored.pass(1);
    lead(&restored).await;
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
    lead(&node).await;
    everything_is_by(&node, 2).await;
    let bot = mandate.bot.did();
    let late =
        before.into_iter().find(|row| String::from_utf8_lossy(&row.key).contains(bot.as_str())).unwrap();
    let late =
        Write { table: Table::Envelopes, key: late.key, value: Some(late.stored.value), expect: Expect::Any };
    node.records.commit(vec![late]).await.unwrap();
    node.domain.seal_again().await.unwrap();
    node.pass(61);
    node.domain.seal_again().await.unwrap();
    everything_is_by(&node, 2).await;
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
    lead(&node).await;
    bravo.pass(LEAD + 1);
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
        late.pass(LEAD + OVERLAP.as_secs() + 20);
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
    other.domain.refresh_lists().await.unwrap();
    let third = Node::try_held_by(&holder, records.clone(), store(&records)).await;
    assert!(matches!(third, Err(Error::Keys(_))), "it has not got the keys that take over");
    lead(&one).await;
    everything_is_by(&one, 2).await;
    let list = async || one.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list.sequence;
    let before = list().await;
    // Before it has heard of it, too: no list stands behind one of the new key.
    other.pass(LEAD + 200);
    assert!(matches!(other.domain.refresh_lists().await, Err(Error::Keys(_))));
    assert!(matches!(other.domain.follow().await, Err(Error::Keys(_))));
    assert!(matches!(other.domain.follow().await, Ok(())), "it is said once");
    assert!(matches!(other.domain.refresh_lists().await, Err(Error::Keys(_))));
    assert_eq!(list().await, before);
    one.pass(200);
    one.domain.refresh_lists().await.unwrap();
    assert!(list().await > before);
}
