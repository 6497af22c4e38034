//! A status list that is too old is asked for, last at its own URL, and judged there as anywhere (MESH.md D7, D9).

use crate::deltas::{act, count, fact, is_set, key, two, whole};
use crate::peer::take;
use crate::resolution::Hosts;
use crate::world::{Node, received};
use futures::future::join_all;
use marque_flows::freshness::ListAge;
use marque_flows::ports::fetch::FetchError;
use marque_flows::ports::records::{Expect, Table, Write};
use marque_rules::lifecycle::Act;
use marque_rules::replica::{Envelope, Verdict};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::facts::ListFact;
use vc_schemas::status::Purpose::{Revocation, Suspension};

/// Older than any policy of these tests allows.
const LONG: u64 = 3_600;

async fn with_web(owners: &[&str]) -> (Node, Node, Arc<Hosts>) {
    let (alpha, _, bravo) = two(owners).await;
    let hosts = Hosts::new();
    bravo.domain.join_web(hosts.clone());
    (alpha, bravo, hosts)
}

/// What the list of a node is, at its URL.
async fn publish(node: &Node, hosts: &Hosts) {
    let list = node.domain.held_own_list(Revocation).await.unwrap().unwrap().list;
    hosts.put(&list.url, list.secured().bytes(), None);
}

fn pass(nodes: &[&Node], seconds: u64) {
    for node in nodes {
        node.pass(seconds);
    }
}

async fn found(at: &Node, of: &Node) -> Option<ListFact> {
    at.domain.find_list(&key(of, Revocation)).await.unwrap()
}

//
#[tokio::test]
async fn a_list_that_is_too_old_is_had_from_its_own_url_and_a_young_one_is_not_asked_for() {
    let (alpha, bravo, hosts) = with_web(&["alice"]).await;
    let before = found(&bravo, &alpha).await.unwrap().list;
    assert_eq!(hosts.asked(), 0, "it is young");
    pass(&[&alpha, &bravo], LONG);
    let alice = act(&alpha, "alice", Act::Revoke).await;
    publish(&alpha, &hosts).await;
    assert!(!is_set(&bravo, &alpha, Revocation, alice).await);
    let after = found(&bravo, &alpha).await.unwrap().list;
    assert!(after.sequence > before.sequence && after.issued > before.issued);
    assert_eq!(after.bits.get(alice), Some(true));
    for _ in 0..3 {
        assert_eq!(found(&bravo, &alpha).await.unwrap().list.sequence, after.sequence);
    }
    assert_eq!(hosts.asked(), 1);
    // What its domain says of it comes later, and is passed on from then on.
    let envelope = whole(&alpha, Revocation).await;
    let Verdict::Accept { held } = take(&bravo, &envelope).await else { panic!("not taken") };
    assert!(held.iter().any(|item| item.seq == after.sequence));
    assert!(matches!(take(&bravo, &envelope).await, Verdict::Same { .. }));
}

//
#[tokio::test]
async fn a_list_from_the_web_is_held_to_the_floor_and_takes_no_revocation_back() {
    let (alpha, bravo, hosts) = with_web(&["alice", "anna"]).await;
    let url = key(&alpha, Revocation).url;
    let old = whole(&alpha, Revocation).await;
    let alice = act(&alpha, "alice", Act::Revoke).await;
    assert!(matches!(take(&bravo, &whole(&alpha, Revocation).await).await, Verdict::Accept { .. }));
    let floor = fact(&bravo, &alpha, Revocation).await.list.sequence;
    pass(&[&alpha, &bravo], LONG);

    // Of the same domain another history, which goes on without that revocation.
    let (other, _, _) = two(&["alice", "anna"]).await;
    pass(&[&other], LONG);
    for _ in 0..3 {
        act(&other, "anna", Act::Suspend).await;
        act(&other, "anna", Act::Resume).await;
    }
    let anna = act(&other, "anna", Act::Revoke).await;
    let unrevoking = other.domain.held_own_list(Revocation).await.unwrap().unwrap().list;
    let suspensions = alpha.domain.held_own_list(Suspension).await.unwrap().unwrap().list;
    let mut forged = unrevoking.secured().bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let lists: [(&[u8], usize); 5] = [
        (&old.body().payload, 0),
        (&forged, 0),
        (suspensions.secured().bytes(), 0),
        (b"no list", 0),
        (unrevoking.secured().bytes(), 2),
    ];
    for (n, (list, evidence)) in lists.into_iter().enumerate() {
        hosts.put(&url, list, None);
        let held = found(&bravo, &alpha).await.unwrap();
        assert_eq!((held.list.sequence, hosts.asked()), (floor, n + 1), "{n}");
        assert!(is_set(&bravo, &alpha, Revocation, alice).await, "{n}");
        assert!(count(&bravo, Table::Evidence).await <= evidence, "{n}");
        pass(&[&bravo], 30);
    }
    // What that one revokes counts all the same, and it is kept as evidence.
    assert!(is_set(&bravo, &alpha, Revocation, anna).await);
    assert!(count(&bravo, Table::Evidence).await > 0);
}

//
#[tokio::test]
async fn where_nobody_has_a_younger_list_nobody_could_know_and_nobody_is_asked_again_at_once() {
    let (alpha, bravo, hosts) = with_web(&["alice"]).await;
    let before = found(&bravo, &alpha).await.unwrap().list;
    pass(&[&alpha, &bravo], LONG);
    for error in [FetchError::Missing, FetchError::NotPublic, FetchError::Late] {
        hosts.fail(&before.url, error);
        let asked = hosts.asked();
        for _ in 0..3 {
            let held = found(&bravo, &alpha).await.unwrap();
            assert_eq!(held.list.issued, before.issued, "as old as it was");
        }
        assert_eq!(hosts.asked(), asked + 1);
        pass(&[&bravo], 30);
    }
    // Who lets nobody be asked has what is held.
    let (alpha, _, charlie) = two(&["alice"]).await;
    pass(&[&charlie], LONG);
    assert_eq!(found(&charlie, &alpha).await.unwrap().list.issued, before.issued);
}

//
#[tokio::test]
async fn many_that_want_one_list_cause_one_fetch_and_a_silent_host_keeps_none_of_them_for_ever() {
    let (alpha, bravo, hosts) = with_web(&["alice"]).await;
    pass(&[&alpha, &bravo], LONG);
    alpha.domain.refresh_lists().await.unwrap();
    publish(&alpha, &hosts).await;
    hosts.close();
    let letting_go = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        hosts.open(8);
    };
    let asking = join_all((0..50).map(|_| found(&bravo, &alpha)));
    let (lists, ()) = futures::future::join(asking, letting_go).await;
    let now = bravo.domain.now();
    assert!(lists.iter().all(|fact| fact.as_ref().unwrap().list.issued == now));
    assert_eq!(hosts.asked(), 1);

    let hasty = Node::in_haste("hasty.test", Duration::from_millis(50)).await;
    hasty.domain.join_web(hosts.clone());
    hosts.close();
    assert!(found(&hasty, &alpha).await.is_none());
}

//
#[tokio::test]
async fn a_domain_whose_records_came_back_from_a_backup_goes_on_from_the_lists_that_others_gave_back() {
    let (alpha, bravo, _) = with_web(&["alice", "anna"]).await;
    let state = |purpose: &'static [u8]| (Table::ListStates, purpose);
    let mut old = Vec::new();
    for (table, key) in [state(b"suspension"), state(b"revocation")] {
        let value = alpha.domain.records().get(table, key).await.unwrap().map(|stored| stored.value);
        old.push(Write { table, key: key.to_vec(), value, expect: Expect::Any });
    }
    let alice = act(&alpha, "alice", Act::Suspend).await;
    let anna = act(&alpha, "anna", Act::Revoke).await;
    let domain = &alpha.domain;
    let list = |purpose| async move {
        let list = domain.held_own_list(purpose).await.unwrap().unwrap().list;
        (list.sequence, list.bits.clone())
    };
    let before = [list(Suspension).await, list(Revocation).await];
    alpha.domain.records().commit(old).await.unwrap();
    alpha.domain.begin_new_lists().await.unwrap();
    let after = [list(Suspension).await, list(Revocation).await];
    for ((before, after), index) in before.iter().zip(&after).zip([alice, anna]) {
        assert!(after.0 > before.0 + 1_000, "a number that nobody can have seen");
        assert_eq!(after.1.get(index), Some(true));
    }
    assert_eq!(alpha.domain.own_lists().await.unwrap().len(), 4, "new ones are begun");
    for purpose in [Suspension, Revocation] {
        assert!(matches!(take(&bravo, &whole(&alpha, purpose).await).await, Verdict::Accept { .. }));
    }
}

/// Lists of one domain as they followed each other, and of another history of it.
async fn histories() -> Vec<Envelope> {
    let mut lists = Vec::new();
    for names in [["alice", "anna", "arno"], ["arno", "alice", "anna"]] {
        let (alpha, _, _) = two(&["alice", "anna", "arno"]).await;
        pass(&[&alpha], LONG);
        for name in names {
            act(&alpha, name, Act::Revoke).await;
            lists.push(whole(&alpha, Revocation).await);
        }
    }
    lists
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    //
    #[test]
    fn whatever_comes_from_web_and_mesh_no_revocation_is_taken_back_and_no_floor_falls(
        arrivals in prop::collection::vec((0_usize..6, any::<bool>()), 1..8)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (alpha, bravo, hosts) = with_web(&["alice", "anna", "arno"]).await;
            pass(&[&bravo], LONG);
            let lists = histories().await;
            let (mut ever, mut floor) = (Vec::new(), 0);
            for (which, by_web) in arrivals {
                if by_web {
                    hosts.put(&key(&alpha, Revocation).url, &lists[which].body().payload, None);
                    found(&bravo, &alpha).await;
                } else {
                    take(&bravo, &lists[which]).await;
                }
                // So that the next one is asked for again.
                pass(&[&bravo], LONG);
                let fact = fact(&bravo, &alpha, Revocation).await;
                assert!(fact.list.sequence >= floor);
                floor = fact.list.sequence;
                ever.extend((0..64).filter(|index| fact.list.bits.get(*index) == Some(true)));
                for index in &ever {
                    assert!(is_set(&bravo, &alpha, Revocation, *index).await);
                }
            }
        });
    }
}

//
#[tokio::test]
async fn the_age_of_every_list_that_is_held_is_told_by_whatever_way_it_came() {
    let (alpha, bravo, hosts) = with_web(&["alice"]).await;
    // One that bravo recognises and whose nodes it never met, and one that it does not even recognise.
    let (known, other) = (Node::new("known.test").await, Node::new("other.test").await);
    bravo.trusts(&known, &[]).await;
    pass(&[&alpha, &bravo, &known, &other], LONG);
    for node in [&known, &other] {
        node.owner("olga").await;
        act(node, "olga", Act::Revoke).await;
        publish(node, &hosts).await;
        let log = node.domain.held_log(&node.domain.home.did).await.unwrap();
        let log = log.log().unwrap().bytes().to_vec();
        bravo.domain.import(&node.domain.home.did, received(&log, None)).await.unwrap();
        assert!(found(&bravo, node).await.is_some());
    }
    bravo.pass(60);
    let told = |lists: Vec<ListAge>, of: &Node| {
        let of_it = |list: &ListAge| list.key == key(of, Revocation);
        lists.into_iter().find(of_it).map(|list| (list.is_announced, list.issued))
    };
    let issued = async |of: &Node| {
        let list = of.domain.held_own_list(Revocation).await.unwrap().unwrap().list;
        Some((list.issued, list.sequence))
    };
    let followed = async |of: &Node| told(bravo.domain.freshness().await.unwrap().0, of);
    let others = async |of: &Node| told(bravo.domain.lists_of_others().await.unwrap(), of);
    let before = found(&bravo, &alpha).await.map(|fact| (fact.list.issued, fact.list.sequence));
    assert_eq!((followed(&alpha).await, others(&alpha).await), (Some((true, before)), None));
    assert_eq!((followed(&known).await, others(&known).await), (Some((false, issued(&known).await)), None));
    assert_eq!((followed(&other).await, others(&other).await), (None, Some((false, issued(&other).await))));
    assert!(followed(&bravo).await.is_some_and(|(is_announced, _)| is_announced));
    // Who is recognised from now on is no other any more.
    bravo.trusts(&other, &[]).await;
    assert!(followed(&other).await.is_some() && others(&other).await.is_none());
}
