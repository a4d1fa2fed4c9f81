//! Primary and replicas.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind, LONG, MEMORY};
use crate::config::special;

const REPLICATION: &str = "replication";
pub(super) const NO_REPLICAS: &str = "there are no replicas yet";
const NO_PRIMARY: &str = "no primary is replicated yet";

group! {
    "replication", super::metrics::END, "Primary and replicas.";

    REPLICAOF = setting("replicaof", Kind::Words(special::primary), "")
        .aliases(&["slaveof"])
        .start()
        .pending(REPLICATION)
        .doc("Host and port of the primary to replicate.");
    MASTERUSER = text("masteruser", "")
        .aliases(&["primaryuser"])
        .hint(NO_PRIMARY)
        .doc("User at the primary.");
    MASTERAUTH = text("masterauth", "")
        .aliases(&["primaryauth"])
        .secret()
        .hint(NO_PRIMARY)
        .doc("Password at the primary.");
    REPLICA_SERVE_STALE_DATA = switch("replica-serve-stale-data", "yes")
        .aliases(&["slave-serve-stale-data"])
        .pending(REPLICATION)
        .doc("Answers reads while the primary is not reachable.");
    REPLICA_READ_ONLY = switch("replica-read-only", "yes")
        .aliases(&["slave-read-only"])
        .pending(REPLICATION)
        .doc("A replica refuses writes.");
    REPLICA_PRIORITY = setting("replica-priority", INT, "100")
        .aliases(&["slave-priority"])
        .hint(NO_REPLICAS)
        .doc("Rank among the replicas for promotion; 0 is never promoted.");
    REPLICA_ANNOUNCED = switch("replica-announced", "yes")
        .pending(REPLICATION)
        .doc("Sentinels may name this replica.");
    REPLICA_ANNOUNCE_IP = text("replica-announce-ip", "")
        .aliases(&["slave-announce-ip"])
        .pending(REPLICATION)
        .doc("Address under which others reach this replica.");
    REPLICA_ANNOUNCE_PORT = setting("replica-announce-port", Kind::Int(0, 65535), "0")
        .aliases(&["slave-announce-port"])
        .pending(REPLICATION)
        .doc("Port under which others reach this replica.");
    REPLICA_IGNORE_DISK_WRITE_ERRORS = switch("replica-ignore-disk-write-errors", "no")
        .pending(REPLICATION)
        .doc("A replica goes on when it cannot write its log.");
    REPLICA_FULL_SYNC_BUFFER_LIMIT = setting("replica-full-sync-buffer-limit", MEMORY, "0")
        .hint(NO_REPLICAS)
        .doc("Changes a replica buffers while it loads a snapshot.");
    REPL_DISKLESS_SYNC = switch("repl-diskless-sync", "yes")
        .hint(NO_REPLICAS)
        .doc("Sends snapshots to replicas without a file.");
    REPL_DISKLESS_SYNC_DELAY = setting("repl-diskless-sync-delay", INT, "5")
        .hint(NO_REPLICAS)
        .doc("Seconds to wait for more replicas before a snapshot is sent.");
    REPL_DISKLESS_SYNC_MAX_REPLICAS = setting("repl-diskless-sync-max-replicas", INT, "0")
        .hint(NO_REPLICAS)
        .doc("Waiting replicas that end that delay; 0 waits for the whole of it.");
    REPL_DISKLESS_LOAD = setting(
            "repl-diskless-load",
            Kind::Choice(&["disabled", "on-empty-db", "swapdb", "always"]),
            "disabled",
        )
        .hint(NO_REPLICAS)
        .doc("Loads the primary's snapshot without a file.");
    REPL_DISABLE_TCP_NODELAY = switch("repl-disable-tcp-nodelay", "no")
        .hint(NO_REPLICAS)
        .doc("Sends fewer, larger packets to replicas.");
    REPL_BACKLOG_SIZE = setting("repl-backlog-size", Kind::Bytes(1, i64::MAX), "1mb")
        .hint(NO_REPLICAS)
        .doc("Changes kept for replicas that come back.");
    REPL_BACKLOG_TTL = setting("repl-backlog-ttl", LONG, "3600")
        .hint(NO_REPLICAS)
        .doc("Seconds these are kept without any replica; 0 for ever.");
    REPL_TIMEOUT = setting("repl-timeout", Kind::Int(1, i32::MAX as i64), "60")
        .doc("Seconds without progress after which a client that takes a copy of the data set (SYNC) is given up.");
    REPL_PING_REPLICA_PERIOD = setting("repl-ping-replica-period", Kind::Int(1, i32::MAX as i64), "10")
        .aliases(&["repl-ping-slave-period"])
        .hint(NO_REPLICAS)
        .doc("Seconds between pings to replicas.");
    MIN_REPLICAS_TO_WRITE = setting("min-replicas-to-write", INT, "0")
        .aliases(&["min-slaves-to-write"])
        .doc("Refuses writes with fewer replicas than this, of which there are none yet; 0 never.");
    MIN_REPLICAS_MAX_LAG = setting("min-replicas-max-lag", INT, "10")
        .aliases(&["min-slaves-max-lag"])
        .hint(NO_REPLICAS)
        .doc("Seconds of silence after which a replica does not count.");
    PROPAGATION_ERROR_BEHAVIOR = setting(
            "propagation-error-behavior",
            Kind::Choice(&["ignore", "panic", "panic-on-replicas"]),
            "ignore",
        )
        .hint(NO_REPLICAS)
        .doc("What a change that fails on a replica leads to.");
}
