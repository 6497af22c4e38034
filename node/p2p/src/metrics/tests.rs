//! What is counted, as it is shown.

use super::*;
use prometheus_client::encoding::text::encode;

fn shown(registry: &Registry) -> Vec<String> {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn what_falls_behind_or_beside_a_held_log_is_counted_and_nothing_else_is() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let count = |metric, kind, reason| metrics.count(metric, Some(kind), Some(reason));
    for reason in [Refusal::Older, Refusal::DeadKey, Refusal::Contested] {
        count(Metric::GossipIgnored, Kind::Log, reason);
        count(Metric::SyncIgnored, Kind::LogHead, reason);
        count(Metric::GossipIgnored, Kind::StatusList, reason);
    }
    count(Metric::GossipIgnored, Kind::Log, Refusal::Known);
    metrics.count(Metric::GossipAccepted, Some(Kind::Log), None);
    assert!(shown(&registry).contains(&"did_floor_regressions_total 6".to_owned()));
}

#[test]
fn peers_are_told_by_domain_and_direction_and_of_how_many_domains_they_are() {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let scid = |n: u8| Scid::parse(&did_resolver::codec::multihash_base58btc(&[n])).unwrap();
    let (one, other) = (scid(1), scid(2));
    let peers = [(Some(&one), true), (Some(&one), false), (Some(&other), false), (None, false)];
    metrics.measure(&Gauges::default(), peers.into_iter());
    let lines = shown(&registry);
    assert!(lines.contains(&"peer_domains 2".to_owned()), "{lines:?}");
    assert!(lines.contains(&format!("peers{{domain=\"{}\",dir=\"out\"}} 1", one.as_str())), "{lines:?}");
    metrics.measure(&Gauges::default(), [(None, true)].into_iter());
    let lines = shown(&registry);
    assert!(lines.contains(&"peer_domains 0".to_owned()), "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("peers{")).count(), 1);
}
