//! Lists.

pub mod change;
pub mod pop;
pub mod push;
pub mod read;
pub mod transfer;

use crate::command::{Args, Error, Result};
use crate::types::End;
use std::ops::Range;

/// Takes `LEFT` or `RIGHT`.
fn end_of(args: &mut Args<'_>) -> Result<End> {
    if args.word("LEFT") {
        Ok(End::Front)
    } else if args.word("RIGHT") {
        Ok(End::Back)
    } else {
        Err(Error::SYNTAX)
    }
}

/// The indexes from `start` to `stop`, both included and negative from the end, of a list of `len`.
fn clip(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let absolute = |n: i64| if n < 0 { n.saturating_add(len) } else { n };
    let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

/// The index meant by `index`, negative from the end, in a list of `len`.
fn resolve(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}
