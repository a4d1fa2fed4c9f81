//! Floor 2: the keyspace. Shards of tables of entries, and the one way to change them.

pub mod entry;
pub mod hash;
pub mod table;
