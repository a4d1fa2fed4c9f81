//! Random elements.

use super::{command, expect_words};
use crate::command::flag::*;
use crate::command::{Command, Error, Keyed, Reply, Result};
use crate::commands::reply_item;
use crate::commands::sets::random::{Count, repeatedly, sample_count};
use crate::types::VectorSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VRANDMEMBER];

const VRANDMEMBER: Command = command("VRANDMEMBER", vrandmember, READ).syntax("key [count]").arity(-1).doc(
    "8.0.0",
    "O(1), or O(N) for a count of N",
    "Returns random elements of a vector set.",
);

fn vrandmember(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 2..=3)?;
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        match cx.txn.read::<VectorSet>(key)?.and_then(VectorSet::random) {
            Some(element) => reply_item(cx.reply, element),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    let count = cx.args.int().map_err(|_| Error::new("ERR COUNT value is not an integer"))?;
    let count = sample_count(count)?;
    // None is wanted, whatever the key holds.
    let set = if count == Count::Distinct(0) { None } else { cx.txn.read::<VectorSet>(key)? };
    let Some(set) = set else {
        cx.reply.array(0);
        return Ok(());
    };
    match count {
        Count::Any(n) => repeatedly(cx.reply, n, Reply::array, |reply| {
            set.random().into_iter().for_each(|element| reply_item(reply, element));
        }),
        Count::Distinct(n) => {
            let elements = set.sample(n);
            cx.reply.array(elements.len());
            elements.into_iter().for_each(|element| reply_item(cx.reply, element));
            Ok(())
        }
    }
}
