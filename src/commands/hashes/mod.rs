//! Hashes.

pub mod counter;
pub mod exchange;
pub mod expire;
pub mod random;
pub mod read;
pub mod scan;
pub mod ttl;
pub mod write;
