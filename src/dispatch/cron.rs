//! What happens without a client: keys that are due are removed.

use super::serve;
use crate::engine::Engine;
use crate::keyspace::txn::Begin;
use crate::keyspace::{Effects, SHARDS};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Due keys removed under one hold of a shard's lock.
const STEP: usize = 64;

/// Removes due keys in the background until the server stops.
pub async fn expiry(engine: Arc<Engine>, period: Duration) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = engine.stop.cancelled() => return,
        }
        if engine.active_expiry.load(Relaxed) && engine.pause.state(engine.now_ms()).is_none() {
            expire_due(&engine, period / 4).await;
        }
    }
}

/// Removes keys that are due, shard by shard, for at most `budget`.
pub async fn expire_due(engine: &Engine, budget: Duration) {
    let start = Instant::now();
    let mut effects = Effects::default();
    for shard in 0..SHARDS {
        for db in 0..engine.keyspace.databases() as u32 {
            while expire_step(engine, shard, db, &mut effects) {
                tokio::task::yield_now().await;
                if start.elapsed() > budget {
                    return;
                }
            }
        }
    }
}

/// Removes up to [`STEP`] due keys of one table; true when there may be more.
fn expire_step(engine: &Engine, shard: usize, db: u32, effects: &mut Effects) -> bool {
    let now_ms = engine.now_ms();
    let mut due: Vec<Box<[u8]>> = Vec::new();
    {
        let mut held = engine.keyspace.lock(shard);
        let table = &mut held.tables[db as usize];
        if table.expiring() == 0 {
            return false;
        }
        table.due(now_ms, STEP, 0, &mut |entry| due.push(entry.key().into()));
    }
    if due.is_empty() {
        return false;
    }
    let begin = Begin { db, now_ms, access: None, event: "expired" };
    let mut txn = engine.keyspace.begin_shard(shard, begin, effects);
    for key in &due {
        txn.expire_if_due(key);
    }
    let committed = engine.commit(txn);
    serve(engine, VecDeque::from(committed.ready), now_ms);
    due.len() >= STEP
}
