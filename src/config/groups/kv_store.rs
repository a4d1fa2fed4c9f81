//! The keys: memory, expiry, eviction, freeing.

use super::{setting, switch, text};
use crate::config::kind::{INT, Kind};

const POLICIES: Kind = Kind::Choice(&[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "volatile-lrm",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "allkeys-lrm",
    "noeviction",
]);
const FREES: &str = "large values are always freed in the background";
const DEFRAG: &str = "values are moved at one effort, a few at once";

group! {
    "kv_store", super::security::END, "Keys: memory, expiry and eviction.";

    MAXMEMORY = setting("maxmemory", Kind::Unsigned, "0").doc("Memory that the data may use; 0 is no limit.");
    MAXMEMORY_POLICY = setting("maxmemory-policy", POLICIES, "noeviction")
        .doc("Which keys make room when maxmemory is reached.");
    MAXMEMORY_SAMPLES = setting("maxmemory-samples", Kind::Int(1, 64), "5")
        .doc("Keys compared to find one to evict.");
    MAXMEMORY_EVICTION_TENACITY = setting("maxmemory-eviction-tenacity", Kind::Int(0, 100), "10")
        .doc("How long eviction may hold up a command: 0 least, 100 until done.");
    REPLICA_IGNORE_MAXMEMORY = switch("replica-ignore-maxmemory", "yes")
        .aliases(&["slave-ignore-maxmemory"])
        .pending("replication")
        .doc("A replica leaves eviction to its primary.");
    LFU_LOG_FACTOR = setting("lfu-log-factor", INT, "10").doc("How many accesses saturate the counter of LFU.");
    LFU_DECAY_TIME = setting("lfu-decay-time", INT, "1").doc("Minutes after which that counter falls by one.");
    HZ = setting("hz", Kind::Clamped(1, 500), "10").doc("Rounds of background work a second.");
    DYNAMIC_HZ = switch("dynamic-hz", "yes")
        .hint("background work does not depend on the number of clients")
        .doc("More rounds of background work with more clients.");
    ACTIVE_EXPIRE_EFFORT = setting("active-expire-effort", Kind::Int(1, 10), "1")
        .doc("How hard expired keys are looked for.");
    IMPORT_MODE = switch("import-mode", "no")
        .doc("Removes no expired keys while another server is copied here; see CLIENT IMPORT-SOURCE.");
    HASH_SEED = text("hash-seed", "")
        .start()
        .own()
        .secret()
        .doc("Keys lie in the same order in all servers with this text, for SCAN; empty draws it anew at each start.");
    NOTIFY_KEYSPACE_EVENTS = setting("notify-keyspace-events", Kind::Events, "")
        .doc("Classes of changes that are published; empty publishes none.");
    LAZYFREE_LAZY_EVICTION = switch("lazyfree-lazy-eviction", "no").hint(FREES).doc("Frees evicted values later.");
    LAZYFREE_LAZY_EXPIRE = switch("lazyfree-lazy-expire", "no").hint(FREES).doc("Frees expired values later.");
    LAZYFREE_LAZY_SERVER_DEL = switch("lazyfree-lazy-server-del", "no").hint(FREES).doc("Frees replaced values later.");
    LAZYFREE_LAZY_USER_DEL = switch("lazyfree-lazy-user-del", "no").hint(FREES).doc("DEL frees as UNLINK does.");
    LAZYFREE_LAZY_USER_FLUSH = switch("lazyfree-lazy-user-flush", "no")
        .doc("FLUSHDB and FLUSHALL without SYNC or ASYNC free later.");
    REPLICA_LAZY_FLUSH = switch("replica-lazy-flush", "no")
        .aliases(&["slave-lazy-flush"])
        .hint(FREES)
        .doc("A replica frees its old data later.");
    ACTIVEREHASHING = switch("activerehashing", "yes")
        .hint("tables grow in small steps anyway")
        .doc("Rehashes the tables in idle time.");
    ACTIVEDEFRAG = switch("activedefrag", "no").doc("Moves values together as soon as the thresholds say, not only where much is wasted.");
    ACTIVE_DEFRAG_IGNORE_BYTES = setting("active-defrag-ignore-bytes", Kind::Bytes(1, i64::MAX), "100mb")
        .doc("Waste below which nothing is moved.");
    ACTIVE_DEFRAG_THRESHOLD_LOWER = setting("active-defrag-threshold-lower", Kind::Int(0, 1000), "10")
        .doc("Percent of waste that starts it.");
    ACTIVE_DEFRAG_THRESHOLD_UPPER = setting("active-defrag-threshold-upper", Kind::Int(0, 1000), "100")
        .hint(DEFRAG)
        .doc("Percent of waste for the highest effort.");
    ACTIVE_DEFRAG_CYCLE_MIN = setting("active-defrag-cycle-min", Kind::Int(1, 99), "1")
        .hint(DEFRAG)
        .doc("Least effort in percent of a CPU.");
    ACTIVE_DEFRAG_CYCLE_MAX = setting("active-defrag-cycle-max", Kind::Int(1, 99), "25")
        .doc("Highest effort in percent of a CPU.");
    ACTIVE_DEFRAG_MAX_SCAN_FIELDS = setting("active-defrag-max-scan-fields", Kind::Int(1, i64::MAX), "1000")
        .hint(DEFRAG)
        .doc("Members of a collection handled at once.");
    RDB_VERSION_CHECK = setting("rdb-version-check", Kind::Choice(&["strict", "relaxed"]), "strict")
        .doc("Whether RDB files and payloads of RESTORE whose version is not known are refused, or read as far as what they hold is known.");
    SANITIZE_DUMP_PAYLOAD = setting("sanitize-dump-payload", Kind::Choice(&["no", "yes", "clients"]), "no")
        .hint("every payload is always checked")
        .doc("Checks the payload of RESTORE deeply.");
    JEMALLOC_BG_THREAD = switch("jemalloc-bg-thread", "yes")
        .hint("the allocator's background thread is always on")
        .doc("Returns freed memory to the system in the background.");
    LOCALE_COLLATE = text("locale-collate", "")
        .pending("collation by locale")
        .doc("Locale whose order SORT ALPHA follows.");
}
