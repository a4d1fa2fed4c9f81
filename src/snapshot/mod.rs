//! Floor 3: the data set as bytes.

pub mod rdb;
