//! Directives that a configuration file written for another server may hold, and that Synap does not
//! have: they are warned about by name, so that such a file works unchanged.

/// Why the directive `name` has no effect here, or `None` when it is not known at all.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    let module = ["search-", "ts-", "bf-", "cf-"].iter().any(|prefix| name.starts_with(prefix));
    if module {
        return Some("belongs to a module");
    }
    DIRECTIVES.iter().find(|(known, _)| *known == name).map(|(_, why)| *why)
}

const DIRECTIVES: &[(&str, &str)] = &[
    ("loadmodule", "modules are not supported"),
    ("loadmodule-option", "modules are not supported"),
    ("io-threads-do-reads", "reading is always spread over all cores"),
    ("lua-replicate-commands", "scripts are always replicated by their effects"),
    ("list-max-ziplist-entries", "replaced by list-max-listpack-size"),
    ("list-max-ziplist-value", "replaced by list-max-listpack-size"),
    ("gopher-enabled", "there is no Gopher here"),
    ("glueoutputbuf", "output is always written in one piece"),
    ("vm-enabled", "there is no virtual memory"),
    ("vm-swap-file", "there is no virtual memory"),
    ("vm-max-memory", "there is no virtual memory"),
    ("vm-page-size", "there is no virtual memory"),
    ("vm-pages", "there is no virtual memory"),
    ("vm-max-threads", "there is no virtual memory"),
    ("hash-max-zipmap-entries", "replaced by hash-max-listpack-entries"),
    ("hash-max-zipmap-value", "replaced by hash-max-listpack-value"),
    ("loading-process-events-interval-bytes", "loading never holds up clients"),
    ("use-exit-on-panic", "a panic always ends the process"),
    ("watchdog-period", "there is no watchdog"),
    ("slave-ignore-disk-write-errors", "replication is not supported yet"),
    ("cluster-slot-stats-enabled", "cluster mode is not supported yet"),
    ("log-timestamp-format", "the log tells times as ISO 8601, in UTC"),
    ("dual-channel-replication-enabled", "replication is not supported yet"),
    ("rdma-bind", "there is no RDMA"),
    ("rdma-port", "there is no RDMA"),
    ("mptcp", "there is no multipath TCP"),
];
