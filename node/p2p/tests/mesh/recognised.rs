//! Which domains are known: the node says it, and the mesh goes by it whatever comes in between.

use crate::fake::{Told, scid};
use crate::{Node, PATIENCE, URL, eventually, gossips, in_time, token};
use marque_rules::replica::Refusal;
use marque_rules::replica::token::JoinSecret;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

const DIALS: &str = "dials_total{outcome=\"connected\"}";

impl Node {
    fn recognises(&self, domain: &str) {
        self.fake.trusted.lock().unwrap().insert(scid(domain));
    }

    /// Keeps the next answer to which domains there are until what is returned is used.
    fn holds_back(&self) -> oneshot::Sender<()> {
        let (give, given) = oneshot::channel();
        self.fake.next_domains.lock().unwrap().push_back(Told::Late(given));
        give
    }

    fn asked_domains(&self) -> usize {
        self.fake.asked_domains.load(Ordering::SeqCst)
    }

    /// Whether a peer does not let it in, since it does not know its domain.
    async fn is_unknown(&self) -> bool {
        let peers = self.mesh().peers().await.unwrap();
        peers.iter().any(|peer| peer.refuses == Some(Refusal::UnknownDomain))
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_comes_while_its_domain_is_being_recognised_is_let_in_on_the_same_connection() {
    let a = Node::start(1, "acme", &[], &[]).await;
    a.recognises("beta");
    let b = Node::start(2, "beta", &["acme"], &[a.address()]).await;
    eventually!(b.is_unknown().await);
    a.mesh().domains_changed();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    gossips(&a, &b, URL).await;
    assert_eq!(b.metric(DIALS), Some(1));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_answers_while_its_domain_is_being_recognised_is_let_in_on_the_same_connection() {
    let a = Node::start(1, "acme", &["beta"], &[]).await;
    let b = Node::start(2, "beta", &[], &[]).await;
    b.recognises("acme");
    b.running.handle.configure(vec![a.address().parse().unwrap()]).await.unwrap();
    eventually!(a.admitted(&b).await && !b.fake.knocks.lock().unwrap().is_empty());
    b.mesh().domains_changed();
    eventually!(b.admitted(&a).await);
    gossips(&a, &b, URL).await;
    assert_eq!(b.metric(DIALS), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_which_domains_there_are_does_not_take_the_place_of_a_newer_one() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "beta", &["acme"], &[a.address()]).await;
    eventually!(b.is_unknown().await);
    let (asked, give) = (a.asked_domains(), a.holds_back());
    a.mesh().domains_changed();
    eventually!(a.asked_domains() == asked + 1);
    a.recognises("beta");
    a.mesh().domains_changed();
    // Long enough that it would have been asked again, did it not wait.
    let again = async { eventually!(a.asked_domains() > asked + 1) };
    assert!(timeout(Duration::from_millis(300), again).await.is_err());
    give.send(()).unwrap();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    gossips(&a, &b, URL).await;
    assert_eq!(a.asked_domains(), asked + 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn which_domains_there_are_is_asked_again_where_it_could_not_be_told() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "beta", &["acme"], &[a.address()]).await;
    eventually!(b.is_unknown().await);
    let asked = a.asked_domains();
    a.fake.next_domains.lock().unwrap().extend([Told::Failed, Told::Panicked]);
    a.recognises("beta");
    a.mesh().domains_changed();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    assert_eq!(a.asked_domains(), asked + 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_while_it_is_being_told_which_domains_there_are_stays() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "beta", &["acme"], &[]).await;
    let (asked, give) = (a.asked_domains(), a.holds_back());
    a.mesh().domains_changed();
    eventually!(a.asked_domains() == asked + 1);
    a.fake.invites.lock().unwrap().push(JoinSecret::new([7; 32]));
    in_time(b.mesh().join(token(&a, 7), PATIENCE)).await.unwrap();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    give.send(()).unwrap();
    // What was held back is taken up by the time that this is.
    a.recognises("beta");
    a.mesh().domains_changed();
    gossips(&b, &a, "https://beta.example/status/1").await;
    assert_eq!(a.metric("peers_dropped_total{reason=\"withdrawn\"}"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_let_in_once_another_node_of_its_domain_has_joined() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let waiting = Node::start(2, "beta", &["acme"], &[a.address()]).await;
    eventually!(waiting.is_unknown().await);
    let joining = Node::start(3, "beta", &["acme"], &[]).await;
    a.fake.invites.lock().unwrap().push(JoinSecret::new([7; 32]));
    in_time(joining.mesh().join(token(&a, 7), PATIENCE)).await.unwrap();
    eventually!(a.admitted(&waiting).await && waiting.admitted(&a).await);
    assert_eq!(waiting.metric(DIALS), Some(1));
}
