//! Tests of the nearest name.

use super::*;

#[test]
fn the_nearest_name_is_suggested_and_a_far_one_is_not() {
    let names = ["listen.public", "listen.admin", "mesh.peers"];
    assert_eq!(nearest("listen.pubilc", names), Some("listen.public"));
    assert_eq!(nearest("mesh.peer", names), Some("mesh.peers"));
    assert_eq!(nearest("gateway.rules", names), None);
    assert_eq!(nearest("", names), None);
}

#[test]
fn distance_counts_edits() {
    for (a, b, n) in [("", "", 0), ("a", "", 1), ("", "ab", 2), ("ab", "ba", 1), ("kitten", "sitting", 3)] {
        assert_eq!(distance(a, b), n, "{a} {b}");
        assert_eq!(distance(b, a), n, "{b} {a}");
    }
}
