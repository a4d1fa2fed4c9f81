"""Writes the dashboards of Grafana.  usage: dashboards.py DIRECTORY"""

import json
import pathlib
import sys

DASHBOARDS = {
    "overview": ("Synap: overview", [
        ("Commands a second", "ops", ["sum(rate(synap_commands_total[1m]))"]),
        ("Clients", "short", ["synap_connected_clients", "synap_blocked_clients"]),
        ("Memory", "bytes", ["synap_memory_used_bytes", "synap_memory_resident_bytes"]),
        ("Keys", "short", ["sum by (db) (synap_keys)"]),
        ("Hit ratio", "percentunit", ["rate(synap_keyspace_hits_total[5m]) / (rate(synap_keyspace_hits_total[5m]) + rate(synap_keyspace_misses_total[5m]))"]),
        ("Network", "Bps", ["rate(synap_network_input_bytes_total[1m])", "rate(synap_network_output_bytes_total[1m])"]),
        ("Errors a second", "ops", ["sum by (code) (rate(synap_errors_total[1m]))"]),
        ("Refused by ACL", "ops", ["sum by (reason) (rate(synap_acl_denied_total[5m]))"]),
        ("CPU", "percentunit", ["sum by (mode) (rate(synap_cpu_seconds_total[1m]))"]),
        ("Uptime", "s", ["synap_uptime_seconds"]),
    ]),
    "latency": ("Synap: latency", [
        ("99th percentile by command", "s", ["histogram_quantile(0.99, sum by (le, command) (rate(synap_command_duration_seconds_bucket[5m])))"]),
        ("Median by command", "s", ["histogram_quantile(0.5, sum by (le, command) (rate(synap_command_duration_seconds_bucket[5m])))"]),
        ("Mean by command", "s", ["sum by (command) (rate(synap_command_duration_seconds_sum[5m])) / sum by (command) (rate(synap_command_duration_seconds_count[5m]))"]),
        ("Calls by command", "ops", ["topk(10, sum by (command) (rate(synap_command_calls_total[1m])))"]),
        ("Time spent by command", "percentunit", ["topk(10, sum by (command) (rate(synap_command_duration_seconds_sum[1m])))"]),
        ("Slow calls remembered", "short", ["synap_slowlog_entries"]),
    ]),
    "memory": ("Synap: memory", [
        ("Bytes", "bytes", ["synap_memory_used_bytes", "synap_memory_peak_bytes", "synap_memory_resident_bytes", "synap_memory_max_bytes"]),
        ("Keys", "short", ["sum by (db) (synap_keys)", "sum by (db) (synap_keys_expiring)"]),
        ("Bytes a key", "bytes", ["synap_memory_used_bytes / scalar(sum(synap_keys))"]),
        ("Keys expired and evicted a second", "ops", ["rate(synap_expired_keys_total[1m])", "rate(synap_evicted_keys_total[1m])"]),
        ("Bytes by type", "bytes", ["synap_type_bytes"]),
        ("Bytes by prefix", "bytes", ["topk(10, synap_prefix_bytes)"]),
        ("Keys by prefix", "short", ["topk(10, synap_prefix_keys)"]),
        ("Fragmented", "bytes", ["synap_memory_active_bytes - synap_memory_used_bytes"]),
        ("Scripts", "bytes", ["synap_scripts_bytes"]),
        ("Clients closed for memory", "ops", ["rate(synap_clients_evicted_total[5m])", "sum by (buffer) (rate(synap_clients_overrun_total[5m]))"]),
    ]),
    "durability": ("Synap: durability", [
        ("Log on, log failing", "short", ["synap_log_on", "synap_log_failing"]),
        ("Records and writes a second", "ops", ["rate(synap_log_records_total[1m])", "rate(synap_log_writes_total[1m])"]),
        ("Bytes written", "Bps", ["rate(synap_log_written_bytes_total[1m])"]),
        ("Last sync took", "s", ["synap_log_last_sync_duration_seconds"]),
        ("Time spent on syncs", "percentunit", ["rate(synap_log_sync_seconds_total[1m])"]),
        ("Syncs a second", "ops", ["rate(synap_log_syncs_total[1m])"]),
        ("Not durable yet", "bytes", ["synap_log_lag_bytes"]),
        ("Stalls and failures", "ops", ["rate(synap_log_stalls_total[5m])", "rate(synap_log_failures_total[5m])"]),
        ("Files of the log", "short", ["synap_log_segments"]),
        ("Age of the last snapshot", "s", ["time() - synap_snapshot_last_timestamp_seconds"]),
        ("Changes since the snapshot", "short", ["synap_changes_since_snapshot"]),
        ("Snapshot running, failing", "short", ["synap_snapshot_running", "synap_snapshot_failing"]),
        ("Last snapshot took", "s", ["synap_snapshot_last_duration_seconds"]),
    ]),
    "queues": ("Synap: queues", [
        ("Messages by state", "short", ["sum by (queue, state) (synap_queue_messages)"]),
        ("Dead messages", "short", ["topk(10, sum by (queue) (synap_queue_messages{state=\"dead\"}))"]),
        ("Age of the oldest ready message", "s", ["max by (queue) (synap_queue_oldest_ready_seconds)"]),
        ("Events a second", "ops", ["sum by (queue, event) (rate(synap_queue_events_total[1m]))"]),
        ("Bytes", "bytes", ["sum by (queue) (synap_queue_bytes)"]),
        ("Queues", "short", ["synap_queues", "synap_queues_not_shown"]),
    ]),
}


def panel(number, title, unit, queries):
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": chr(65 + i), "expr": query} for i, query in enumerate(queries)],
    }


def dashboard(uid, title, panels):
    return {
        "uid": f"synap-{uid}",
        "title": title,
        "tags": ["synap"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}]},
        "panels": [panel(number, *each) for number, each in enumerate(panels)],
    }


directory = pathlib.Path(sys.argv[1])
for uid, (title, panels) in DASHBOARDS.items():
    (directory / f"{uid}.json").write_text(json.dumps(dashboard(uid, title, panels), indent=2) + "\n")
