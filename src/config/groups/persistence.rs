//! Snapshots and the append-only log.

use super::{setting, switch};
use crate::config::kind::{INT, Kind, MEMORY};

const DURABILITY: &str = "durability";
const OWN_FILES: &str = "the log has files of its own in the directory synapdata, below dir";
const BY_SNAPSHOT: &str = "the log is shortened by snapshots";
/// The words of Redis, and Synap's own.
const FSYNC: &[(&str, &str)] = &[("everysec", "periodic"), ("always", "always"), ("no", "never")];

group! {
    "persistence", super::encodings::END, "Snapshots and the append-only log.";

    SAVE = setting("save", Kind::Save, "3600 1 300 100 60 10000")
        .doc("Takes a snapshot after so many seconds with so many changes, and when the server stops; empty takes none, and turns the log off if nothing is said about it.");
    DBFILENAME = setting("dbfilename", Kind::FileName("dbfilename"), "dump.rdb")
        .protected()
        .hint("snapshots have names of their own, in the directory synapdata below dir")
        .doc("Name of a Redis snapshot.");
    RDBCOMPRESSION = switch("rdbcompression", "yes").doc("Compresses snapshots.");
    SNAPSHOT_COMPRESSION = setting("snapshot-compression", Kind::Choice(&["lz4", "zstd"]), "lz4")
        .doc("How they are compressed: lz4 is fast, zstd makes them smaller.");
    RDBCHECKSUM = switch("rdbchecksum", "yes").start().hint("snapshots always have checksums").doc("Ends snapshots with a checksum.");
    RDB_DEL_SYNC_FILES = switch("rdb-del-sync-files", "no")
        .pending("replication")
        .doc("Removes snapshots that were only made for replicas.");
    RDB_SAVE_INCREMENTAL_FSYNC = switch("rdb-save-incremental-fsync", "yes")
        .doc("Syncs a snapshot to disk in steps while it is written.");
    STOP_WRITES_ON_BGSAVE_ERROR = switch("stop-writes-on-bgsave-error", "yes")
        .doc("Refuses writes while snapshots fail.");
    APPENDONLY = switch("appendonly", "yes")
        .aliases(&["persistence.wal.enabled"])
        .doc("Logs every change to disk, so that it survives the server.");
    APPENDFSYNC = setting("appendfsync", Kind::Synonyms(FSYNC), "everysec")
        .aliases(&["persistence.wal.fsync_mode"])
        .doc("When the log is synced to disk: before the client hears of its write, from time to time, or when the operating system sees fit.");
    WAL_FSYNC_INTERVAL_MS = setting("persistence.wal.fsync_interval_ms", Kind::Int(1, 3_600_000), "1000")
        .doc("Milliseconds between two syncs of the log, when it is synced from time to time.");
    WAL_BUFFER_SIZE_KB = setting("persistence.wal.buffer_size_kb", Kind::Int(64, 1 << 32), "32768")
        .doc("KiB of changes not yet on disk above which clients wait before their next write.");
    WAL_BATCH_OPS_MAX = setting("persistence.wal.batch_ops_max", Kind::Int(1, i32::MAX as i64), "10000")
        .doc("Records of the log in one write.");
    WAL_BATCH_DELAY_US = setting("persistence.wal.batch_delay_us", Kind::Int(0, 1_000_000), "1000")
        .doc("Microseconds for which changes gather before they are written, while no client waits for them.");
    WAL_SEGMENT_SIZE_MB = setting("persistence.wal.segment_size_mb", Kind::Int(1, 65536), "64")
        .doc("MiB of one file of the log.");
    APPENDFILENAME = setting("appendfilename", Kind::FileName("appendfilename"), "appendonly.aof")
        .start()
        .hint(OWN_FILES)
        .doc("Base name of the files of Redis' log.");
    APPENDDIRNAME = setting("appenddirname", Kind::FileName("appenddirname"), "appendonlydir")
        .start()
        .hint(OWN_FILES)
        .doc("Directory of the files of Redis' log, below dir.");
    NO_APPENDFSYNC_ON_REWRITE = switch("no-appendfsync-on-rewrite", "no")
        .hint("the log is always synced as appendfsync says")
        .doc("Does not sync the log while it is rewritten.");
    AUTO_AOF_REWRITE_PERCENTAGE = setting("auto-aof-rewrite-percentage", INT, "100")
        .doc("Length of the log, in percent of what the last snapshot holds unpacked, from which on a snapshot takes its place; 0 never.");
    AUTO_AOF_REWRITE_MIN_SIZE = setting("auto-aof-rewrite-min-size", MEMORY, "64mb")
        .doc("Length of the log below which no snapshot is taken for its sake.");
    AOF_REWRITE_INCREMENTAL_FSYNC = switch("aof-rewrite-incremental-fsync", "yes")
        .hint(BY_SNAPSHOT)
        .doc("Syncs a rewritten log in steps.");
    AOF_LOAD_TRUNCATED = switch("aof-load-truncated", "yes")
        .hint("the log always goes on behind its last whole record")
        .doc("Starts with a log whose end was cut off.");
    AOF_USE_RDB_PREAMBLE = switch("aof-use-rdb-preamble", "yes")
        .hint(BY_SNAPSHOT)
        .doc("Rewrites the log as a snapshot and what follows.");
    AOF_TIMESTAMP_ENABLED = switch("aof-timestamp-enabled", "no")
        .pending(DURABILITY)
        .doc("Marks the log with the time.");
    AOF_DISABLE_AUTO_GC = switch("aof-disable-auto-gc", "no")
        .hint(BY_SNAPSHOT)
        .doc("Keeps the log's files that are no longer needed.");
    RDB_KEY_SAVE_DELAY = setting("rdb-key-save-delay", Kind::Int(i32::MIN as i64, i32::MAX as i64), "0")
        .doc("For tests: microseconds to wait after each key of a snapshot.");
    KEY_LOAD_DELAY = setting("key-load-delay", Kind::Int(i32::MIN as i64, i32::MAX as i64), "0")
        .hidden()
        .doc("For tests: microseconds to wait after each key, or each record of the log, that is loaded.");
}
