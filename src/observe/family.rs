//! Every metric, declared once: its name, what it is, its labels and what it means.

use std::fmt::Write;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// A value now.
    Gauge,
    /// Counts per upper bound.
    Histogram,
}

impl Kind {
    /// As Prometheus calls it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// The declaration of one metric.
#[derive(Debug)]
pub struct Family {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

macro_rules! families {
    ($($constant:ident = $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Family =
                Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };
        )*
        /// All of them, in the order in which they are documented.
        pub const ALL: &[&Family] = &[$(&$constant),*];
    };
}

families! {
    BUILD_INFO = Gauge "synap_build_info" ["version" "redis_version"] "1, with the versions as labels.";
    UPTIME = Gauge "synap_uptime_seconds" [] "Seconds since the start.";
    CPU = Counter "synap_cpu_seconds_total" ["mode"] "CPU time of the process.";

    COMMANDS = Counter "synap_commands_total" [] "Commands run.";
    COMMAND_CALLS = Counter "synap_command_calls_total" ["command"] "Calls that were run.";
    COMMAND_FAILED = Counter "synap_command_failed_total" ["command"] "Calls that answered an error.";
    COMMAND_REJECTED = Counter "synap_command_rejected_total" ["command"] "Calls refused before they were run.";
    COMMAND_DURATION = Histogram "synap_command_duration_seconds" ["command"] "How long calls took; none while latency-tracking is off.";
    ERRORS = Counter "synap_errors_total" ["code"] "Error replies by their first word.";
    SLOW_COMMANDS = Gauge "synap_slowlog_entries" [] "Slow calls that SLOWLOG remembers.";

    CLIENTS = Gauge "synap_connected_clients" [] "Clients connected.";
    CLIENTS_BLOCKED = Gauge "synap_blocked_clients" [] "Clients that wait for a key.";
    CLIENTS_MAX = Gauge "synap_maxclients" [] "Clients that may be connected.";
    CLIENTS_ACCEPTED = Counter "synap_connections_accepted_total" [] "Connections accepted.";
    CLIENTS_REJECTED = Counter "synap_connections_rejected_total" [] "Connections turned away.";
    CLIENTS_EVICTED = Counter "synap_clients_evicted_total" [] "Clients closed because all together took too much memory.";
    CLIENTS_OVERRUN = Counter "synap_clients_overrun_total" ["buffer"] "Clients closed for sending too much, or reading too little.";
    NETWORK_IN = Counter "synap_network_input_bytes_total" [] "Bytes read from clients.";
    NETWORK_OUT = Counter "synap_network_output_bytes_total" [] "Bytes written to clients.";

    MEMORY_USED = Gauge "synap_memory_used_bytes" [] "Bytes in use by the server, as its allocator counts them.";
    MEMORY_PEAK = Gauge "synap_memory_peak_bytes" [] "The most that was in use.";
    MEMORY_PEAK_TIME = Gauge "synap_memory_peak_time_seconds" [] "When it was, in unix time.";
    MEMORY_RSS = Gauge "synap_memory_resident_bytes" [] "Bytes of the process, as the kernel counts them.";
    MEMORY_MAX = Gauge "synap_memory_max_bytes" [] "maxmemory; 0 is no limit.";
    MEMORY_ACTIVE = Gauge "synap_memory_active_bytes" [] "Bytes of the pages in use; what is above the bytes in use is fragmented.";
    TYPE_KEYS = Gauge "synap_type_keys" ["type"] "Keys by the type of their value; estimated above 262144 keys.";
    TYPE_BYTES = Gauge "synap_type_bytes" ["type"] "Bytes of keys and values by type; estimated above 262144 keys.";
    PREFIX_KEYS = Gauge "synap_prefix_keys" ["db" "prefix"] "Keys that begin alike up to their first colon, of the heaviest prefixes.";
    PREFIX_BYTES = Gauge "synap_prefix_bytes" ["db" "prefix"] "Bytes of the keys that begin alike, of the heaviest prefixes.";
    MEMORY_SCRIPTS = Gauge "synap_scripts_bytes" [] "Bytes of cached scripts.";

    KEYS = Gauge "synap_keys" ["db"] "Keys of a database.";
    KEYS_EXPIRING = Gauge "synap_keys_expiring" ["db"] "Keys of a database that have a time to live.";
    HITS = Counter "synap_keyspace_hits_total" [] "Keys that readers found.";
    MISSES = Counter "synap_keyspace_misses_total" [] "Keys that readers did not find.";
    EXPIRED = Counter "synap_expired_keys_total" [] "Keys removed because they were due.";
    EXPIRED_ACTIVE = Counter "synap_expired_keys_active_total" [] "Of these, those that nobody asked for: removed in the background.";
    EXPIRED_FIELDS = Counter "synap_expired_fields_total" [] "Fields of hashes removed because they were due.";
    EXPIRED_FIELDS_ACTIVE = Counter "synap_expired_fields_active_total" [] "Of these, those removed in the background.";
    EXPIRY_TIME = Counter "synap_expiry_seconds_total" [] "Time spent on removing due keys in the background.";
    EXPIRY_OVERRUNS = Counter "synap_expiry_overruns_total" [] "Times that removing due keys in the background did not get through.";
    EVICTED = Counter "synap_evicted_keys_total" [] "Keys removed to make room below maxmemory.";
    EVICTION_TIME = Counter "synap_eviction_exceeded_seconds_total" [] "Time during which maxmemory was exceeded.";
    CHANGES = Counter "synap_changes_total" [] "Changes made to the data set.";

    LOG_ON = Gauge "synap_log_on" [] "1 when changes are written to the log.";
    LOG_FAILING = Gauge "synap_log_failing" [] "1 while the log cannot be written: then no change is accepted.";
    LOG_RECORDS = Counter "synap_log_records_total" [] "Records appended to the log.";
    LOG_WRITES = Counter "synap_log_writes_total" [] "Writes of the log; records a write are the size of a batch.";
    LOG_BYTES = Counter "synap_log_written_bytes_total" [] "Bytes written to the log.";
    LOG_SYNCS = Counter "synap_log_syncs_total" [] "Times the log was made durable.";
    LOG_SYNC_TIME = Counter "synap_log_sync_seconds_total" [] "Time that making the log durable took.";
    LOG_SYNC_DURATION = Histogram "synap_log_sync_duration_seconds" [] "How long making the log durable took.";
    LOG_SYNC_LAST = Gauge "synap_log_last_sync_duration_seconds" [] "How long making the log durable took last.";
    LOG_FAILURES = Counter "synap_log_failures_total" [] "Writes and syncs of the log that failed.";
    LOG_STALLS = Counter "synap_log_stalls_total" [] "Times a client had to wait because the log could not follow.";
    LOG_LAG = Gauge "synap_log_lag_bytes" [] "Bytes of the log that are not durable yet.";
    LOG_SEGMENTS = Gauge "synap_log_segments" [] "Files of the log.";

    SNAPSHOT_RUNNING = Gauge "synap_snapshot_running" [] "1 while a snapshot is taken.";
    SNAPSHOT_FAILING = Gauge "synap_snapshot_failing" [] "1 when the last snapshot failed.";
    SNAPSHOT_LAST = Gauge "synap_snapshot_last_timestamp_seconds" [] "When the last snapshot was complete; the start before that.";
    SNAPSHOT_DURATION = Gauge "synap_snapshot_last_duration_seconds" [] "How long the last snapshot took; 0 before the first.";
    SNAPSHOT_CHANGES = Gauge "synap_changes_since_snapshot" [] "Changes since the last snapshot.";

    CHANNELS = Gauge "synap_pubsub_subscribed" ["kind"] "Channels, patterns and shard channels that somebody listens to.";
    PUBSUB_MESSAGES = Counter "synap_pubsub_messages_total" [] "Messages handed to subscribers, keyspace events too.";
    SCRIPTS = Gauge "synap_scripts_cached" [] "Scripts that are cached.";
    SCRIPTS_EVICTED = Counter "synap_scripts_evicted_total" [] "Scripts that made room for others.";

    CERTIFICATE_END = Gauge "synap_tls_certificate_end_seconds" ["certificate"] "When a certificate that tls-port uses ends, in unix time: server, client, ca.";
    DENIED = Counter "synap_acl_denied_total" ["reason"] "Logins and calls refused by the rules about users.";

    QUEUES = Gauge "synap_queues" [] "Queues there are.";
    QUEUE_MESSAGES = Gauge "synap_queue_messages" ["db" "queue" "state"] "Messages of a queue: ready, delayed, inflight, dead.";
    QUEUE_OLDEST = Gauge "synap_queue_oldest_ready_seconds" ["db" "queue"] "Age of the oldest message that is ready; 0 when none is.";
    QUEUE_BYTES = Gauge "synap_queue_bytes" ["db" "queue"] "Bytes of a queue's messages.";
    QUEUE_EVENTS = Counter "synap_queue_events_total" ["db" "queue" "event"] "What happened to the messages of a queue.";
    QUEUES_HIDDEN = Gauge "synap_queues_not_shown" [] "Queues above metrics-queues-max, which have no metrics of their own.";
}

/// `docs/metrics.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         With `metrics-listen 127.0.0.1:9121` (a setting; off by default) Synap answers `GET /metrics` over HTTP, in the\n\
         text format of Prometheus, and `GET /healthz`; [the console](console.md) is there, too. A scrape copies counters that every\n\
         thread keeps for itself: clients do not wait for it. Whoever reaches the address may read the metrics, so keep it on an\n\
         address of your own.\n\n\
         This page is written from the declarations in src/observe/family.rs.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for family in ALL {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        // A `String` takes every write.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            family.name,
            family.kind.name(),
            labels.join(" "),
            family.help
        );
    }
    text.push_str(
        "\nThe number of label values is bounded: commands and error codes by the server, databases by `databases`, queues\n\
         by `metrics-queues-max`, prefixes by `metrics-prefixes-max`. Types and prefixes are at most ten seconds old. Histograms have a bound for every doubling from a microsecond to 17 seconds.\n",
    );
    text
}
