//! The one door: every change leaves its transaction here, while its shards are still locked.

use super::Engine;
use crate::keyspace::Txn;
use crate::log::Lsn;
use crate::metrics::Local;

/// A key whose waiters may go on, with its database.
pub type Ready = (u32, Box<[u8]>);

/// How far into the log a transaction reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Where its own record ends; 0 when it wrote nothing.
    pub wrote: Lsn,
    /// Where the newest record about the shards it saw ends; known only when everybody waits for the disk.
    pub saw: Lsn,
}

impl Reached {
    /// How far both reach together.
    pub fn max(self, other: Reached) -> Reached {
        Reached { wrote: self.wrote.max(other.wrote), saw: self.saw.max(other.saw) }
    }
}

/// What is left to do after a transaction.
#[derive(Debug, Default)]
pub struct Committed {
    /// How far into the log it reaches.
    pub lsn: Reached,
    /// Keys whose waiters are to be served before anybody is answered.
    pub ready: Vec<Ready>,
}

impl Engine {
    /// Passes on what `txn` did (log, listeners, counters), then unlocks its shards.
    pub fn commit(&self, mut txn: Txn<'_>) -> Committed {
        self.pass_on(&mut txn, self.metrics.local())
    }

    /// As [`Engine::commit`], for a transaction that must not be moved and is to be dropped next; `local` are the thread's
    /// counters.
    #[inline(always)]
    pub fn pass_on(&self, txn: &mut Txn<'_>, local: &Local) -> Committed {
        txn.expire_found();
        // What others wrote here may not be durable yet, and must not be told of before it is.
        let saw = if self.log.is_always() { txn.saw() } else { 0 };
        let mut committed = Committed { lsn: Reached { wrote: 0, saw }, ready: Vec::new() };
        let effects = txn.effects();
        let (hits, misses) = (effects.hits.get(), effects.misses.get());
        if hits | misses | effects.across != 0 {
            local.counters.keyspace_hits.add(hits);
            local.counters.keyspace_misses.add(misses);
            local.counters.cluster_incompatible.add(effects.across);
        }
        if effects.is_heard() && (hits | misses | effects.dirty != 0 || effects.flushed || effects.has_news())
        {
            self.notify_all(effects);
        }
        // Some effects are no change that counts: an entry of a stream delivered once more.
        if effects.dirty | effects.expired | effects.expired_fields != 0 || !effects.log().is_empty() {
            self.pass_on_changes(txn, local, &mut committed);
        }
        committed
    }

    fn pass_on_changes(&self, txn: &mut Txn<'_>, local: &Local, committed: &mut Committed) {
        let now_ms = txn.now_ms();
        let effects = txn.effects();
        local.changes.add(effects.dirty);
        let counters = &local.counters;
        if effects.expired | effects.expired_fields != 0 {
            counters.expired_keys.add(effects.expired);
            counters.expired_fields.add(effects.expired_fields);
        }
        committed.ready = effects.take_ready();
        if !effects.log().is_empty() {
            let firm = effects.is_firm();
            let end = self.log.append(effects.log(), now_ms);
            if firm {
                committed.lsn.wrote = end;
                txn.set_logged(end);
            }
        }
    }
}
