//! How long a GET takes in this process, call by call, alone and beside a thread that writes all the time.
//!
//! `cargo bench --bench read_latency`

#[path = "common/calls.rs"]
mod calls;
#[path = "common/timing.rs"]
mod timing;

use calls::{Caller, DATA, engine, key};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Instant;
use synap::engine::Engine;
use timing::print_table;

const KEYS: usize = 1_000_000;
const READS: usize = 1_000_000;

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

fn main() {
    let engine = engine();
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    write(&engine, &keys, KEYS, |i| i);
    let alone = latencies(&engine, &keys);
    let stop = AtomicBool::new(false);
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = fastrand::Rng::with_seed(3);
            while !stop.load(Relaxed) {
                write(&engine, &keys, 1024, |_| random.usize(..KEYS));
            }
        });
        let latencies = latencies(&engine, &keys);
        stop.store(true, Relaxed);
        latencies
    });
    let row = |name: &str, sorted: &[u64]| {
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize].to_string();
        [name.to_string(), at(0.5), at(0.99), at(0.999), at(0.9999), at(1.0)]
    };
    print_table(
        ["GET, ns", "p50", "p99", "p99.9", "p99.99", "worst"],
        &[row("alone", &alone), row("beside a writer", &beside)],
    );
}

/// Sets `n` keys, in batches.
fn write(engine: &Arc<Engine>, keys: &[String], n: usize, mut choose: impl FnMut(usize) -> usize) {
    let mut caller = Caller::new(engine);
    for first in (0..n).step_by(64) {
        let chosen = (first..n.min(first + 64)).map(|i| keys[choose(i)].as_bytes());
        let calls: Vec<[&[u8]; 3]> = chosen.map(|key| [&b"SET"[..], key, DATA.as_bytes()]).collect();
        caller.run(&calls);
    }
}

/// The time of each of [`READS`] single GETs of random keys, in ns, ascending.
fn latencies(engine: &Arc<Engine>, keys: &[String]) -> Vec<u64> {
    let mut caller = Caller::new(engine);
    let mut random = fastrand::Rng::with_seed(11);
    let mut times: Vec<u64> = (0..READS)
        .map(|_| {
            let key = keys[random.usize(..KEYS)].as_bytes();
            let start = Instant::now();
            caller.run(&[[b"GET", key]]);
            start.elapsed().as_nanos() as u64
        })
        .collect();
    times.sort_unstable();
    times
}
