//! Above `maxmemory`, keys are removed until enough memory is free, before the call that is to run then.

use super::serve;
use crate::config;
use crate::engine::{Engine, Policy, Used};
use crate::keyspace::txn::Begin;
use crate::keyspace::{Class, Effects, Key};
use std::time::{Duration, Instant};

/// Microseconds that a call may be held up for each step of `maxmemory-eviction-tenacity`, up to the tenth.
const STEP_US: u64 = 50;
/// The growth of that time for each step above.
const GROWTH: f64 = 1.15;
/// Keys evicted between two looks at the memory in use.
const LOOK: u32 = 16;

/// Makes room; false when there is too little, and nothing may be evicted any more. True also when the time is
/// over: then eviction goes on with the next call, or the next round of background work.
pub(super) fn make_room(engine: &Engine, now_ms: i64) -> bool {
    let limit = engine.memory_max().map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let counted = || engine.used.bytes(now_ms) as i64 - engine.eviction.under_way(now_ms) as i64;
    let excess = || counted().saturating_sub(limit);
    let over = || excess() > 0;
    engine.eviction.note(over());
    // While clients are paused the data set stays as it is.
    if !over() || engine.pause.state(now_ms).is_some() {
        return true;
    }
    let policy = Policy::of(&engine.settings).filter(|_| !engine.keyspace.is_importing());
    let Some(policy) = policy else {
        // Nothing is refused because of an estimate.
        engine.used.recount();
        return !over();
    };
    let (start, patience) =
        (Instant::now(), patience(engine.settings.int(config::MAXMEMORY_EVICTION_TENACITY)));
    let late = || patience.is_some_and(|most| start.elapsed() > most);
    while engine.keyspace.lazy_free_counts().0 > 0 {
        // What is freed in the background just now may be enough.
        if late() {
            return true;
        }
        std::thread::yield_now();
        engine.used.recount();
    }
    // How much is to go is settled before the first key goes: the messages that tell clients of evicted keys take
    // memory as well, and must not have more keys evicted.
    let mut excess = excess();
    for evicted in 1u32.. {
        if excess <= 0 {
            break;
        }
        if late() {
            return true;
        }
        // What was over may have been another thread's for a moment.
        if evicted.is_multiple_of(LOOK) {
            engine.used.recount();
            if !over() {
                break;
            }
        }
        let Some((db, key)) = engine.eviction.choose(engine, policy, now_ms) else {
            engine.used.recount();
            return !over();
        };
        excess -= evict(engine, db, &key, now_ms) as i64;
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

/// Removes a key, unless it is gone already; the bytes that it took.
fn evict(engine: &Engine, db: u32, key: &[u8], now_ms: i64) -> usize {
    let mut effects = Effects::default();
    let begin = Begin { db, now_ms, access: None, event: "evicted" };
    let keys = [Key::new(key)];
    let mut txn = engine.keyspace.begin(&keys, begin, &mut effects);
    let mut bytes = txn.peek(key).map_or(0, |entry| entry.memory());
    if txn.remove(key, "evicted", Class::EVICTED) {
        engine.used.freed(bytes);
        engine.eviction.count();
    } else {
        bytes = 0;
    }
    let before = Used::of_thread();
    let committed = engine.commit(txn);
    serve(engine, committed.ready.into(), now_ms);
    engine.eviction.told(usize::try_from(Used::of_thread() - before).unwrap_or(0), now_ms);
    bytes
}
