//! Sorted sets.

pub mod add;
pub mod combine;
pub mod pop;
pub mod random;
pub mod range;
pub mod read;
pub mod remove;
pub mod scan;

use super::reply_item;
use crate::base::text::until_nul;
use crate::command::{Error, Reply, Result};
use crate::types::Item;
use crate::types::sorted::{LexEdge, LexRange, ScoreEdge, ScoreRange};
use std::ops::Range;

/// The head of an answer of `n` members, with their scores or without.
pub fn reply_head(reply: &mut Reply, n: usize, with_scores: bool) {
    reply.array(if with_scores && !reply.is_resp3() { 2 * n } else { n });
}

/// Answers a member, with its score as a pair (in RESP2: two words in a row).
pub fn reply_element(reply: &mut Reply, member: Item<'_>, score: f64, with_scores: bool) {
    if !with_scores {
        return reply_item(reply, member);
    }
    if reply.is_resp3() {
        reply.array(2);
    }
    reply_item(reply, member);
    reply.double(score);
}

/// Reads one end of a range of scores: a number, `(` before it when it lies outside.
fn score_edge(text: &[u8]) -> Option<ScoreEdge> {
    let (number, exclusive) = match text {
        [b'(', number @ ..] => (number, true),
        number => (number, false),
    };
    // As in Redis: a NUL ends the text; nothing is zero; neither blanks nor hexadecimal; what is too large is infinite.
    let score = match until_nul(number) {
        [] => 0.0,
        number => std::str::from_utf8(number).ok()?.parse().ok().filter(|n: &f64| !n.is_nan())?,
    };
    Some(ScoreEdge { score, exclusive })
}

/// Reads a range of scores.
fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange> {
    match (score_edge(min), score_edge(max)) {
        (Some(min), Some(max)) => Ok(ScoreRange { min, max }),
        _ => Err(Error::new("ERR min or max is not a float")),
    }
}

/// Reads one end of a range of members: `-`, `+`, `[member` or `(member`.
fn lex_edge(text: &[u8]) -> Option<LexEdge<'_>> {
    match text {
        b"-" => Some(LexEdge::First),
        b"+" => Some(LexEdge::Last),
        [b'[', member @ ..] => Some(LexEdge::Inclusive(member)),
        [b'(', member @ ..] => Some(LexEdge::Exclusive(member)),
        _ => None,
    }
}

/// Reads a range of members.
fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>> {
    match (lex_edge(min), lex_edge(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(Error::new("ERR min or max not valid string range item")),
    }
}

/// The ranks from `start` to `stop`, both included and negative from the end, of a set of `len`.
fn clip(start: i64, stop: i64, len: usize) -> Range<usize> {
    let len = len as i64;
    let absolute = |n: i64| if n < 0 { n.saturating_add(len) } else { n };
    let (start, stop) = (absolute(start).max(0), absolute(stop).min(len - 1));
    if start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}
