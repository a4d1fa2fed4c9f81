//! `cargo fuzz run rdb`
#![no_main]

#[path = "../checks/rdb.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::rdb(data));
