//! The data: how it is stored, replicated, spread, and how much there is.

use super::Lines;
use crate::commands::server::module::VECTORS;
use crate::config;
use crate::engine::{Engine, Outcome, Purpose};
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn persistence(engine: &Engine, lines: &mut Lines) {
    let loading = engine.loading.is_active();
    lines.add("loading", u8::from(loading));
    lines.zeros(&["async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"]);
    lines.add("current_fork_perc", "0.00");
    let report = engine.saving_report();
    let running = report.running.as_ref();
    let progress = running.map(|(_, progress)| progress);
    lines.add("current_save_keys_processed", progress.map_or(0, |p| p.keys()));
    lines.add("current_save_keys_total", progress.map_or(0, |p| p.keys_total()));
    lines.add("current_save_bytes", progress.map_or(0, |p| p.bytes()));
    let left = progress.and_then(|p| p.left()).map_or(-1, |left| left.as_secs() as i64);
    lines.add("current_save_eta_seconds", left);
    // Of a purpose: whether it runs, and for how many seconds it has.
    let runs = |purpose| running.is_some_and(|(of, _)| *of == purpose);
    let since = |purpose| {
        running.filter(|_| runs(purpose)).map_or(-1, |(_, progress)| progress.elapsed().as_secs() as i64)
    };
    let took = |outcome: Outcome| outcome.took.map_or(-1, |took| took.as_secs() as i64);
    let status = |outcome: Outcome| if outcome.failures == 0 { "ok" } else { "err" };
    lines.add("rdb_changes_since_last_save", report.changes);
    lines.add("rdb_bgsave_in_progress", u8::from(runs(Purpose::Save)));
    lines.add("rdb_last_save_time", report.saved_ms / 1000);
    lines.add("rdb_last_bgsave_status", status(report.save));
    lines.add("rdb_last_bgsave_time_sec", took(report.save));
    lines.add("rdb_current_bgsave_time_sec", since(Purpose::Save));
    lines.add("rdb_saves", report.save.begun);
    lines.add("rdb_saves_consecutive_failures", report.save.failures);
    lines.zeros(&["rdb_last_cow_size"]);
    let (keys, expired) = engine.loading.last();
    lines.add("rdb_last_load_keys_expired", expired);
    lines.add("rdb_last_load_keys_loaded", keys);
    lines.add("aof_enabled", u8::from(engine.log.is_on()));
    lines.add("aof_rewrite_in_progress", u8::from(runs(Purpose::Rewrite)));
    lines.add("aof_rewrite_scheduled", u8::from(report.rewrite_scheduled));
    lines.add("aof_last_rewrite_time_sec", took(report.rewrite));
    lines.add("aof_current_rewrite_time_sec", since(Purpose::Rewrite));
    lines.add("aof_last_bgrewrite_status", status(report.rewrite));
    lines.add("aof_rewrites", report.rewrite.begun);
    lines.add("aof_rewrites_consecutive_failures", report.rewrite.failures);
    lines.add("aof_last_write_status", if engine.log.failure().is_some() { "err" } else { "ok" });
    lines.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    if engine.log.is_on() {
        log(engine, lines);
    }
    if loading {
        loaded(engine, lines);
    }
}

/// The log: as Redis tells of its own, then what only Synap's has.
fn log(engine: &Engine, lines: &mut Lines) {
    let (log, counters) = (&engine.log, engine.log.counters());
    let segments = log.segments();
    let first = segments.first().copied().unwrap_or_default();
    lines.add("aof_current_size", log.end().saturating_sub(first));
    lines.zeros(&["aof_base_size", "aof_pending_rewrite"]);
    lines.add("aof_buffer_length", log.pending());
    lines.zeros(&["aof_pending_bio_fsync"]);
    lines.add("aof_delayed_fsync", counters.stalls.load(Relaxed));
    lines.add("log_lsn", log.end());
    lines.add("log_durable_lsn", log.durable());
    lines.add("log_segments", segments.len());
    lines.add("log_records", log.records());
    lines.add("log_writes", counters.writes.load(Relaxed));
    lines.add("log_written_bytes", counters.written_bytes.load(Relaxed));
    lines.add("log_syncs", counters.syncs.load(Relaxed));
    lines.add("log_last_sync_usec", counters.sync_us.load(Relaxed));
    lines.add("log_last_sync_time", counters.synced_at.load(Relaxed));
    lines.add("log_failures", counters.failures.load(Relaxed));
    if let Some(failure) = log.failure() {
        lines.add("log_failure", failure.to_string().escape_debug());
    }
}

/// How far loading has come.
fn loaded(engine: &Engine, lines: &mut Lines) {
    let (total, loaded) = engine.loading.bytes();
    lines.add("loading_start_time", engine.loading.started_at());
    lines.add("loading_total_bytes", total);
    lines.add("loading_rdb_used_mem", 0);
    lines.add("loading_loaded_bytes", loaded);
    lines.add("loading_loaded_keys", engine.loading.snapshot.keys());
    lines.add("loading_loaded_perc", format!("{:.2}", loaded as f64 * 100.0 / total.max(1) as f64));
    lines.add("loading_eta_seconds", engine.loading.seconds_left(engine.now_ms()));
}

pub(super) fn replication(engine: &Engine, lines: &mut Lines) {
    lines.add("role", "master");
    lines.add("connected_slaves", 0);
    lines.add("master_failover_state", "no-failover");
    lines.add("master_replid", &engine.run_id);
    lines.add("master_replid2", "0".repeat(40));
    lines.add("master_repl_offset", 0);
    lines.add("second_repl_offset", -1);
    lines.add("repl_backlog_active", 0);
    lines.add("repl_backlog_size", engine.settings.int(config::REPL_BACKLOG_SIZE));
    lines.zeros(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

pub(super) fn modules(_: &Engine, lines: &mut Lines) {
    const OPTIONS: &str = "handle-io-errors|handle-repl-async-load";
    lines.add(
        "module",
        format_args!("name={VECTORS},ver=1,api=1,filters=0,usedby=[],using=[],options=[{OPTIONS}]"),
    );
}

pub(super) fn cluster(_: &Engine, lines: &mut Lines) {
    lines.add("cluster_enabled", 0);
}

pub(super) fn keyspace(_: &Engine, lines: &mut Lines) {
    for (at, db) in std::mem::take(&mut lines.survey.databases).into_iter().enumerate() {
        if db.keys > 0 {
            let (keys, expires, ttl, subexpiry) = (db.keys, db.expires, db.avg_ttl_ms(), db.subexpiry);
            let mut line = format!("keys={keys},expires={expires},avg_ttl={ttl},subexpiry={subexpiry}");
            // The same in Valkey's word. Older exporters refuse a line of five fields: it is there where it tells something.
            if subexpiry > 0 {
                line.push_str(&format!(",keys_with_volatile_items={subexpiry}"));
            }
            lines.add(&format!("db{at}"), line);
        }
    }
}
