//! Commands about the connection itself.

pub mod session;
