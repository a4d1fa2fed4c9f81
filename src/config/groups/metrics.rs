//! What the server measures about itself.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG};

group! {
    "metrics", super::scripting::END, "What the server measures about itself.";

    METRICS_LISTEN = text("metrics-listen", "")
        .start()
        .own()
        .doc("Address and port (127.0.0.1:9121) where metrics and the console are served over HTTP; empty is none.");
    CONSOLE = setting("console", Kind::Choice(&["no", "local", "yes"]), "local")
        .doc("Whether metrics-listen serves the console, too: no, to the machine itself, or to whoever reaches it.");
    CONSOLE_HOSTS = text("console-hosts", "")
        .doc("Names, separated by blanks, under which browsers may reach the console; addresses and localhost always may.");
    METRICS_QUEUES_MAX = setting("metrics-queues-max", INT, "1000").doc("Queues that have metrics of their own.");
    METRICS_PREFIXES_MAX = setting("metrics-prefixes-max", Kind::Int(0, 1000), "20")
        .doc("Prefixes of keys, up to the first colon, that have metrics: those with the most bytes.");
    KEY_MEMORY_HISTOGRAMS = switch("key-memory-histograms", "no")
        .doc("INFO keysizes tells of keys by their memory, too; estimated above 262144 keys. It cannot be turned on while the server runs.");
    SLOWLOG_LOG_SLOWER_THAN = setting("slowlog-log-slower-than", Kind::Int(-1, i64::MAX), "10000")
        .aliases(&["commandlog-execution-slower-than"])
        .doc("Microseconds from which on a command is remembered as slow; -1 remembers none.");
    SLOWLOG_MAX_LEN = setting("slowlog-max-len", LONG, "128")
        .aliases(&["commandlog-slow-execution-max-len"])
        .doc("Slow commands that are remembered.");
    COMMANDLOG_REQUEST_LARGER_THAN =
        setting("commandlog-request-larger-than", Kind::Int(-1, i64::MAX), "1048576")
            .doc("Bytes of its words above which a command is remembered as a large request; -1 remembers none.");
    COMMANDLOG_LARGE_REQUEST_MAX_LEN = setting("commandlog-large-request-max-len", LONG, "128")
        .doc("Large requests that are remembered.");
    COMMANDLOG_REPLY_LARGER_THAN =
        setting("commandlog-reply-larger-than", Kind::Int(-1, i64::MAX), "1048576")
            .doc("Bytes of its reply above which a command is remembered for it; -1 remembers none.");
    COMMANDLOG_LARGE_REPLY_MAX_LEN = setting("commandlog-large-reply-max-len", LONG, "128")
        .doc("Commands with large replies that are remembered.");
    LATENCY_MONITOR_THRESHOLD = setting("latency-monitor-threshold", LONG, "0")
        .doc("Milliseconds from which on an event is recorded for LATENCY; 0 records none.");
    LATENCY_TRACKING = switch("latency-tracking", "yes").doc("Keeps a histogram of each command's latency.");
    LATENCY_TRACKING_INFO_PERCENTILES = setting(
            "latency-tracking-info-percentiles",
            Kind::Percentiles,
            "50 99 99.9",
        )
        .doc("Percentiles that INFO latencystats shows.");
}
