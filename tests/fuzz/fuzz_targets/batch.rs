//! The target `batch`: see `marque_fuzz::batch`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::batch(bytes));
