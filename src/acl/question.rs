//! What is asked before a call runs, and what the answer may be.

use super::pattern::{READ, WRITE};

/// A key that a call touches.
#[derive(Clone, Copy, Debug)]
pub struct KeyUse<'a> {
    /// The key.
    pub bytes: &'a [u8],
    /// The word of the call that names it.
    pub at: usize,
    /// What is done to it: bits of [`READ`] and [`WRITE`].
    pub wanted: u8,
}

impl<'a> KeyUse<'a> {
    /// A key that is read, written, both, or merely looked at.
    pub fn new(bytes: &'a [u8], at: usize, reads: bool, writes: bool) -> Self {
        Self { bytes, at, wanted: (u8::from(reads) * READ) | (u8::from(writes) * WRITE) }
    }
}

/// A channel that a call publishes to or listens to.
#[derive(Clone, Copy, Debug)]
pub struct ChannelUse<'a> {
    /// Its name, or the pattern.
    pub name: &'a [u8],
    /// The word of the call that names it.
    pub at: usize,
    /// Whether it is a pattern.
    pub is_pattern: bool,
}

/// A database that a call works on.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseUse {
    /// Its number; `None` for all of them.
    pub number: Option<u32>,
    /// The word of the call that names it, or its first one.
    pub at: usize,
}

/// All that one call touches.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The command's number.
    pub command: usize,
    /// The words of the call.
    pub argv: &'a [&'a [u8]],
    /// Its keys.
    pub keys: &'a [KeyUse<'a>],
    /// Its channels.
    pub channels: &'a [ChannelUse<'a>],
    /// Its databases.
    pub databases: &'a [DatabaseUse],
}

/// What is not allowed; of several selectors' answers the greatest is told. The numbers are the words
/// of the call that name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denied {
    /// A database.
    Database(usize),
    /// The command.
    Command,
    /// A key.
    Key(usize),
    /// A channel.
    Channel(usize),
}
