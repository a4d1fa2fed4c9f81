//! The data: how it is stored, replicated, spread, and how much there is.

use super::Lines;
use crate::config;
use crate::engine::{Engine, Outcome, Purpose};

pub(super) fn persistence(engine: &Engine, lines: &mut Lines) {
    lines.zeros(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
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
    lines.zeros(&["rdb_last_cow_size", "rdb_last_load_keys_expired", "rdb_last_load_keys_loaded"]);
    lines.add("aof_enabled", 0);
    lines.add("aof_rewrite_in_progress", u8::from(runs(Purpose::Rewrite)));
    lines.add("aof_rewrite_scheduled", u8::from(report.rewrite_scheduled));
    lines.add("aof_last_rewrite_time_sec", took(report.rewrite));
    lines.add("aof_current_rewrite_time_sec", since(Purpose::Rewrite));
    lines.add("aof_last_bgrewrite_status", status(report.rewrite));
    lines.add("aof_rewrites", report.rewrite.begun);
    lines.add("aof_rewrites_consecutive_failures", report.rewrite.failures);
    lines.add("aof_last_write_status", "ok");
    lines.zeros(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
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

pub(super) fn cluster(_: &Engine, lines: &mut Lines) {
    lines.add("cluster_enabled", 0);
}

pub(super) fn keyspace(engine: &Engine, lines: &mut Lines) {
    for db in 0..engine.keyspace.databases() as u32 {
        let (keys, expires) = engine.keyspace.counts(db);
        if keys > 0 {
            lines.add(&format!("db{db}"), format!("keys={keys},expires={expires},avg_ttl=0,subexpiry=0"));
        }
    }
}
