//! Floor 0: what everything else is made of.

pub mod clock;
pub mod counter;
pub mod digits;
pub mod disk;
mod float;
pub mod glob;
mod grisu;
pub mod heap;
pub mod histogram;
pub mod lock;
mod long_double;
pub mod number;
pub mod ops;
pub mod priority;
pub mod random;
pub mod simd;
pub mod sorting;
pub mod text;
pub mod version;
pub mod words;

pub use long_double::LongDouble;
