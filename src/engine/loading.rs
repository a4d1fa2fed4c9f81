//! How far the loading of the data set at the start has come.

use super::Engine;
use crate::config;
use crate::snapshot::{Loaded, Progress};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed, Ordering::Release};
use std::time::Duration;
use tokio::time::Instant;

/// How long clients wait for what may be loaded before they are told that it is being loaded.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What is known of the loading, for INFO and the gate that refuses clients meanwhile.
#[derive(Debug, Default)]
pub struct Loading {
    active: AtomicBool,
    started_ms: AtomicI64,
    total_bytes: AtomicU64,
    loaded_bytes: AtomicU64,
    /// Of the snapshot.
    pub snapshot: Progress,
    /// Of the snapshot loaded last: its keys, and those that were due and left out.
    keys: AtomicU64,
    expired: AtomicU64,
}

impl Loading {
    /// Begins: clients are refused from here on.
    pub fn start(&self, now_ms: i64) {
        self.started_ms.store(now_ms, Relaxed);
        self.total_bytes.store(0, Relaxed);
        self.loaded_bytes.store(0, Relaxed);
        self.active.store(true, Release);
    }

    /// There are `bytes` more to load.
    pub fn expect(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Relaxed);
    }

    /// So many `bytes` more are loaded.
    pub fn advance(&self, bytes: u64) {
        self.loaded_bytes.fetch_add(bytes, Relaxed);
    }

    /// Notes the snapshot that was loaded.
    pub fn note(&self, loaded: &Loaded) {
        self.keys.store(loaded.keys, Relaxed);
        self.expired.store(loaded.expired, Relaxed);
    }

    /// Keys of the snapshot loaded last, and those that were left out as they were due.
    pub fn last(&self) -> (u64, u64) {
        (self.keys.load(Relaxed), self.expired.load(Relaxed))
    }

    /// Everything is loaded.
    pub fn finish(&self) {
        self.active.store(false, Release);
    }

    /// Whether the data set is being loaded.
    pub fn is_active(&self) -> bool {
        self.active.load(Relaxed)
    }

    /// Completes when everything is loaded, or a moment is over: what loads at once is there for the first
    /// client, which needs not be refused.
    pub async fn at_once(&self) {
        let until = Instant::now() + AT_ONCE;
        while self.is_active() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Unix seconds at which it began.
    pub fn started_at(&self) -> i64 {
        self.started_ms.load(Relaxed) / 1000
    }

    /// Bytes there are, and bytes that are loaded.
    pub fn bytes(&self) -> (u64, u64) {
        let (total, loaded) = (self.total_bytes.load(Relaxed), self.loaded_bytes.load(Relaxed));
        (total + self.snapshot.bytes_total(), loaded + self.snapshot.bytes())
    }

    /// Seconds it will probably take from `now_ms` on.
    pub fn seconds_left(&self, now_ms: i64) -> u64 {
        let (total, loaded) = self.bytes();
        let passed_ms = (now_ms - self.started_ms.load(Relaxed)).max(0) as u64;
        (total.saturating_sub(loaded)).checked_mul(passed_ms).map_or(0, |left| left / loaded.max(1) / 1000)
    }
}

impl Engine {
    /// The pause behind each key, or record of the log, that is loaded, for tests.
    pub fn load_delay(&self) -> Duration {
        Duration::from_micros(self.settings.int(config::KEY_LOAD_DELAY).max(0) as u64)
    }
}
