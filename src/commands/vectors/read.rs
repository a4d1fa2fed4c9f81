//! What is known of a set and of one of its elements.

use super::{command, expect_words};
use crate::command::flag::*;
use crate::command::{Command, Error, Keyed, Result};
use crate::types::VectorSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VCARD, VDIM, VISMEMBER, VEMB, VGETATTR];

const VCARD: Command = command("VCARD", vcard, READ | FAST).syntax("key").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Returns how many elements a vector set has.",
);

fn vcard(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 2..=2)?;
    let set = cx.txn.read::<VectorSet>(cx.args.bytes()?)?;
    cx.reply.len_of(set.map_or(0, VectorSet::len));
    Ok(())
}

const VDIM: Command = command("VDIM", vdim, READ | FAST).syntax("key").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Returns how many dimensions the vectors of a set have.",
);

fn vdim(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 2..=2)?;
    let set = cx.txn.read::<VectorSet>(cx.args.bytes()?)?.ok_or(Error::new("ERR key does not exist"))?;
    cx.reply.int(set.shape().dim.into());
    Ok(())
}

const VISMEMBER: Command = command("VISMEMBER", vismember, READ).syntax("key element").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Tells whether an element is in a vector set.",
);

fn vismember(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 3..=3)?;
    let set = cx.txn.read::<VectorSet>(cx.args.bytes()?)?;
    let element = cx.args.bytes()?;
    cx.reply.bool(set.is_some_and(|set| set.contains(element)));
    Ok(())
}

const VEMB: Command = command("VEMB", vemb, READ | FAST).syntax("key element [RAW]").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Returns the vector of an element, as far as it can be told from what is kept.",
);

fn vemb(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 3..)?;
    let (key, element) = (cx.args.bytes()?, cx.args.bytes()?);
    let is_raw = cx.args.more();
    while cx.args.more() {
        if !cx.args.word("RAW") {
            return Err(Error::new("ERR invalid option"));
        }
    }
    let set = cx.txn.read::<VectorSet>(key)?;
    if !is_raw {
        let Some(vector) = set.and_then(|set| set.embedding(element)) else { return null(cx) };
        cx.reply.array(vector.len());
        vector.iter().for_each(|value| cx.reply.double((*value).into()));
        return Ok(());
    }
    let Some((set, raw)) = set.and_then(|set| Some((set, set.raw(element)?))) else { return null(cx) };
    cx.reply.array(3 + usize::from(raw.range.is_some()));
    cx.reply.status(set.shape().quantization.name());
    cx.reply.bulk(&raw.bytes);
    cx.reply.double(raw.l2.into());
    raw.range.into_iter().for_each(|range| cx.reply.double(range.into()));
    Ok(())
}

fn null(cx: &mut Keyed<'_, '_>) -> Result {
    cx.reply.null();
    Ok(())
}

const VGETATTR: Command = command("VGETATTR", vgetattr, READ | FAST).syntax("key element").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Returns the attributes of an element.",
);

fn vgetattr(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 3..=3)?;
    let set = cx.txn.read::<VectorSet>(cx.args.bytes()?)?;
    let element = cx.args.bytes()?;
    cx.reply.bulk_or_null(set.and_then(|set| set.attributes(element)));
    Ok(())
}
