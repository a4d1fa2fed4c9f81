//! Vector sets.
//!
//! Redis has them in a module, and so clients see them: names in capitals, no category of rights, no keyspace events but
//! `new`, and calls of any length, which the handlers themselves refuse.

pub mod filter;
pub mod inspect;
pub mod random;
pub mod range;
pub mod read;
pub mod search;
mod vector;
pub mod write;

use crate::command::{Command, Error, Group, Keyed, KeyedFn, Keys, Result, Run, access, flag};
use std::ops::RangeBounds;

/// A command of vector sets; all of them say the same of their key.
const fn command(name: &'static str, run: KeyedFn, flags: u32) -> Command {
    const KEY: &[Keys] = &[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)];
    Command::new(name, name, Group::Vector, Run::Keyed(run)).flags(flags | flag::MODULE).keys(KEY).event("")
}

/// Makes sure that a call has as many words as it should have.
fn expect_words(cx: &Keyed<'_, '_>, words: impl RangeBounds<usize>) -> Result {
    if words.contains(&cx.args.argv().len()) { Ok(()) } else { Err(Error::arity(cx.command.full_name)) }
}
