//! Floor 8: what operators see over HTTP, off the data path.
//!
//! ```text
//! GET /metrics    all that is measured, for Prometheus: copied from the threads' counters
//! GET /healthz    200 when the server is up and its data set is loaded
//! ```
//! [`family`] declares each metric once; `docs/metrics.md` is written from there.

pub mod family;

mod collect;
mod http;
mod queues;
mod text;

pub use http::serve;
pub use text::page;

#[cfg(test)]
mod tests;
