//! The thresholds between small packed encodings and large ones (`*-max-listpack-*` and friends), and
//! the bound of strings.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

macro_rules! packing {
    ($($(#[$doc:meta])* $name:ident = $default:literal;)*) => {
        /// Live thresholds between the packed and the large encoding of each type.
        #[derive(Debug)]
        pub struct Packing { $($name: AtomicI64,)* }

        impl Default for Packing {
            fn default() -> Self {
                Self { $($name: AtomicI64::new($default),)* }
            }
        }

        impl Packing {
            /// The cell of the setting called `name` with `_` for `-`, for the settings table to write.
            pub fn cell(&self, name: &str) -> Option<&AtomicI64> {
                match name {
                    $(stringify!($name) => Some(&self.$name),)*
                    _ => None,
                }
            }

            /// The same thresholds without those of single elements: what was packed elsewhere stays so, whatever it holds.
            pub fn of_packed(&self) -> Packing {
                let packing = Packing { $($name: AtomicI64::new(self.$name()),)* };
                for value in [
                    &packing.hash_max_listpack_value,
                    &packing.set_max_listpack_value,
                    &packing.zset_max_listpack_value,
                ] {
                    value.store(i64::MAX, Relaxed);
                }
                packing
            }

            $($(#[$doc])* pub fn $name(&self) -> i64 { self.$name.load(Relaxed) })*
        }
    };
}

packing! {
    /// Fields a hash may have and stay a listpack.
    hash_max_listpack_entries = 512;
    /// Bytes a field or value of a hash may have in a listpack.
    hash_max_listpack_value = 64;
    /// Members a set of integers may have and stay an intset.
    set_max_intset_entries = 512;
    /// Members a set may have and stay a listpack.
    set_max_listpack_entries = 128;
    /// Bytes a member of a set may have in a listpack.
    set_max_listpack_value = 64;
    /// Members a sorted set may have and stay a listpack.
    zset_max_listpack_entries = 128;
    /// Bytes a member of a sorted set may have in a listpack.
    zset_max_listpack_value = 64;
    /// Size of a list's node: entries when positive, -1 … -5 for 4, 8, 16, 32, 64 KiB.
    list_max_listpack_size = -2;
    /// Bytes of a stream's node, 0 for no limit.
    stream_node_max_bytes = 4096;
    /// Entries of a stream's node, 0 for no limit.
    stream_node_max_entries = 100;
    /// Seconds for which a stream knows what producers sent.
    stream_idmp_duration = 100;
    /// How many entries of a producer a stream knows.
    stream_idmp_maxsize = 100;
    /// Bytes a HyperLogLog may have and stay sparse.
    hll_sparse_max_bytes = 3000;
    /// Bytes a string may grow to.
    proto_max_bulk_len = 536_870_912;
}
