//! What LMPOP, ZMPOP and their waiting forms are asked for.

use crate::command::{Args, Error, Result};

/// Taking up to `count` from an end of the first of several keys that exists.
pub struct Multi<'a, End> {
    /// The keys, in the order in which they are tried.
    pub keys: &'a [&'a [u8]],
    /// Where to take from.
    pub end: End,
    /// How many at most.
    pub count: usize,
}

impl<'a, End> Multi<'a, End> {
    /// Takes `numkeys key [key ...] <end> [COUNT count]`, the end by `end_of`.
    ///
    /// # Errors
    /// When a number is not positive, a word is missing, or one is left over.
    pub fn take(args: &mut Args<'a>, end_of: impl FnOnce(&mut Args<'a>) -> Result<End>) -> Result<Self> {
        const KEYS: Error = Error::new("ERR numkeys should be greater than 0");
        const COUNT: Error = Error::new("ERR count should be greater than 0");
        let keys = args.int_in(1.., KEYS).map_err(|_| KEYS)?;
        let keys = args.take(usize::try_from(keys).unwrap_or(usize::MAX))?;
        let end = end_of(args)?;
        let mut count = 1;
        if args.left() > 1 && args.word("COUNT") {
            count = args.int_in(1.., COUNT).map_err(|_| COUNT)?;
        }
        args.end()?;
        Ok(Multi { keys, end, count: usize::try_from(count).unwrap_or(usize::MAX) })
    }
}
