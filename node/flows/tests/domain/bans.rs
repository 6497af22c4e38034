//! Bans are durable, end, and are bounded.

use crate::world::Node;
use did_resolver::codec::to_base58btc;
use marque_flows::bans::{MAX_BAN, MAX_BANS};
use marque_flows::error::Error;
use marque_flows::ports::mesh::{Ban, BannedBy, Intake};
use std::time::Duration;
use vc_schemas::code::Code;

fn peer(n: usize) -> String {
    let mut bytes = vec![0, 0x24, 0x08, 0x01, 0x12, 0x20];
    bytes.extend_from_slice(&did_resolver::codec::sha256(&n.to_be_bytes()));
    to_base58btc(&bytes)
}

fn of_score(node: &Node, n: usize, seconds: u64) -> Ban {
    let until = node.domain.now().plus(Duration::from_secs(seconds));
    Ban { peer: peer(n), until, by: BannedBy::Score }
}

const HOUR: Duration = Duration::from_secs(3_600);

//
#[tokio::test]
async fn a_ban_is_kept_until_it_ends_and_no_score_changes_what_an_operator_decided() {
    let node = Node::new("alpha.test").await;
    let ban = node.domain.ban(&peer(1), HOUR).await.unwrap();
    node.intake.banned(of_score(&node, 1, 7_200)).await;
    node.intake.banned(of_score(&node, 2, 60)).await;
    let kept = node.intake.bans().await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&ban));
    node.pass(60);
    assert_eq!(node.intake.bans().await.unwrap(), [ban]);
    node.domain.unban(&peer(1)).await.unwrap();
    assert!(node.domain.bans().await.unwrap().is_empty());
    assert!(matches!(node.domain.unban(&peer(1)).await, Err(Error::Refused(r)) if r.code == Code::NotFound));
}

#[tokio::test]
async fn only_a_peer_id_is_banned_and_only_for_a_while() {
    let node = Node::new("alpha.test").await;
    let longer = MAX_BAN + Duration::from_secs(1);
    let key = to_base58btc(&[7; 38]);
    let bad = [(peer(1), Duration::ZERO), (peer(1), longer), (String::new(), HOUR), (key, HOUR)];
    for (peer, life) in bad {
        let refused = node.domain.ban(&peer, life).await;
        assert!(matches!(refused, Err(Error::Refused(r)) if r.code == Code::RequestMalformed), "{peer}");
    }
    assert!(node.domain.bans().await.unwrap().is_empty());
}

#[tokio::test]
async fn bans_are_bounded_and_the_first_to_end_of_those_for_a_score_makes_room() {
    let node = Node::new("alpha.test").await;
    node.domain.ban(&peer(0), Duration::from_secs(1_000)).await.unwrap();
    for n in 1..MAX_BANS {
        node.intake.banned(of_score(&node, n, 2_000 + n as u64)).await;
    }
    node.intake.banned(of_score(&node, MAX_BANS, 5_000)).await;
    let kept = node.domain.bans().await.unwrap();
    let holds = |n| kept.iter().any(|ban| ban.peer == peer(n));
    assert_eq!(kept.len(), MAX_BANS);
    assert!(holds(0) && !holds(1) && holds(2) && holds(MAX_BANS));
}
