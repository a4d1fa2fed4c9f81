//! A cursor over the arguments of a call. What it does not take is an error, never skipped.

use super::{Error, Result};
use crate::base::number;

/// The arguments behind the command's name (and its subcommand).
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    argv: &'a [&'a [u8]],
    at: usize,
}

impl<'a> Args<'a> {
    /// A cursor over `argv`, whose first `skip` words name the command.
    pub fn new(argv: &'a [&'a [u8]], skip: usize) -> Self {
        Self { argv, at: skip }
    }

    /// All words of the call, its name first.
    pub fn argv(&self) -> &'a [&'a [u8]] {
        self.argv
    }

    /// Words not taken yet.
    pub fn left(&self) -> usize {
        self.argv.len() - self.at
    }

    /// Whether words are left.
    pub fn more(&self) -> bool {
        self.left() > 0
    }

    /// The next word, left where it is.
    pub fn peek(&self) -> Option<&'a [u8]> {
        self.argv.get(self.at).copied()
    }

    /// All words that are left, left where they are.
    pub fn peek_all(&self) -> &'a [&'a [u8]] {
        &self.argv[self.at..]
    }

    /// Takes the next word.
    ///
    /// # Errors
    /// A syntax error when there is none.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let word = self.peek().ok_or(Error::SYNTAX)?;
        self.at += 1;
        Ok(word)
    }

    /// Takes the next word as an integer.
    ///
    /// # Errors
    /// "value is not an integer or out of range".
    pub fn int(&mut self) -> Result<i64> {
        number::parse_i64(self.bytes()?).ok_or(Error::NOT_INTEGER)
    }

    /// Takes the next word as an integer within `bounds`, or answers `error`.
    ///
    /// # Errors
    /// As [`Args::int`], or `error`.
    pub fn int_in(&mut self, bounds: impl std::ops::RangeBounds<i64>, error: Error) -> Result<i64> {
        let n = self.int()?;
        if bounds.contains(&n) { Ok(n) } else { Err(error) }
    }

    /// Takes the next word as a floating point number.
    ///
    /// # Errors
    /// "value is not a valid float".
    pub fn float(&mut self) -> Result<f64> {
        number::parse_f64(self.bytes()?).ok_or(Error::NOT_FLOAT)
    }

    /// Takes the next word as a timeout in seconds, and returns it in milliseconds; 0 waits for ever.
    ///
    /// # Errors
    /// When it is no number, negative, or out of range.
    pub fn timeout_ms(&mut self) -> Result<u64> {
        timeout_ms(self.bytes()?)
    }

    /// Takes the next word if it is `keyword`, in any case.
    pub fn word(&mut self, keyword: &str) -> bool {
        let hit = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()));
        self.at += usize::from(hit);
        hit
    }

    /// Takes all that is left.
    pub fn rest(&mut self) -> &'a [&'a [u8]] {
        let rest = &self.argv[self.at..];
        self.at = self.argv.len();
        rest
    }

    /// Takes the next `n` words.
    ///
    /// # Errors
    /// A syntax error when there are fewer.
    pub fn take(&mut self, n: usize) -> Result<&'a [&'a [u8]]> {
        if n > self.left() {
            return Err(Error::SYNTAX);
        }
        let taken = &self.argv[self.at..self.at + n];
        self.at += n;
        Ok(taken)
    }

    /// Takes the next word as the index of one of `databases` databases.
    ///
    /// # Errors
    /// When it is no integer, or there is no such database.
    pub fn database(&mut self, databases: usize) -> Result<u32> {
        const RANGE: Error =
            Error::new("ERR value is out of range, value must between -2147483648 and 2147483647");
        let index = self.int_in(i64::from(i32::MIN)..=i64::from(i32::MAX), RANGE)?;
        if (0..databases as i64).contains(&index) {
            Ok(index as u32)
        } else {
            Err(Error::new("ERR DB index is out of range"))
        }
    }

    /// What is said of a subcommand that is called with other arguments than it has.
    pub fn misused(&self) -> Error {
        let word = |at: usize| self.argv.get(at).copied().unwrap_or_default();
        let (container, subcommand) = (word(0).to_ascii_uppercase(), word(1));
        const WHY: &[u8] = b"ERR unknown subcommand or wrong number of arguments for '";
        Error::parts(&[WHY, subcommand, b"'. Try ", &container, b" HELP."])
    }

    /// Makes sure that nothing is left.
    ///
    /// # Errors
    /// A syntax error when something is.
    pub fn end(&self) -> Result {
        if self.more() { Err(Error::SYNTAX) } else { Ok(()) }
    }
}

/// Reads `word` as a timeout in seconds, and returns it in milliseconds; 0 waits for ever.
///
/// # Errors
/// When it is no number, negative, or out of range.
pub fn timeout_ms(word: &[u8]) -> Result<u64> {
    // Redis reads it as a long double: what overflows a double is still a number.
    let huge = || std::str::from_utf8(word).ok()?.parse().ok().filter(|n: &f64| n.is_infinite());
    let seconds = number::parse_f64(word)
        .or_else(huge)
        .ok_or(Error::new("ERR timeout is not a float or out of range"))?;
    let ms = (seconds * 1000.0).ceil();
    if ms >= i64::MAX as f64 {
        Err(Error::new("ERR timeout is out of range"))
    } else if ms < 0.0 {
        Err(Error::new("ERR timeout is negative"))
    } else {
        Ok(ms as u64)
    }
}
