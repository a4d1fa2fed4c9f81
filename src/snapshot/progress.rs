//! How far a save or a load has come, for INFO and the log.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often a log line tells the progress.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What is done, and what there is to do.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    keys: AtomicU64,
    keys_total: AtomicU64,
    bytes: AtomicU64,
    bytes_total: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            keys: AtomicU64::new(0),
            keys_total: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
        }
    }
}

impl Progress {
    /// Counts `n` more keys.
    pub fn saw(&self, n: usize) {
        self.keys.fetch_add(n as u64, Relaxed);
    }

    /// Counts `n` more bytes of the file.
    pub fn moved(&self, n: usize) {
        self.bytes.fetch_add(n as u64, Relaxed);
    }

    /// Sets how much there is to do, of which nothing is done; 0 bytes when that is not known.
    pub fn expect(&self, keys: u64, bytes: u64) {
        self.keys.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.keys_total.store(keys, Relaxed);
        self.bytes_total.store(bytes, Relaxed);
    }

    /// Keys done.
    pub fn keys(&self) -> u64 {
        self.keys.load(Relaxed)
    }

    /// Keys there are.
    pub fn keys_total(&self) -> u64 {
        self.keys_total.load(Relaxed)
    }

    /// Bytes of the file read or written.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Bytes the file has; 0 while it is written.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Relaxed)
    }

    /// The time it took so far.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time it will take from here on, as far as can be told.
    pub fn left(&self) -> Option<Duration> {
        let (done, total) = match self.bytes_total() {
            0 => (self.keys(), self.keys_total()),
            total => (self.bytes(), total),
        };
        (done > 0).then(|| self.elapsed().mul_f64(total.saturating_sub(done) as f64 / done as f64))
    }

    /// Writes a log line about `what` when the last one, or the start, is some seconds ago.
    pub fn tell(&self, what: &str, told: &mut Duration) {
        let elapsed = self.elapsed();
        if elapsed - *told < TELL_EVERY {
            return;
        }
        *told = elapsed;
        let seconds_left = self.left().map_or(0, |left| left.as_secs());
        tracing::info!(
            keys = self.keys(),
            of = self.keys_total(),
            bytes = self.bytes(),
            seconds_left,
            "{what}"
        );
    }
}
