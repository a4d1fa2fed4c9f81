//! The wall clock, in unix milliseconds, that tests can move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// A handle on the server's wall clock; clones share one offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// Unix time in milliseconds, plus whatever [`Clock::advance`] added.
    pub fn now_ms(&self) -> i64 {
        system_ms() + self.offset_ms.load(Relaxed)
    }

    /// Moves this clock by `ms` (tests and simulations; backwards too).
    pub fn advance(&self, ms: i64) {
        self.offset_ms.fetch_add(ms, Relaxed);
    }
}

/// The operating system's unix time in milliseconds.
pub fn system_ms() -> i64 {
    system_us() / 1000
}

/// The operating system's unix time in microseconds; 0 before 1970.
pub fn system_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}
