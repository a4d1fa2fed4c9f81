//! Keys, whatever they hold.

pub mod dump;
pub mod expire;
pub mod migrate;
pub mod object;
pub mod presence;
pub mod rename;
pub mod scan;
pub mod sort;
pub mod swap;
pub mod ttl;
