//! Eviction: which keys make room above `maxmemory`. Nobody sorts all keys: a few are drawn at random, and the
//! best of those seen lately go first, as in Redis.

use super::Engine;
use crate::base::random;
use crate::config::{self, Settings};
use crate::keyspace::effects::{Listeners, Listening};
use crate::keyspace::table::Table;
use crate::keyspace::{Access, EntryRef, Kind, SHARDS};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Candidates remembered from one draw to the next.
const POOL_MAX: usize = 16;

/// Milliseconds in which a message has left for the kernel, unless its reader is slow.
const UNDER_WAY_MS: i64 = 250;

/// By what candidates are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The longest idle first.
    Lru,
    /// The least frequently used first.
    Lfu,
    /// The longest unchanged first.
    Lrm,
    /// The first to expire first.
    Ttl,
    /// Whichever comes.
    Random,
}

/// `maxmemory-policy`, unless it is `noeviction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// By what candidates are compared.
    pub order: Order,
    /// Only keys with a TTL may go.
    pub volatile: bool,
}

impl Policy {
    /// The policy of the settings; `None` evicts nothing.
    #[inline]
    pub fn of(settings: &Settings) -> Option<Policy> {
        // The places of the setting's choices.
        let (order, volatile) = match settings.int(config::MAXMEMORY_POLICY) {
            0 => (Order::Lru, true),
            1 => (Order::Lfu, true),
            2 => (Order::Random, true),
            3 => (Order::Ttl, true),
            4 => (Order::Lrm, true),
            5 => (Order::Lru, false),
            6 => (Order::Lfu, false),
            7 => (Order::Random, false),
            8 => (Order::Lrm, false),
            _ => return None,
        };
        Some(Policy { order, volatile })
    }

    /// How soon an entry is to go, the higher the sooner; `None` when it may not.
    fn score(self, entry: EntryRef<'_>, access: Access) -> Option<u64> {
        // A queue holds messages that somebody counts on; with a TTL it was given up.
        if entry.expire_at().is_none() && (self.volatile || entry.kind() == Kind::Queue) {
            return None;
        }
        Some(match self.order {
            Order::Lru | Order::Lrm => access.idle_s(entry.access()).into(),
            Order::Lfu => u64::from(255 - access.frequency(entry.access()).min(255)),
            Order::Ttl => u64::MAX - entry.expire_at()?.max(0) as u64,
            Order::Random => 0,
        })
    }
}

/// Lets changes be noted in entries where the policy goes by them, now and after every change of it.
pub(super) fn follow(settings: &Settings, listening: &Arc<Listening>) {
    let listening = listening.clone();
    let update = move |settings: &Settings| {
        let order = Policy::of(settings).map(|policy| policy.order);
        listening.set(Listeners::CHANGES, order == Some(Order::Lrm));
    };
    update(settings);
    settings.on_change(&[config::MAXMEMORY_POLICY], move |settings| {
        update(settings);
        Ok(())
    });
}

/// A key that may go.
struct Candidate {
    score: u64,
    db: u32,
    key: Box<[u8]>,
}

/// The state of eviction.
#[derive(Default)]
pub struct Eviction {
    /// The best candidates seen, in ascending order of their scores.
    pool: Mutex<Vec<Candidate>>,
    /// When the limit was passed, if it is now; and for how long it was before.
    exceeded: Mutex<(Option<Instant>, u64)>,
    /// Since when messages about evicted keys are under way, and their bytes.
    told: Mutex<(i64, usize)>,
    evicted: AtomicU64,
}

impl Eviction {
    /// Keys evicted so far.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    /// Counts an evicted key.
    pub fn count(&self) {
        self.evicted.fetch_add(1, Relaxed);
    }

    /// Notes that clients were told of an evicted key, in messages of so many `bytes`.
    pub fn told(&self, bytes: usize, now_ms: i64) {
        let (since_ms, under_way) = &mut *self.told.lock();
        if now_ms - *since_ms >= UNDER_WAY_MS {
            (*since_ms, *under_way) = (now_ms, 0);
        }
        *under_way += bytes;
    }

    /// Bytes that messages about evicted keys may take which have not left yet: no reason to evict more. One that is
    /// just being written stands in its connection's buffer as well.
    pub fn under_way(&self, now_ms: i64) -> usize {
        let (since_ms, under_way) = *self.told.lock();
        if now_ms - since_ms < UNDER_WAY_MS { 2 * under_way } else { 0 }
    }

    /// Notes whether the limit is passed.
    pub fn note(&self, exceeded: bool) {
        let (since, total_ms) = &mut *self.exceeded.lock();
        match (exceeded, *since) {
            (true, None) => *since = Some(Instant::now()),
            (false, Some(began)) => {
                *total_ms += began.elapsed().as_millis() as u64;
                *since = None;
            }
            _ => {}
        }
    }

    /// Milliseconds above the limit: all together, and this time.
    pub fn exceeded_ms(&self) -> (u64, u64) {
        let (since, total_ms) = *self.exceeded.lock();
        let current = since.map_or(0, |began| began.elapsed().as_millis() as u64);
        (total_ms + current, current)
    }

    /// Forgets what was counted (CONFIG RESETSTAT).
    pub fn reset(&self) {
        self.evicted.store(0, Relaxed);
        self.exceeded.lock().1 = 0;
    }

    /// The key that is to go next, with its database; `None` when no key may. No shard may be locked.
    pub fn choose(&self, engine: &Engine, policy: Policy, now_ms: i64) -> Option<(u32, Box<[u8]>)> {
        let access = engine.access(now_ms);
        let samples = engine.settings.int(config::MAXMEMORY_SAMPLES) as usize;
        let mut pool = self.pool.lock();
        let first = random::below(SHARDS);
        for shard in (first..SHARDS).chain(0..first) {
            let held = engine.keyspace.lock(shard);
            for (db, table) in held.tables.iter().enumerate().filter(|(_, table)| !table.is_empty()) {
                draw(table, db as u32, policy, access, samples, &mut pool);
            }
            if let Some(Candidate { db, key, .. }) = pool.pop() {
                return Some((db, key));
            }
        }
        None
    }
}

/// Draws `samples` entries of a table and keeps those that are better than what is in the pool.
fn draw(table: &Table, db: u32, policy: Policy, access: Access, samples: usize, pool: &mut Vec<Candidate>) {
    for _ in 0..samples {
        let entry = if policy.volatile { table.random_expiring() } else { table.random() };
        let Some(entry) = entry else { return };
        let Some(score) = policy.score(entry, access) else { continue };
        let at = pool.partition_point(|known| known.score < score);
        if at == 0 && pool.len() >= POOL_MAX {
            continue;
        }
        if pool.iter().any(|known| known.db == db && *known.key == *entry.key()) {
            continue;
        }
        pool.insert(at, Candidate { score, db, key: entry.key().into() });
        if pool.len() > POOL_MAX {
            pool.remove(0);
        }
        if policy.order == Order::Random {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_about_evicted_keys_are_under_way_for_a_while() {
        let eviction = Eviction::default();
        assert_eq!(eviction.under_way(1000), 0);
        eviction.told(10, 1000);
        eviction.told(5, 1100);
        assert_eq!(eviction.under_way(1000 + UNDER_WAY_MS - 1), 30);
        // By the first of them, so that a server that evicts all the time is not without a limit.
        assert_eq!(eviction.under_way(1000 + UNDER_WAY_MS), 0);
        eviction.told(7, 1000 + UNDER_WAY_MS);
        assert_eq!(eviction.under_way(1000 + UNDER_WAY_MS), 14);
    }
}
