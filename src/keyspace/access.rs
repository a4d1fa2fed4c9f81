//! The access clock of an entry: 24 bits that tell how idle a key is, or how often it is used.
//!
//! ```text
//!          23                         8 7                0
//! LRU      ┌─────────────────────────────────────────────┐
//!          │ unix seconds of the last access             │
//!          └─────────────────────────────────────────────┘
//! LFU      ┌──────────────────────────┬──────────────────┐
//!          │ unix minutes of the last │ accesses, on a   │
//!          │ decay                    │ logarithmic scale│
//!          └──────────────────────────┴──────────────────┘
//! ```
//! Under a policy by the last change the clock is that of LRU, and tells when the value was last changed.
//!
//! The counter is a Morris counter: the higher it stands, the less likely an access raises it. It falls
//! by one for every so many minutes without an access. Source: R. Morris, Counting large numbers of events
//! in small registers, 1978; the parameters are Redis' own.

use crate::base::random;

/// The counter of a new key: high enough not to be evicted before its second access.
const NEW: u32 = 5;
const COUNTER_MAX: u32 = 255;
const CLOCK_MASK: u32 = 0xFF_FFFF;

/// How the frequency of use is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lfu {
    /// The higher, the more accesses it takes to raise the counter (`lfu-log-factor`).
    pub log_factor: u32,
    /// Minutes without an access for which the counter falls by one; 0 never (`lfu-decay-time`).
    pub decay_minutes: u32,
}

/// Who notes something in entries; new ones are always noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noting {
    /// Every access.
    Accesses,
    /// Changes alone.
    Changes,
    /// Nobody.
    Nothing,
}

/// What accesses note in entries.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Unix seconds, 24 bits.
    seconds: u32,
    /// Unix minutes, 16 bits.
    minutes: u32,
    lfu: Option<Lfu>,
    noting: Noting,
    /// Which key goes when memory is full depends on its accesses: equal values are not shared.
    decides: bool,
}

impl Access {
    /// Accesses at `now_ms`, counted by idle time, or by frequency with `lfu`.
    pub fn at(now_ms: i64, lfu: Option<Lfu>) -> Self {
        let seconds = now_ms / 1000;
        let minutes = (seconds / 60) as u32 & 0xFFFF;
        Self { seconds: seconds as u32 & CLOCK_MASK, minutes, lfu, noting: Noting::Accesses, decides: false }
    }

    /// The same for those whose accesses are not noted (CLIENT NO-TOUCH).
    pub fn quiet(self) -> Self {
        match self.noting {
            Noting::Accesses => Self { noting: Noting::Nothing, ..self },
            _ => self,
        }
    }

    /// The same where only changes are noted.
    pub fn by_changes(self) -> Self {
        Self { noting: Noting::Changes, ..self }
    }

    /// The same where accesses decide which key goes when memory is full.
    pub fn deciding(self, decides: bool) -> Self {
        Self { decides, ..self }
    }

    /// Whether Redis would have one object for a small number, whatever keys have it as their value.
    pub fn shares_numbers(self) -> bool {
        !self.decides
    }

    /// Whether it counts frequencies.
    pub fn is_lfu(self) -> bool {
        self.lfu.is_some()
    }

    /// The clock of a new entry.
    pub fn fresh(self) -> u32 {
        match self.lfu {
            None => self.seconds,
            Some(_) => self.minutes << 8 | NEW,
        }
    }

    /// The clock of an entry that was accessed again, when it said `before`.
    #[inline(always)]
    pub fn again(self, before: u32) -> u32 {
        match self.lfu {
            _ if self.noting != Noting::Accesses => before,
            None => self.seconds,
            Some(lfu) => self.minutes << 8 | raised(self.decayed(before, lfu), lfu),
        }
    }

    /// The clock of an entry that takes the place of one that said `before`: the key goes on, and was accessed.
    #[inline(always)]
    pub fn replacing(self, before: u32) -> u32 {
        match self.noting {
            Noting::Changes => self.seconds,
            _ => self.again(before),
        }
    }

    /// Seconds since the last access.
    pub fn idle_s(self, clock: u32) -> u32 {
        self.seconds.wrapping_sub(clock) & CLOCK_MASK
    }

    /// The clock of an entry from elsewhere, of which it is told how long it was idle, or how its counter
    /// stands: a new one's where that is not what is counted here.
    pub fn restored(self, idle_s: Option<u32>, frequency: Option<u32>) -> u32 {
        match (self.lfu, idle_s, frequency) {
            (None, Some(idle_s), _) => self.seconds.wrapping_sub(idle_s) & CLOCK_MASK,
            (Some(_), _, Some(frequency)) => self.minutes << 8 | frequency.min(COUNTER_MAX),
            _ => self.fresh(),
        }
    }

    /// The counter of an entry now, after its decay.
    pub fn frequency(self, clock: u32) -> u32 {
        self.lfu.map_or(clock & COUNTER_MAX, |lfu| self.decayed(clock, lfu))
    }

    fn decayed(self, clock: u32, lfu: Lfu) -> u32 {
        let (since, counter) = (clock >> 8, clock & COUNTER_MAX);
        let passed = self.minutes.wrapping_sub(since) & 0xFFFF;
        counter.saturating_sub(passed.checked_div(lfu.decay_minutes).unwrap_or(0))
    }
}

fn raised(counter: u32, lfu: Lfu) -> u32 {
    if counter >= COUNTER_MAX {
        return COUNTER_MAX;
    }
    let above = u64::from(counter.saturating_sub(NEW));
    let one_in = above * u64::from(lfu.log_factor) + 1;
    counter + u32::from(random::below(one_in as usize) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LFU: Lfu = Lfu { log_factor: 10, decay_minutes: 1 };
    const MINUTE_MS: i64 = 60_000;

    #[test]
    fn idle_time_survives_the_clock_turning_over() {
        let clock = Access::at(0xFF_FFFF * 1000, None).fresh();
        assert_eq!(Access::at(0x100_0009 * 1000, None).idle_s(clock), 10);
    }

    #[test]
    fn frequency_rises_slowly_and_decays() {
        let now = Access::at(1_000 * MINUTE_MS, Some(LFU));
        let clock = (0..1_000_000).fold(now.fresh(), |clock, _| now.again(clock));
        // Redis' own table: a million accesses at factor 10 saturate the counter.
        assert!(now.frequency(clock) > 240, "{}", now.frequency(clock));
        let later = Access::at(1_100 * MINUTE_MS, Some(LFU));
        assert_eq!(later.frequency(clock), now.frequency(clock) - 100);
        assert_eq!(later.quiet().again(clock), clock);
        assert_eq!(
            Access::at(0, Some(Lfu { decay_minutes: 0, ..LFU })).frequency(clock),
            now.frequency(clock)
        );
    }
}
