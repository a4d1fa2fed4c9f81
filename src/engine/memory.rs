//! The memory in use, for `maxmemory`: asked for often, counted at most once a millisecond. What is written between
//! two counts is added to the last, and what is evicted is taken off.

use crate::metrics::Memory;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

/// The last count.
#[derive(Debug, Default)]
pub struct Used {
    bytes: AtomicUsize,
    at_ms: AtomicI64,
}

impl Used {
    /// Bytes in use, as counted in the millisecond `now_ms`.
    pub fn bytes(&self, now_ms: i64) -> usize {
        if self.at_ms.swap(now_ms, Relaxed) != now_ms {
            self.recount();
        }
        self.bytes.load(Relaxed)
    }

    /// Counts anew.
    pub fn recount(&self) {
        self.bytes.store(Memory::allocator().allocated, Relaxed);
    }

    /// Adds what a call brings, until the next count.
    pub fn grew(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Takes what was freed since off the count.
    pub fn freed(&self, bytes: usize) {
        // Nothing to do about a count that somebody renews at the same time.
        let _ = self.bytes.fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_sub(bytes)));
    }
}
