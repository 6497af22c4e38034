//! The target `witness`: see `marque_fuzz::witness`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::witness(bytes));
