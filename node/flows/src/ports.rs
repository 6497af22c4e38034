//! What a flow may wait for: traits that floor 4 and 5 implement. Object-safe, boxed futures, held as
//! `Arc<dyn …>`.

pub mod fetch;
pub mod suites;
pub mod events;
pub mod mesh;
pub mod records;
pub mod keys;
pub mod clock;
