//! Floor 0: what everything else is made of.

pub mod clock;
pub mod glob;
pub mod number;
pub mod random;
pub mod words;
