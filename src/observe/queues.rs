//! Queues, each with metrics of its own up to a number of them.

use super::family::*;
use super::text::{Page, shorten};
use crate::config;
use crate::engine::Engine;
use crate::keyspace::Key;
use crate::types::Queue;
use crate::types::queue::{State, Totals};

/// What is told of one queue.
struct Shown {
    labels: String,
    messages: [usize; State::ALL.len()],
    oldest_ms: i64,
    bytes: u64,
    totals: Totals,
}

pub(super) fn all(engine: &Engine, page: &mut Page) {
    let most = engine.settings.int(config::METRICS_QUEUES_MAX) as usize;
    let (now_ms, mut found, mut shown) = (engine.now_ms(), 0, Vec::new());
    for (db, name) in engine.keyspace.agenda().queues() {
        let key = Key::new(&name);
        // One queue under one lock at a time: nobody waits for all of them.
        let shard = engine.keyspace.lock(key.shard());
        let entry = shard.tables[db as usize].find(key.hash, key.bytes);
        let Some(queue) = entry.and_then(|entry| entry.collection::<Queue>()) else { continue };
        found += 1;
        if found <= most {
            let oldest = queue.oldest().0;
            shown.push(Shown {
                labels: format!(
                    "db=\"{db}\",queue=\"{}\"",
                    escape(&shorten(&String::from_utf8_lossy(&name)))
                ),
                messages: State::ALL.map(|state| queue.count(state)),
                oldest_ms: oldest.map_or(0, |id| (queue.time_at(now_ms) - id.ms as i64).max(0)),
                bytes: queue.bytes(),
                totals: *queue.totals(),
            });
        }
    }
    page.set(&QUEUES, &[], found as f64);
    page.set(&QUEUES_HIDDEN, &[], found.saturating_sub(most) as f64);
    // Written as they are: there may be very many, and a recorder keeps each in a map.
    page.lines(&QUEUE_MESSAGES, shown.iter(), |queue, line| {
        for (state, n) in State::ALL.iter().zip(queue.messages) {
            line(format_args!("{},state=\"{}\"", queue.labels, state.name()), n as f64);
        }
    });
    page.lines(&QUEUE_OLDEST, shown.iter(), |queue, line| {
        line(format_args!("{}", queue.labels), queue.oldest_ms as f64 / 1000.0);
    });
    page.lines(&QUEUE_BYTES, shown.iter(), |queue, line| {
        line(format_args!("{}", queue.labels), queue.bytes as f64);
    });
    page.lines(&QUEUE_EVENTS, shown.iter(), |queue, line| {
        for (event, n) in events(&queue.totals) {
            line(format_args!("{},event=\"{event}\"", queue.labels), n as f64);
        }
    });
}

fn events(totals: &Totals) -> [(&'static str, u64); 12] {
    [
        ("pushed", totals.pushed),
        ("popped", totals.popped),
        ("acked", totals.acked),
        ("nacked", totals.nacked),
        ("lease_expired", totals.lease_expired),
        ("dead", totals.dead),
        ("expired", totals.expired),
        ("duplicate", totals.duplicates),
        ("rejected", totals.rejected),
        ("dropped", totals.dropped),
        ("deleted", totals.deleted),
        ("moved", totals.moved),
    ]
}

/// A label's value between its quotes.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn labels_cannot_end_early() {
        assert_eq!(super::escape("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
