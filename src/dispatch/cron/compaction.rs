//! Values are moved together where many were deleted, so that the memory between them goes back.

use crate::config;
use crate::engine::Engine;
use crate::keyspace::SHARDS;
use crate::metrics::Memory;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks at what is wasted.
const PERIOD: Duration = Duration::from_secs(1);
/// Values moved under one hold of a shard's lock.
const STEP: usize = 32;
/// How long it works before it rests.
const SLICE: Duration = Duration::from_millis(1);

/// Moves values together whenever that pays, until the server stops. It takes its thread for itself: values are
/// moved to where the allocator puts those of this thread.
pub fn compaction(engine: &Engine) {
    // What was just freed must not be given out for the next value again.
    if !Memory::forgo_cache() {
        tracing::debug!("the allocator keeps its cache: values are not moved");
        return;
    }
    while !engine.stop.is_cancelled() {
        thread::sleep(PERIOD);
        if !engine.loading.is_active() && engine.compaction.pays(&Memory::allocator(), &engine.settings) {
            engine.compaction.running.store(true, Relaxed);
            compact(engine);
            Memory::purge();
            engine.compaction.done(&Memory::allocator());
            engine.compaction.running.store(false, Relaxed);
        }
    }
}

/// Moves every value once.
fn compact(engine: &Engine) {
    let share = engine.settings.int(config::ACTIVE_DEFRAG_CYCLE_MAX).clamp(1, 99) as u32;
    let mut begun = Instant::now();
    for shard in 0..SHARDS {
        for db in 0..engine.keyspace.databases() {
            let mut cursor = Some(0);
            while let Some(from) = cursor {
                let moved;
                (cursor, moved) = engine.keyspace.lock(shard).tables[db].renew(from, STEP);
                engine.compaction.moved.fetch_add(moved as u64, Relaxed);
                if engine.stop.is_cancelled() {
                    return;
                }
                if begun.elapsed() >= SLICE {
                    thread::sleep(begun.elapsed() * (100 - share) / share);
                    begun = Instant::now();
                }
            }
        }
    }
}
