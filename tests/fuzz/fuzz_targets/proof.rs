//! The target `proof`: see `marque_fuzz::proof`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::proof(bytes));
