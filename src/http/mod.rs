//! Floor 1: just enough HTTP/1.1 for operators: small requests, one for each connection, in time.
//!
//! ```text
//! accept ─▶ crowd      above CONNECTIONS_MAX the oldest one is closed, so slow ones keep nobody out
//!        ─▶ read       the head within HEAD_BYTES_MAX and PATIENCE, a body within BODY_BYTES_MAX
//!        ─▶ answer     AT_A_TIME of them; the caller's function from request to response
//!        ─▶ write      within PATIENCE, then closed
//! ```
//! What it does not know it refuses: transfer encodings, folded lines, a header that should stand once twice.

mod request;
mod response;
mod serve;

pub use request::{Method, Request, decode};
pub use response::{Response, Status};
pub use serve::serve;

#[cfg(test)]
mod tests;
