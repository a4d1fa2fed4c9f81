//! Strings.

pub mod counter;
pub mod read;
pub mod write;
