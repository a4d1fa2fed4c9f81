//! Tasks that wait until the log is durable up to a place.

use super::Lsn;
use parking_lot::Mutex;
use std::task::Waker;

/// Who waits, and for what; in no order: a sync that is done serves most of them.
#[derive(Default)]
pub struct Waiting(Mutex<Vec<(Lsn, Waker)>>);

impl Waiting {
    /// Wakes `waker` when the log is durable up to `lsn`, or fails.
    pub fn add(&self, lsn: Lsn, waker: &Waker) {
        let mut waiting = self.0.lock();
        if !waiting.iter().any(|(place, known)| *place == lsn && known.will_wake(waker)) {
            waiting.push((lsn, waker.clone()));
        }
    }

    /// Wakes those who wait for a place up to `durable`.
    pub fn wake(&self, durable: Lsn) {
        let mut due = Vec::new();
        {
            let mut waiting = self.0.lock();
            let mut at = 0;
            while at < waiting.len() {
                if waiting[at].0 <= durable {
                    due.push(waiting.swap_remove(at).1);
                } else {
                    at += 1;
                }
            }
        }
        due.into_iter().for_each(Waker::wake);
    }
}
