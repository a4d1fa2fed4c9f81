//! Up to which size collections stay in their small, packed encoding.

use super::setting;
use crate::config::kind::{INT, Kind, LONG, MEMORY};

group! {
    "encodings", super::kv_store::END, "Up to which size collections stay in their small encoding.";

    HASH_MAX_LISTPACK_ENTRIES = setting("hash-max-listpack-entries", LONG, "512")
        .aliases(&["hash-max-ziplist-entries"])
        .doc("Fields of a packed hash.");
    HASH_MAX_LISTPACK_VALUE = setting("hash-max-listpack-value", MEMORY, "64")
        .aliases(&["hash-max-ziplist-value"])
        .doc("Bytes of a field or value in a packed hash.");
    SET_MAX_INTSET_ENTRIES = setting("set-max-intset-entries", LONG, "512")
        .doc("Members of a set of integers kept as an array.");
    SET_MAX_LISTPACK_ENTRIES = setting("set-max-listpack-entries", LONG, "128").doc("Members of a packed set.");
    SET_MAX_LISTPACK_VALUE = setting("set-max-listpack-value", LONG, "64").doc("Bytes of a member in a packed set.");
    ZSET_MAX_LISTPACK_ENTRIES = setting("zset-max-listpack-entries", LONG, "128")
        .aliases(&["zset-max-ziplist-entries"])
        .doc("Members of a packed sorted set.");
    ZSET_MAX_LISTPACK_VALUE = setting("zset-max-listpack-value", MEMORY, "64")
        .aliases(&["zset-max-ziplist-value"])
        .doc("Bytes of a member in a packed sorted set.");
    LIST_MAX_LISTPACK_SIZE = setting("list-max-listpack-size", Kind::Int(i32::MIN as i64, i32::MAX as i64), "-2")
        .aliases(&["list-max-ziplist-size"])
        .doc("Size of a list's node: elements, or -1 to -5 for 4, 8, 16, 32, 64 KiB.");
    LIST_COMPRESS_DEPTH = setting("list-compress-depth", INT, "0")
        .hint("lists are not compressed")
        .doc("Nodes at both ends of a list that stay uncompressed; 0 compresses none.");
    STREAM_NODE_MAX_BYTES = setting("stream-node-max-bytes", MEMORY, "4096")
        .doc("Bytes of a stream's node; 0 is no limit.");
    STREAM_NODE_MAX_ENTRIES = setting("stream-node-max-entries", LONG, "100")
        .doc("Entries of a stream's node; 0 is no limit.");
    STREAM_IDMP_DURATION = setting("stream-idmp-duration", Kind::Int(1, 86_400), "100")
        .doc("Seconds for which a stream knows what producers sent (XADD IDMP); XCFGSET sets it for one stream.");
    STREAM_IDMP_MAXSIZE = setting("stream-idmp-maxsize", Kind::Int(1, 10_000), "100")
        .doc("Entries of each producer that a stream knows; XCFGSET sets it for one stream.");
    HLL_SPARSE_MAX_BYTES = setting("hll-sparse-max-bytes", MEMORY, "3000").doc("Bytes of a sparse HyperLogLog.");
}
