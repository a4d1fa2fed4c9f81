//! Queues are looked after: what is due in them is applied in small steps, so that nobody else has to wait
//! for it, and those who wait for a message are served when time has made one ready.

use super::serve;
use crate::engine::Engine;
use crate::keyspace::edit::STEPS;
use crate::keyspace::txn::Begin;
use crate::keyspace::waiters::Place;
use crate::keyspace::{Effects, Key, Kind, Txn};
use crate::types::Queue;
use std::sync::Arc;
use std::time::Duration;

/// The longest time between two looks at the clock, which may be set.
const LOOK: Duration = Duration::from_millis(50);

/// Whether a queue among `keys` is behind the time, or has a message for somebody who waits: they come
/// before the call at hand.
pub(super) fn is_behind(txn: &mut Txn<'_>, keys: &[Key<'_>]) -> bool {
    keys.iter().any(|key| {
        let Some(entry) = txn.peek(key.bytes) else { return false };
        let Some(queue) = entry.collection::<Queue>() else { return false };
        let now_ms = queue.time_at(txn.now_ms());
        queue.is_due(now_ms) || queue.may_pop(now_ms) && txn.waiting_for(key.bytes) > 0
    })
}

/// Brings queues nearer to the present, and serves who waits for them; `false` when more is due. No shard
/// may be locked.
pub(super) fn catch_up(engine: &Engine, db: u32, keys: &[&[u8]], now_ms: i64) -> bool {
    let hashed: Vec<Key<'_>> = keys.iter().map(|key| Key::new(key)).collect();
    let begin = Begin { db, now_ms, access: None, event: "" };
    let mut effects = Effects::default();
    let mut txn = engine.keyspace.begin(&hashed, begin, &mut effects);
    let is_done = txn.advance_queues(keys, STEPS);
    if !is_done {
        engine.commit(txn);
        return false;
    }
    let waited_for = keys.iter().filter(|key| txn.waiting_for(key) > 0).map(|key| (db, Box::from(*key)));
    let waited_for = waited_for.collect();
    engine.commit(txn);
    serve(engine, waited_for, now_ms);
    true
}

/// Looks after queues in which something is due until the server stops. It wants a thread of its own.
pub async fn attend(engine: Arc<Engine>) {
    let agenda = engine.keyspace.agenda();
    loop {
        let wait = match agenda.first_ms() {
            Some(at) => Duration::from_millis(at.saturating_sub(engine.now_ms()).max(0) as u64).min(LOOK),
            None => Duration::MAX,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = agenda.earlier() => continue,
            () = engine.stop.cancelled() => return,
        }
        // What is replayed goes by the time of the log. Who pauses means it at once: what becomes due after this look stays.
        let now_ms = engine.now_ms();
        if engine.loading.is_active() || engine.pause.state(now_ms).is_some() {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        while let Some((db, key)) = agenda.take(now_ms) {
            disarm(&engine, db, &key);
            while !catch_up(&engine, db, &[&key], now_ms) {
                // Who answers clients goes first, also where it waits for this core.
                std::thread::yield_now();
            }
            rearm(&engine, db, &key);
            std::thread::yield_now();
        }
    }
}

/// Opens a queue without being a client, if there is one.
fn with_queue(
    engine: &Engine,
    (db, key): (u32, &[u8]),
    f: impl FnOnce(&mut crate::keyspace::Edit<'_, Queue>),
) -> Vec<Place> {
    let keys = [Key::new(key)];
    let begin = Begin { db, now_ms: engine.now_ms(), access: None, event: "qnack" };
    let mut effects = Effects::default();
    let mut txn = engine.keyspace.begin(&keys, begin, &mut effects);
    if txn.kind(key) == Some(Kind::Queue)
        && let Ok(Some(mut queue)) = txn.edit::<Queue>(key)
    {
        f(&mut queue);
    }
    engine.commit(txn).ready
}

fn disarm(engine: &Engine, db: u32, key: &[u8]) {
    with_queue(engine, (db, key), |queue| queue.disarm());
}

fn rearm(engine: &Engine, db: u32, key: &[u8]) {
    with_queue(engine, (db, key), |queue| queue.attend(false));
}

/// Notes in each queue that the server was started again: for when its data are loaded.
pub fn restart(engine: &Engine) {
    for (db, key) in engine.keyspace.agenda().queues() {
        with_queue(engine, (db, &key), |queue| {
            queue.advance();
            queue.restart();
        });
    }
}

/// Ends the leases that are tied to the connection of `client`, which has ended.
pub fn untie(engine: &Engine, client: u64) {
    for (db, key) in engine.keyspace.agenda().untie(client) {
        let mut has_more = true;
        while has_more {
            while !catch_up(engine, db, &[&key], engine.now_ms()) {}
            has_more = false;
            let ready = with_queue(engine, (db, &key), |queue| {
                queue.advance();
                has_more = queue.untie(client);
            });
            serve(engine, ready.into(), engine.now_ms());
        }
    }
}
