//! Runs transcripts (`cases/<family>/<command>.resp`) against servers; the format is drawn in `compat-tests/README.md`.

pub mod content;
pub mod inside;
pub mod link;
pub mod pattern;
pub mod play;
pub mod server;
pub mod text;
pub mod transcript;
pub mod value;
