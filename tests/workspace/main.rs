//! What the workspace says about itself is true.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use marque_tests::{requirement_numbers, root, sources};
use std::collections::BTreeSet;
use std::fs;

/// Every requirement that a test quotes stands in `docs/requirements.md`, and none stands there that
/// no test quotes.
#[test]
fn the_requirements_that_tests_quote_are_those_that_are_documented() {
    let mut quoted = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
        quoted.extend(comments.flat_map(requirement_numbers));
    }
    let page = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| R-"));
    let documented: BTreeSet<_> = rows.filter_map(|row| requirement_numbers(row).first().cloned()).collect();
    assert_eq!(quoted, documented, "left: quoted by tests; right: rows of docs/requirements.md");
}

/// The folders that the README and ARCHITECTURE.md name are there.
#[test]
fn the_pages_name_only_paths_that_exist() {
    for page in ["README.md", "ARCHITECTURE.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        let is_path =
            |t: &&str| t.contains('/') && !t.contains([' ', '<', '{', ':', '*', '$']) && !t.starts_with('/');
        for path in quoted.filter(is_path) {
            assert!(root().join(path).exists(), "{page} names `{path}`");
        }
    }
}

/// The names that follow `marker` in `text`: letters, digits and `_`.
fn names_after<'a>(text: &'a str, marker: &str) -> impl Iterator<Item = &'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(marker).skip(1).map(move |rest| rest.split(|c| !is_name(c)).next().unwrap_or_default())
}

/// The page of metrics has those that the program registers. What an alert or the dashboard looks at is among them,
/// and has the ending that its kind has.
#[test]
fn the_page_of_metrics_is_complete_and_alerts_and_dashboard_name_only_what_there_is() {
    let mut registered = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let calls = text.split("registry.register(").skip(1);
        let name = |call: &str| Some(call.split('"').nth(1)?.to_owned());
        registered.extend(
            calls.filter_map(name).filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_')),
        );
    }
    let histograms =
        ["journal_fsync_seconds", "verification_seconds", "verification_links", "status_propagation_seconds"];
    let counters = [
        "http_requests",
        "internal_errors",
        "verifications",
        "gossip_validate",
        "peers_dropped",
        "hello_refused",
    ];
    let page = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let documented: BTreeSet<_> = page.lines().filter_map(|row| row.strip_prefix("| `marque_")).collect();
    let documented = documented.into_iter().filter_map(|row| row.split('`').next());
    let documented =
        documented.map(|name| name.trim_end_matches("_total").to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(registered, documented, "left: registered by the program; right: rows of docs/metrics.md");
    for page in ["deploy/prometheus/alerts.yaml", "deploy/grafana/dashboard.json"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let mut seen = 0;
        for name in names_after(&text, "marque_") {
            let bare = name.trim_end_matches("_total").trim_end_matches("_bucket");
            assert!(registered.contains(bare), "{page}: marque_{name} is not among {registered:?}");
            assert_eq!(name.ends_with("_total"), counters.contains(&bare), "{page}: marque_{name}");
            let is_histogram = histograms.contains(&bare);
            assert_eq!(name.ends_with("_bucket"), is_histogram, "{page}: marque_{name}");
            seen += 1;
        }
        assert!(seen > 10, "{page} names {seen}");
    }
}
