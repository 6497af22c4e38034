//! The target `log`: see `marque_fuzz::log`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::log(bytes));
