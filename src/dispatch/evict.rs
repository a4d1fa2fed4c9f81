//! Above `maxmemory`, keys are removed until enough memory is free, before the call that is to run then.

use super::serve;
use crate::config;
use crate::engine::{Engine, Policy};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Class, Effects, Key};
use std::time::{Duration, Instant};

/// Microseconds that a call may be held up for each step of `maxmemory-eviction-tenacity`, up to the tenth.
const STEP_US: u64 = 50;
/// The growth of that time for each step above.
const GROWTH: f64 = 1.15;

/// Makes room; false when there is too little, and nothing may be evicted any more. True also when the time is
/// over: then eviction goes on with the next call, or the next round of background work.
pub(super) fn make_room(engine: &Engine, now_ms: i64) -> bool {
    let limit = engine.settings.int(config::MAXMEMORY);
    let over = || limit > 0 && engine.used.bytes(now_ms) as i64 > limit;
    engine.eviction.note(over());
    // While clients are paused the data set stays as it is.
    if !over() || engine.pause.state(now_ms).is_some() {
        return true;
    }
    let Some(policy) = Policy::of(&engine.settings) else {
        // Nothing is refused because of an estimate.
        engine.used.recount();
        return !over();
    };
    let (start, patience) =
        (Instant::now(), patience(engine.settings.int(config::MAXMEMORY_EVICTION_TENACITY)));
    while over() {
        if patience.is_some_and(|most| start.elapsed() > most) {
            return true;
        }
        if engine.keyspace.lazy_free_counts().0 > 0 {
            // What is freed in the background just now may be enough.
            std::thread::yield_now();
            engine.used.recount();
            continue;
        }
        let Some((db, key)) = engine.eviction.choose(engine, policy, now_ms) else {
            engine.used.recount();
            return !over();
        };
        evict(engine, db, &key, now_ms);
    }
    engine.eviction.note(false);
    true
}

/// How long a call may be held up; `None` until it is done.
fn patience(tenacity: i64) -> Option<Duration> {
    let us = match tenacity {
        0..=10 => (STEP_US * tenacity as u64) as f64,
        11..=99 => (STEP_US * 10) as f64 * GROWTH.powi(tenacity as i32 - 10),
        _ => return None,
    };
    Some(Duration::from_micros(us as u64))
}

/// Removes a key, unless it is gone already.
fn evict(engine: &Engine, db: u32, key: &[u8], now_ms: i64) {
    let mut effects = Effects::default();
    let begin = Begin { db, now_ms, access: None, event: "evicted" };
    let keys = [Key::new(key)];
    let mut txn = engine.keyspace.begin(&keys, begin, &mut effects);
    let bytes = txn.peek(key).map(|entry| entry.memory());
    if txn.remove(key, "evicted", Class::EVICTED) {
        engine.used.freed(bytes.unwrap_or(0));
        engine.eviction.count();
    }
    let committed = engine.commit(txn);
    serve(engine, committed.ready.into(), now_ms);
}
