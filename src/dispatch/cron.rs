//! What happens without a client: keys that are due are removed, clients are looked after.

mod clients;
mod compaction;
mod saving;

pub use clients::clients;
pub use compaction::compaction;
pub use saving::saving;

use super::serve;
use crate::config;
use crate::engine::Engine;
use crate::keyspace::txn::Begin;
use crate::keyspace::{Effects, SHARDS};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Due keys removed under one hold of a shard's lock.
const STEP: usize = 64;
/// Due fields of one hash removed under one hold of a shard's lock.
const FIELDS_STEP: usize = 512;

/// Removes due keys in the background until the server stops.
pub async fn expiry(engine: Arc<Engine>) {
    let mut first = 0;
    loop {
        let period = Duration::from_secs(1) / engine.settings.int(config::HZ) as u32;
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            () = engine.stop.cancelled() => return,
        }
        if may_expire(&engine, engine.now_ms()) {
            // A quarter of the time by default, up to 43 % at the highest effort.
            let effort = engine.settings.int(config::ACTIVE_EXPIRE_EFFORT) as u32;
            let start = Instant::now();
            first = expire_due(&engine, first, period * (23 + 2 * effort) / 100).await;
            let counters = &engine.metrics.local().counters;
            counters.cron_turns.add(1);
            counters.cron_ns.add(start.elapsed().as_nanos() as u64);
        }
    }
}

/// Whether due keys may be removed in the background now.
fn may_expire(engine: &Engine, now_ms: i64) -> bool {
    engine.active_expiry.load(Relaxed)
        && !engine.cron_rests.load(Relaxed)
        && !engine.loading.is_active()
        && !engine.keyspace.is_importing()
        && engine.pause.state(now_ms).is_none()
}

/// Removes keys that are due, shard by shard from shard `first` on, for at most `budget`. Returns the
/// shard to begin with next time, so that none is left out while others have more than enough.
async fn expire_due(engine: &Engine, first: usize, budget: Duration) -> usize {
    let start = Instant::now();
    for shard in (first..first + SHARDS).map(|shard| shard % SHARDS) {
        for db in timed_databases(engine, shard) {
            let mut cursor = Some(0);
            while let Some(from) = cursor {
                // Who forbids it meanwhile means it at once: what becomes due after this look stays.
                let now_ms = engine.now_ms();
                if !may_expire(engine, now_ms) {
                    return shard;
                }
                cursor = expire_step(engine, shard, db, from, now_ms);
                if cursor.is_some() {
                    tokio::task::yield_now().await;
                }
                if start.elapsed() > budget {
                    engine.metrics.local().counters.expiry_overruns.add(1);
                    return shard;
                }
            }
        }
    }
    first
}

/// The databases with something in this shard that expires.
fn timed_databases(engine: &Engine, shard: usize) -> SmallVec<[u32; 16]> {
    let held = engine.keyspace.lock(shard);
    (0..).zip(&held.tables).filter(|(_, table)| table.timed() > 0).map(|(db, _)| db).collect()
}

/// Removes about [`STEP`] keys of one table that are due at `now_ms`, from `cursor` on; returns where to go on.
fn expire_step(engine: &Engine, shard: usize, db: u32, cursor: u64, now_ms: i64) -> Option<u64> {
    let start = Instant::now();
    let mut due: Vec<Box<[u8]>> = Vec::new();
    let next = {
        let mut held = engine.keyspace.lock(shard);
        let table = &mut held.tables[db as usize];
        table.due(now_ms, STEP, cursor, &mut |entry| due.push(entry.key().into()))
    };
    let mut unfinished = false;
    if !due.is_empty() {
        let begin = Begin { db, now_ms, access: None, event: "expired" };
        let mut effects = Effects::default();
        let mut txn = engine.keyspace.begin_shard(shard, begin, &mut effects);
        for key in &due {
            unfinished |= txn.expire_some(key, FIELDS_STEP);
        }
        let effects = txn.effects();
        let (keys, fields) = (effects.expired, effects.expired_fields);
        let committed = engine.commit(txn);
        let counters = &engine.metrics.local().counters;
        counters.expired_keys_active.add(keys);
        counters.expired_fields_active.add(fields);
        serve(engine, VecDeque::from(committed.ready), now_ms);
    }
    let ns = start.elapsed().as_nanos() as u64;
    engine.metrics.local().counters.expiry_ns.add(ns);
    engine.note_latency("expire-cycle", ns);
    if unfinished { Some(cursor) } else { next }
}

#[cfg(test)]
mod tests {
    use super::super::trial::Trial;
    use super::*;

    #[test]
    fn what_nobody_asks_for_is_counted_apart() {
        let mut trial = Trial::of(&[]);
        for line in ["SET a 1 PX 1", "SET b 1 PX 1", "HSET h f 1 g 1 i 1", "HPEXPIRE h 1 FIELDS 2 f g"] {
            trial.call(line);
        }
        trial.engine.clock.advance(10);
        trial.call("GET a");
        trial.call("HGET h f");
        for shard in 0..SHARDS {
            expire_step(&trial.engine, shard, 0, 0, trial.engine.now_ms());
        }
        let totals = trial.engine.metrics.totals();
        assert_eq!((totals.expired_keys, totals.expired_keys_active), (2, 1));
        assert_eq!((totals.expired_fields, totals.expired_fields_active), (2, 1));
    }

    #[test]
    fn what_becomes_due_after_the_look_stays() {
        let mut trial = Trial::of(&[]);
        trial.call("SET a 1 PX 60000");
        let looked_ms = trial.engine.now_ms();
        trial.engine.clock.advance(120_000);
        for (now_ms, expired) in [(looked_ms, 0), (trial.engine.now_ms(), 1)] {
            (0..SHARDS).for_each(|shard| _ = expire_step(&trial.engine, shard, 0, 0, now_ms));
            assert_eq!(trial.engine.metrics.totals().expired_keys_active, expired);
        }
    }
}
