//! Strings.

pub mod counter;
pub mod lcs;
pub mod many;
pub mod options;
pub mod range;
pub mod read;
pub mod take;
pub mod write;
