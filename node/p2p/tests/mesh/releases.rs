//! A network of two releases: two nodes of this one, and one of a release that is yet to come (MESH.md D3).

use crate::later::{Beyond, Later, seal};
use crate::real::Real;
use crate::world;
use did_resolver::codec::sha256;
use did_resolver::did::Did;
use marque_flows::ports::mesh::{Intake, Mesh};
use marque_rules::replica::view::range::Prefix;
use marque_rules::replica::{
    Body, Envelope, HelloAnswer, Item, ItemKind, Kind, Lane, Refusal, Request, Response, Scid, Topic,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// A kind of envelope that has no row here, and of item.
const LATER_KIND: u64 = 200;
const LATER_ITEM: u8 = 200;

fn scid(node: &world::Node) -> Scid {
    Scid::of(&node.domain.home.did).unwrap()
}

async fn holds(node: &world::Node, did: &Did) -> bool {
    !node.domain.held_log(did).await.unwrap().branches.is_empty()
}

/// What a node passes on of a DID's log.
async fn envelope(node: &world::Node, did: &Did) -> Vec<u8> {
    match node.intake.lookup(Request::Resolve { did: did.to_string() }).await {
        Response::Envelope(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

/// Says the log of somebody new of its domain, with field 13, and notes what was said.
async fn says_a_log(later: &Later, field: u64, said: &mut BTreeMap<Did, Vec<u8>>) -> Did {
    let did = later.node.owner(&format!("late-{field}")).await.did();
    let known = Envelope::decode(&envelope(&later.node, &did).await).unwrap().body().clone();
    let bytes = later.sealed(&known, Beyond { field: Some(field), ..Beyond::default() });
    later.publish(Lane::Did, bytes.clone()).await;
    said.insert(did.clone(), bytes);
    did
}

// R-341 R-342 R-343
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_two_releases_tell_each_other_what_both_know_and_hold_nothing_else_against_each_other() {
    let node = world::Node::new;
    let (alpha, bravo, charlie) =
        (node("alpha.test").await, node("bravo.test").await, node("charlie.test").await);
    for (one, other) in [(&alpha, &bravo), (&alpha, &charlie), (&bravo, &charlie)] {
        one.trusts(other, &[]).await;
        other.trusts(one, &[]).await;
    }
    let own = scid(&alpha);
    let first = alpha.owner("first").await.did();
    // Charlie's node is of the later release. It holds a log, and what only that release knows.
    let early = charlie.owner("early").await.did();
    let known = Envelope::decode(&envelope(&charlie, &early).await).unwrap().body().clone();
    let unknown = Body { payload: b"moons".to_vec(), subject: "urn:moon:1".to_owned(), ..known.clone() };
    let item = Item {
        kind: ItemKind::Later(LATER_ITEM),
        subject: unknown.subject.clone(),
        seq: 1,
        digest: sha256(&unknown.payload),
    };
    let of_later_kind = Beyond { kind: Some(LATER_KIND), ..Beyond::default() };
    let beyond = vec![(item.clone(), seal("charlie.test", &charlie, &unknown, of_later_kind))];

    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    let topics: Vec<_> = [&own, &scid(&charlie)]
        .into_iter()
        .flat_map(|of| Lane::ALL.map(|lane| Topic::new(of, lane)))
        .collect();
    let later = Later::start("charlie.test", charlie, alpha.address(), &topics, beyond);
    let of_charlie = scid(&later.node);
    let charlie_at = async |real: &Real| {
        let peers = real.running.handle.peers().await.unwrap();
        peers.into_iter().find(|peer| peer.domain.as_ref() == Some(&of_charlie))
    };
    crate::eventually!(charlie_at(&alpha).await.is_some());

    // Its later hello is answered, and the one that is spoken here admits it.
    crate::eventually!(later.seen.lock().unwrap().hellos.len() == 2);
    let hellos = std::mem::take(&mut later.seen.lock().unwrap().hellos);
    assert_eq!(hellos[0], HelloAnswer::Refused(Refusal::UnknownVersion));
    assert!(matches!(hellos[1], HelloAnswer::Admitted(_)));
    assert_eq!(alpha.counted("hello_refused_total", &["reason=\"unknown-version\""]), 1);

    // What both know is pulled. What only the later one knows is listed, and not asked for. An answer in words that
    // are not known here is an answer.
    crate::eventually!(holds(&alpha.node, &early).await);
    crate::eventually!(alpha.counted("sync_events_total", &["reason=\"unknown-reason\""]) >= 1);
    let asked_for = |id| {
        let seen = later.seen.lock().unwrap();
        seen.asked.iter().any(|asked| matches!(asked, Request::Objects { ids, .. } if ids.contains(&id)))
    };
    assert!(later.seen.lock().unwrap().asked.iter().any(|asked| matches!(asked, Request::Items { .. })));
    assert!(!asked_for(item.id()));

    // What it says goes on to bravo, as it came, with a field that need not be understood. What is said before the
    // streams are up is lost, and what was said is not said again.
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    let mut said = BTreeMap::new();
    crate::eventually!({
        let did = says_a_log(&later, said.len() as u64, &mut said).await;
        pause.tick().await;
        holds(&bravo.node, &did).await
    });
    for (did, bytes) in &said {
        for real in [&alpha, &bravo] {
            assert!(!holds(&real.node, did).await || envelope(&real.node, did).await == *bytes, "as it came");
        }
    }
    assert!(charlie_at(&bravo).await.is_none(), "by alpha");

    // What must be understood and is not, and a kind that has no row, alpha passes over, and does not pass on.
    let counted = |real: &Real, reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        real.counted("gossip_validate_total", &["result=\"ignore\"", &reason])
    };
    let mut tries = 0;
    crate::eventually!({
        let again = Body { seq: tries, ..unknown.clone() };
        later.publish(Lane::Did, later.sealed(&again, of_later_kind)).await;
        let critical = Beyond { critical: Some(tries), ..Beyond::default() };
        later.publish(Lane::Did, later.sealed(&known, critical)).await;
        tries += 1;
        pause.tick().await;
        counted(&alpha, "unknown-kind") > 3 && counted(&alpha, "unknown-critical") > 3
    });
    crate::eventually!({
        let did = says_a_log(&later, said.len() as u64, &mut said).await;
        pause.tick().await;
        holds(&bravo.node, &did).await
    });
    assert_eq!((counted(&bravo, "unknown-kind"), counted(&bravo, "unknown-critical")), (0, 0));

    // And the other way: it pulls what alpha holds, and hears what alpha says.
    let prefixes = vec![Prefix::byte(0).child(0)];
    assert!(matches!(
        later.ask(Request::Ranges { domain: own.clone(), prefixes }).await,
        Response::Ranges(parts) if parts.len() == 1
    ));
    let prefixes = (0..=u8::MAX).map(Prefix::byte).collect();
    let items = later.ask(Request::Items { domain: own.clone(), prefixes, after: None }).await;
    let Response::Items { items, more: false } = items else { panic!("{items:?}") };
    let wanted = items.iter().find(|item| item.subject == first.as_str()).unwrap().id();
    let objects = later.ask(Request::Objects { domain: own.clone(), ids: vec![wanted] }).await;
    let Response::Objects(objects) = objects else { panic!("{objects:?}") };
    assert_eq!(Envelope::decode(&objects[0].1).unwrap().body().kind, Kind::Log);
    let heard = |of: &Scid| {
        let seen = later.seen.lock().unwrap();
        let of_it = |data: &Vec<u8>| Envelope::decode(data).is_ok_and(|heard| heard.body().domain == *of);
        seen.heard.iter().any(of_it)
    };
    let mut n = 0;
    crate::eventually!({
        alpha.node.owner(&format!("owner-{n}")).await;
        n += 1;
        pause.tick().await;
        heard(&own)
    });

    // Nothing of it is held against it.
    let peer = charlie_at(&alpha).await.unwrap();
    assert!(peer.score >= Some(0), "{peer:?}");
    // It answered of its own domain, and of alpha's in words that are not known here.
    assert!(peer.synced.is_some() && peer.compared.is_none() && peer.refuses.is_none(), "{peer:?}");
    assert_eq!(alpha.counted("peers_dropped_total", &[]), 0);
    assert!(alpha.node.domain.bans().await.unwrap().is_empty());
    assert!(!later.seen.lock().unwrap().is_closed);
    assert!(!asked_for(item.id()));
}
