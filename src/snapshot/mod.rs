//! Floor 3: the data set as bytes: snapshots of a moment, and Redis' own format beside them.
//!
//! A snapshot is saved without a fork and without a copy of the data: see [`crate::keyspace::cut`] for how its moment is
//! held fast, [`save`] for how it gets to the disk, [`format`](mod@format) for what stands in the file.

mod fault;
mod files;
pub mod format;
mod intake;
pub mod load;
mod progress;
pub mod rdb;
pub mod record;
pub mod save;
mod transcript;

pub use fault::{Damage, Fault};
pub use files::{Found, newest, remove_part};
pub use format::{Codec, Head};
pub use intake::{Crowd, Intake};
pub use load::{Loaded, load, verify};
pub use progress::Progress;
pub use save::{Aside, Cut, Saved};
pub use transcript::{Transcript, transcribe, transcribe_libraries};

#[cfg(test)]
mod tests;
