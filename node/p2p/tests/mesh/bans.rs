//! Peers that are not let in.

use crate::fake::NOW;
use crate::{Node, eventually, gossips, in_time, pair};
use marque_flows::ports::mesh::{Ban, BannedBy, What};
use std::time::Duration;

fn ban(of: &Node) -> Ban {
    Ban { peer: of.fake_peer(), until: NOW.plus(Duration::from_secs(60)), by: BannedBy::Operator }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_operator_bans_is_put_out_and_stays_out_until_the_ban_is_lifted() {
    let (a, b) = pair().await;
    a.mesh().ban(ban(&b)).await.unwrap();
    eventually!(a.mesh().peers().await.unwrap().is_empty() && b.mesh().peers().await.unwrap().is_empty());
    // B keeps dialling, and A dials it: neither comes of anything.
    let c = Node::start(3, "acme", &[], &[a.address()]).await;
    eventually!(a.admitted(&c).await && c.admitted(&a).await);
    gossips(&a, &c, crate::URL).await;
    assert!(!a.admitted(&b).await && !b.admitted(&a).await);
    a.mesh().unban(b.fake_peer()).await.unwrap();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_outlives_a_restart() {
    let (a, b) = pair().await;
    let (peer, banned) = (b.fake_peer(), ban(&b));
    let listen = a.address().rsplit_once("/p2p/").unwrap().0.to_owned();
    let fake = a.stop().await;
    fake.banned.lock().unwrap().push(banned);
    let a = Node::start_on(1, fake, &listen, &[b.address()]).await;
    let c = Node::start(3, "acme", &[], &[a.address()]).await;
    eventually!(a.admitted(&c).await && c.admitted(&a).await);
    assert!(!a.mesh().peers().await.unwrap().iter().any(|info| info.peer == peer));
    a.mesh().unban(peer).await.unwrap();
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_is_told_what_came_and_how_a_peer_stands() {
    let (a, b) = pair().await;
    let mut watching = b.mesh().events().unwrap();
    gossips(&a, &b, crate::URL).await;
    let stored = loop {
        let event = in_time(watching.recv()).await.unwrap();
        if event.what == What::Stored {
            break event;
        }
    };
    assert_eq!(stored.peer, Some(a.fake_peer()));
    assert_eq!(stored.about.as_ref().map(|about| about.subject.as_str()), Some(crate::URL));
    let peers = b.mesh().peers().await.unwrap();
    let [info] = &peers[..] else { panic!("{peers:?}") };
    assert!(info.received > 0 && info.sent > 0 && info.score > Some(0) && info.outbound, "{info:?}");
    assert_eq!(info.admitted_until, Some(NOW.plus(Duration::from_secs(3_600))));
    // Streams of events end with the mesh.
    let handle = b.running.handle.clone();
    b.stop().await;
    while watching.recv().await.is_ok() {}
    assert!(marque_flows::ports::mesh::Mesh::events(&handle).is_none());
}
