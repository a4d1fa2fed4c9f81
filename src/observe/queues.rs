//! Queues, each with metrics of its own up to a number of them.

use super::family::*;
use super::text::Page;
use crate::config;
use crate::engine::Engine;
use crate::keyspace::Key;
use crate::types::Queue;
use crate::types::queue::{State, Totals};

pub(super) fn all(engine: &Engine, page: &Page) {
    let most = engine.settings.int(config::METRICS_QUEUES_MAX) as usize;
    let (now_ms, mut found) = (engine.now_ms(), 0);
    for (db, name) in engine.keyspace.agenda().queues() {
        let key = Key::new(&name);
        // One queue under one lock at a time: nobody waits for all of them.
        let shard = engine.keyspace.lock(key.shard());
        let entry = shard.tables[db as usize].find(key.hash, key.bytes);
        let Some(queue) = entry.and_then(|entry| entry.collection::<Queue>()) else { continue };
        found += 1;
        if found <= most {
            one(page, &db.to_string(), &String::from_utf8_lossy(&name), queue, now_ms);
        }
    }
    page.set(&QUEUES, &[], found as f64);
    page.set(&QUEUES_HIDDEN, &[], found.saturating_sub(most) as f64);
}

fn one(page: &Page, db: &str, name: &str, queue: &Queue, now_ms: i64) {
    for state in State::ALL {
        page.set(&QUEUE_MESSAGES, &[db, name, state.name()], queue.count(state) as f64);
    }
    let age_ms = queue.oldest().0.map_or(0, |id| (queue.time_at(now_ms) - id.ms as i64).max(0));
    page.set(&QUEUE_OLDEST, &[db, name], age_ms as f64 / 1000.0);
    page.set(&QUEUE_BYTES, &[db, name], queue.bytes() as f64);
    let Totals { pushed, popped, acked, nacked, lease_expired, dead, expired, .. } = *queue.totals();
    let Totals { duplicates, rejected, dropped, deleted, moved, .. } = *queue.totals();
    for (event, n) in [
        ("pushed", pushed),
        ("popped", popped),
        ("acked", acked),
        ("nacked", nacked),
        ("lease_expired", lease_expired),
        ("dead", dead),
        ("expired", expired),
        ("duplicate", duplicates),
        ("rejected", rejected),
        ("dropped", dropped),
        ("deleted", deleted),
        ("moved", moved),
    ] {
        page.set(&QUEUE_EVENTS, &[db, name, event], n as f64);
    }
}
