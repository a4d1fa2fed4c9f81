//! Sets.

pub mod combine;
pub mod member;
pub mod random;
pub mod scan;
pub mod store;
