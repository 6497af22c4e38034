//! The target `sync`: see `src/sync.rs`.

#![no_main]

#[path = "../src/sync.rs"]
mod sync;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sync::sync(bytes));
