//! What is known of a script or a library before it runs: its text, name, flags.

use super::registry::Declared;
use crate::base::words;
use sha1::{Digest, Sha1};
use std::sync::atomic::{AtomicBool, AtomicU64};

/// A script's name: the SHA-1 of its text, 40 lower-case hexadecimal digits.
pub type Sha = [u8; 40];

/// The SHA-1 of `text` in hexadecimal digits.
pub fn sha1_hex(text: &[u8]) -> Sha {
    let digest = Sha1::digest(text);
    std::array::from_fn(|i| b"0123456789abcdef"[usize::from(digest[i / 2] >> (4 - i % 2 * 4) & 0xF)])
}

/// What a script says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// It writes nothing.
    pub const NO_WRITES: Flags = Flags(1);
    /// It may run above `maxmemory`.
    pub const ALLOW_OOM: Flags = Flags(2);
    /// It may run on a replica that lost its primary.
    pub const ALLOW_STALE: Flags = Flags(4);
    /// It does not run in a cluster.
    pub const NO_CLUSTER: Flags = Flags(8);
    /// Its keys may be of several slots.
    pub const CROSS_SLOT: Flags = Flags(16);
    /// It began without `#!`: it is treated as scripts were before flags.
    pub const COMPATIBLE: Flags = Flags(32);

    const NAMES: [(Flags, &'static str); 5] = [
        (Flags::NO_WRITES, "no-writes"),
        (Flags::ALLOW_OOM, "allow-oom"),
        (Flags::ALLOW_STALE, "allow-stale"),
        (Flags::NO_CLUSTER, "no-cluster"),
        (Flags::CROSS_SLOT, "allow-cross-slot-keys"),
    ];

    /// Whether all of `other` are set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    pub fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// The flag called `name`.
    pub fn named(name: &[u8]) -> Option<Flags> {
        Self::NAMES.iter().find(|(_, known)| known.as_bytes() == name).map(|(flag, _)| *flag)
    }

    /// The names of the flags set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
    }
}

/// A script of EVAL or SCRIPT LOAD.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub sha: Sha,
    /// Its text.
    pub body: Box<[u8]>,
    /// What it says of itself.
    pub flags: Flags,
    /// Whether it provably touches no key but those it is given.
    pub declares_keys: bool,
    /// Whether it was loaded to stay (SCRIPT LOAD); others may be evicted.
    pub stays: AtomicBool,
    /// When it was last used: larger is later.
    pub used: AtomicU64,
    /// Whether it was flushed or evicted: who still knows it forgets it.
    pub gone: AtomicBool,
}

/// A library of functions.
#[derive(Debug)]
pub struct Library {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its text.
    pub code: Box<[u8]>,
    /// Its functions, in the order of their registration.
    pub functions: Vec<Declared>,
    /// Whether its functions provably touch no key but those they are given.
    pub declares_keys: bool,
    /// Whether it was deleted or replaced: who still knows it forgets it.
    pub gone: AtomicBool,
}

/// The `#!` line of a text: the engine, what is behind it, and where the rest begins.
#[derive(Debug, PartialEq, Eq)]
pub struct Shebang {
    /// The engine (`lua`).
    pub engine: Vec<u8>,
    /// The words behind it.
    pub words: Vec<Vec<u8>>,
}

/// Splits a `#!` line off `text`: `None` when it has none, or when its quotes are unbalanced. The line's end stays, so
/// that the numbers of lines are right.
pub fn shebang(text: &[u8]) -> Option<(Shebang, &[u8])> {
    let end = memchr::memchr(b'\n', text)?;
    let mut words = words::split(&text[..end])?.into_iter();
    let engine = words.next()?.strip_prefix(b"#!")?.to_vec();
    Some((Shebang { engine, words: words.collect() }, &text[end..]))
}

/// What the `#!` line of an EVAL script says, and its text without that line.
///
/// # Errors
/// The text that Redis answers, without `ERR`.
pub fn flags_of(text: &[u8]) -> Result<(Flags, &[u8]), String> {
    if !text.starts_with(b"#!") {
        return Ok((Flags::COMPATIBLE, text));
    }
    let Some((Shebang { engine, words }, rest)) = shebang(text) else {
        let what = if text.contains(&b'\n') { "engine in script" } else { "script" };
        return Err(format!("Invalid {what} shebang"));
    };
    let lossy = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    if engine != b"lua" {
        return Err(format!("Unexpected engine in script shebang: #!{}", lossy(&engine)));
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(names) = word.strip_prefix(b"flags=") else {
            return Err(format!("Unknown lua shebang option: {}", lossy(&word)));
        };
        for name in names.split(|byte| *byte == b',').filter(|_| !names.is_empty()) {
            let flag = Flags::named(name);
            flags = flags
                .with(flag.ok_or_else(|| format!("Unexpected flag in script shebang: {}", lossy(name)))?);
        }
    }
    Ok((flags, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripts_name_is_its_sha1() {
        assert_eq!(&sha1_hex(b""), b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    #[test]
    fn flags_come_from_the_first_line() {
        assert_eq!(flags_of(b"return 1"), Ok((Flags::COMPATIBLE, &b"return 1"[..])));
        let text = b"#!lua flags=no-writes,allow-oom\nreturn 1";
        let flags = Flags::NO_WRITES.with(Flags::ALLOW_OOM);
        assert_eq!(flags_of(text), Ok((flags, &b"\nreturn 1"[..])));
        assert!(flags_of(b"#!lua flags=foo\n").is_err());
        assert!(flags_of(b"#!lua").is_err());
    }
}
