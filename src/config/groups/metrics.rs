//! What the server measures about itself.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG};

group! {
    "metrics", super::scripting::END, "What the server measures about itself.";

    METRICS_LISTEN = text("metrics-listen", "")
        .start()
        .doc("Address and port (127.0.0.1:9121) where metrics and the console are served over HTTP; empty is none.");
    CONSOLE = setting("console", Kind::Choice(&["no", "local", "yes"]), "local")
        .doc("Whether metrics-listen serves the console, too: no, to the machine itself, or to whoever reaches it.");
    CONSOLE_HOSTS = text("console-hosts", "")
        .doc("Names, separated by blanks, under which browsers may reach the console; addresses and localhost always may.");
    METRICS_QUEUES_MAX = setting("metrics-queues-max", INT, "1000").doc("Queues that have metrics of their own.");
    METRICS_PREFIXES_MAX = setting("metrics-prefixes-max", Kind::Int(0, 1000), "20")
        .doc("Prefixes of keys, up to the first colon, that have metrics: those with the most bytes.");
    SLOWLOG_LOG_SLOWER_THAN = setting("slowlog-log-slower-than", Kind::Int(-1, i64::MAX), "10000")
        .doc("Microseconds from which on a command is remembered as slow; -1 remembers none.");
    SLOWLOG_MAX_LEN = setting("slowlog-max-len", LONG, "128").doc("Slow commands that are remembered.");
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
