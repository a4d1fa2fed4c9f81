//! What the SCAN family shares: cursor, MATCH, COUNT, and how much one call visits.

use crate::base::text::until_nul;
use crate::base::{glob, number};
use crate::command::{Args, Error, Reply, Result};

/// Buckets' worth of members visited for each that is asked for, while none match.
pub const VISITS_PER_ANSWER: usize = 10;
const COUNT_DEFAULT: usize = 10;

/// Takes the cursor.
///
/// # Errors
/// "invalid cursor" when it is no unsigned 64-bit integer.
pub fn cursor(args: &mut Args<'_>) -> Result<u64> {
    number::parse_u64(until_nul(args.bytes()?)).ok_or(Error::new("ERR invalid cursor"))
}

/// What is scanned, as far as the options differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scanned {
    Keys,
    Fields,
    Members,
    Scored,
}

/// The options of SCAN, HSCAN, SSCAN and ZSCAN.
#[derive(Debug)]
pub struct Options<'a> {
    pattern: Option<&'a [u8]>,
    /// COUNT: how many elements to visit, roughly.
    pub count: usize,
    /// TYPE: the name of the type of value.
    pub kind: Option<&'a [u8]>,
    /// NOVALUES: fields only; NOSCORES: members only.
    pub no_values: bool,
}

impl<'a> Options<'a> {
    /// Takes the options up to the end; NOVALUES is for hashes only.
    ///
    /// # Errors
    /// Unknown options, or a COUNT below 1.
    pub fn take(args: &mut Args<'a>, is_hash: bool) -> Result<Self> {
        Self::parse(args, if is_hash { Scanned::Fields } else { Scanned::Members })
    }

    /// Takes the options of SCAN up to the end: TYPE is among them.
    ///
    /// # Errors
    /// As [`Options::take`].
    pub fn take_keys(args: &mut Args<'a>) -> Result<Self> {
        Self::parse(args, Scanned::Keys)
    }

    /// Takes the options of ZSCAN up to the end: NOSCORES, which is Valkey's, is among them.
    ///
    /// # Errors
    /// As [`Options::take`].
    pub fn take_scored(args: &mut Args<'a>) -> Result<Self> {
        Self::parse(args, Scanned::Scored)
    }

    fn parse(args: &mut Args<'a>, scanned: Scanned) -> Result<Self> {
        let mut options = Options { pattern: None, count: COUNT_DEFAULT, kind: None, no_values: false };
        while args.more() {
            if args.left() > 1 && args.word("COUNT") {
                options.count = args.int_in(1.., Error::SYNTAX)? as usize;
            } else if args.left() > 1 && args.word("MATCH") {
                options.pattern = Some(args.bytes()?).filter(|pattern| *pattern != b"*");
            } else if scanned == Scanned::Keys && args.left() > 1 && args.word("TYPE") {
                options.kind = Some(args.bytes()?);
            } else if scanned == Scanned::Scored && args.word("NOSCORES") {
                options.no_values = true;
            } else if args.word("NOVALUES") {
                if scanned != Scanned::Fields {
                    return Err(Error::new("ERR NOVALUES option can only be used in HSCAN"));
                }
                options.no_values = true;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Whether `name` is to be shown.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name, false))
    }

    /// Writes the reply of one call: `step` visits what stands at a cursor, writes into the reply what
    /// matches, tells how many it visited and how many values it wrote, and returns the next cursor.
    ///
    /// # Errors
    /// None of its own.
    pub fn reply(
        &self,
        reply: &mut Reply,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut Reply, &mut Progress) -> u64,
    ) -> Result {
        let mut members = Reply::new(reply.protocol());
        let mut progress = Progress::default();
        loop {
            cursor = step(cursor, &mut members, &mut progress);
            let enough = progress.shown >= self.count
                || progress.visited >= self.count.saturating_mul(VISITS_PER_ANSWER);
            if cursor == 0 || enough {
                break;
            }
        }
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
        reply.array(progress.values);
        reply.raw(&members.to_vec());
        Ok(())
    }
}

/// What the steps of one call have done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Members visited.
    pub visited: usize,
    /// Members that matched.
    pub shown: usize,
    /// Replies written for them.
    pub values: usize,
}

/// Answers that there is nothing to scan.
pub fn reply_nothing(reply: &mut Reply) {
    reply.array(2);
    reply.bulk(b"0");
    reply.array(0);
}
