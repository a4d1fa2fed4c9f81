//! The one door: every change leaves its transaction here, while its shards are still locked.

use super::Engine;
use crate::keyspace::Txn;
use std::sync::atomic::Ordering::Relaxed;

/// A key whose waiters may go on, with its database.
pub type Ready = (u32, Box<[u8]>);

/// What is left to do after a transaction.
#[derive(Debug, Default)]
pub struct Committed {
    /// The log position the effects reached; 0 when there were none.
    pub lsn: u64,
    /// Keys whose waiters are to be served before anybody is answered.
    pub ready: Vec<Ready>,
}

impl Engine {
    /// Passes on what `txn` did (log, listeners, counters), then unlocks its shards.
    pub fn commit(&self, mut txn: Txn<'_>) -> Committed {
        let effects = txn.effects();
        let (hits, misses, dirty) = (effects.hits.get(), effects.misses.get(), effects.dirty);
        if hits | misses | dirty == 0 && !effects.flushed {
            return Committed::default();
        }
        let counters = &self.metrics.local().counters;
        if hits | misses != 0 {
            counters.keyspace_hits.add(hits);
            counters.keyspace_misses.add(misses);
        }
        if effects.is_heard() {
            self.notify(effects);
        }
        if dirty == 0 {
            return Committed::default();
        }
        counters.changes.add(dirty);
        counters.expired_keys.add(effects.expired);
        Committed { lsn: self.lsn.load(Relaxed), ready: effects.take_ready() }
    }
}
