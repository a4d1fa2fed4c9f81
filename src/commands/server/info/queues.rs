//! Queues, all together.

use super::Lines;
use crate::engine::Engine;
use crate::keyspace::Key;
use crate::types::Queue;
use crate::types::queue::{State, Totals};

pub(super) fn queues(engine: &Engine, lines: &mut Lines) {
    let now_ms = engine.now_ms();
    let agenda = engine.keyspace.agenda();
    let (mut count, mut bytes, mut states, mut sum) = (0, 0, [0; 4], Totals::default());
    for (db, key) in agenda.queues() {
        let key = Key::new(&key);
        let shard = engine.keyspace.lock(key.shard());
        let entry = shard.tables[db as usize].find(key.hash, key.bytes);
        let entry = entry.filter(|entry| entry.expire_at().is_none_or(|t| t > now_ms));
        let Some(queue) = entry.and_then(|entry| entry.collection::<Queue>()) else {
            agenda.forget(db, key.bytes);
            continue;
        };
        count += 1;
        bytes += queue.bytes();
        State::ALL.into_iter().for_each(|state| states[state as usize] += queue.count(state));
        add(&mut sum, queue.totals());
    }
    lines.add("queues", count);
    for state in State::ALL {
        lines.add(&format!("queues_{}", state.name()), states[state as usize]);
    }
    lines.add("queues_bytes", bytes);
    let totals = [
        ("pushed", sum.pushed),
        ("popped", sum.popped),
        ("acked", sum.acked),
        ("nacked", sum.nacked),
        ("lease_expired", sum.lease_expired),
        ("died", sum.dead),
        ("ttl_expired", sum.expired),
        ("duplicates", sum.duplicates),
        ("rejected", sum.rejected),
        ("dropped", sum.dropped),
        ("deleted", sum.deleted),
        ("moved", sum.moved),
    ];
    totals.into_iter().for_each(|(name, n)| lines.add(&format!("queues_total_{name}"), n));
}

fn add(sum: &mut Totals, totals: &Totals) {
    sum.pushed += totals.pushed;
    sum.popped += totals.popped;
    sum.acked += totals.acked;
    sum.nacked += totals.nacked;
    sum.lease_expired += totals.lease_expired;
    sum.dead += totals.dead;
    sum.expired += totals.expired;
    sum.duplicates += totals.duplicates;
    sum.rejected += totals.rejected;
    sum.dropped += totals.dropped;
    sum.deleted += totals.deleted;
    sum.moved += totals.moved;
}
