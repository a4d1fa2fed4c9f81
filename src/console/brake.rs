//! Slows guessing of passwords down: an address that failed waits, twice as long each time.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Attempts that are free: passwords are mistyped.
const FREE: u32 = 3;
/// How long the first attempt behind those waits, and the longest wait.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How long attempts are remembered.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// Addresses that are remembered; above that all others are one.
const ADDRESSES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Attempts {
    count: u32,
    last: Instant,
}

impl Attempts {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(doublings) => WAIT.0.saturating_mul(1 << doublings.min(16)).min(WAIT.1),
        }
    }
}

/// Attempts by address.
#[derive(Debug, Default)]
pub(super) struct Brake {
    attempts: Mutex<HashMap<IpAddr, Attempts>>,
}

impl Brake {
    /// Lets an attempt pass, or says how long to wait. It counts as failed until it has [`Brake::passed`], so that many
    /// at the same time gain nothing.
    pub(super) fn admit(&self, address: IpAddr) -> Result<(), Duration> {
        self.admit_at(address, Instant::now())
    }

    fn admit_at(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut attempts = self.attempts.lock();
        let mut place = place(address);
        if attempts.len() >= ADDRESSES_MAX && !attempts.contains_key(&place) {
            attempts.retain(|_, one| now.duration_since(one.last) < MEMORY);
            if attempts.len() >= ADDRESSES_MAX {
                place = IpAddr::from([0, 0, 0, 0]);
            }
        }
        let one = attempts.entry(place).or_insert(Attempts { count: 0, last: now });
        let passed = now.duration_since(one.last);
        if passed >= MEMORY {
            one.count = 0;
        }
        let wait = one.wait();
        if passed < wait {
            return Err(wait - passed);
        }
        *one = Attempts { count: one.count + 1, last: now };
        Ok(())
    }

    /// The last attempt was right.
    pub(super) fn passed(&self, address: IpAddr) {
        self.attempts.lock().remove(&place(address));
    }
}

/// Whoever has an IPv6 address has 2^64 of them.
fn place(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let (brake, start, here) = (Brake::default(), Instant::now(), IpAddr::from([192, 0, 2, 1]));
        let after = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..FREE {
            brake.admit_at(here, start).unwrap();
        }
        assert_eq!(brake.admit_at(here, start), Err(Duration::from_secs(1)));
        brake.admit_at(here, after(1)).unwrap();
        assert_eq!(brake.admit_at(here, after(2)), Err(Duration::from_secs(1)));
        brake.admit_at(here, after(3)).unwrap();
        brake.admit_at([192, 0, 2, 2].into(), start).unwrap();
        brake.admit_at(here, after(3000)).unwrap();
        brake.admit_at(here, after(3000)).unwrap();
        brake.passed(here);
        assert_eq!(brake.attempts.lock().len(), 1);
    }

    #[test]
    fn memory_is_bounded() {
        let (brake, now) = (Brake::default(), Instant::now());
        for n in 0..3 * ADDRESSES_MAX as u32 {
            let _ = brake.admit_at(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(brake.attempts.lock().len() <= ADDRESSES_MAX + 1);
        let network = |n| IpAddr::from([0x2001, 0xdb8, 0, 0, n, 0, 0, 1]);
        assert_eq!(place(network(1)), place(network(2)));
    }
}
