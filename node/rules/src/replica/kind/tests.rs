//! The table is whole, and says one thing of each kind.

use super::*;

#[test]
fn every_number_and_every_name_is_given_once() {
    let of = |f: fn(&Rule) -> String| Kind::ALL.iter().map(|kind| f(kind.rule())).collect::<BTreeSet<_>>();
    assert_eq!(of(|rule| rule.number.to_string()).len(), Kind::ALL.len());
    assert_eq!(of(|rule| rule.name.to_owned()).len(), Kind::ALL.len());
    for kind in Kind::ALL {
        assert_eq!((kind.rule().kind, Kind::from_number(kind.rule().number)), (kind, Some(kind)));
        assert!(!kind.lanes().is_empty() && kind.rule().max_payload <= MAX_PAYLOAD_BYTES);
        assert!(ItemKind::KNOWN.contains(&kind.item_kind()));
    }
    assert_eq!(Kind::from_number(0), None);
}

#[test]
fn what_revokes_goes_first_and_on_the_topic_that_goes_first() {
    for kind in Kind::ALL {
        assert_eq!(kind.rule().urgent, kind.lanes().contains(&Lane::Ctl), "{kind:?}");
    }
}

#[test]
fn items_are_wanted_where_a_kind_that_carries_them_is_taken() {
    let logs = Kinds::only([Kind::Log]);
    assert!(logs.take(Kind::Log) && !logs.take(Kind::LogHead) && !logs.take(Kind::StatusList));
    assert!(logs.want(ItemKind::Log) && !logs.want(ItemKind::StatusList));
    assert!(!Kinds::only([Kind::StatusDelta]).want(ItemKind::StatusList));
    let all = Kinds::default();
    assert!(ItemKind::KNOWN.iter().all(|kind| all.want(*kind)) && !all.want(ItemKind::Later(200)));
}
