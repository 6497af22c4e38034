//! What changes on a list goes out as a change, and counts wherever the list before is held
//! (MESH.md D7).

use crate::peer::{announced, hello, knock, take};
use crate::world::{Holder, NOW, Node};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use futures::future::BoxFuture;
use marque_flows::ports::mesh::{Asked, Intake, Joined, Mesh, MeshError, PeerInfo, Publication};
use marque_flows::ports::records::{Records, Table};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Body, Envelope, Kind, Lane, Refusal, Request, Response, Scid, Verdict};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vc_schemas::facts::{ListFact, ListKey};
use vc_schemas::secure::{Content, Envelope as Securing};
use vc_schemas::status::bitstring::Bits;
use vc_schemas::status::delta::{Delta, Next};
use vc_schemas::status::{ListDraft, Purpose, StatusList};

/// A mesh that keeps what is published, and lets nobody in.
#[derive(Debug)]
pub(crate) struct Published {
    kept: Mutex<Vec<Publication>>,
    /// How each join ends.
    joins_end: MeshError,
}

impl Published {
    /// Joins a node to it.
    pub(crate) fn of(node: &Node) -> Arc<Self> {
        Self::whose_joins_end(node, MeshError::Closed)
    }

    /// The same, and what whoever joins by token is told.
    pub(crate) fn whose_joins_end(node: &Node, joins_end: MeshError) -> Arc<Self> {
        let published = Arc::new(Self { kept: Mutex::default(), joins_end });
        node.domain.join_mesh(published.clone());
        published
    }

    /// What was published since the last time, by kind and topic.
    pub(crate) fn take(&self) -> Vec<(Kind, Lane, Envelope)> {
        let taken = std::mem::take(&mut *self.kept.lock().unwrap());
        taken.into_iter().map(|p| (p.envelope.body().kind, p.lane, p.envelope)).collect()
    }

    /// The one change that was published since the last time, and nothing else.
    fn change(&self) -> Envelope {
        let taken = self.take();
        let kinds: Vec<_> = taken.iter().map(|(kind, lane, _)| (*kind, *lane)).collect();
        let [(Kind::StatusDelta, Lane::Ctl, envelope)] = &taken[..] else { panic!("{kinds:?}") };
        envelope.clone()
    }
}

impl Mesh for Published {
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        self.kept.lock().unwrap().push(publication);
        Box::pin(async { Ok(()) })
    }

    fn resolve(&self, _: Did, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn list(&self, _: Option<Scid>, _: String, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn join(&self, _: JoinToken, _: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        Box::pin(async { Err(self.joins_end) })
    }

    fn domains_changed(&self) {}

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// Alpha with its owners, what it publishes, and bravo, who has all that alpha announces.
pub(crate) async fn two(owners: &[&str]) -> (Node, Arc<Published>, Node) {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &[]).await;
    for owner in owners {
        alpha.owner(owner).await;
    }
    for envelope in announced(&alpha).await {
        take(&bravo, &envelope).await;
    }
    let published = Published::of(&alpha);
    (alpha, published, bravo)
}

pub(crate) async fn act(node: &Node, owner: &str, act: Act) -> u32 {
    node.domain.act_on_member(MemberKind::Owner, owner, act).await.unwrap();
    node.domain.member(MemberKind::Owner, owner).await.unwrap().index
}

pub(crate) fn key(of: &Node, purpose: Purpose) -> ListKey {
    ListKey { issuer: of.domain.home.did.clone(), url: of.domain.home.list_url(purpose) }
}

pub(crate) async fn fact(at: &Node, of: &Node, purpose: Purpose) -> ListFact {
    at.domain.held_list(&key(of, purpose)).await.unwrap().unwrap()
}

/// Whether an index counts as set at `at`, by the list or by what stands beside it.
pub(crate) async fn is_set(at: &Node, of: &Node, purpose: Purpose, index: u32) -> bool {
    let fact = fact(at, of, purpose).await;
    let beside = fact.revoked_ever.is_some_and(|bits| bits.get(index) == Some(true));
    beside || fact.list.bits.get(index).unwrap()
}

pub(crate) async fn whole(of: &Node, purpose: Purpose) -> Envelope {
    let url = of.domain.home.list_url(purpose);
    announced(of).await.into_iter().find(|e| e.body().subject == url).unwrap()
}

pub(crate) async fn count(node: &Node, table: Table) -> usize {
    node.records.scan(table, &[], None, 100).await.unwrap().len()
}

//
#[tokio::test]
async fn a_revocation_goes_out_as_a_change_and_counts_at_once_and_makes_no_list_younger() {
    let (alpha, published, bravo) = two(&["alice", "anna"]).await;
    let before = fact(&bravo, &alpha, Purpose::Revocation).await.list;
    for node in [&alpha, &bravo] {
        node.pass(60);
    }
    let alice = act(&alpha, "alice", Act::Revoke).await;
    let change = published.change();
    assert!(change.bytes().len() < 700, "{}", change.bytes().len());
    assert!(matches!(take(&bravo, &change).await, Verdict::Accept { held } if held.is_empty()));
    assert!(is_set(&bravo, &alpha, Purpose::Revocation, alice).await);
    let held = fact(&bravo, &alpha, Purpose::Revocation).await.list;
    assert_eq!((held.sequence, held.issued), (before.sequence, before.issued));
    // Only whole lists are given to who asks.
    let asked = bravo.intake.lookup(Request::List { url: before.url.clone() }).await;
    let Response::Envelope(given) = asked else { panic!("{asked:?}") };
    assert_eq!(Envelope::decode(&given).unwrap().body().seq, before.sequence);
    // The next change starts from what the first one led to, and the whole list from where both led.
    let anna = act(&alpha, "anna", Act::Revoke).await;
    assert!(matches!(take(&bravo, &published.change()).await, Verdict::Accept { .. }));
    assert!(is_set(&bravo, &alpha, Purpose::Revocation, anna).await);
    assert!(matches!(take(&bravo, &change).await, Verdict::Ignore(Refusal::Older)));
    assert_eq!(count(&bravo, Table::Ahead).await, 1);
    assert!(matches!(take(&bravo, &whole(&alpha, Purpose::Revocation).await).await, Verdict::Accept { .. }));
    assert_eq!(count(&bravo, Table::Ahead).await, 0);
    let held = fact(&bravo, &alpha, Purpose::Revocation).await;
    assert_eq!([alice, anna].map(|index| held.list.bits.get(index)), [Some(true); 2]);
    assert!(held.list.issued > before.issued);
    assert_eq!(count(&bravo, Table::Evidence).await, 0);
}

//
#[tokio::test]
async fn a_change_that_cannot_be_applied_asks_for_the_whole_list() {
    let (alpha, published, bravo) = two(&["alice", "anna"]).await;
    let stranger = Node::new("charlie.test").await;
    stranger.trusts(&alpha, &[]).await;
    stranger.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    let alice = act(&alpha, "alice", Act::Revoke).await;
    let missed = published.change();
    let anna = act(&alpha, "anna", Act::Revoke).await;
    let second = published.change();
    for node in [&bravo, &stranger] {
        assert!(matches!(take(node, &second).await, Verdict::Ignore(Refusal::UnknownParent)));
    }
    // In the other order all the same.
    assert!(matches!(take(&bravo, &missed).await, Verdict::Accept { .. }));
    assert!(matches!(take(&bravo, &second).await, Verdict::Accept { .. }));
    assert!(matches!(take(&bravo, &second).await, Verdict::Ignore(Refusal::Known)));
    let whole = whole(&alpha, Purpose::Revocation).await;
    assert!(matches!(take(&stranger, &whole).await, Verdict::Accept { .. }));
    for node in [&bravo, &stranger] {
        assert!(is_set(node, &alpha, Purpose::Revocation, alice).await);
        assert!(is_set(node, &alpha, Purpose::Revocation, anna).await);
    }
    assert!(matches!(take(&stranger, &missed).await, Verdict::Ignore(Refusal::Older)));
}

//
#[tokio::test]
async fn a_whole_list_that_a_change_has_overtaken_is_no_misbehaviour() {
    let (alpha, published, bravo) = two(&["alice", "anna"]).await;
    act(&alpha, "alice", Act::Revoke).await;
    let (first, between) = (published.change(), whole(&alpha, Purpose::Revocation).await);
    let anna = act(&alpha, "anna", Act::Revoke).await;
    for envelope in [&first, &published.change(), &between] {
        assert!(matches!(take(&bravo, envelope).await, Verdict::Accept { .. }));
    }
    assert!(is_set(&bravo, &alpha, Purpose::Revocation, anna).await);
    assert_eq!(fact(&bravo, &alpha, Purpose::Revocation).await.list.sequence, between.body().seq);
    assert_eq!((count(&bravo, Table::Evidence).await, count(&bravo, Table::Ahead).await), (0, 1));
}

//
#[tokio::test]
async fn a_suspension_counts_by_its_change_and_is_lifted_by_a_whole_list() {
    let (alpha, published, bravo) = two(&["alice"]).await;
    let index = act(&alpha, "alice", Act::Suspend).await;
    let change = published.change();
    assert!(matches!(take(&bravo, &change).await, Verdict::Accept { .. }));
    assert!(is_set(&bravo, &alpha, Purpose::Suspension, index).await);
    assert!(!is_set(&bravo, &alpha, Purpose::Revocation, index).await);
    // Also after a start, and where the change comes again.
    let again = Node::over("bravo.test", bravo.records.clone()).await;
    assert!(is_set(&again, &alpha, Purpose::Suspension, index).await);
    act(&alpha, "alice", Act::Resume).await;
    let lifted = published.take();
    let [(Kind::StatusList, Lane::Ctl, lifted)] = &lifted[..] else { panic!("{lifted:?}") };
    assert!(matches!(take(&bravo, lifted).await, Verdict::Accept { .. }));
    assert!(!is_set(&bravo, &alpha, Purpose::Suspension, index).await);
    assert!(matches!(take(&bravo, &change).await, Verdict::Ignore(Refusal::Older)));
    assert!(!is_set(&bravo, &alpha, Purpose::Suspension, index).await);
}

#[tokio::test]
async fn a_node_whose_membership_a_change_revoked_is_not_admitted() {
    let (alpha, published, bravo) = two(&["alice"]).await;
    let own = hello(&alpha).await;
    bravo.intake.admit(knock("alpha.test", own.clone())).await.unwrap();
    let credential = vc_schemas::secure::Secured::parse(
        Content::Credential,
        Securing::Cose,
        &own.membership,
        own.membership.len(),
    );
    let id = credential.unwrap().payload()["id"].as_str().unwrap().to_owned();
    for (doing, purpose) in [(Act::Suspend, Purpose::Suspension), (Act::Revoke, Purpose::Revocation)] {
        alpha.domain.act_on_credential(&id, doing).await.unwrap();
        let change = published.take().into_iter().find(|(_, _, e)| {
            e.body().kind == Kind::StatusDelta && e.body().subject == key(&alpha, purpose).url
        });
        take(&bravo, &change.unwrap().2).await;
        let refused = bravo.intake.admit(knock("alpha.test", own.clone())).await.unwrap_err();
        assert_eq!(refused, Refusal::BadMembership);
    }
}

//
#[tokio::test]
async fn a_change_and_a_list_that_contradict_each_other_are_both_kept_and_both_revoke() {
    let (alpha, published, bravo) = two(&["alice", "anna"]).await;
    let twin = Node::new("alpha.test").await;
    let said_by_twin = Published::of(&twin);
    // The places of the first owners are alike.
    for owner in ["alice", "mallory"] {
        twin.owner(owner).await;
    }
    said_by_twin.take();
    let alice = act(&alpha, "alice", Act::Revoke).await;
    let mallory = act(&twin, "mallory", Act::Revoke).await;
    assert!(matches!(take(&bravo, &published.change()).await, Verdict::Accept { .. }));
    let other = said_by_twin.change();
    assert!(matches!(take(&bravo, &other).await, Verdict::Ignore(Refusal::Equivocation)));
    assert!(is_set(&bravo, &alpha, Purpose::Revocation, alice).await);
    assert!(is_set(&bravo, &alpha, Purpose::Revocation, mallory).await);
    assert_eq!(count(&bravo, Table::Evidence).await, 2);
    // The same by a whole list of the other, once more, and by a change from an array that never was.
    let list = whole(&twin, Purpose::Revocation).await;
    assert!(matches!(take(&bravo, &list).await, Verdict::Beside(_, Refusal::Equivocation)));
    assert_eq!(count(&bravo, Table::Evidence).await, 3);
    twin.owner("mike").await;
    said_by_twin.take();
    act(&twin, "mike", Act::Revoke).await;
    assert!(matches!(take(&bravo, &said_by_twin.change()).await, Verdict::Ignore(Refusal::Equivocation)));
    let signed = bravo.records.scan(Table::Evidence, &[], None, 9).await.unwrap();
    assert!(signed.iter().any(|row| row.stored.value == other.bytes()), "as it was signed");
}

#[tokio::test]
async fn a_change_that_another_signed_or_that_is_not_what_its_envelope_says_is_refused() {
    let (alpha, published, bravo) = two(&["alice"]).await;
    act(&alpha, "alice", Act::Revoke).await;
    let good = published.change();
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let other = Holder::new("mallory", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let body = good.body().clone();
    let renumbered = Body { seq: body.seq + 1, ..body.clone() };
    let elsewhere = Body { subject: key(&alpha, Purpose::Suspension).url, ..body.clone() };
    let garbage = Body { payload: vec![0xa0], ..body.clone() };
    for (wrong, refusal) in
        [(renumbered, Refusal::Inconsistent), (elsewhere, Refusal::Inconsistent), (garbage, Refusal::BadList)]
    {
        assert!(matches!(take(&bravo, &holder.seal(wrong)).await, Verdict::Ignore(why) if why == refusal));
    }
    let forged = Body { domain: Scid::of(&other.did()).unwrap(), ..body };
    let forged = take(&bravo, &other.seal(forged)).await;
    assert!(matches!(forged, Verdict::NeedDomain { .. }), "{forged:?}");
    assert_eq!(count(&bravo, Table::Ahead).await, 0);
    assert!(matches!(take(&bravo, &good).await, Verdict::Accept { .. }));
}

//
#[tokio::test]
async fn a_list_that_changes_all_the_time_is_pushed_whole_at_half_of_its_ttl_all_the_same() {
    let names: Vec<String> = (0..6).map(|n| format!("owner-{n}")).collect();
    let (alpha, published, _) = two(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut pushed = Vec::new();
    for name in &names {
        alpha.pass(50);
        act(&alpha, name, Act::Revoke).await;
        alpha.domain.refresh_lists().await.unwrap();
        let url = key(&alpha, Purpose::Revocation).url;
        let whole = |(kind, _, envelope): &(Kind, Lane, Envelope)| {
            *kind == Kind::StatusList && envelope.body().subject == url
        };
        pushed.push(published.take().iter().any(whole));
    }
    assert_eq!(pushed, [false, false, true, false, false, true]);
}

/// A list of `holder` with a million entries.
fn million(holder: &Holder, sequence: u64, bits: &Bits) -> (StatusList, Vec<u8>) {
    let issued = UnixSeconds::new(NOW);
    let draft = ListDraft {
        url: "https://alpha.test/status/revocation".to_owned(),
        issuer: holder.did(),
        purpose: Purpose::Revocation,
        sequence,
        issued,
        valid_until: issued.plus(Duration::from_secs(86_400)),
        ttl: Duration::from_secs(240),
        bits: bits.clone(),
    };
    let secured = holder.sign(Content::Credential, Securing::Jwt, draft.payload().unwrap());
    (StatusList::read(&secured).unwrap(), secured.bytes().to_vec())
}

// G11
#[test]
fn a_change_of_fifty_is_a_fortieth_of_a_list_of_a_million_with_one_in_a_hundred_on_the_wire() {
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let mut bits = Bits::new(1 << 20).unwrap();
    let mut state = 1_u64;
    let mut add = |bits: &mut Bits, count: u32| {
        let wanted = bits.count_set() + count;
        while bits.count_set() < wanted {
            // SplitMix64: indices are given out at random.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits.set(u32::try_from((z ^ (z >> 31)) >> 44).unwrap()).unwrap();
        }
    };
    add(&mut bits, 10_486);
    let (list, signed) = million(&holder, 4, &bits);
    let seal = |kind, payload, seq| {
        let (subject, issued_at) = (list.url.clone(), UnixSeconds::new(NOW));
        let expires_at = issued_at.plus(Duration::from_secs(3_600));
        let (domain, prev, witness) = (Scid::of(&holder.did()).unwrap(), None, None);
        let body = Body { kind, domain, subject, seq, prev, issued_at, expires_at, payload, witness };
        holder.seal(body).bytes().len()
    };
    let full = seal(Kind::StatusList, signed, 4);
    for changes in [1, 50] {
        let mut next = bits.clone();
        add(&mut next, changes);
        let (issued, valid_until, ttl) = (list.issued, list.valid_until, list.ttl);
        let delta = Delta::between(&list, &next, Next { sequence: 7, issued, valid_until, ttl }).unwrap();
        let change = seal(Kind::StatusDelta, delta.to_cbor(), 7);
        println!("a change of {changes}: {change} bytes in its envelope; the whole list: {full}");
        assert!(change * 40 <= full, "{change} against {full}");
    }
}
