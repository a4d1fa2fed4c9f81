//! Clients looked after: idle ones, those who do not read, those who take too much memory together.

use crate::base::heap::Heap;
use crate::config::{self, ClientClass};
use crate::engine::{Engine, Flag};
use crate::metrics::Memory;
use crate::pubsub::Close;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often the counters are sampled.
const PERIOD: Duration = Duration::from_millis(100);
/// How many of these periods pass between two looks at every client, and at the memory of an idle server.
const LOOK: u32 = 5;

/// Samples the counters and looks after the clients until the server stops.
pub async fn clients(engine: Arc<Engine>) {
    let mut tick = tokio::time::interval(PERIOD);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut over, mut called) = (HashMap::new(), 0);
    for round in 1u32.. {
        tokio::select! {
            _ = tick.tick() => {}
            () = engine.stop.cancelled() => return,
        }
        let totals = engine.metrics.totals();
        engine.rates.sample(&totals, engine.metrics.command_ns());
        // This notes the peak, too, and takes the longest of all: seldom where nothing is called.
        if std::mem::replace(&mut called, totals.commands) != totals.commands || round.is_multiple_of(LOOK) {
            Memory::allocator();
        }
        super::super::evict::make_room(&engine, engine.now_ms());
        if !engine.settings.yes(config::DISABLE_THP) {
            engine.huge_pages.follow();
        }
        if Heap::has_surplus() {
            // It is the system that takes its time.
            let _ = tokio::task::spawn_blocking(|| Heap::trim(false)).await;
        }
        engine.limit_tracking();
        if round.is_multiple_of(LOOK) && !engine.cron_rests.load(Relaxed) {
            look(&engine, &mut over);
        }
    }
}

/// Closes clients that went over a limit. `over` holds since when a client is above its soft limit.
fn look(engine: &Engine, over: &mut HashMap<u64, Instant>) {
    let clients = engine.clients.all();
    let now_ms = engine.now_ms();
    for client in &clients {
        if engine.timeout_ms(client).is_some_and(|ms| client.is_overdue(now_ms, ms)) {
            client.close(Close::Now);
            continue;
        }
        let class = if client.is(Flag::Subscribed) { ClientClass::PubSub } else { ClientClass::Normal };
        let limit = engine.settings.output_limit(class);
        let unsent = client.unsent() as i64;
        let above = |bytes: i64| bytes > 0 && unsent > bytes;
        if above(limit.hard_bytes) {
            client.close(Close::Overrun);
        } else if above(limit.soft_bytes) {
            let since = over.entry(client.id).or_insert_with(Instant::now);
            if since.elapsed() >= Duration::from_secs(limit.soft_seconds as u64) {
                client.close(Close::Overrun);
            }
        } else {
            over.remove(&client.id);
        }
    }
    over.retain(|id, _| clients.binary_search_by_key(id, |client| client.id).is_ok());
    engine.limit_client_memory();
}
