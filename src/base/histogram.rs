//! Latency histograms: four buckets to every doubling, from 1 ns on; relative error at most 19 %.

use super::counter::Counter;
use std::sync::OnceLock;

/// Buckets of a histogram: four for each power of two up to 2^40 ns (18 minutes).
pub const BUCKETS: usize = 160;

/// A histogram of durations that one thread fills.
#[derive(Debug, Default)]
pub struct Histogram {
    /// Made with the first duration: most commands are never called.
    buckets: OnceLock<Box<[Counter; BUCKETS]>>,
}

/// The bucket a duration falls in.
fn bucket_of(ns: u64) -> usize {
    if ns < 4 {
        return ns as usize;
    }
    let log = 63 - ns.leading_zeros() as usize;
    (4 * (log - 1) + (ns >> (log - 2) & 3) as usize).min(BUCKETS - 1)
}

impl Histogram {
    /// Counts one duration.
    #[inline]
    pub fn record(&self, ns: u64) {
        let buckets = self.buckets.get_or_init(|| Box::new(std::array::from_fn(|_| Counter::default())));
        buckets[bucket_of(ns)].add(1);
    }

    /// Forgets what was counted.
    pub fn clear(&self) {
        self.buckets.get().into_iter().for_each(|buckets| buckets.iter().for_each(Counter::clear));
    }

    /// Adds the counts per bucket to `totals`, which grows to [`BUCKETS`].
    pub fn add_to(&self, totals: &mut Vec<u64>) {
        totals.resize(BUCKETS, 0);
        for (total, bucket) in totals.iter_mut().zip(self.buckets.get().into_iter().flat_map(|b| b.iter())) {
            *total += bucket.get();
        }
    }

    /// The longest duration, in nanoseconds, that falls in bucket `at`.
    pub fn upper_ns(at: usize) -> u64 {
        if at < 4 {
            return at as u64;
        }
        let (log, quarter) = (at / 4 + 1, at as u64 % 4);
        (((4 + quarter + 1) << log) >> 2) - 1
    }

    /// How many of the counted durations are within 1024 ns, 2048 ns and so on, as far as each step
    /// adds some: the steps in microseconds, rounded as a histogram with two exact digits does.
    pub fn doublings(buckets: &[u64]) -> Vec<(u64, u64)> {
        let (mut steps, mut seen, mut at) = (Vec::new(), 0, 0);
        for log in 10..=40 {
            let before = seen;
            while at < buckets.len() && (Self::upper_ns(at) < 1 << log || log == 40) {
                seen += buckets[at];
                at += 1;
            }
            if seen > before {
                steps.push((((1u64 << log) + (1 << (log - 7)) - 1) / 1000, seen));
            }
        }
        steps
    }

    /// The duration, in nanoseconds, that `share` (0 to 1) of the counted ones do not exceed.
    pub fn quantile_ns(buckets: &[u64], share: f64) -> u64 {
        let wanted = (buckets.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, n) in buckets.iter().enumerate() {
            seen += n;
            if seen >= wanted && seen > 0 {
                return Self::upper_ns(at);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_lies_in_its_bucket() {
        for ns in (0..100_000).chain([1 << 20, (1 << 30) + 7, 1 << 39]) {
            let at = bucket_of(ns);
            assert!(ns <= Histogram::upper_ns(at), "{ns} in {at}");
            assert!(at == 0 || ns > Histogram::upper_ns(at - 1), "{ns} in {at}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn doublings_add_up() {
        let histogram = Histogram::default();
        [10, 900, 1500, 3000, 40_000, u64::MAX].into_iter().for_each(|ns| histogram.record(ns));
        let mut totals = Vec::new();
        histogram.add_to(&mut totals);
        let steps = Histogram::doublings(&totals);
        assert_eq!(steps[..4], [(1, 2), (2, 3), (4, 4), (66, 5)]);
        assert_eq!((steps.len(), steps[4].1), (5, 6));
    }

    #[test]
    fn quantiles() {
        let histogram = Histogram::default();
        (0..99).for_each(|_| histogram.record(10));
        histogram.record(1_000_000);
        let mut totals = Vec::new();
        histogram.add_to(&mut totals);
        assert_eq!(Histogram::quantile_ns(&totals, 0.5), 11);
        assert!(Histogram::quantile_ns(&totals, 1.0) >= 1_000_000);
    }
}
