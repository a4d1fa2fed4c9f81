//! Floor 8: what monitoring sees over HTTP, off the data path.
//!
//! ```text
//! GET /metrics    all that is measured, for Prometheus: copied from the threads' counters
//! GET /healthz    200 when the server is up and its data set is loaded
//! ```
//! [`family`] declares each metric once; `docs/metrics.md` is written from there.

pub mod family;

mod answer;
mod collect;
mod queues;
mod text;

pub use answer::answer;
pub use text::page;

#[cfg(test)]
mod tests;
