//! The target `keys`: see `marque_fuzz::keys`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::keys(bytes));
