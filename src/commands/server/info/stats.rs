//! What was counted since the start, or since CONFIG RESETSTAT.

use super::Lines;
use crate::config;
use crate::engine::Engine;
use crate::pubsub::Topic;
use std::sync::atomic::Ordering::Relaxed;

pub(super) fn stats(engine: &Engine, lines: &mut Lines) {
    let totals = engine.metrics.totals();
    let (accepted, rejected) = engine.clients.counts();
    let [commands, input, output, turns, busy_ns] = engine.rates.per_second();
    lines.add("total_connections_received", accepted);
    lines.add("total_commands_processed", totals.commands);
    lines.add("instantaneous_ops_per_sec", commands.round());
    lines.add("total_net_input_bytes", totals.net_input_bytes);
    lines.add("total_net_output_bytes", totals.net_output_bytes);
    lines.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    lines.add("instantaneous_input_kbps", format!("{:.2}", input / 1024.0));
    lines.add("instantaneous_output_kbps", format!("{:.2}", output / 1024.0));
    lines.add("instantaneous_input_repl_kbps", "0.00");
    lines.add("instantaneous_output_repl_kbps", "0.00");
    lines.add("rejected_connections", rejected);
    lines.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    lines.add("expired_subkeys", totals.expired_fields);
    lines.add("expired_subkeys_active", totals.expired_fields_active);
    // As Valkey calls them.
    lines.add("expired_fields", totals.expired_fields);
    lines.add("expired_keys", totals.expired_keys);
    lines.add("expired_keys_active", totals.expired_keys_active);
    lines.add("expired_stale_perc", "0.00");
    lines.add("expired_time_cap_reached_count", totals.expiry_overruns);
    lines.add("expire_cycle_cpu_milliseconds", totals.expiry_ns / 1_000_000);
    lines.add("evicted_keys", engine.eviction.evicted());
    lines.add("evicted_clients", engine.evicted_clients.load(Relaxed));
    lines.add("evicted_scripts", engine.scripts.evicted());
    let (total_ms, current_ms) = engine.eviction.exceeded_ms();
    lines.add("total_eviction_exceeded_time", total_ms);
    lines.add("current_eviction_exceeded_time", current_ms);
    lines.add("keyspace_hits", totals.keyspace_hits);
    lines.add("keyspace_misses", totals.keyspace_misses);
    lines.add("pubsub_channels", engine.hub.len_of(Topic::Channel));
    lines.add("pubsub_patterns", engine.hub.len_of(Topic::Pattern));
    lines.add("pubsubshard_channels", engine.hub.len_of(Topic::Shard));
    lines.zeros(&["latest_fork_usec", "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys"]);
    let moved = engine.compaction.moved.load(Relaxed);
    lines.add("active_defrag_hits", moved);
    lines.add("active_defrag_misses", 0);
    lines.add("active_defrag_key_hits", moved);
    lines.zeros(&["active_defrag_key_misses", "total_active_defrag_time", "current_active_defrag_time"]);
    let (keys, items) = engine.tracking.counts();
    lines.add("tracking_total_keys", keys);
    lines.add("tracking_total_items", items);
    lines.add("tracking_total_prefixes", engine.tracking.prefixes());
    lines.add("unexpected_error_replies", totals.unexpected_errors);
    lines.add("total_error_replies", totals.error_replies);
    lines.add("dump_payload_sanitizations", 0);
    lines.add("total_reads_processed", totals.reads);
    lines.add("total_writes_processed", totals.writes);
    lines.zeros(&["io_threaded_reads_processed", "io_threaded_writes_processed"]);
    lines.add("client_query_buffer_limit_disconnections", totals.input_overruns);
    lines.add("client_output_buffer_limit_disconnections", totals.output_overruns);
    lines.zeros(&["reply_buffer_shrinks", "reply_buffer_expands"]);
    // A turn of a connection's loop is what one read brings; the cron has turns of its own.
    lines.add("eventloop_cycles", totals.reads + totals.cron_turns);
    let command_us = engine.metrics.command_ns() / 1000;
    lines.add("eventloop_duration_sum", command_us + totals.cron_ns / 1000);
    lines.add("eventloop_duration_cmd_sum", command_us);
    lines.add("instantaneous_eventloop_cycles_per_sec", turns.ceil());
    let each_us = if turns > 0.0 { busy_ns / 1000.0 / turns } else { 0.0 };
    lines.add("instantaneous_eventloop_duration_usec", each_us.ceil());
    lines.add("acl_access_denied_auth", totals.auth_failures);
    lines.add("acl_access_denied_cmd", totals.denied_commands);
    lines.add("acl_access_denied_key", totals.denied_keys);
    lines.add("acl_access_denied_channel", totals.denied_channels);
    lines.add("acl_access_denied_db", totals.denied_databases);
    lines.add("acl_access_denied_tls_cert", totals.denied_certificates);
    if engine.settings.int(config::CLUSTER_COMPATIBILITY_SAMPLE_RATIO) > 0 {
        lines.add("cluster_incompatible_ops", totals.cluster_incompatible);
    }
}

/// What HOTKEYS collects, if it does or did.
pub(super) fn hot_keys(engine: &Engine, lines: &mut Lines) {
    if let Some(report) = engine.hot_keys.report(engine.now_ms()) {
        lines.add("hotkeys-tracking-active", u8::from(report.is_active));
        lines.add("hotkeys-cmd-cpu-time", report.collection.spent_ns() / 1_000_000);
    }
}

/// For those who look at the server itself. A turn of a connection's loop is a round of calls.
pub(super) fn debug(engine: &Engine, lines: &mut Lines) {
    let (calls, ns) = engine.metrics.peaks();
    lines.add("eventloop_duration_aof_sum", engine.log.counters().sync_us_sum.load(Relaxed));
    lines.add("eventloop_duration_cron_sum", engine.metrics.totals().cron_ns / 1000);
    lines.add("eventloop_duration_max", ns / 1000);
    lines.add("eventloop_cmd_per_cycle_max", calls);
}
