//! What goes on by old lists where little is at stake, and how it is confirmed.

use crate::verification::Journey;
use crate::world::Node;
use marque_flows::error::Error;
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_rules::lifecycle::Act;
use serde_json::Value;
use vc_schemas::check::Verdict;
use vc_schemas::code::Code;
use vc_schemas::facts::Request;
use vc_schemas::secure::Envelope;

/// Longer than a list may be relied on, with the skew of clocks.
const TOO_LONG: u64 = 361;

async fn ask(journey: &Journey, capability: Option<&str>) -> Result<Verdict, Error> {
    let capability = capability.map(|text| text.parse().unwrap());
    let request = Request { capability, ..Request::default() };
    let presented = journey.present().await;
    journey.node.domain.verify(&presented, Envelope::Jwt, request).await
}

/// A verifier that lets these go on, when its lists are too old.
async fn late(low: &[&str]) -> Journey {
    let journey = Journey::on(Node::lenient("alpha.test", low).await).await;
    journey.node.pass(TOO_LONG);
    journey
}

/// What was decided of presentations, in order: outcome and code.
async fn decided(node: &Node) -> Vec<(String, String)> {
    let rows = node.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap();
    let entries = rows.iter().map(|row| serde_json::from_slice::<Value>(&row.stored.value).unwrap());
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let of_verification = entries.filter(|entry| entry["kind"] == "verified");
    of_verification.map(|entry| (text(&entry, "outcome"), text(&entry, "code"))).collect()
}

//
#[tokio::test]
async fn what_is_of_low_assurance_goes_on_by_an_old_list_and_is_confirmed_by_the_next_one() {
    let journey = late(&["calendar:read"]).await;
    let domain = &journey.node.domain;
    let verdict = ask(&journey, Some("calendar:read")).await.unwrap();
    assert!(!verdict.deferred.is_empty());
    assert_eq!(domain.deferred().await.unwrap(), 1);
    // That list says nothing new, however often it is looked at.
    assert_eq!(domain.confirm_deferred(None).await.unwrap(), None);
    assert_eq!(domain.deferred().await.unwrap(), 1);
    // Nor does one of the same second: it may be from before.
    domain.refresh_lists().await.unwrap();
    domain.confirm_deferred(None).await.unwrap();
    assert_eq!(domain.deferred().await.unwrap(), 1);
    journey.node.pass(121);
    domain.refresh_lists().await.unwrap();
    domain.confirm_deferred(None).await.unwrap();
    assert_eq!(domain.deferred().await.unwrap(), 0);
    let outcomes = decided(&journey.node).await;
    assert_eq!(outcomes, [("deferred".into(), String::new()), ("confirmed".into(), String::new())]);
    assert!(ask(&journey, Some("calendar:read")).await.unwrap().deferred.is_empty());
    assert_eq!(domain.deferred().await.unwrap(), 0);
}

//
#[tokio::test]
async fn what_is_of_high_assurance_or_not_named_is_refused_by_an_old_list() {
    for (low, asked) in [
        (vec![], Some("calendar:read")),
        (vec!["calendar:read"], None),
        (vec!["files:read"], Some("calendar:read")),
    ] {
        let journey = late(&low).await;
        let refused = ask(&journey, asked).await.unwrap_err();
        assert_eq!(refused.refusal().code, Code::StatusStale, "{low:?} {asked:?}");
        assert_eq!(journey.node.domain.deferred().await.unwrap(), 0);
    }
}

//
#[tokio::test]
async fn what_turns_out_to_be_revoked_is_on_record_as_that() {
    let journey = late(&["calendar:read"]).await;
    let domain = &journey.node.domain;
    ask(&journey, Some("calendar:read")).await.unwrap();
    journey.node.pass(1);
    let id = journey.chain[0].payload()["id"].as_str().unwrap().to_owned();
    domain.act_on_credential(&id, Act::Revoke).await.unwrap();
    domain.confirm_deferred(None).await.unwrap();
    assert_eq!(domain.deferred().await.unwrap(), 0);
    let expected = ("not-confirmed".to_owned(), "credential-revoked".to_owned());
    assert_eq!(decided(&journey.node).await.last(), Some(&expected));
}

//
#[tokio::test]
async fn what_nobody_could_know_for_a_week_is_on_record_as_never_confirmed() {
    let journey = late(&["calendar:read"]).await;
    let domain = &journey.node.domain;
    ask(&journey, Some("calendar:read")).await.unwrap();
    journey.node.pass(7 * 86_400);
    domain.confirm_deferred(None).await.unwrap();
    assert_eq!(domain.deferred().await.unwrap(), 1);
    journey.node.pass(1);
    domain.confirm_deferred(None).await.unwrap();
    assert_eq!(domain.deferred().await.unwrap(), 0);
    assert_eq!(decided(&journey.node).await.last().unwrap().0, "never-confirmed");
}

//
#[tokio::test]
async fn beyond_a_bound_nothing_is_deferred_any_more_and_every_turn_goes_on_where_the_last_ended() {
    let journey = late(&["calendar:read"]).await;
    let domain = &journey.node.domain;
    ask(&journey, Some("calendar:read")).await.unwrap();
    let row = journey.node.records.scan(Table::Deferred, &[], None, 1).await.unwrap().remove(0);
    for n in 1..1_024 {
        let (table, value) = (Table::Deferred, Some(row.stored.value.clone()));
        let key = [row.key.as_slice(), format!("-{n:04}").as_bytes()].concat();
        journey.node.records.commit(vec![Write { table, key, value, expect: Expect::Absent }]).await.unwrap();
    }
    let refused = ask(&journey, Some("calendar:read")).await.unwrap_err();
    assert_eq!(refused.refusal().code, Code::StatusStale);
    journey.node.pass(1);
    domain.refresh_lists().await.unwrap();
    let (mut after, mut turns) = (None, 0);
    loop {
        after = domain.confirm_deferred(after).await.unwrap();
        turns += 1;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((domain.deferred().await.unwrap(), turns), (0, 17));
}

//
#[tokio::test]
async fn a_turn_looks_for_few_lists_and_what_cannot_be_read_keeps_nobody_waiting() {
    let journey = late(&["calendar:read"]).await;
    let domain = &journey.node.domain;
    ask(&journey, Some("calendar:read")).await.unwrap();
    let row = journey.node.records.scan(Table::Deferred, &[], None, 1).await.unwrap().remove(0);
    let put = async |key: Vec<u8>, value: Vec<u8>| {
        let write = Write { table: Table::Deferred, key, value: Some(value), expect: Expect::Absent };
        journey.node.records.commit(vec![write]).await.unwrap();
    };
    put(b"0000-damaged".to_vec(), b"{}".to_vec()).await;
    // Behind it come those that wait for lists that nobody has, twelve each.
    for n in 0..3 {
        let mut record: Value = serde_json::from_slice(&row.stored.value).unwrap();
        let list = record["lists"][0].clone();
        let lists = (0..12).map(|m| {
            let mut list = list.clone();
            list["list"] = format!("https://alpha.test/status/nobody/{n}/{m}").into();
            list
        });
        record["lists"] = lists.collect();
        put(format!("0001-{n}").into_bytes(), record.to_string().into_bytes()).await;
    }
    journey.node.pass(1);
    domain.refresh_lists().await.unwrap();
    let (mut after, mut turns) = (None, 0);
    loop {
        after = domain.confirm_deferred(after).await.unwrap();
        turns += 1;
        if after.is_none() {
            break;
        }
    }
    // One with twelve a turn, the first of them with the one that can be confirmed.
    assert_eq!((domain.deferred().await.unwrap(), turns), (4, 3));
    assert_eq!(decided(&journey.node).await.last().unwrap().0, "confirmed");
}
