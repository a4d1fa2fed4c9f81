//! What this server calls itself.

/// The version of Redis whose commands and replies this server has: what clients look at.
pub const REDIS: &str = "8.0.6";
/// The version of Synap.
pub const SYNAP: &str = env!("CARGO_PKG_VERSION");
