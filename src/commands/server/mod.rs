//! The server itself: what it can do, how it is set up, how it fares, how it stops.

pub mod command;
pub mod commandlog;
pub mod config;
pub mod debug;
pub mod digest;
pub mod flush;
pub mod hotkeys;
pub mod info;
pub mod latency;
pub mod memory;
pub mod module;
pub mod monitor;
mod prefixes;
pub mod process;
pub mod replication;
pub mod save;
mod sparkline;
