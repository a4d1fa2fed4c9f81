//! CLIENT PAUSE: commands are held back until a moment, or until CLIENT UNPAUSE.

use super::Engine;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// What is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// Commands that may write.
    Writes,
    /// All commands.
    All,
}

impl Engine {
    /// Holds commands back until `until_ms` (unix), as [`Pause::start`] says; meanwhile no key that is due is removed.
    pub fn pause_clients(&self, what: Paused, until_ms: i64) {
        let now_ms = self.now_ms();
        self.pause.start(what, until_ms, now_ms);
        let until_ms = self.pause.state(now_ms).map_or(0, |(_, until_ms)| until_ms);
        self.keyspace.keep_due_until(until_ms);
    }

    /// Sleeps, and holds all other clients meanwhile: a server of one thread would answer nobody. May block.
    pub fn stand_still(&self, duration: Duration) {
        let now_ms = self.now_ms();
        let paused = self.pause.state(now_ms);
        self.pause.start(Paused::All, now_ms.saturating_add(duration.as_millis() as i64), now_ms);
        std::thread::sleep(duration);
        self.pause.lift();
        if let Some((what, until_ms)) = paused {
            self.pause.start(what, until_ms, self.now_ms());
        }
    }

    /// Lets all clients go on.
    pub fn resume_clients(&self) {
        self.keyspace.keep_due_until(0);
        self.pause.lift();
    }
}

/// The pause of all clients.
#[derive(Debug, Default)]
pub struct Pause {
    active: AtomicBool,
    until: Mutex<Option<(Paused, i64)>>,
    lifted: Notify,
}

impl Pause {
    /// Holds commands back until `until_ms` (unix). A pause that is on is never shortened, nor
    /// narrowed to writes.
    pub fn start(&self, what: Paused, until_ms: i64, now_ms: i64) {
        let mut until = self.until.lock();
        let (what, until_ms) = match *until {
            Some((old, t)) if t > now_ms => (if old == Paused::All { old } else { what }, t.max(until_ms)),
            _ => (what, until_ms),
        };
        *until = Some((what, until_ms));
        self.active.store(true, Ordering::Release);
    }

    /// Lets all go on.
    pub fn lift(&self) {
        *self.until.lock() = None;
        self.active.store(false, Ordering::Release);
        self.lifted.notify_waiters();
    }

    /// What is held back now, and until when; `None` costs a load.
    pub fn state(&self, now_ms: i64) -> Option<(Paused, i64)> {
        if !self.active.load(Ordering::Acquire) {
            return None;
        }
        let mut until = self.until.lock();
        match *until {
            Some((what, t)) if t > now_ms => Some((what, t)),
            _ => {
                *until = None;
                self.active.store(false, Ordering::Release);
                None
            }
        }
    }

    /// Completes when the pause is lifted before its time.
    pub async fn lifted(&self) {
        self.lifted.notified().await;
    }
}
