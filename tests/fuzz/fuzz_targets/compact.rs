//! The target `compact`: see `src/compact.rs`.

#![no_main]

#[path = "../src/compact.rs"]
mod compact;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| compact::compact(bytes));
