//! A node as a service: what its manager is told.

use crate::process::{Domain, PATIENCE};
use crate::resolver::ask;
use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;

#[test]
fn the_service_manager_is_told_when_the_node_answers_and_when_it_stops() {
    let mut alpha = Domain::init("alpha.test");
    let socket = alpha.folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    alpha.up_with(&[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    assert_eq!(told(), "READY=1");
    // What is told is so.
    assert_eq!(alpha.done(&["status"]).text("domain"), "alpha.test");
    alpha.stop();
    assert_eq!(told(), "STOPPING=1");
}

/// The metrics of the health listener.
pub(crate) fn metrics(domain: &Domain) -> String {
    let door = domain.about()["health"].as_str().unwrap().parse().unwrap();
    ask(door, "GET /metrics", &[], "").body
}

//
#[test]
fn every_metric_that_a_node_shows_stands_on_its_page_with_its_kind_and_meaning() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: BTreeMap<&str, Vec<&str>> = page
        .lines()
        .filter(|row| row.starts_with("| `marque_"))
        .map(|row| row.split('|').map(|cell| cell.trim()).collect::<Vec<_>>())
        .map(|cells| (cells[1].trim_matches('`').trim_end_matches("_total"), cells))
        .collect();
    let alpha = Domain::start("alpha.test");
    let bravo = Domain::start("bravo.test");
    alpha.meets(&bravo, "calendar:read");
    bravo.done(&["owner", "create", "alice"]);
    bravo.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.verifies_until(&bravo, "bot", 0);
    bravo.done(&["agent", "revoke", "bot"]);
    // The verifier hears of it, and counts how old that was.
    let deadline = std::time::Instant::now() + PATIENCE;
    let count = |text: &str, name: &str| {
        let of_it = |line: &&str| line.starts_with(&format!("{name} "));
        text.lines().find(of_it).map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    };
    let text = loop {
        let text = metrics(&alpha);
        if count(&text, "marque_status_propagation_seconds_count") >= 1.0 {
            break text;
        }
        assert!(std::time::Instant::now() < deadline, "{text}");
        std::thread::yield_now();
    };
    assert!(count(&text, "marque_verification_seconds_count") >= 1.0, "{text}");
    assert!(count(&text, "marque_verification_links_sum") >= 1.0, "{text}");
    let mut seen = 0;
    for line in text.lines() {
        let of = |marker: &str| line.strip_prefix(marker)?.split_once(' ');
        if let Some((name, kind)) = of("# TYPE ") {
            assert_eq!(rows.get(name).map(|cells| cells[2]), Some(kind), "{name}");
            seen += 1;
        }
        if let Some((name, help)) = of("# HELP ") {
            assert_eq!(rows.get(name).map(|cells| cells[4]), Some(help.trim_end_matches('.')), "{name}");
        }
    }
    assert!(seen > 25, "{seen}");
}
