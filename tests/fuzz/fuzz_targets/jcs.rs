//! The target `jcs`: see `marque_fuzz::canonical`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::canonical(bytes));
