//! Floor 1: the data structures alone. They know nothing of keys, locks, clients or logs.
//!
//! Every collection is at most 16 bytes itself (usually an enum of thin pointers): it lives inside
//! the keyspace's entry. It is never stored empty.

pub mod geo;
mod item;
pub mod list;
mod packed;
mod packing;
pub mod sorted;
pub mod stream;
mod thin;

pub use item::{Item, Text};
pub use list::{End, List};
pub use packed::{At, Iter as PackedIter, Packed};
pub use packing::Packing;
pub use sorted::Sorted;
pub use stream::Stream;
