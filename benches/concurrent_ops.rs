//! Reads and writes of strings in this process: nanoseconds a call of one thread (write_throughput, read_latency), and
//! how calls a second grow with threads that share the shards.
//!
//! `cargo bench --bench concurrent_ops`

#[path = "common/calls.rs"]
mod calls;
#[path = "common/timing.rs"]
mod timing;

use calls::{BATCH, Caller, DATA, engine, key};
use std::sync::Arc;
use std::thread;
use std::time::Instant;
use synap::engine::Engine;
use synap::keyspace::SHARDS;
use timing::{ns_per_operation, print_table};

const KEYS: usize = 1_000_000;
/// Calls of each thread in one measurement.
const CALLS: usize = 1 << 20;

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

fn main() {
    let engine = engine();
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    run(&engine, &keys, true, 0);
    let one = |write| ns_per_operation(CALLS, || run(&engine, &keys, write, 1));
    let lock = ns_per_operation(SHARDS * 1000, || {
        (0..SHARDS * 1000).for_each(|i| drop(engine.keyspace.lock(i % SHARDS)));
    });
    print_table(
        ["operation", "ns"],
        &[
            ["SET, 64 bytes, 10^6 keys".into(), format!("{:.0}", one(true))],
            ["GET, 64 bytes, 10^6 keys".into(), format!("{:.0}", one(false))],
            ["lock and unlock a shard".into(), format!("{lock:.1}")],
        ],
    );
    let rows: Vec<[String; 3]> = [1, 2, 4, 8]
        .map(|threads| {
            let rate = |write| {
                let start = Instant::now();
                thread::scope(|scope| {
                    for thread in 0..threads {
                        let (engine, keys) = (&engine, &keys);
                        scope.spawn(move || run(engine, keys, write, thread + 1));
                    }
                });
                (threads * CALLS) as f64 / start.elapsed().as_secs_f64() / 1e6
            };
            [threads.to_string(), format!("{:.2}", rate(true)), format!("{:.2}", rate(false))]
        })
        .into();
    print_table(["threads", "SET, millions a second", "GET, millions a second"], &rows);
}

/// One thread's calls; `seed` 0 writes every key once, in order.
fn run(engine: &Arc<Engine>, keys: &[String], write: bool, seed: usize) {
    let mut caller = Caller::new(engine);
    let mut random = fastrand::Rng::with_seed(seed as u64);
    for batch in 0..CALLS / BATCH {
        let key = |i: usize| {
            let at = if seed == 0 { batch * BATCH + i } else { random.usize(..KEYS) };
            keys[at % KEYS].as_bytes()
        };
        let chosen: Vec<&[u8]> = (0..BATCH).map(key).collect();
        if write {
            let calls: Vec<[&[u8]; 3]> =
                chosen.iter().map(|key| [&b"SET"[..], *key, DATA.as_bytes()]).collect();
            caller.run(&calls);
        } else {
            let calls: Vec<[&[u8]; 2]> = chosen.iter().map(|key| [&b"GET"[..], *key]).collect();
            caller.run(&calls);
        }
    }
}
