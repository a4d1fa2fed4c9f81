//! The id of a stream's entry.

use crate::base::number::parse_u64;
use crate::base::text::until_nul;
use std::fmt;

/// The longest text that is read as an id.
const TEXT_MAX: usize = 127;

/// Milliseconds and a sequence number, written `ms-seq`; ids only grow within a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Unix time in milliseconds, usually.
    pub ms: u64,
    /// Tells apart entries of one millisecond.
    pub seq: u64,
}

impl Id {
    /// `0-0`, which no entry has.
    pub const MIN: Id = Id::new(0, 0);
    /// The greatest id there is.
    pub const MAX: Id = Id::new(u64::MAX, u64::MAX);

    /// The id `ms-seq`.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Id { ms, seq }
    }

    /// The id after this one, if there is one.
    pub fn next(self) -> Option<Id> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Id { ms, seq: 0 }),
        }
    }

    /// The id before this one, if there is one.
    pub fn prev(self) -> Option<Id> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Id { seq, ..self }),
            None => self.ms.checked_sub(1).map(|ms| Id { ms, seq: u64::MAX }),
        }
    }

    /// Parses `ms-seq` or `ms`, up to a NUL as in C; `seq` is what stands for a missing sequence number.
    pub fn parse(text: &[u8], seq: u64) -> Option<Id> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let text = until_nul(text);
        match text.iter().position(|b| *b == b'-') {
            None => Some(Id { ms: parse_u64(text)?, seq }),
            Some(at) => Some(Id { ms: parse_u64(&text[..at])?, seq: parse_u64(&text[at + 1..])? }),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parsing_takes_whole_numbers_only() {
        assert_eq!(Id::parse(b"5-7", 0), Some(Id::new(5, 7)));
        assert_eq!(Id::parse(b"5", u64::MAX), Some(Id::new(5, u64::MAX)));
        assert_eq!(Id::parse(b"18446744073709551615-0", 0), Some(Id::new(u64::MAX, 0)));
        assert_eq!(Id::parse(b"+05- 07\0x", 0), Some(Id::new(5, 7)));
        assert_eq!(Id::parse(b"1- -1", 0), Some(Id::new(1, u64::MAX)));
        for text in ["", "-", "5-", "-5", "5-7-9", "5-x", "18446744073709551616-0", "5 "] {
            assert_eq!(Id::parse(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn neighbours_carry_over() {
        assert_eq!(Id::new(1, u64::MAX).next(), Some(Id::new(2, 0)));
        assert_eq!(Id::new(2, 0).prev(), Some(Id::new(1, u64::MAX)));
        assert_eq!((Id::MAX.next(), Id::MIN.prev()), (None, None));
    }
}
