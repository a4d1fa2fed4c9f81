//! The options that SET, GETEX and MSETEX share: when to set, and when the key expires.

use crate::base::number;
use crate::command::{Args, Error, Result};
use crate::keyspace::{Str, Ttl, Txn};
use xxhash_rust::xxh3::xxh3_64;

/// The command whose options are parsed; each knows some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SET
    Set,
    /// GETEX
    GetEx,
    /// MSETEX
    MSetEx,
}

/// When a string is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Whatever the key holds.
    Always,
    /// NX
    IfAbsent,
    /// XX
    IfPresent,
    /// IFEQ, IFNE, IFDEQ, IFDNE: by what it holds.
    If(Comparison<'a>),
}

impl Condition<'_> {
    /// Whether `key` meets it.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`] when its value cannot be compared.
    pub fn holds(self, txn: &Txn<'_>, key: &[u8]) -> Result<bool> {
        Ok(match self {
            Condition::Always => true,
            Condition::IfAbsent => !txn.exists(key),
            Condition::IfPresent => txn.exists(key),
            Condition::If(comparison) => {
                let value = txn.probe::<Str>(key)?;
                value.map_or(Ok(comparison.differs), |value| value.with(|text| comparison.holds(text)))?
            }
        })
    }
}

/// Characters of a digest.
const DIGEST_LEN: usize = 16;

/// What a string is compared with, itself or its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison<'a> {
    expected: &'a [u8],
    by_digest: bool,
    differs: bool,
}

impl<'a> Comparison<'a> {
    /// Their words, whether they compare by digest, and whether with what is to differ.
    const FORMS: [(&'static str, bool, bool); 4] =
        [("IFEQ", false, false), ("IFNE", false, true), ("IFDEQ", true, false), ("IFDNE", true, true)];

    /// Whether `word` is one of theirs.
    pub fn is_named(word: &[u8]) -> bool {
        Self::FORMS.iter().any(|(name, ..)| word.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// Takes IFEQ, IFNE, IFDEQ or IFDNE and its value, if one of them is next.
    ///
    /// # Errors
    /// [`Error::SYNTAX`] without a value.
    pub fn take(args: &mut Args<'a>) -> Result<Option<Self>> {
        let Some((_, by_digest, differs)) = Self::FORMS.into_iter().find(|(word, ..)| args.word(word)) else {
            return Ok(None);
        };
        Ok(Some(Self { expected: args.bytes()?, by_digest, differs }))
    }

    /// Whether `text` meets it.
    ///
    /// # Errors
    /// When no digest is as long as the one that was given.
    pub fn holds(self, text: &[u8]) -> Result<bool> {
        let is_equal = if !self.by_digest {
            text == self.expected
        } else if self.expected.len() == DIGEST_LEN {
            digest(text).as_bytes().eq_ignore_ascii_case(self.expected)
        } else {
            return Err(Error::text(format!("ERR must be exactly {DIGEST_LEN} hexadecimal characters")));
        };
        Ok(is_equal != self.differs)
    }
}

/// The digest of a string: its XXH3 hash in hexadecimal.
pub fn digest(text: &[u8]) -> String {
    format!("{:0DIGEST_LEN$x}", xxh3_64(text))
}

/// Whether `key` holds the string `expected`.
///
/// # Errors
/// [`Error::WRONG_TYPE`] when it holds no string.
pub fn is_equal(txn: &Txn<'_>, key: &[u8], expected: &[u8]) -> Result<bool> {
    Ok(txn.probe::<Str>(key)?.is_some_and(|value| value.with(|text| text == expected)))
}

/// How a moment is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    word: &'static str,
    ms: i64,
    from_now: bool,
}

const UNITS: [Unit; 4] = [
    Unit { word: "EX", ms: 1000, from_now: true },
    Unit { word: "PX", ms: 1, from_now: true },
    Unit { word: "EXAT", ms: 1000, from_now: false },
    Unit { word: "PXAT", ms: 1, from_now: false },
];

/// What is to become of the key's expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry<'a> {
    /// Nothing was said.
    Unsaid,
    /// KEEPTTL
    Keep,
    /// PERSIST
    Persist,
    /// A moment, its number not looked at yet.
    At(Unit, &'a [u8]),
}

impl Expiry<'_> {
    /// What it means for a key whose value is set at `now_ms` by the command `name`.
    ///
    /// # Errors
    /// When the number is no positive integer, or the moment overflows.
    pub fn ttl(self, now_ms: i64, name: &str) -> Result<Ttl> {
        match self {
            Expiry::Unsaid | Expiry::Persist => Ok(Ttl::Clear),
            Expiry::Keep => Ok(Ttl::Keep),
            Expiry::At(unit, number) => {
                let n = number::parse_i64(number).ok_or(Error::NOT_INTEGER)?;
                moment(n, unit.ms, if unit.from_now { now_ms } else { 0 }, name).map(Ttl::At)
            }
        }
    }
}

/// The moment `n` units of `unit_ms` after `base_ms`, in unix milliseconds.
///
/// # Errors
/// When `n` is not positive, or the moment overflows.
pub fn moment(n: i64, unit_ms: i64, base_ms: i64, name: &str) -> Result<i64> {
    n.checked_mul(unit_ms)
        .filter(|ms| *ms > 0)
        .and_then(|ms| ms.checked_add(base_ms))
        .ok_or_else(|| Error::text(format!("ERR invalid expire time in '{name}' command")))
}

/// The options of a call.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// When to set.
    pub condition: Condition<'a>,
    /// GET: answer the old value.
    pub get: bool,
    /// What is to become of the expiry.
    pub expiry: Expiry<'a>,
}

impl<'a> Options<'a> {
    /// Parses all words left. The same option may be repeated, and the last one counts; another one
    /// of its kind contradicts it.
    ///
    /// # Errors
    /// A syntax error for unknown, incomplete and contradicting options.
    pub fn parse(args: &mut Args<'a>, form: Form) -> Result<Self> {
        let mut options = Self { condition: Condition::Always, get: false, expiry: Expiry::Unsaid };
        while args.more() {
            let taken = options.take_condition(args, form)?
                || options.take_expiry(args, form)?
                || options.take_get(args, form);
            if !taken {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    fn take_condition(&mut self, args: &mut Args<'a>, form: Form) -> Result<bool> {
        self.condition = match self.condition {
            _ if form == Form::GetEx => return Ok(false),
            Condition::Always | Condition::IfAbsent if args.word("NX") => Condition::IfAbsent,
            Condition::Always | Condition::IfPresent if args.word("XX") => Condition::IfPresent,
            Condition::Always if form == Form::Set => match Comparison::take(args)? {
                Some(comparison) => Condition::If(comparison),
                None => return Ok(false),
            },
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn take_expiry(&mut self, args: &mut Args<'a>, form: Form) -> Result<bool> {
        self.expiry = match self.expiry {
            Expiry::Unsaid | Expiry::Keep if form != Form::GetEx && args.word("KEEPTTL") => Expiry::Keep,
            Expiry::Unsaid | Expiry::Persist if form == Form::GetEx && args.word("PERSIST") => {
                Expiry::Persist
            }
            Expiry::Unsaid => match UNITS.into_iter().find(|unit| args.word(unit.word)) {
                Some(unit) => Expiry::At(unit, args.bytes()?),
                None => return Ok(false),
            },
            Expiry::At(unit, _) if args.word(unit.word) => Expiry::At(unit, args.bytes()?),
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn take_get(&mut self, args: &mut Args<'a>, form: Form) -> bool {
        let taken = form == Form::Set && args.word("GET");
        self.get |= taken;
        taken
    }
}
