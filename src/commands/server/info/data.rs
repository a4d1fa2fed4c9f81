//! The data: how it is stored, replicated, spread, and how much there is.

use super::Lines;
use crate::config;
use crate::engine::Engine;

pub(super) fn persistence(engine: &Engine, lines: &mut Lines) {
    lines.zeros(&[
        "loading",
        "async_loading",
        "current_cow_peak",
        "current_cow_size",
        "current_cow_size_age",
    ]);
    lines.add("current_fork_perc", "0.00");
    lines.zeros(&["current_save_keys_processed", "current_save_keys_total"]);
    lines.add("rdb_changes_since_last_save", engine.metrics.totals().changes);
    lines.add("rdb_bgsave_in_progress", 0);
    lines.add("rdb_last_save_time", engine.started_ms / 1000);
    lines.add("rdb_last_bgsave_status", "ok");
    lines.add("rdb_last_bgsave_time_sec", -1);
    lines.add("rdb_current_bgsave_time_sec", -1);
    lines.zeros(&[
        "rdb_saves",
        "rdb_last_cow_size",
        "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded",
    ]);
    lines.zeros(&["aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled"]);
    lines.add("aof_last_rewrite_time_sec", -1);
    lines.add("aof_current_rewrite_time_sec", -1);
    lines.add("aof_last_bgrewrite_status", "ok");
    lines.zeros(&["aof_rewrites", "aof_rewrites_consecutive_failures"]);
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
