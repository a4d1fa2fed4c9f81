//! Finding the keys that are due: by the table's hints, as active expiry does, and by looking at every key.
//!
//! `cargo bench --bench expiry`: 10^6 keys with a TTL, of which 1 % are due.

#[path = "common/timing.rs"]
mod timing;

use synap::keyspace::table::Table;
use synap::keyspace::{EntryBox, hash};
use timing::{ns_per_operation, print_table};

const KEYS: usize = 1_000_000;
const NOW_MS: i64 = 1_800_000_000_000;

#[global_allocator]
static ALLOCATOR: synap::base::heap::Heap = synap::base::heap::Heap;

fn main() {
    let mut table = Table::new(0);
    for i in 0..KEYS {
        let key = format!("key:{i:012}");
        let expire_at = if i % 100 == 0 { NOW_MS - 1 } else { NOW_MS + 3_600_000 + i as i64 };
        table.insert(hash(key.as_bytes()), EntryBox::string(key.as_bytes(), &[b'x'; 64], Some(expire_at)));
    }
    let mut found = 0;
    let hints = ns_per_operation(1, || {
        found = 0;
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = table.due(NOW_MS, 64, from, &mut |_| found += 1);
        }
    });
    assert_eq!(found, KEYS / 100, "every due key is found");
    let scan = ns_per_operation(1, || {
        found = table.iter().filter(|entry| entry.expire_at().is_some_and(|t| t <= NOW_MS)).count();
    });
    assert_eq!(found, KEYS / 100, "every due key is found");
    let row = |name: &str, ns: f64| {
        [name.to_string(), format!("{:.2}", ns / 1e6), format!("{:.1}", ns / scan * 100.0)]
    };
    print_table(
        ["10^6 keys, 1 % due", "ms", "% of a full scan"],
        &[row("by the table's hints", hints), row("full scan", scan)],
    );
}
