//! Commands about the connection itself.

pub mod auth;
pub mod client;
pub mod durable;
pub mod session;
