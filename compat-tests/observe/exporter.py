#!/usr/bin/env python3
"""Debian's prometheus-redis-exporter tells the same of Synap as of Redis, and what known dashboards ask for.

usage: exporter.py SERVER_PROGRAM       compares with SYNAP_ORACLE_8, or redis-server; needs prometheus-redis-exporter and redis-cli
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from servers import free_port, judge

# What Redis has and Synap has not, and why.
MISSING = {
    r"redis_cpu_(sys|user)_main_thread_seconds_total": "no thread is the main one: commands run on all of them",
    r"redis_db\d+_distrib_.*": "no histograms of sizes by key are kept; MEMORY PREFIXES and synap_type_bytes tell what is large",
}
# What Synap has and Redis has not.
MORE = {}
# What the dashboards 763 and 11835 of grafana.com and the exporter's own ask for.
DASHBOARDS = """
    redis_up redis_uptime_in_seconds redis_connected_clients redis_blocked_clients redis_config_maxclients redis_memory_used_bytes
    redis_memory_used_rss_bytes redis_memory_max_bytes redis_mem_fragmentation_ratio redis_commands_processed_total redis_commands_total
    redis_commands_duration_seconds_total redis_keyspace_hits_total redis_keyspace_misses_total redis_net_input_bytes_total
    redis_net_output_bytes_total redis_db_keys redis_db_keys_expiring redis_db_avg_ttl_seconds redis_expired_keys_total redis_evicted_keys_total
    redis_slowlog_length redis_rdb_changes_since_last_save redis_connected_slaves redis_pubsub_channels redis_instance_info
    redis_rejected_connections_total redis_connections_received_total redis_last_slow_execution_duration_seconds
    redis_aof_last_bgrewrite_status redis_rdb_last_bgsave_status redis_exporter_last_scrape_error
""".split()
CALLS = [
    "CONFIG SET latency-monitor-threshold 1", "SET a 1 EX 1000", "GET a", "GET b", "LPUSH l x", "SADD s x", "HSET h f v", "ZADD z 1 m",
    "XADD x * f v", "NOSUCH", "LPUSH a x", "PUBLISH c m", "EVAL \"for i = 1, 1e7 do end\" 0", "SELECT 1", "SET q 1",
]


def wait(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"waited in vain: {what}")


def scrape(program):
    """What the exporter tells of a server that did some of everything: names of metrics, and the text."""
    port, web = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="synap-exporter-") as scratch:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        flags = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", scratch, "--appendonly", "yes"]
        started = [subprocess.Popen([program, *flags], **quiet)]
        cli = ["redis-cli", "-p", str(port)]
        try:
            wait(lambda: subprocess.run([*cli, "PING"], capture_output=True, text=True).stdout == "PONG\n", "the server")
            subprocess.run(cli, input="\n".join(CALLS), text=True, timeout=60, check=True, **{"stdout": subprocess.DEVNULL})
            command = ["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{port}", "-web.listen-address", f"127.0.0.1:{web}"]
            started.append(subprocess.Popen(command, **quiet))
            text = wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{web}/metrics", timeout=60).read().decode(), "the exporter")
        finally:
            for process in started:
                process.kill()
                process.wait()
    return {line.split("{")[0].split(" ")[0]: line for line in text.splitlines() if line.startswith("redis_")}


def unexplained(names, known):
    return sorted(name for name in names if not any(re.fullmatch(pattern, name) for pattern in known))


def main():
    oracle = os.environ.get("SYNAP_ORACLE_8", "redis-server")
    ours, theirs = scrape(sys.argv[1]), scrape(oracle)
    checks = {
        f"what is told of Redis alone: {unexplained(theirs.keys() - ours.keys(), MISSING)}": not unexplained(theirs.keys() - ours.keys(), MISSING),
        f"there is plenty: {len(ours)}": len(ours) > 100,
        "the exporter found no fault": ours["redis_exporter_last_scrape_error"].endswith("} 0"),
    }
    if "SYNAP_ORACLE_8" in os.environ:
        more = unexplained(ours.keys() - theirs.keys(), MORE)
        checks[f"what is told of Synap alone: {more}"] = not more
    for name in DASHBOARDS:
        checks[f"dashboards ask for {name}"] = name in ours
    return judge(checks.items())


sys.exit(main())
