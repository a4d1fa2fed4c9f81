//! Patterns of keys and of channels.

use crate::base::glob;

/// What a rule about keys allows.
pub const READ: u8 = 1;
/// See [`READ`].
pub const WRITE: u8 = 2;

/// Keys that may be read, written, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    /// The glob.
    pub glob: Box<[u8]>,
    /// [`READ`], [`WRITE`] or both.
    pub allows: u8,
}

impl KeyPattern {
    /// Whether `key` may be used as `wanted` asks for.
    pub fn covers(&self, key: &[u8], wanted: u8) -> bool {
        self.allows & wanted == wanted && glob::matches(&self.glob, key, false)
    }

    /// As rules write it.
    pub fn describe(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.allows {
            READ => b"%R~",
            WRITE => b"%W~",
            _ => b"~",
        });
        out.extend_from_slice(&self.glob);
    }
}

/// Whether a word has a blank, a line break or a NUL, which no rule may: rules are written into
/// files, a line for each user.
pub fn has_blanks(word: &[u8]) -> bool {
    word.iter().any(|b| matches!(b, 0 | b' ' | b'\t'..=b'\r'))
}
