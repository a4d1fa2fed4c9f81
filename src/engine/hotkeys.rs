//! HOTKEYS: which keys cost most CPU time and most bytes on the network, while somebody asks.
//!
//! A call's cost is shared out evenly among its keys. Every key belongs to one part by its hash, with a lock of its own:
//! threads that serve different keys seldom meet, and the parts have only to be put side by side to be read.

use crate::base::random;
use crate::keyspace::Key;
use crate::metrics::{CpuTime, Metrics, cpu_time};
use crate::types::HeavyHitters;
use parking_lot::{Mutex, RwLock};
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What keys are collected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Nanoseconds of the calls.
    Cpu,
    /// Bytes of requests and replies.
    Net,
}

/// What a collection is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// By which of [`Metric`], in their order.
    pub by: [bool; 2],
    /// Keys that are told.
    pub count: usize,
    /// One call of so many has its keys collected, drawn at random.
    pub sample_ratio: usize,
    /// How long it takes, in milliseconds; `None`: until it is stopped.
    pub duration_ms: Option<i64>,
}

/// The collection that runs, or was the latest.
#[derive(Debug, Default)]
pub struct HotKeys {
    /// Whether one runs, or ran until its time was over and nobody has looked since.
    active: AtomicBool,
    latest: RwLock<Option<Latest>>,
}

#[derive(Debug)]
struct Latest {
    collection: Arc<Collection>,
    /// Unix milliseconds.
    ends_ms: i64,
}

/// What is told of a collection.
#[derive(Debug)]
pub struct Report {
    /// What it counts, or has counted.
    pub collection: Arc<Collection>,
    /// Whether it runs.
    pub is_active: bool,
    /// For how long it has run, in milliseconds.
    pub duration_ms: i64,
}

impl HotKeys {
    /// The collection that calls are counted by; costs a load when there is none.
    #[inline]
    pub fn active(&self, now_ms: impl FnOnce() -> i64) -> Option<Arc<Collection>> {
        self.active.load(Relaxed).then(|| self.look(now_ms())).flatten()
    }

    #[cold]
    fn look(&self, now_ms: i64) -> Option<Arc<Collection>> {
        let latest = self.latest.read();
        let runs = latest.as_ref().filter(|latest| now_ms < latest.ends_ms);
        if runs.is_none() {
            // Nobody begins another while this one is being read.
            self.active.store(false, Relaxed);
        }
        runs.map(|latest| latest.collection.clone())
    }

    /// Begins a collection in place of the one before; false when that still runs.
    pub fn start(&self, plan: Plan, now_ms: i64) -> bool {
        let mut latest = self.latest.write();
        if latest.as_ref().is_some_and(|latest| now_ms < latest.ends_ms) {
            return false;
        }
        let ends_ms = plan.duration_ms.map_or(i64::MAX, |ms| now_ms.saturating_add(ms));
        *latest = Some(Latest { collection: Arc::new(Collection::new(plan, now_ms)), ends_ms });
        self.active.store(true, Relaxed);
        true
    }

    /// Ends the collection; false when none runs.
    pub fn stop(&self, now_ms: i64) -> bool {
        let mut latest = self.latest.write();
        let Some(runs) = latest.as_mut().filter(|latest| now_ms < latest.ends_ms) else { return false };
        runs.ends_ms = now_ms;
        self.active.store(false, Relaxed);
        true
    }

    /// Forgets the collection; false when it still runs.
    pub fn reset(&self, now_ms: i64) -> bool {
        let mut latest = self.latest.write();
        let runs = latest.as_ref().is_some_and(|latest| now_ms < latest.ends_ms);
        if !runs {
            *latest = None;
        }
        !runs
    }

    /// What there is to tell; `None` when there was no collection, or it is forgotten.
    pub fn report(&self, now_ms: i64) -> Option<Report> {
        let latest = self.latest.read();
        let Latest { collection, ends_ms } = latest.as_ref()?;
        let duration_ms = now_ms.min(*ends_ms).saturating_sub(collection.started_ms);
        Some(Report { collection: collection.clone(), is_active: now_ms < *ends_ms, duration_ms })
    }

    /// Bytes of the collection.
    pub fn memory(&self) -> usize {
        self.latest.read().as_ref().map_or(0, |latest| latest.collection.memory())
    }
}

/// A power of two.
const PARTS: usize = 16;

/// Keys that a part keeps for each one that is told. So what is missing of a key is at most a quarter of what the keys of
/// its part cost that are not kept, divided by the number of those that are told.
const KEPT: usize = 128 / PARTS;

/// What a collection counts.
#[derive(Debug)]
pub struct Collection {
    /// What it is to be.
    pub plan: Plan,
    /// When it began, unix milliseconds.
    pub started_ms: i64,
    started_cpu: CpuTime,
    parts: [Part; PARTS],
}

/// What the keys of a part cost: on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part {
    /// Of all calls, whether drawn or not, whose first key is one of this part: by [`Metric`].
    sums: [AtomicU64; 2],
    /// Nanoseconds that counting took.
    spent_ns: AtomicU64,
    keys: [Mutex<Option<HeavyHitters>>; 2],
}

impl Collection {
    fn new(plan: Plan, started_ms: i64) -> Self {
        let table = |by: bool| Mutex::new(by.then(|| HeavyHitters::new(KEPT * plan.count)));
        let part = |_| Part { keys: plan.by.map(table), ..Part::default() };
        Self { plan, started_ms, started_cpu: cpu_time(), parts: std::array::from_fn(part) }
    }

    fn part(&self, key: &Key<'_>) -> &Part {
        &self.parts[key.shard() % PARTS]
    }

    /// Counts a call of `keys` that took `ns` nanoseconds up to `tick`, with `bytes` of request and reply. The tick
    /// becomes now: what counting takes is no part of the next call.
    pub fn count(&self, metrics: &Metrics, tick: &mut u64, keys: &[Key<'_>], ns: u64, bytes: u64) {
        let Some(first) = keys.first() else { return };
        let part = self.part(first);
        let costs = [ns, bytes];
        part.sums.iter().zip(costs).for_each(|(sum, cost)| _ = sum.fetch_add(cost, Relaxed));
        if random::below(self.plan.sample_ratio) == 0 {
            for key in keys {
                for (table, cost) in self.part(key).keys.iter().zip(costs) {
                    if let Some(table) = &mut *table.lock() {
                        table.add(key.bytes, cost / keys.len() as u64);
                    }
                }
            }
        }
        part.spent_ns.fetch_add(metrics.lap(tick), Relaxed);
    }

    /// The keys that cost most by `metric`, as many as are to be told, with what they cost; the greatest first. `None` when they are not
    /// collected by it.
    pub fn hottest(&self, metric: Metric) -> Option<Vec<(Vec<u8>, u64)>> {
        if !self.plan.by[metric as usize] {
            return None;
        }
        let mut keys = Vec::new();
        for part in &self.parts {
            let table = part.keys[metric as usize].lock();
            keys.extend(table.iter().flat_map(HeavyHitters::items).map(|(key, cost)| (key.to_vec(), cost)));
        }
        keys.sort_unstable_by(|(a, cost), (b, other)| (Reverse(cost), a).cmp(&(Reverse(other), b)));
        keys.truncate(self.plan.count);
        Some(keys)
    }

    /// What all calls cost that have keys, drawn or not.
    pub fn sum(&self, metric: Metric) -> u64 {
        self.parts.iter().map(|part| part.sums[metric as usize].load(Relaxed)).sum()
    }

    /// What was collected by `metric`, of all keys together.
    pub fn collected(&self, metric: Metric) -> u64 {
        let total = |part: &Part| part.keys[metric as usize].lock().as_ref().map_or(0, HeavyHitters::total);
        self.parts.iter().map(total).sum()
    }

    /// Nanoseconds that counting took.
    pub fn spent_ns(&self) -> u64 {
        self.parts.iter().map(|part| part.spent_ns.load(Relaxed)).sum()
    }

    /// CPU time of the process since it began.
    pub fn cpu_time(&self) -> CpuTime {
        let now = cpu_time();
        CpuTime { user: now.user - self.started_cpu.user, system: now.system - self.started_cpu.system }
    }

    fn memory(&self) -> usize {
        let tables = self.parts.iter().flat_map(|part| &part.keys);
        let tables = tables.map(|table| table.lock().as_ref().map_or(0, HeavyHitters::memory));
        size_of::<Self>() + tables.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    const PLAN: Plan = Plan { by: [true, true], count: 2, sample_ratio: 1, duration_ms: None };

    static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new(0));

    fn count(collection: &Collection, keys: &[&str], ns: u64, bytes: u64) {
        let keys: Vec<Key<'_>> = keys.iter().map(|key| Key::new(key.as_bytes())).collect();
        collection.count(&METRICS, &mut METRICS.tick(), &keys, ns, bytes);
    }

    fn told(collection: &Collection, metric: Metric) -> Vec<(String, u64)> {
        let keys = collection.hottest(metric).unwrap();
        keys.into_iter().map(|(key, cost)| (String::from_utf8(key).unwrap(), cost)).collect()
    }

    #[test]
    fn costs_are_shared_out_among_the_keys() {
        let collection = Collection::new(PLAN, 0);
        count(&collection, &["a", "b", "c"], 31, 60);
        count(&collection, &["b"], 5, 100);
        count(&collection, &["c"], 7, 1);
        count(&collection, &[], 1000, 1000);
        assert_eq!(told(&collection, Metric::Cpu), [("c".into(), 17), ("b".into(), 15)]);
        assert_eq!(told(&collection, Metric::Net), [("b".into(), 120), ("c".into(), 21)]);
        assert_eq!((collection.sum(Metric::Cpu), collection.collected(Metric::Cpu)), (43, 42));
        assert_eq!((collection.sum(Metric::Net), collection.collected(Metric::Net)), (161, 161));
    }

    #[test]
    fn all_calls_are_in_the_sum_and_few_are_drawn() {
        let collection = Collection::new(Plan { sample_ratio: 1 << 30, by: [false, true], ..PLAN }, 0);
        (0..100).for_each(|_| count(&collection, &["a"], 1, 10));
        assert_eq!((collection.sum(Metric::Cpu), collection.sum(Metric::Net)), (100, 1000));
        assert!(collection.collected(Metric::Net) < 1000);
        assert!(collection.hottest(Metric::Cpu).is_none());
    }

    #[test]
    fn a_collection_ends_with_its_time() {
        let hot = HotKeys::default();
        assert!(hot.active(|| 0).is_none() && hot.report(0).is_none() && !hot.stop(0) && hot.reset(0));
        assert!(hot.start(Plan { duration_ms: Some(100), ..PLAN }, 1_000));
        assert!(hot.active(|| 1_099).is_some() && !hot.start(PLAN, 1_099) && !hot.reset(1_099));
        assert!(hot.active(|| 1_100).is_none() && !hot.active.load(Relaxed) && !hot.stop(1_100));
        let report = hot.report(5_000).unwrap();
        assert!(!report.is_active && report.duration_ms == 100);
        assert!(hot.start(PLAN, 2_000) && hot.stop(2_010) && hot.active(|| 2_010).is_none());
        assert_eq!(hot.report(9_000).unwrap().duration_ms, 10);
        assert!(hot.memory() > 0 && hot.reset(2_010) && hot.report(2_010).is_none() && hot.memory() == 0);
    }

    #[test]
    fn a_hot_key_is_found_among_many_by_several_threads() {
        let collection = Collection::new(PLAN, 0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let collection = &collection;
                scope.spawn(move || {
                    for n in 0..10_000 {
                        count(collection, &[&format!("cold:{thread}:{n}")], 100, 100);
                        if n % 10 == 0 {
                            count(collection, &["hot"], 100, 100);
                        }
                    }
                });
            }
        });
        assert_eq!(told(&collection, Metric::Cpu)[0].0, "hot");
        assert_eq!(collection.sum(Metric::Net), 44_000 * 100);
    }
}
