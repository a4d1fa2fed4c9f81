//! `cargo fuzz run script`
#![no_main]

#[path = "../checks/script.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::script(data));
