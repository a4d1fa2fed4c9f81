//! Elements in the order of their names.

use super::command;
use crate::command::flag::*;
use crate::command::{Command, Error, Keyed, Result};
use crate::commands::reply_item;
use crate::types::sorted::LexEdge;
use crate::types::{Item, VectorSet};
use std::cmp::Ordering;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VRANGE];

const VRANGE: Command = command("VRANGE", vrange, READ).syntax("key start:string end:string [count]").doc(
    "8.4.0",
    "O(N*log(M)) for M of N elements",
    "Returns the elements in a range of names, in the order of their bytes.",
);

fn vrange(cx: &mut Keyed<'_, '_>) -> Result {
    super::expect_words(cx, 4..=5)?;
    let (key, start, end) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let count = match cx.args.more() {
        // A negative one is none.
        true => cx.args.int().map_err(|_| Error::new("ERR invalid COUNT value"))?,
        false => -1,
    };
    let start = edge(start).ok_or(Error::new("ERR invalid start range format"))?;
    let end = edge(end).ok_or(Error::new("ERR invalid end range format"))?;
    if start == LexEdge::Last || end == LexEdge::First {
        return Err(Error::new("ERR '-' can only be used as first argument, '+' only as second"));
    }
    let Some(set) = cx.txn.read::<VectorSet>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let is_within = |name: &Item<'_>| is_behind(*name, start) && is_before(*name, end);
    let mut names: Vec<Item<'_>> = set.names().filter(is_within).collect();
    let count = usize::try_from(count).map_or(names.len(), |count| count.min(names.len()));
    if (1..names.len()).contains(&count) {
        names.select_nth_unstable_by(count - 1, |a, b| compare(*a, *b));
    }
    names.truncate(count);
    names.sort_unstable_by(|a, b| compare(*a, *b));
    cx.reply.array(names.len());
    names.into_iter().for_each(|name| reply_item(cx.reply, name));
    Ok(())
}

/// Reads an end of a range; the empty name is none.
fn edge(text: &[u8]) -> Option<LexEdge<'_>> {
    match text {
        b"-" => Some(LexEdge::First),
        b"+" => Some(LexEdge::Last),
        [b'[', name @ ..] if !name.is_empty() => Some(LexEdge::Inclusive(name)),
        [b'(', name @ ..] if !name.is_empty() => Some(LexEdge::Exclusive(name)),
        _ => None,
    }
}

fn compare(a: Item<'_>, b: Item<'_>) -> Ordering {
    a.text().as_bytes().cmp(b.text().as_bytes())
}

fn is_behind(name: Item<'_>, edge: LexEdge<'_>) -> bool {
    match edge {
        LexEdge::First => true,
        LexEdge::Last => false,
        LexEdge::Inclusive(edge) => compare(name, Item::Bytes(edge)).is_ge(),
        LexEdge::Exclusive(edge) => compare(name, Item::Bytes(edge)).is_gt(),
    }
}

fn is_before(name: Item<'_>, edge: LexEdge<'_>) -> bool {
    match edge {
        LexEdge::First => false,
        LexEdge::Last => true,
        LexEdge::Inclusive(edge) => compare(name, Item::Bytes(edge)).is_le(),
        LexEdge::Exclusive(edge) => compare(name, Item::Bytes(edge)).is_lt(),
    }
}
