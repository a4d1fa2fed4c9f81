//! Bytes a key takes in this process, by resident memory over the empty engine.
//!
//! `cargo bench --bench memory_footprint`. Each data set is loaded by a process of its own (this program calls itself), so
//! that none finds memory that another left behind.

#[path = "common/calls.rs"]
mod calls;
#[path = "common/timing.rs"]
mod timing;

use calls::{BATCH, Caller, DATA, engine, key};
use std::process::Command;
use timing::print_table;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A data set: its name, its keys, and the words behind each key's command and name.
type DataSet = (&'static str, usize, &'static [&'static str]);

const DATA_SETS: &[DataSet] = &[
    ("10^6 strings of 64 bytes", 1_000_000, &["SET", DATA]),
    ("10^7 strings of 64 bytes", 10_000_000, &["SET", DATA]),
    ("10^6 counters", 1_000_000, &["SET", "1234567"]),
    ("10^6 strings of 64 bytes with a TTL", 1_000_000, &["SET", DATA, "PX", "86400000"]),
    (
        "10^5 hashes of 5 fields",
        100_000,
        &["HSET", "name", "ann", "age", "41", "city", "Oslo", "plan", "free", "seen", "17"],
    ),
    ("10^5 sets of 10 integers", 100_000, &["SADD", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
    ("10^5 lists of 10", 100_000, &["RPUSH", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]),
];

fn main() {
    let chosen = std::env::args().skip_while(|arg| arg != "--load").nth(1);
    if let Some(at) = chosen.and_then(|at| at.parse::<usize>().ok()) {
        return println!("{:.1}", bytes_per_key(DATA_SETS[at]));
    }
    let rows: Vec<[String; 2]> = (0..DATA_SETS.len())
        .map(|at| {
            let own = std::env::current_exe().expect("this program has a path");
            let output = Command::new(own).args(["--load", &at.to_string()]).output();
            let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_string());
            [DATA_SETS[at].0.to_string(), text.unwrap_or_else(|error| error.to_string())]
        })
        .collect();
    print_table(["data", "bytes a key"], &rows);
}

fn bytes_per_key((_, keys, words): DataSet) -> f64 {
    let engine = engine();
    let mut caller = Caller::new(&engine);
    let before = resident();
    for first in (0..keys).step_by(BATCH) {
        let names: Vec<String> = (first..keys.min(first + BATCH)).map(key).collect();
        let calls: Vec<Vec<&[u8]>> = names
            .iter()
            .map(|name| {
                let mut argv = vec![words[0].as_bytes(), name.as_bytes()];
                argv.extend(words[1..].iter().map(|word| word.as_bytes()));
                argv
            })
            .collect();
        caller.run_slices(calls.iter().map(Vec::as_slice));
    }
    (resident() - before) as f64 / keys as f64
}

/// Resident memory of this process in bytes.
fn resident() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells the memory of a process");
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok());
    pages.expect("the second field of statm is resident pages") * 4096
}
