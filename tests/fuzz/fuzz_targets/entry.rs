//! The target `entry`: see `marque_fuzz::entry`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::entry(bytes));
