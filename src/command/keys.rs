//! Where the keys of a command are among its arguments, and what it does to them.

use super::{Error, Result};
use crate::base::number;

/// What a command does to a key, as COMMAND INFO tells it.
pub mod access {
    /// Reads the value or its metadata.
    pub const RO: u16 = 1;
    /// Reads and writes.
    pub const RW: u16 = 1 << 1;
    /// Overwrites without reading.
    pub const OW: u16 = 1 << 2;
    /// Removes the key.
    pub const RM: u16 = 1 << 3;
    /// Returns, copies or depends on the value.
    pub const ACCESS: u16 = 1 << 4;
    /// Changes the value, based on what it was or not.
    pub const UPDATE: u16 = 1 << 5;
    /// Adds data without changing what is there.
    pub const INSERT: u16 = 1 << 6;
    /// Deletes data.
    pub const DELETE: u16 = 1 << 7;
    /// Not a key, but routed like one (a shard channel).
    pub const NOT_KEY: u16 = 1 << 8;
    /// More keys may exist than this tells.
    pub const INCOMPLETE: u16 = 1 << 9;
    /// The same key may be read or written, depending on the options.
    pub const VARIABLE: u16 = 1 << 10;

    /// The flags set, in Redis' words.
    pub fn names(flags: u16) -> impl Iterator<Item = &'static str> {
        const NAMES: [&str; 11] = [
            "RO",
            "RW",
            "OW",
            "RM",
            "access",
            "update",
            "insert",
            "delete",
            "not_key",
            "incomplete",
            "variable_flags",
        ];
        NAMES.into_iter().enumerate().filter(move |(bit, _)| flags & (1 << bit) != 0).map(|(_, name)| name)
    }
}

/// How to find keys among the words of a call (the command's name is word 0).
#[derive(Clone, Copy)]
pub enum Find {
    /// Words `first`, `first + step`, … up to `last`; a negative `last` counts from the end.
    At {
        /// The first key's word.
        first: u8,
        /// The last key's word; -1 is the call's last word.
        last: i8,
        /// Words from one key to the next.
        step: u8,
    },
    /// As many keys as word `count` says, right behind it.
    Counted {
        /// The word that holds the number of keys.
        count: u8,
        /// Words from one key to the next.
        step: u8,
    },
    /// Keys behind the word `token`, searched from word `from`: the first `1/share` of the rest.
    After {
        /// The keyword.
        token: &'static str,
        /// Where to start searching; negative: backwards, from that far before the end.
        from: i8,
        /// 0: all that follows; 1: one key; 2: half of the remaining words (STREAMS).
        share: u8,
    },
    /// A function's own way.
    By(FindFn),
}

/// Appends the keys of a call, or tells what is wrong with it.
pub type FindFn = fn(&[&[u8]], &mut Vec<Found>) -> Result;

/// What a call does to its keys; see [`access`].
pub type Varies = fn(&[&[u8]]) -> u16;

/// Keys of a command: where they are and what is done to them.
#[derive(Clone, Copy)]
pub struct Keys {
    /// How to find them.
    pub find: Find,
    /// What is done to them: see [`access`].
    pub access: u16,
    /// What is done to them by the call at hand, where [`access::VARIABLE`] says that it depends.
    pub varies: Option<Varies>,
    /// What the rest does not tell, for people.
    pub note: &'static str,
}

/// One key found in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The word that is the key.
    pub at: usize,
    /// What is done to it.
    pub access: u16,
}

impl Keys {
    const fn new(find: Find, access: u16) -> Self {
        Keys { find, access, varies: None, note: "" }
    }

    /// Notes what the rest does not tell, for people.
    pub const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }

    /// What is done to the keys depends on the call: `access` tells it.
    pub const fn varies(mut self, access: Varies) -> Self {
        self.access |= access::VARIABLE;
        self.varies = Some(access);
        self
    }

    /// The one key at word `first`.
    pub const fn one(first: u8, access: u16) -> Self {
        Keys::new(Find::At { first, last: first as i8, step: 1 }, access)
    }

    /// All words from `first` on.
    pub const fn rest(first: u8, access: u16) -> Self {
        Keys::new(Find::At { first, last: -1, step: 1 }, access)
    }

    /// Words from `first` to `last` (negative: from the end), every `step`.
    pub const fn range(first: u8, last: i8, step: u8, access: u16) -> Self {
        Keys::new(Find::At { first, last, step }, access)
    }

    /// As many keys as word `count` says, right behind it.
    pub const fn counted(count: u8, access: u16) -> Self {
        Keys::new(Find::Counted { count, step: 1 }, access)
    }

    /// Likewise, but a value follows each key.
    pub const fn counted_pairs(count: u8, access: u16) -> Self {
        Keys::new(Find::Counted { count, step: 2 }, access)
    }

    /// The key behind the keyword `token`: behind the last one, which is what the command goes by.
    pub const fn after(token: &'static str, from: i8, access: u16) -> Self {
        Keys::new(Find::After { token, from, share: 1 }, access)
    }

    /// The first half of the words behind the keyword `token`.
    pub const fn half_after(token: &'static str, from: i8, access: u16) -> Self {
        Keys::new(Find::After { token, from, share: 2 }, access)
    }

    /// All words behind the keyword `token`.
    pub const fn all_after(token: &'static str, from: i8, access: u16) -> Self {
        Keys::new(Find::After { token, from, share: 0 }, access)
    }

    /// A function's own way, which clients are not told.
    pub const fn by(find: FindFn, access: u16) -> Self {
        Keys::new(Find::By(find), access)
    }

    /// Appends the keys of the call `argv`.
    ///
    /// # Errors
    /// When the number of keys is no number or does not fit the call.
    pub fn find(&self, argv: &[&[u8]], found: &mut Vec<Found>) -> Result {
        let access = self.varies.map_or(self.access, |varies| varies(argv));
        match self.find {
            Find::At { first, last, step } => {
                let last = if last < 0 { argv.len() as isize + last as isize } else { last as isize };
                let mut at = first as isize;
                while at <= last && (at as usize) < argv.len() {
                    found.push(Found { at: at as usize, access });
                    at += step as isize;
                }
            }
            Find::Counted { count, step } => {
                let first = count as usize + 1;
                let n = argv.get(count as usize).and_then(|n| number::parse_i64(n)).unwrap_or(-1);
                let rest = argv.len().saturating_sub(first);
                if n < 0 || n as usize > rest / step as usize {
                    return Err(Error::new("ERR Invalid arguments specified for command"));
                }
                let words = (first..).step_by(step as usize).take(n as usize);
                found.extend(words.map(|at| Found { at, access }));
            }
            Find::After { token, from, share } => {
                let is_token = |word: &&[u8]| word.eq_ignore_ascii_case(token.as_bytes());
                let (mut at, others) = (from as usize, found.len());
                if from < 0 {
                    let end = argv.len().saturating_sub(usize::from(from.unsigned_abs()) - 1);
                    at = argv[..end].iter().rposition(is_token).unwrap_or(argv.len());
                }
                while at < argv.len() {
                    let hit = is_token(&argv[at]);
                    at += 1;
                    if hit {
                        let n = if share == 1 { 1 } else { (argv.len() - at) / usize::from(share.max(1)) };
                        let end = (at + n).min(argv.len());
                        found.truncate(others);
                        found.extend((at..end).map(|at| Found { at, access }));
                        at = if share == 1 { end } else { argv.len() };
                    }
                }
            }
            Find::By(find) => find(argv, found)?,
        }
        Ok(())
    }
}
