//! What is measured, gathered from where it is kept.

use super::family::*;
use super::text::Page;
use crate::base::version;
use crate::config;
use crate::engine::{Engine, Excess};
use crate::metrics::{Memory, cpu_time};
use crate::pubsub::Topic;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn server(engine: &Engine, page: &mut Page) {
    page.set(&BUILD_INFO, &[version::SYNAP, version::REDIS], 1.0);
    page.set(&UPTIME, &[], (engine.now_ms() - engine.started_ms).max(0) as f64 / 1000.0);
    let cpu = cpu_time();
    page.exact(&CPU, &["user"], cpu.user);
    page.exact(&CPU, &["system"], cpu.system);
    let memory = Memory::now();
    page.set(&MEMORY_USED, &[], memory.allocated as f64);
    page.set(&MEMORY_PEAK, &[], memory.peak as f64);
    page.set(&MEMORY_PEAK_TIME, &[], memory.peak_ms as f64 / 1000.0);
    page.set(&MEMORY_RSS, &[], memory.rss as f64);
    page.set(&MEMORY_ACTIVE, &[], memory.active as f64);
    page.set(&MEMORY_MAX, &[], engine.memory_max().unwrap_or(0) as f64);
    let (scripts, bytes) = engine.scripts.counts();
    page.set(&SCRIPTS, &[], scripts as f64);
    page.set(&SCRIPTS_EVICTED, &[], engine.scripts.evicted() as f64);
    page.set(&MEMORY_SCRIPTS, &[], bytes as f64);
    for (topic, kind) in
        [(Topic::Channel, "channel"), (Topic::Pattern, "pattern"), (Topic::Shard, "shard_channel")]
    {
        page.set(&CHANNELS, &[kind], engine.hub.len_of(topic) as f64);
    }
    page.set(&PUBSUB_MESSAGES, &[], engine.metrics.totals().pubsub_messages as f64);
}

pub(super) fn clients(engine: &Engine, page: &Page) {
    let totals = engine.metrics.totals();
    let (accepted, rejected) = engine.clients.counts();
    page.set(&CLIENTS, &[], engine.clients.len() as f64);
    page.set(&CLIENTS_BLOCKED, &[], engine.blocked_clients.load(Relaxed) as f64);
    page.set(&CLIENTS_MAX, &[], engine.settings.int(config::MAXCLIENTS) as f64);
    page.set(&CLIENTS_ACCEPTED, &[], accepted as f64);
    page.set(&CLIENTS_REJECTED, &[], rejected as f64);
    page.set(&CLIENTS_EVICTED, &[], engine.evicted_clients.load(Relaxed) as f64);
    page.set(&CLIENTS_OVERRUN, &["input"], totals.input_overruns as f64);
    page.set(&CLIENTS_OVERRUN, &["output"], totals.output_overruns as f64);
    page.set(&NETWORK_IN, &[], totals.net_input_bytes as f64);
    page.set(&NETWORK_OUT, &[], totals.net_output_bytes as f64);
    for (reason, n) in [
        ("auth", totals.auth_failures),
        ("command", totals.denied_commands),
        ("key", totals.denied_keys),
        ("channel", totals.denied_channels),
        ("database", totals.denied_databases),
    ] {
        page.set(&DENIED, &[reason], n as f64);
    }
    for (which, certificate) in engine.certificates.lock().each() {
        if let Some(certificate) = certificate {
            page.set(&CERTIFICATE_END, &[which], certificate.ends_at as f64);
        }
    }
}

pub(super) fn data(engine: &Engine, page: &mut Page) {
    let totals = engine.metrics.totals();
    for db in 0..engine.keyspace.databases() as u32 {
        let (keys, expiring) = engine.keyspace.counts(db);
        if keys > 0 || db == 0 {
            let db = db.to_string();
            page.set(&KEYS, &[&db], keys as f64);
            page.set(&KEYS_EXPIRING, &[&db], expiring as f64);
        }
    }
    page.set(&HITS, &[], totals.keyspace_hits as f64);
    page.set(&MISSES, &[], totals.keyspace_misses as f64);
    page.set(&EXPIRED, &[], totals.expired_keys as f64);
    page.set(&EXPIRED_ACTIVE, &[], totals.expired_keys_active as f64);
    page.set(&EXPIRED_FIELDS, &[], totals.expired_fields as f64);
    page.set(&EXPIRED_FIELDS_ACTIVE, &[], totals.expired_fields_active as f64);
    page.exact(&EXPIRY_TIME, &[], totals.expiry_ns as f64 / 1e9);
    page.set(&EXPIRY_OVERRUNS, &[], totals.expiry_overruns as f64);
    page.set(&EVICTED, &[], engine.eviction.evicted() as f64);
    page.exact(&EVICTION_TIME, &[], engine.eviction.exceeded_ms().0 as f64 / 1000.0);
    census(engine, page);
    page.set(&CHANGES, &[], engine.metrics.changes() as f64);
}

/// What the keys are, by type and by prefix.
fn census(engine: &Engine, page: &Page) {
    let census = engine.census();
    for (kind, load) in census.kinds() {
        page.set(&TYPE_KEYS, &[kind.name()], load.keys);
        page.set(&TYPE_BYTES, &[kind.name()], load.bytes);
    }
    let count = engine.settings.int(config::METRICS_PREFIXES_MAX) as usize;
    for (db, prefix, load) in census.heaviest(count).0 {
        let (db, prefix) = (db.to_string(), String::from_utf8_lossy(prefix));
        page.set(&PREFIX_KEYS, &[&db, &prefix], load.keys);
        page.set(&PREFIX_BYTES, &[&db, &prefix], load.bytes);
    }
}

pub(super) fn log(engine: &Engine, page: &mut Page) {
    let (log, counters) = (&engine.log, engine.log.counters());
    page.set(&LOG_ON, &[], f64::from(u8::from(log.is_on())));
    page.set(&LOG_FAILING, &[], f64::from(u8::from(log.failure().is_some())));
    page.set(&LOG_RECORDS, &[], log.records() as f64);
    page.set(&LOG_WRITES, &[], counters.writes.load(Relaxed) as f64);
    page.set(&LOG_BYTES, &[], counters.written_bytes.load(Relaxed) as f64);
    page.set(&LOG_SYNCS, &[], counters.syncs.load(Relaxed) as f64);
    let mut durations = Vec::new();
    counters.sync_durations.add_to(&mut durations);
    page.histogram(&LOG_SYNC_DURATION, "", &durations, counters.sync_us_sum.load(Relaxed) * 1000);
    page.exact(&LOG_SYNC_TIME, &[], counters.sync_us_sum.load(Relaxed) as f64 / 1e6);
    page.set(&LOG_SYNC_LAST, &[], counters.sync_us.load(Relaxed) as f64 / 1e6);
    page.set(&LOG_FAILURES, &[], counters.failures.load(Relaxed) as f64);
    page.set(&LOG_STALLS, &[], counters.stalls.load(Relaxed) as f64);
    page.set(&LOG_LAG, &[], log.end().saturating_sub(log.durable()) as f64);
    page.set(&LOG_SEGMENTS, &[], log.segments().len() as f64);
}

pub(super) fn snapshots(engine: &Engine, page: &Page) {
    let report = engine.saving_report();
    let took = [report.save, report.rewrite].iter().filter_map(|outcome| outcome.took).max();
    page.set(&SNAPSHOT_RUNNING, &[], f64::from(u8::from(report.running.is_some())));
    page.set(&SNAPSHOT_FAILING, &[], f64::from(u8::from(engine.saving.is_failing())));
    page.set(&SNAPSHOT_LAST, &[], report.saved_ms as f64 / 1000.0);
    page.set(&SNAPSHOT_DURATION, &[], took.unwrap_or_default().as_secs_f64());
    page.set(&SNAPSHOT_CHANGES, &[], report.changes as f64);
}

pub(super) fn commands(engine: &Engine, names: &[&'static str], page: &mut Page) {
    page.set(&COMMANDS, &[], engine.metrics.totals().commands as f64);
    page.set(&SLOW_COMMANDS, &[], engine.commandlog.len(Excess::Slow) as f64);
    for (code, n) in engine.metrics.errors() {
        page.set(&ERRORS, &[&code], n as f64);
    }
    for (number, name) in names.iter().enumerate() {
        let totals = engine.metrics.command(number);
        if totals.calls + totals.rejected == 0 {
            continue;
        }
        page.set(&COMMAND_CALLS, &[name], totals.calls as f64);
        page.set(&COMMAND_FAILED, &[name], totals.failed as f64);
        page.set(&COMMAND_REJECTED, &[name], totals.rejected as f64);
        page.histogram(&COMMAND_DURATION, name, &totals.latency, totals.ns);
    }
}
