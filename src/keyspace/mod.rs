//! Floor 2: the keyspace. Shards of tables of entries, and the one way to change them.
//!
//! Invariants:
//! - an entry is reached only through its shard's lock;
//! - locks are taken in ascending order of the shards;
//! - a stored value changes only through [`Txn`] and [`Edit`], which note every change in [`Effects`];
//! - no collection is stored empty (streams and queues excepted).

pub mod access;
pub mod agenda;
pub mod census;
pub mod cut;
pub mod edit;
pub mod effects;
pub mod entry;
pub mod event;
pub mod hash;
mod reaper;
pub mod sample;
mod shard;
pub mod table;
pub mod txn;
pub mod waiters;
pub mod watchers;

pub use access::{Access, Lfu};
pub use agenda::Agenda;
pub use census::Census;
pub use edit::Edit;
pub use effects::Effects;
pub use entry::{Collection, Details, EntryBox, EntryRef, Kind, SHORT_MAX, StrRef};
pub use event::Class;
pub use hash::hash;
pub use reaper::Garbage;
pub use shard::{Keyspace, SHARD_BITS, SHARDS, Shard, shown};
pub use txn::{DataType, Key, Str, Ttl, Txn};
