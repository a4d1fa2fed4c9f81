//! What clients may use.

use super::setting;
use crate::config::kind::{INT, Kind};

const NEVER_COPIED: &str = "large values are never copied";
const MEGABYTE: i64 = 1 << 20;

group! {
    "limits", super::server::END, "What clients may use.";

    MAXCLIENTS = setting("maxclients", Kind::Int(1, u32::MAX as i64), "10000")
        .doc("Connections at the same time; more are told so and closed.");
    TIMEOUT = setting("timeout", INT, "0").doc("Seconds after which an idle connection is closed; 0 never.");
    PROTO_MAX_BULK_LEN = setting("proto-max-bulk-len", Kind::Bytes(MEGABYTE, i64::MAX), "512mb")
        .doc("Length of the longest argument and of the longest string value.");
    CLIENT_QUERY_BUFFER_LIMIT = setting("client-query-buffer-limit", Kind::Bytes(MEGABYTE, i64::MAX), "1gb")
        .doc("Bytes of one client's unfinished request.");
    CLIENT_OUTPUT_BUFFER_LIMIT = setting(
            "client-output-buffer-limit",
            Kind::OutputLimits,
            "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60",
        )
        .doc("Unsent output at which a client is disconnected: class, hard limit, soft limit, soft seconds.");
    MAXMEMORY_CLIENTS = setting("maxmemory-clients", Kind::Share, "0")
        .doc("Memory of all client buffers together, above which the largest clients are disconnected; 0 is no limit.");
    MAX_NEW_CONNECTIONS_PER_CYCLE = setting("max-new-connections-per-cycle", Kind::Int(1, 1000), "10")
        .hint("accepting never holds up other clients")
        .doc("New connections accepted at once.");
    MAX_NEW_TLS_CONNECTIONS_PER_CYCLE = setting("max-new-tls-connections-per-cycle", Kind::Int(1, 1000), "1")
        .hint("accepting never holds up other clients")
        .doc("New TLS connections accepted at once.");
    PREFETCH_BATCH_MAX_SIZE = setting("prefetch-batch-max-size", Kind::Int(0, 128), "16")
        .hidden()
        .hint("batches size themselves")
        .doc("Valkey's: calls whose keys are brought into the cache together.");
    MIN_IO_THREADS_AVOID_COPY_REPLY = setting("min-io-threads-avoid-copy-reply", INT, "7")
        .hidden()
        .hint(NEVER_COPIED)
        .doc("Valkey's: threads from which on large values are sent without a copy.");
    MIN_STRING_SIZE_AVOID_COPY_REPLY = setting("min-string-size-avoid-copy-reply", INT, "16384")
        .hidden()
        .hint(NEVER_COPIED)
        .doc("Valkey's: bytes from which on a value is sent without a copy.");
    MIN_STRING_SIZE_AVOID_COPY_REPLY_THREADED = setting("min-string-size-avoid-copy-reply-threaded", INT, "65536")
        .hidden()
        .hint(NEVER_COPIED)
        .doc("Valkey's: likewise, with more threads.");
    EXTENDED_REDIS_COMPATIBILITY = setting("extended-redis-compatibility", Kind::Bool, "no")
        .hidden()
        .hint("the server always calls itself as Redis does")
        .doc("Valkey's: calls itself Redis where clients look.");
    TRACKING_TABLE_MAX_KEYS = setting("tracking-table-max-keys", crate::config::kind::LONG, "1000000")
        .doc("Keys remembered for client-side caching.");
}
