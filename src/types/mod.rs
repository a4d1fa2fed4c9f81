//! Floor 1: the data structures alone. They know nothing of keys, locks, clients or logs.
//!
//! Every collection is 8 bytes itself, a pointer: it lives inside the keyspace's entry. It is never stored empty.

pub mod bits;
mod footprint;
mod forms;
pub mod geo;
mod hash;
mod heavy;
pub mod hyperlog;
mod intset;
mod item;
pub mod lcs;
pub mod list;
mod packed;
mod packing;
pub mod queue;
mod set;
pub mod sorted;
pub mod stream;
mod table;
mod thin;
pub mod vectors;

pub use hash::{FIELD_EXPIRE_MAX, FieldRef, Hash, Live};
pub use heavy::HeavyHitters;
pub use intset::{INTSET_MAX, IntSet};
pub use item::{Item, Text};
pub use list::{End, List};
pub use packed::{At, Iter as PackedIter, Packed};
pub use packing::Packing;
pub use queue::Queue;
pub use set::Set;
pub use sorted::Sorted;
pub use stream::Stream;
pub use vectors::VectorSet;
