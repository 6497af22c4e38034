use super::settings::server;
use super::*;
use crate::config::Engine;
use crate::custody::Weakness;
use crate::data::Kind;
use crate::failure::Local;

fn config() -> Config {
    Config { domain: "alpha.test".to_owned(), ..Config::default() }
}

/// A node with which nothing is wrong.
fn well() -> Facts {
    let list =
        |url: &str, age: u64| json!({"url": url, "issuer": "did:webvh:x:bravo.test", "ageSeconds": age});
    Facts {
        config: Ok(config()),
        keys: Some(Ok(Kept::default())),
        private: vec![Private { path: "/data/keys".into(), mode: 0o40700 }],
        recovery: None,
        now: UnixSeconds::new(1_000_000),
        seen: Some(UnixSeconds::new(999_999)),
        is_lossy: false,
        free: Some(u64::MAX),
        unwritable: None,
        unrunnable: None,
        node: Ok(json!({
            "did": "did:webvh:a:alpha.test",
            "readiness": {"status": "ok", "reason": null},
            "peers": 1,
            "lists": [list("https://alpha.test/status/revocation", 100)],
            "published": [{"place": "folder", "behindSeconds": 0, "reason": null}],
            "mesh": {
                "contested": 0,
                "deferred": 0,
                "refusedBy": [],
                "syncLagSeconds": 20,
                "lists": [list("https://bravo.test/status/revocation", 100)],
                "logHeads": [
                    {"did": "did:webvh:a:alpha.test", "versionId": "1-a"},
                    {"did": "did:webvh:b:bravo.test", "versionId": "1-b"},
                ],
            },
        })),
        credentials: Some(vec![ending(Kind::Owner, "alice", 1), ending(Kind::Agent, "bot", 1)]),
        places: Vec::new(),
    }
}

/// Somebody whose credential ends that long after the last quarter of its life has begun.
fn ending(kind: Kind, name: &str, after: i64) -> Ending {
    let quarter: i64 = if kind == Kind::Owner { 90 * 86_400 / 4 } else { 86_400 / 4 };
    let until = UnixSeconds::new(1_000_000_u64.checked_add_signed(quarter + after).unwrap());
    Ending { kind, name: name.to_owned(), until }
}

fn set(facts: &mut Facts, path: &str, value: Value) {
    *facts.node.as_mut().unwrap().pointer_mut(path).unwrap() = value;
}

/// The worst that is said of each matter that is not good.
fn wrong(facts: &Facts) -> Vec<(&'static str, Level)> {
    let found = judge(facts);
    assert!(found.iter().all(|one| one.level == Level::Good || !one.action.is_empty()), "{found:?}");
    found.into_iter().filter(|one| one.level != Level::Good).map(|one| (one.about, one.level)).collect()
}

#[test]
fn of_a_node_that_is_well_every_matter_is_good() {
    let found = judge(&well());
    assert_eq!(found.len(), 13, "{found:?}");
    assert!(found.iter().all(|one| one.level == Level::Good), "{found:?}");
}

#[test]
fn each_thing_that_is_wrong_is_told_with_what_to_do_and_nothing_else() {
    let case = |about, level, change: &dyn Fn(&mut Facts)| {
        let mut facts = well();
        change(&mut facts);
        assert_eq!(wrong(&facts), [(about, level)]);
    };
    fn of(facts: &mut Facts) -> &mut Config {
        facts.config.as_mut().unwrap()
    }
    use Level::{Bad, Look};
    case("configuration", Look, &|f| of(f).verify.skew_seconds = 121);
    case("configuration", Look, &|f| of(f).status.max_age_seconds = 3_601);
    case("configuration", Look, &|f| of(f).status.ttl_seconds = 301);
    case("configuration", Look, &|f| of(f).keys.kdf_kib -= 1);
    case("configuration", Look, &|f| of(f).limits.address_per_minute = 0);
    case("configuration", Look, &|f| of(f).limits.agent_per_minute = 0);
    case("configuration", Look, &|f| of(f).limits.owner_per_minute = 0);
    case("configuration", Bad, &|f| f.unrunnable = Some("no such file".to_owned()));
    case("records", Bad, &|f| f.is_lossy = true);
    case("files", Bad, &|f| f.private[0].mode = 0o40750);
    case("keys", Bad, &|f| f.keys = Some(Err(Failure::local(Local::Keys, "no token", "Look for it."))));
    case("keys", Bad, &|f| {
        f.keys = Some(Ok(Kept { missing: vec!["assertion".to_owned()], weakness: None }));
    });
    for (is_wrong, level) in [(false, Look), (true, Bad)] {
        case("keys", level, &|f| {
            let weakness = Weakness { is_wrong, reason: "in a file".to_owned(), action: "Buy a token." };
            f.keys = Some(Ok(Kept { missing: Vec::new(), weakness: Some(weakness) }));
        });
    }
    for kind in [Kind::Owner, Kind::Agent] {
        case("credentials", Look, &|f| f.credentials = Some(vec![ending(kind, "bot", 0)]));
    }
    case("files", Look, &|f| f.recovery = Some("/data/keys/recovery.json".into()));
    case("clock", Bad, &|f| f.seen = Some(UnixSeconds::new(1_000_061)));
    case("disk", Bad, &|f| f.unwritable = Some(("/data".into(), "read-only".to_owned())));
    case("disk", Look, &|f| f.free = Some(LITTLE_SPACE - 1));
    case("disk", Bad, &|f| f.free = Some(NO_SPACE - 1));
    case("listeners", Bad, &|f| of(f).listen.admin = "0.0.0.0:8641".parse().unwrap());
    case("listeners", Look, &|f| of(f).listen.health = "[::]:8642".parse().unwrap());
    case("listeners", Look, &|f| of(f).listen.public = "192.0.2.1:80".parse().unwrap());
    case("listeners", Bad, &|f| {
        let address = "127.0.0.1:8640".parse().unwrap();
        f.places.push(Place { key: "listen.public", address, taken: Some("in use".into()) });
    });
    case("node", Bad, &|f| set(f, "/readiness", json!({"status": "unavailable", "reason": "no room"})));
    case("peers", Bad, &|f| set(f, "/peers", json!(0)));
    case("peers", Bad, &|f| set(f, "/mesh/logHeads/1/versionId", Value::Null));
    case("peers", Look, &|f| set(f, "/mesh/syncLagSeconds", json!(121)));
    for reason in ["unknown-domain", "not-admitted", "membership-expired", "overloaded", "of a later release"]
    {
        let refused = json!([{"peerId": "12D3Koo", "scid": null, "reason": reason}]);
        case("peers", Look, &|f| set(f, "/mesh/refusedBy", refused.clone()));
    }
    case("lists", Bad, &|f| set(f, "/lists/0/ageSeconds", json!(301)));
    case("lists", Look, &|f| set(f, "/mesh/lists/0/ageSeconds", json!(301)));
    case("lists", Look, &|f| set(f, "/mesh/lists/0/ageSeconds", Value::Null));
    case("lists", Look, &|f| set(f, "/mesh/deferred", json!(2)));
    case("identities", Look, &|f| set(f, "/mesh/contested", json!(1)));
    case("published", Bad, &|f| set(f, "/published/0/behindSeconds", json!(LATE + 1)));
    case("published", Look, &|f| set(f, "/published/0/reason", json!("no room")));
}

#[test]
fn what_could_not_be_looked_at_is_not_called_good() {
    let mut facts = well();
    let down = || Failure::local(Local::NodeUnreachable, "no node runs", "marque up");
    (facts.node, facts.seen, facts.free, facts.keys) = (Err(down()), None, None, None);
    facts.credentials = None;
    assert_eq!(wrong(&facts), [("node", Level::Bad)]);
    let about: Vec<_> = judge(&facts).iter().map(|one| one.about).collect();
    assert_eq!(about, ["configuration", "files", "node", "records", "listeners"]);
    facts.config = Err(Failure::local(Local::Configuration, "unknown key", "Did you mean it?"));
    assert_eq!(wrong(&facts), [("configuration", Level::Bad), ("node", Level::Bad)]);
}

#[test]
fn who_does_not_let_this_node_in_is_told_by_reason_and_the_first_by_name() {
    let mut facts = well();
    let refused = |(peer, reason): (String, &str)| json!({"peerId": peer, "scid": null, "reason": reason});
    let all = (0..7)
        .map(|n| (format!("peer-{n}"), "unknown-domain"))
        .chain([("late".to_owned(), "bad-membership")]);
    set(&mut facts, "/mesh/refusedBy", all.map(refused).collect());
    let found: Vec<_> = judge(&facts).into_iter().filter(|one| one.about == "peers").collect();
    let [clock, stranger] = &found[..] else { panic!("{found:?}") };
    assert!(
        clock.reason.ends_with("(bad-membership) by late") && clock.action.contains("timedatectl"),
        "{clock:?}"
    );
    assert!(stranger.reason.ends_with("peer-4 and 2 more"), "{stranger:?}");
    assert!(stranger.action.ends_with("marque trust add did:webvh:a:alpha.test"), "{stranger:?}");
}

#[test]
fn a_domain_that_knows_nobody_is_well_alone() {
    let mut facts = well();
    set(&mut facts, "/peers", json!(0));
    set(&mut facts, "/mesh/logHeads", json!([{"did": "did:webvh:a:alpha.test", "versionId": "1-a"}]));
    set(&mut facts, "/mesh/syncLagSeconds", Value::Null);
    assert_eq!(wrong(&facts), []);
}

#[test]
fn a_server_of_the_records_that_is_away_is_one_by_name_and_its_password_is_in_no_url() {
    use Level::{Bad, Look};
    for (url, expected) in [
        ("postgres://marque@db.example/marque?sslmode=verify-full", &[][..]),
        ("postgres://marque@db.example:5432/marque", &[Bad]),
        ("postgres://marque@db.example/marque?sslmode=require", &[Bad]),
        ("postgres://localhost.example/marque", &[Bad]),
        ("postgres:///marque?host=db.example", &[Bad]),
        ("postgres:///marque?host=/run/postgresql", &[]),
        ("postgres://marque@localhost:5432/marque", &[]),
        ("postgres://marque@127.0.0.1/marque", &[]),
        ("postgres://marque:secret@[::1]/marque", &[Look]),
        ("postgres://marque:secret@db.example/marque", &[Bad, Look]),
    ] {
        let found: Vec<_> = server(url).into_iter().map(|(level, ..)| level).collect();
        assert_eq!(found, expected, "{url}");
    }
    let mut facts = well();
    let store = &mut facts.config.as_mut().unwrap().store;
    store.postgres_url = "postgres://marque@db.example/marque".to_owned();
    assert_eq!(wrong(&facts), [], "it is not used");
    facts.config.as_mut().unwrap().store.engine = Engine::Postgres;
    assert_eq!(wrong(&facts), [("configuration", Bad)]);
}

#[test]
fn of_credentials_that_end_soon_the_first_are_named_with_what_their_holders_type() {
    let mut facts = well();
    let many = (0..8).map(|n| ending(Kind::Agent, &format!("bot-{n}"), -n));
    let far = ending(Kind::Owner, "alice", 1);
    facts.credentials = Some(many.chain([far, ending(Kind::Owner, "carol", -10 * 86_400)]).collect());
    let found: Vec<_> = judge(&facts).into_iter().filter(|one| one.about == "credentials").collect();
    let [owners, agents] = &found[..] else { panic!("{found:?}") };
    assert!(owners.reason.starts_with("of 1 owner the") && owners.reason.ends_with(": carol"), "{owners:?}");
    assert!(owners.action.contains("marque delegate carol "), "{owners:?}");
    assert!(agents.reason.starts_with("of 8 agents") && agents.reason.contains("bot-7, bot-6"), "{agents:?}");
    assert!(agents.reason.ends_with("bot-3 and 3 more"), "{agents:?}");
    assert!(agents.action.contains("marque present --agent bot-7 "), "{agents:?}");
}

#[test]
fn of_each_active_member_the_newest_active_credential_of_its_kind_counts() {
    let credential = |kind: &str, subject: &str, state: &str, until: &str| json!({"type": kind, "subject": subject, "state": state, "validUntil": until});
    let issued = json!({"credentials": [
        credential("AgentCredential", "did:a", "active", "2026-01-02T00:00:00Z"),
        credential("AgentCredential", "did:a", "active", "2026-01-01T00:00:00Z"),
        credential("AgentCredential", "did:a", "revoked", "2026-01-04T00:00:00Z"),
        credential("DelegationCredential", "did:a", "active", "2026-01-05T00:00:00Z"),
        credential("AgentCredential", "did:b", "active", "2026-01-01T00:00:00Z"),
        credential("OwnerCredential", "did:o", "active", "2026-03-01T00:00:00Z"),
    ]});
    let member = |name: &str, did: &str, state: &str| json!({"name": name, "did": did, "state": state});
    let agents = json!({"agents": [
        member("a", "did:a", "active"), member("b", "did:b", "revoked"), member("c", "did:c", "active"),
    ]});
    let owners = json!({"owners": [member("o", "did:o", "active")]});
    let at = |text: &str| UnixSeconds::parse(text).unwrap();
    let found = newest(Kind::Agent, &agents, &issued);
    let until = at("2026-01-02T00:00:00Z");
    assert_eq!(found, [Ending { kind: Kind::Agent, name: "a".to_owned(), until }]);
    let until = at("2026-03-01T00:00:00Z");
    assert_eq!(
        newest(Kind::Owner, &owners, &issued),
        [Ending { kind: Kind::Owner, name: "o".to_owned(), until }]
    );
}
