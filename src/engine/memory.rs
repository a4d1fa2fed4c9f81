//! The memory in use, for `maxmemory`: asked for often, counted at most once a millisecond. What a call brings is added
//! to the last count before it runs, what it took instead before the thread's next call, and what is evicted is taken off.

use crate::log;
use crate::metrics::Memory;
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};

thread_local! {
    static LAST: Cell<Call> = const { Cell::new(Call { of: 0, at_ms: 0, before: 0, expected: 0 }) };
}

/// What is known of a thread's last call.
#[derive(Clone, Copy)]
struct Call {
    /// Whose count it was added to: the address.
    of: usize,
    at_ms: i64,
    /// The thread's own count before it ran.
    before: i64,
    /// What was added for it.
    expected: i64,
}

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

    /// Counts anew. What is on its way to the disk is none of the data's, as in Redis.
    pub fn recount(&self) {
        let (all, backlog) = (Memory::allocator().allocated, log::backlog());
        // Where it is more than all, the allocator that counts is not the program's.
        self.bytes.store(if backlog < all { all - backlog } else { all }, Relaxed);
    }

    /// What this thread has allocated and not freed, less what the log holds.
    pub fn of_thread() -> i64 {
        Memory::of_thread() - log::held() as i64
    }

    /// Adds the `bytes` that a call brings in the millisecond `now_ms`, until the next count, and corrects what was added
    /// for the call before it by what that one took.
    pub fn expect(&self, bytes: usize, now_ms: i64) {
        self.expect_at(bytes, now_ms, Self::of_thread());
    }

    /// The same; `now` is the thread's own count.
    fn expect_at(&self, bytes: usize, now_ms: i64, now: i64) {
        let (of, last) = (std::ptr::from_ref(self).addr(), LAST.get());
        // A later millisecond is counted anew.
        let took = if (last.of, last.at_ms) == (of, now_ms) { now - last.before - last.expected } else { 0 };
        self.add(took + bytes as i64);
        LAST.set(Call { of, at_ms: now_ms, before: now, expected: bytes as i64 });
    }

    fn add(&self, bytes: i64) {
        // Nothing to do about a count that somebody renews at the same time.
        let _ = self
            .bytes
            .fetch_update(Relaxed, Relaxed, |used| Some(used.saturating_add_signed(bytes as isize)));
    }

    /// Takes what was freed since off the count.
    pub fn freed(&self, bytes: usize) {
        self.freed_at(bytes, Self::of_thread());
    }

    /// The same; `now` is the thread's own count, which went down by as much: that is not to be taken off again.
    fn freed_at(&self, bytes: usize, now: i64) {
        self.add(-(bytes as i64));
        LAST.set(Call { before: now, ..LAST.get() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_took_replaces_what_was_expected() {
        let used = Used::default();
        let counted = used.bytes(1);
        let grown = || used.bytes(1) - counted;
        used.expect_at(100, 1, 5000);
        assert_eq!(grown(), 100);
        // It took ten times as much, and the next is expected to take 10.
        used.expect_at(10, 1, 6000);
        assert_eq!(grown(), 1010);
        // What is evicted before it runs is taken off once.
        used.freed_at(700, 5300);
        assert_eq!(grown(), 310);
        used.expect_at(0, 1, 5310);
        assert_eq!(grown(), 310);
        // In another millisecond, and for another server, nothing is known of the last call.
        used.expect_at(1, 2, 9000);
        assert_eq!(grown(), 311);
        let other = Used::default();
        let before = other.bytes(2);
        other.expect_at(1, 2, 19_000);
        assert_eq!(other.bytes(2), before + 1);
    }
}
