//! Tests of what is printed.

use super::*;
use serde_json::json;

#[test]
fn a_table_is_aligned_and_says_so_when_it_is_empty() {
    let answer = json!({"agents": [
        {"name": "a", "capabilities": ["x:y", "z:w"]}, {"name": "travel-bot", "capabilities": []},
    ]});
    let columns = [("NAME", "name"), ("MAY", "capabilities")];
    assert_eq!(
        list(&answer, "agents", &columns, "no agents"),
        "NAME        MAY\na           x:y,z:w\ntravel-bot\n"
    );
    assert_eq!(list(&json!({}), "agents", &columns, "no agents"), "no agents\n");
}

#[test]
fn what_other_domains_say_cannot_move_the_cursor() {
    assert_eq!(plain("a\u{1b}[2Jb\rc\nd"), "a\u{fffd}[2Jb\u{fffd}c\nd");
}

#[test]
fn facts_leave_out_what_is_empty() {
    assert_eq!(
        facts(&[("name", "a".into()), ("x", String::new()), ("did", "b".into())]),
        "name  a\ndid   b\n"
    );
}
