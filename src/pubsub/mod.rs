//! Floor 2: channels, patterns and who listens to them.

mod hub;
mod outbox;

pub use hub::{Hub, Listener, Topic};
pub use outbox::{Close, Outbox};
