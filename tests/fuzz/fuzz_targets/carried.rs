//! The target `carried`: see `src/carried.rs`.

#![no_main]

#[path = "../src/carried.rs"]
mod carried;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| carried::carried(bytes));
