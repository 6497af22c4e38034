//! What a flow may wait for: traits that floor 4 implements. Object-safe, boxed futures, held as `Arc<dyn …>`.

pub mod records;
