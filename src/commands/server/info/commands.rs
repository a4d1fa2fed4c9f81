//! What was counted of each command and each error.

use super::Lines;
use crate::base::number::parse_f64;
use crate::command::registry;
use crate::commands::FAMILIES;
use crate::config;
use crate::engine::Engine;
use crate::metrics::Histogram;

pub(super) fn commandstats(engine: &Engine, lines: &mut Lines) {
    for (number, command) in registry(FAMILIES).all().iter().enumerate() {
        let totals = engine.metrics.command(number);
        let (calls, us) = (totals.calls, totals.ns as f64 / 1000.0);
        if calls + totals.rejected + totals.failed == 0 {
            continue;
        }
        let each = us / calls.max(1) as f64;
        let (rejected, failed) = (totals.rejected, totals.failed);
        let value = format!(
            "calls={calls},usec={},usec_per_call={each:.2},rejected_calls={rejected},failed_calls={failed}",
            us as u64
        );
        lines.add(&format!("cmdstat_{}", command.full_name), value);
    }
}

pub(super) fn errorstats(engine: &Engine, lines: &mut Lines) {
    let mut errors = engine.metrics.errors();
    errors.sort();
    for (code, count) in errors {
        lines.add(&format!("errorstat_{code}"), format!("count={count}"));
    }
}

pub(super) fn latencystats(engine: &Engine, lines: &mut Lines) {
    let shares = engine.settings.words(config::LATENCY_TRACKING_INFO_PERCENTILES);
    for (number, command) in registry(FAMILIES).all().iter().enumerate() {
        let buckets = engine.metrics.command(number).latency;
        if buckets.iter().sum::<u64>() == 0 {
            continue;
        }
        let at = |share: &String| {
            let percent = parse_f64(share.as_bytes()).unwrap_or(0.0);
            let us = Histogram::quantile_ns(&buckets, percent / 100.0) as f64 / 1000.0;
            format!("p{share}={us:.3}")
        };
        let values: Vec<String> = shares.iter().map(at).collect();
        lines.add(&format!("latency_percentiles_usec_{}", command.full_name), values.join(","));
    }
}
