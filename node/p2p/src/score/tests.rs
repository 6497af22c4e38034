//! The parameters fit together, whatever else a peer does.

use super::*;
use marque_rules::replica::Topic;
use proptest::prelude::*;

fn params(lane: Lane) -> TopicScoreParams {
    let scid = did_resolver::codec::multihash_base58btc(b"acme");
    let did = format!("did:webvh:{scid}:acme.example").parse().unwrap();
    let domain = marque_rules::replica::Scid::of(&did).unwrap();
    topic_params(&IdentTopic::new(Topic::new(&domain, lane).as_str()))
}

/// What gossipsub makes of counters on the three topics (its `score_report`), of P5 and of P7.
fn total(topics: &[(Lane, f64, f64, f64)], known: bool, behaviour: f64) -> f64 {
    let of = |(lane, mesh, first, invalid): &(Lane, f64, f64, f64)| {
        let p = params(*lane);
        let good = mesh.min(p.time_in_mesh_cap) * p.time_in_mesh_weight
            + first.min(p.first_message_deliveries_cap) * p.first_message_deliveries_weight;
        (good + invalid * invalid * p.invalid_message_deliveries_weight) * p.topic_weight
    };
    let topics = topics.iter().map(of).sum::<f64>().min(TOPIC_SCORE_CAP);
    let excess = (behaviour - P7_THRESHOLD).max(0.0);
    topics + if known { KNOWN } else { 0.0 } + excess * excess * P7_WEIGHT
}

#[test]
fn gossipsub_takes_the_parameters() {
    score().validate().unwrap();
    THRESHOLDS.validate().unwrap();
    for lane in Lane::ALL {
        params(lane).validate().unwrap();
    }
    gossip(&Keypair::generate_ed25519(), Arrivals::default()).unwrap();
}

#[test]
fn a_topic_is_told_by_how_it_ends() {
    assert!(params(Lane::Ctl).topic_weight > params(Lane::Did).topic_weight);
    assert!((params(Lane::Did).topic_weight - params(Lane::Status).topic_weight).abs() < f64::EPSILON);
}

proptest! {
    //
    #[test]
    fn three_bad_messages_on_any_one_topic_graylist_whatever_good_was_done(
        lane in 0_usize..3,
        mesh in 0.0_f64..1e9,
        first in prop::array::uniform3(0.0_f64..1e9),
    ) {
        let mut topics = Vec::new();
        for (at, other) in Lane::ALL.into_iter().enumerate() {
            topics.push((other, mesh, first[at], if at == lane { 3.0 } else { 0.0 }));
        }
        prop_assert!(total(&topics, true, 0.0) < GRAYLIST_THRESHOLD);
    }

    #[test]
    fn nothing_good_ever_amounts_to_more_than_the_caps(
        mesh in 0.0_f64..1e9, first in 0.0_f64..1e9, behaviour in 0.0_f64..P7_THRESHOLD,
    ) {
        let topics: Vec<_> = Lane::ALL.into_iter().map(|lane| (lane, mesh, first, 0.0)).collect();
        let total = total(&topics, true, behaviour);
        prop_assert!((0.0..=TOPIC_SCORE_CAP + KNOWN).contains(&total));
        prop_assert!(total < -P4_WEIGHT);
    }

    #[test]
    fn what_breaks_the_protocol_again_and_again_graylists(behaviour in 24.0_f64..1e6) {
        prop_assert!(total(&[], true, behaviour) < GRAYLIST_THRESHOLD);
    }
}
