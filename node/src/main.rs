//! The `marque` program.
fn main() {}
