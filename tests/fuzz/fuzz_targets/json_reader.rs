//! The target `json_reader`: see `marque_fuzz::json_reader`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| marque_fuzz::json_reader(bytes));
