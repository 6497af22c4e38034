//! The target `did_url`: see `marque_fuzz::did_url`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::did_url(bytes));
