//! The kinds of value a setting takes: from words to a value, and back to text.

use super::special;
use crate::base::number::parse_i64;
use crate::base::text::until_nul;
use bytes::Bytes;
use std::borrow::Cow;

/// Why words are no value: the text that Redis answers.
pub type Refusal = Cow<'static, str>;

/// A check of the words of a list.
pub type Check = fn(&[&[u8]]) -> Result<(), Refusal>;

/// What values a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `yes` or `no`.
    Bool,
    /// A whole number between two bounds, both included.
    Int(i64, i64),
    /// A whole number of at least 0, brought between the two bounds rather than refused.
    Clamped(i64, i64),
    /// Bytes, with a unit if wanted (`1gb`), between two bounds.
    Bytes(i64, i64),
    /// Any number of bytes, with a unit if wanted; its 64 bits are stored.
    Unsigned,
    /// Bytes, or a percentage of `maxmemory` (`5%`), which is stored as a negative number.
    Share,
    /// File permissions in octal.
    Mode,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of these words, each of which may be spelled in a second way.
    Synonyms(&'static [(&'static str, &'static str)]),
    /// How a signal stops the server: any of some words, as a set of bits.
    Shutdown,
    /// What the title of the process says: text with `{names}` in it.
    Title,
    /// Any bytes.
    Text,
    /// A file's name without any directory. It holds the setting's own name, for the error.
    FileName(&'static str),
    /// A directory that exists; stored as an absolute path.
    Directory,
    /// Words separated by blanks.
    Words(Check),
    /// Percentiles between 0 and 100.
    Percentiles,
    /// Snapshot points: pairs of seconds and changes.
    Save,
    /// Output buffer limits of the three classes of clients.
    OutputLimits,
    /// Classes of keyspace events, a letter each.
    Events,
}

/// A parsed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Bool`], [`Kind::Choice`] and every kind of number.
    Number(i64),
    /// Of every other kind, in its canonical form.
    Text(Bytes),
}

/// Numbers from 0 to this in C's `int`.
pub const INT: Kind = Kind::Int(0, i32::MAX as i64);
/// Any number that is not negative.
pub const LONG: Kind = Kind::Int(0, i64::MAX);
/// Any amount of memory.
pub const MEMORY: Kind = Kind::Bytes(0, i64::MAX);

impl Kind {
    /// Whether the value is made of several words.
    pub fn is_list(self) -> bool {
        matches!(self, Kind::Shutdown | Kind::Words(_) | Kind::Percentiles | Kind::Save | Kind::OutputLimits)
    }

    /// Whether the value is text rather than a number.
    pub(super) fn is_text(self) -> bool {
        use Kind::*;
        matches!(self, Text | Title | FileName(_) | Directory | Words(_) | Percentiles | Save | OutputLimits)
    }

    /// The value that `words` stand for. `current` is what the setting has: some kinds change a part of it.
    pub fn parse(self, words: &[&[u8]], current: &Value) -> Result<Value, Refusal> {
        let number = |n| Ok(Value::Number(n));
        let text = |bytes: Vec<u8>| Ok(Value::Text(bytes.into()));
        match self {
            Kind::Shutdown => return number(special::parse_shutdown(words)?),
            Kind::Words(check) => {
                check(words)?;
                return text(words.join(&b' '));
            }
            Kind::Percentiles => return text(special::parse_percentiles(words)?),
            Kind::Save => return text(special::parse_save(words)?),
            Kind::OutputLimits => return text(special::parse_output_limits(words, current)?),
            _ => {}
        }
        let [word] = words else { return Err("wrong number of arguments".into()) };
        match self {
            Kind::Bool => match choice(&["no", "yes"], word) {
                Some(n) => number(n),
                None => Err("argument must be 'yes' or 'no'".into()),
            },
            Kind::Int(min, max) => number(between(integer(word)?, min, max)?),
            Kind::Clamped(min, max) => number(between(integer(word)?, 0, i32::MAX.into())?.clamp(min, max)),
            Kind::Bytes(min, max) => {
                let whole = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
                match parse_memory(word) {
                    Some(n) => number(between(n, min, max)?),
                    None if whole => Err(outside(min, max)),
                    None => Err("argument must be a memory value".into()),
                }
            }
            Kind::Unsigned => match parse_unsigned(word) {
                Some(n) => number(n as i64),
                None => Err("argument must be a memory value".into()),
            },
            Kind::Share => number(share(word)?),
            Kind::Mode => number(mode(word)?),
            Kind::Choice(names) => choice(names, word).map_or_else(|| Err(one_of(names)), number),
            Kind::Synonyms(names) => {
                let (shown, also): (Vec<_>, Vec<_>) = names.iter().copied().unzip();
                let chosen = choice(&shown, word).or_else(|| choice(&also, word));
                chosen.map_or_else(|| Err(one_of(&shown)), number)
            }
            Kind::FileName(name) if word.is_empty() || word.contains(&b'/') => {
                Err(format!("{name} can't be a path, just a filename").into())
            }
            Kind::Text | Kind::FileName(_) => text(word.to_vec()),
            Kind::Title => text(special::parse_title(word)?),
            Kind::Directory => text(special::parse_directory(word)?),
            Kind::Events => number(special::parse_events(word)?),
            Kind::Shutdown | Kind::Words(_) | Kind::Percentiles | Kind::Save | Kind::OutputLimits => {
                Err("syntax error".into())
            }
        }
    }

    /// The text of `value`, as `CONFIG GET` shows it and [`Kind::parse`] reads it back.
    pub fn format(self, value: &Value) -> Bytes {
        let n = match value {
            Value::Text(text) => return text.clone(),
            Value::Number(n) => *n,
        };
        let name = |names: &[&'static str]| names.get(n as usize).copied().unwrap_or_default();
        match self {
            Kind::Bool => name(&["no", "yes"]).into(),
            Kind::Choice(names) => name(names).into(),
            Kind::Synonyms(names) => names.get(n as usize).map_or("", |name| name.0).into(),
            Kind::Shutdown => special::format_shutdown(n).into(),
            Kind::Unsigned => (n as u64).to_string().into(),
            Kind::Share if n < 0 => format!("{}%", n.unsigned_abs()).into(),
            Kind::Mode => format!("{n:o}").into(),
            Kind::Events => special::format_events(n).into(),
            _ => n.to_string().into(),
        }
    }

    /// What the values look like, for the documentation.
    pub fn describe(self) -> String {
        match self {
            Kind::Bool => "yes or no".into(),
            Kind::Int(min, i64::MAX) => format!("integer from {min}"),
            Kind::Int(i64::MIN..=-2147483648, 2147483647) => "integer".into(),
            Kind::Int(min, 2147483647 | 4294967295) => format!("integer from {min}"),
            Kind::Int(min, max) | Kind::Clamped(min, max) => format!("integer, {min} to {max}"),
            Kind::Bytes(0, _) | Kind::Unsigned => "bytes".into(),
            Kind::Bytes(min, _) => format!("bytes, {min} or more"),
            Kind::Share => "bytes or percent of maxmemory".into(),
            Kind::Mode => "octal permissions".into(),
            Kind::Choice(names) => names.join(", "),
            Kind::Synonyms(names) => {
                let both = |(shown, also): &(&str, &str)| match shown == also {
                    true => (*shown).to_owned(),
                    false => format!("{shown} = {also}"),
                };
                names.iter().map(both).collect::<Vec<_>>().join(", ")
            }
            Kind::Shutdown => format!("any of {}", special::SHUTDOWN.join(", ")),
            Kind::Text | Kind::Title => "text".into(),
            Kind::FileName(_) => "file name".into(),
            Kind::Directory => "directory".into(),
            Kind::Words(_) => "words".into(),
            Kind::Percentiles => "percentages".into(),
            Kind::Save => "pairs of seconds and changes".into(),
            Kind::OutputLimits => "class, hard limit, soft limit, soft seconds; repeated".into(),
            Kind::Events => "letters of Ag$lshzxeKEtmdnocq".into(),
        }
    }
}

fn integer(word: &[u8]) -> Result<i64, Refusal> {
    parse_i64(word).ok_or("argument couldn't be parsed into an integer".into())
}

fn between(n: i64, min: i64, max: i64) -> Result<i64, Refusal> {
    if (min..=max).contains(&n) {
        return Ok(n);
    }
    Err(outside(min, max))
}

fn outside(min: i64, max: i64) -> Refusal {
    format!("argument must be between {min} and {max} inclusive").into()
}

/// Bytes with a unit: `k m g` are powers of 1000, `kb mb gb` of 1024; nothing at all is 0.
pub fn parse_memory(word: &[u8]) -> Option<i64> {
    i64::try_from(parse_unsigned(word)?).ok()
}

fn parse_unsigned(word: &[u8]) -> Option<u64> {
    let word = until_nul(word);
    let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
    let unit = match word[digits..].to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    if digits == 0 {
        return Some(0);
    }
    let count: u64 = std::str::from_utf8(&word[..digits]).ok()?.parse().ok()?;
    count.checked_mul(unit)
}

fn share(word: &[u8]) -> Result<i64, Refusal> {
    if let Some(percent) = word.strip_suffix(b"%") {
        return match parse_i64(percent) {
            Some(n @ 0..=100) => Ok(-n),
            Some(101..) => Err("percentage argument must be less or equal to 100".into()),
            _ => Err("argument must be a memory or percent value".into()),
        };
    }
    parse_memory(word).ok_or("argument must be a memory or percent value".into())
}

fn mode(word: &[u8]) -> Result<i64, Refusal> {
    let octal = !word.is_empty() && word.iter().all(|b| (b'0'..=b'7').contains(b));
    let text = std::str::from_utf8(word).ok().filter(|_| octal);
    match text.map(|t| i64::from_str_radix(t, 8)) {
        Some(Ok(n @ 0..=0o777)) => Ok(n),
        Some(_) => Err("argument must be between 0 and 777 inclusive".into()),
        None => Err("argument couldn't be parsed as an octal number".into()),
    }
}

pub(super) fn choice(names: &[&str], word: &[u8]) -> Option<i64> {
    names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(word)).map(|at| at as i64)
}

pub(super) fn one_of(names: &[&str]) -> Refusal {
    format!("argument(s) must be one of the following: {}", names.join(", ")).into()
}
