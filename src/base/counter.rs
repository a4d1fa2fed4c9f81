//! A counter of one thread, or of one task.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter that only one thread, or task, changes: a plain add, no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`; only to be called by who owns the counter.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Makes it `n` if it is less; only to be called by who owns it.
    #[inline]
    pub fn raise(&self, n: u64) {
        if self.0.load(Relaxed) < n {
            self.0.store(n, Relaxed);
        }
    }

    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Counts from 0 again.
    pub fn clear(&self) {
        self.0.store(0, Relaxed);
    }
}
