//! Verifies offline.
fn main() {}
