//! Snapshots and the append-only log.

use super::{setting, switch};
use crate::config::kind::{INT, Kind, MEMORY};

const DURABILITY: &str = "durability";
const NO_LOG: &str = "nothing is logged while appendonly is no";

group! {
    "persistence", super::encodings::END, "Snapshots and the append-only log.";

    SAVE = setting("save", Kind::Save, "")
        .doc("Takes a snapshot after so many seconds with so many changes; empty takes none.");
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
    APPENDONLY = switch("appendonly", "no").pending(DURABILITY).doc("Logs every change.");
    APPENDFSYNC = setting("appendfsync", Kind::Choice(&["everysec", "always", "no"]), "everysec")
        .hint(NO_LOG)
        .doc("When the log is synced to disk.");
    APPENDFILENAME = setting("appendfilename", Kind::FileName("appendfilename"), "appendonly.aof")
        .start()
        .hint(NO_LOG)
        .doc("Base name of the log's files.");
    APPENDDIRNAME = setting("appenddirname", Kind::FileName("appenddirname"), "appendonlydir")
        .start()
        .hint(NO_LOG)
        .doc("Directory of the log's files, below dir.");
    NO_APPENDFSYNC_ON_REWRITE = switch("no-appendfsync-on-rewrite", "no")
        .hint(NO_LOG)
        .doc("Does not sync the log while it is rewritten.");
    AUTO_AOF_REWRITE_PERCENTAGE = setting("auto-aof-rewrite-percentage", INT, "100")
        .hint(NO_LOG)
        .doc("Growth in percent after which the log is rewritten; 0 never.");
    AUTO_AOF_REWRITE_MIN_SIZE = setting("auto-aof-rewrite-min-size", MEMORY, "64mb")
        .hint(NO_LOG)
        .doc("Size below which the log is never rewritten.");
    AOF_REWRITE_INCREMENTAL_FSYNC = switch("aof-rewrite-incremental-fsync", "yes")
        .hint(NO_LOG)
        .doc("Syncs a rewritten log in steps.");
    AOF_LOAD_TRUNCATED = switch("aof-load-truncated", "yes")
        .hint(NO_LOG)
        .doc("Starts with a log whose end was cut off.");
    AOF_USE_RDB_PREAMBLE = switch("aof-use-rdb-preamble", "yes")
        .hint(NO_LOG)
        .doc("Rewrites the log as a snapshot and what follows.");
    AOF_TIMESTAMP_ENABLED = switch("aof-timestamp-enabled", "no")
        .pending(DURABILITY)
        .doc("Marks the log with the time.");
    AOF_DISABLE_AUTO_GC = switch("aof-disable-auto-gc", "no")
        .hint(NO_LOG)
        .doc("Keeps the log's files that are no longer needed.");
    RDB_KEY_SAVE_DELAY = setting("rdb-key-save-delay", Kind::Int(i32::MIN as i64, i32::MAX as i64), "0")
        .doc("For tests: microseconds to wait after each key of a snapshot.");
    KEY_LOAD_DELAY = setting("key-load-delay", Kind::Int(i32::MIN as i64, i32::MAX as i64), "0")
        .pending(DURABILITY)
        .doc("For tests: microseconds to wait after each key that is loaded.");
}
