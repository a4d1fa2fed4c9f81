//! The last minutes, a sample each second: what the page draws as soon as it is opened.

use crate::base::clock;
use crate::engine::Engine;
use crate::metrics::{Histogram, Memory, Totals, cpu_time};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Instant;

/// Samples that are kept.
const SAMPLES_MAX: usize = 300;

/// One second.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at_ms: i64,
    /// Commands, bytes read, bytes written, hits and misses of keys, errors: each a second.
    rates: [f64; 6],
    used: usize,
    rss: usize,
    clients: usize,
    /// Half and 99 of 100 calls took no longer: nanoseconds.
    latency_ns: [u64; 2],
    /// Cores in use.
    cpu: f64,
}

struct Before {
    at: Instant,
    totals: Totals,
    latency: Vec<u64>,
    cpu: f64,
}

#[derive(Default)]
pub(super) struct History {
    samples: Mutex<VecDeque<Sample>>,
    before: Mutex<Option<Before>>,
}

impl History {
    /// Takes a sample: what happened since the last one.
    pub(super) fn sample(&self, engine: &Engine) {
        let (totals, latency) = (engine.metrics.totals(), engine.metrics.latency());
        let cpu = cpu_time();
        let now = Before { at: Instant::now(), totals, latency, cpu: cpu.user + cpu.system };
        let mut before = self.before.lock();
        if let Some(before) = &*before {
            let mut samples = self.samples.lock();
            samples.push_back(between(before, &now, engine));
            if samples.len() > SAMPLES_MAX {
                samples.pop_front();
            }
        }
        *before = Some(now);
    }

    /// The samples behind `after_ms`, each as a list in the order of [`COLUMNS`].
    pub(super) fn since(&self, after_ms: i64) -> Value {
        let samples = self.samples.lock();
        let rows = samples.iter().filter(|sample| sample.at_ms > after_ms).map(|sample| {
            let [commands, read, written, hits, misses, errors] = sample.rates;
            let [p50, p99] = sample.latency_ns;
            json!([
                sample.at_ms,
                commands,
                read,
                written,
                hits,
                misses,
                errors,
                sample.used,
                sample.rss,
                sample.clients,
                p50,
                p99,
                sample.cpu
            ])
        });
        json!({ "columns": COLUMNS, "rows": rows.collect::<Vec<_>>() })
    }
}

/// What the numbers of a row are.
const COLUMNS: [&str; 13] = [
    "at", "commands", "read", "written", "hits", "misses", "errors", "used", "rss", "clients", "p50", "p99",
    "cpu",
];

fn between(before: &Before, now: &Before, engine: &Engine) -> Sample {
    let seconds = (now.at - before.at).as_secs_f64().max(f64::EPSILON);
    let rate = |of: fn(&Totals) -> u64| {
        // CONFIG RESETSTAT sets counters to zero.
        of(&now.totals).saturating_sub(of(&before.totals)) as f64 / seconds
    };
    let pairs = now.latency.iter().zip(before.latency.iter().copied().chain(std::iter::repeat(0)));
    let latency: Vec<u64> = pairs.map(|(now, before)| now.saturating_sub(before)).collect();
    let memory = Memory::now();
    Sample {
        at_ms: clock::system_ms(),
        rates: [
            rate(|t| t.commands),
            rate(|t| t.net_input_bytes),
            rate(|t| t.net_output_bytes),
            rate(|t| t.keyspace_hits),
            rate(|t| t.keyspace_misses),
            rate(|t| t.error_replies),
        ],
        used: memory.allocated,
        rss: memory.rss,
        clients: engine.clients.len(),
        latency_ns: [0.5, 0.99].map(|share| Histogram::quantile_ns(&latency, share)),
        cpu: (now.cpu - before.cpu) / seconds,
    }
}
