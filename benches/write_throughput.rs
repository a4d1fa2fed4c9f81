//! SET in this process, one thread: by length of value, and by calls in a batch.
//!
//! `cargo bench --bench write_throughput`

#[path = "common/calls.rs"]
mod calls;
#[path = "common/timing.rs"]
mod timing;

use calls::{Caller, engine, key};
use timing::{ns_per_operation, print_table};

const KEYS: usize = 100_000;

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

fn main() {
    let keys: Vec<String> = (0..KEYS).map(key).collect();
    let mut rows = Vec::new();
    for len in [8, 64, 1024, 16 * 1024] {
        let value = vec![b'x'; len];
        for batch in [1, 16, 64] {
            let engine = engine();
            let mut caller = Caller::new(&engine);
            let mut random = fastrand::Rng::with_seed(7);
            let ns = ns_per_operation(KEYS, || {
                for _ in 0..KEYS / batch {
                    let chosen = (0..batch).map(|_| keys[random.usize(..KEYS)].as_bytes());
                    let calls: Vec<[&[u8]; 3]> = chosen.map(|key| [&b"SET"[..], key, &value]).collect();
                    caller.run(&calls);
                }
            });
            let bytes_per_us = len as f64 * 1000.0 / ns;
            rows.push([len.to_string(), batch.to_string(), format!("{ns:.0}"), format!("{bytes_per_us:.0}")]);
        }
    }
    print_table(["value, bytes", "calls in a batch", "ns a SET", "MB/s"], &rows);
}
