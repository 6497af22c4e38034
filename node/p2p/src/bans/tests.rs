//! Bans end, and are bounded.

use super::*;

fn until(at: u64, by: BannedBy) -> Until {
    Until { at: UnixSeconds::new(at), by }
}

#[test]
fn a_ban_is_over_when_its_time_comes_and_not_before() {
    let (mut bans, peer) = (Bans::default(), PeerId::random());
    assert_eq!(bans.ban(peer, until(100, BannedBy::Score)), None);
    assert!(bans.over(UnixSeconds::new(99)).is_empty() && bans.holds(&peer));
    assert_eq!(bans.over(UnixSeconds::new(100)), [peer]);
    assert!(!bans.holds(&peer) && bans.is_empty());
}

#[test]
fn what_an_operator_decided_no_score_changes_and_the_operator_does() {
    let (mut bans, peer) = (Bans::default(), PeerId::random());
    bans.ban(peer, until(1_000, BannedBy::Operator));
    bans.ban(peer, until(10, BannedBy::Score));
    assert!(bans.over(UnixSeconds::new(10)).is_empty());
    bans.ban(peer, until(20, BannedBy::Operator));
    assert_eq!(bans.over(UnixSeconds::new(20)), [peer]);
    assert!(!bans.lift(&peer));
}

#[test]
fn the_list_is_bounded_and_what_ends_first_makes_room() {
    let mut bans = Bans::default();
    let operator = PeerId::random();
    bans.ban(operator, until(1, BannedBy::Operator));
    let first = PeerId::random();
    bans.ban(first, until(2, BannedBy::Score));
    for n in 0..MAX_BANS as u64 {
        let evicted = bans.ban(PeerId::random(), until(100 + n, BannedBy::Score));
        assert_eq!(evicted.is_some(), n + 2 >= MAX_BANS as u64, "{n}");
    }
    assert_eq!(bans.len(), MAX_BANS);
    assert!(bans.holds(&operator) && !bans.holds(&first));

    let mut full = Bans::default();
    for _ in 0..MAX_BANS {
        full.ban(PeerId::random(), until(100, BannedBy::Operator));
    }
    let late = PeerId::random();
    assert_eq!(full.ban(late, until(100, BannedBy::Score)), Some(late));
    assert!(!full.holds(&late) && full.len() == MAX_BANS);
}
