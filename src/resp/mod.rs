//! Floor 1: the wire (RESP2 and RESP3), and what a client may be told.

pub mod decode;
mod encode;
mod error;
pub mod link;
pub mod read;
mod reply;

pub use encode::encode;
pub use error::{Error, Result};
pub use reply::{Mark, Protocol, Reply};
