//! Floor 8: sockets. Listeners accept, a task per connection runs its commands directly on the
//! shared store.

mod connection;
mod holding;
mod listener;
mod listeners;
mod scratch;
mod terminal;
mod tls;

pub use connection::{Connection, End};
pub use listener::{Endpoint, Listener};
pub use listeners::Listeners;
pub use tls::Tls;
