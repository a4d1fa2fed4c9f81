//! Floor 2: channels, patterns and who listens to them.

mod outbox;

pub use outbox::{Close, Outbox};
