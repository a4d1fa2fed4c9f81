//! The lock of a shard: held for microseconds, taken and given back millions of times a second.
//!
//! Taking it is one atomic instruction, and giving it back a plain store: half of what a lock costs whose waiters
//! sleep until they are woken, as giving that one back has to look for them. Here who waits looks again by itself:
//! at once, then when others had their turn, then every 50 µs (`NAP`).
#![allow(unsafe_code)]

use parking_lot::lock_api::{self, GuardNoSend, RawMutex, RawMutexTimed};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A value behind a shard's lock.
pub type Mutex<T> = lock_api::Mutex<Lock, T>;
/// A shard's lock, held.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, Lock, T>;

/// Looks that spin between each other, twice as long each time.
const SPINS: u32 = 7;
/// Looks behind these that let other threads run in between.
const YIELDS: u32 = 64;
/// What lies between two looks from then on: only scripts hold a shard that long.
const NAP: Duration = Duration::from_micros(50);

/// Whether the lock is held.
pub struct Lock(AtomicBool);

impl Lock {
    /// Takes the lock when it is given back; false when it is still held at `until`.
    #[cold]
    fn wait(&self, until: Option<Instant>) -> bool {
        for look in 0u32.. {
            match look {
                0..SPINS => (0..1 << look).for_each(|_| std::hint::spin_loop()),
                SPINS..YIELDS => std::thread::yield_now(),
                _ => std::thread::sleep(NAP),
            }
            if !self.is_locked() && self.try_lock() {
                return true;
            }
            if look >= SPINS && until.is_some_and(|until| Instant::now() >= until) {
                return false;
            }
        }
        false
    }
}

// SAFETY: `try_lock` lets one in until `unlock`: the flag is set by one atomic instruction, with acquire semantics, and
// cleared with release semantics.
unsafe impl RawMutex for Lock {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Lock(AtomicBool::new(false));
    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.wait(None);
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }

    #[inline]
    fn is_locked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

// SAFETY: as above.
unsafe impl RawMutexTimed for Lock {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.try_lock_until(Instant::now() + timeout)
    }

    fn try_lock_until(&self, until: Instant) -> bool {
        self.try_lock() || self.wait(Some(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn one_at_a_time_has_it() {
        let total = Arc::new(Mutex::new(0u64));
        let threads = (0..4).map(|_| {
            let total = total.clone();
            std::thread::spawn(move || (0..20_000).for_each(|_| *total.lock() += 1))
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*total.lock(), 80_000);
    }

    #[test]
    fn patience_ends() {
        let (lock, began) = (Mutex::new(()), Instant::now());
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock_for(Duration::from_millis(5)).is_none());
        assert!(began.elapsed() >= Duration::from_millis(5));
        drop(held);
        assert!(lock.try_lock_for(Duration::ZERO).is_some());
    }
}
