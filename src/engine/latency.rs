//! LATENCY: moments in which the server took long, by what it did.

use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};

/// Samples kept of each event: one a second at most.
const SAMPLES_MAX: usize = 160;

/// One long moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, in unix seconds.
    pub at_s: i64,
    /// How long, in milliseconds.
    pub ms: u64,
}

/// The long moments of one event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The latest, oldest first.
    pub samples: VecDeque<Sample>,
    /// The longest since the last reset, in milliseconds.
    pub ms_max: u64,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.ms_max = self.ms_max.max(sample.ms);
        match self.samples.back_mut() {
            Some(last) if last.at_s == sample.at_s => last.ms = last.ms.max(sample.ms),
            _ => self.samples.push_back(sample),
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
    }
}

/// The long moments.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

impl LatencyMonitor {
    /// Notes that `event` took `ms` milliseconds at `at_s`, unix seconds.
    pub fn add(&self, event: &'static str, at_s: i64, ms: u64) {
        self.events.lock().entry(event).or_default().add(Sample { at_s, ms });
    }

    /// All events, by name.
    pub fn all(&self) -> Vec<(&'static str, Series)> {
        self.events.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    /// One event.
    pub fn get(&self, event: &[u8]) -> Option<Series> {
        self.events.lock().get(std::str::from_utf8(event).ok()?).cloned()
    }

    /// Forgets one event; false when there was none.
    pub fn reset(&self, event: &[u8]) -> bool {
        std::str::from_utf8(event).is_ok_and(|event| self.events.lock().remove(event).is_some())
    }

    /// Forgets all events; returns how many there were.
    pub fn reset_all(&self) -> usize {
        std::mem::take(&mut *self.events.lock()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_its_longest() {
        let monitor = LatencyMonitor::default();
        for (at_s, ms) in [(1, 10), (1, 30), (1, 20), (2, 5)] {
            monitor.add("command", at_s, ms);
        }
        let series = monitor.get(b"command").unwrap();
        assert_eq!(series.samples, [Sample { at_s: 1, ms: 30 }, Sample { at_s: 2, ms: 5 }]);
        assert_eq!((series.ms_max, monitor.get(b"fork").is_none()), (30, true));
        (3..1000).for_each(|at_s| monitor.add("command", at_s, 1));
        assert_eq!(monitor.get(b"command").unwrap().samples.len(), SAMPLES_MAX);
        assert!(monitor.reset(b"command") && !monitor.reset(b"command"));
        assert_eq!(monitor.reset_all(), 0);
    }
}
