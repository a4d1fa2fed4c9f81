//! How a set is made: its properties, and who is linked with whom.

use super::{command, expect_words};
use crate::command::flag::*;
use crate::command::{Command, Error, Keyed, Reply, Result};
use crate::commands::reply_item;
use crate::types::VectorSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[VINFO, VLINKS];

const VINFO: Command = command("VINFO", vinfo, READ | FAST).syntax("key").arity(-1).doc(
    "8.0.0",
    "O(1)",
    "Describes a vector set.",
);

fn vinfo(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 2..=2)?;
    let Some(set) = cx.txn.read::<VectorSet>(cx.args.bytes()?)? else {
        cx.reply.null_array();
        return Ok(());
    };
    let shape = set.shape();
    let numbers = [
        ("hnsw-m", shape.links.into()),
        ("vector-dim", shape.dim.into()),
        ("projection-input-dim", shape.input_dim.unwrap_or(0).into()),
        ("size", set.len() as i64),
        ("max-level", set.max_level().into()),
        ("attributes-count", set.attributes_count() as i64),
        ("vset-uid", set.uid() as i64),
        ("hnsw-max-node-uid", set.last_id() as i64),
    ];
    cx.reply.map(1 + numbers.len());
    cx.reply.status("quant-type");
    cx.reply.status(shape.quantization.name());
    for (name, n) in numbers {
        cx.reply.status(name);
        cx.reply.int(n);
    }
    Ok(())
}

const VLINKS: Command = command("VLINKS", vlinks, READ | FAST)
    .syntax("key element [WITHSCORES]")
    .arity(-1)
    .doc("8.0.0", "O(1)", "Returns the elements that one is linked with, layer by layer, the highest first.");

fn vlinks(cx: &mut Keyed<'_, '_>) -> Result {
    expect_words(cx, 3..=4)?;
    let (key, element) = (cx.args.bytes()?, cx.args.bytes()?);
    let with_scores = cx.args.word("WITHSCORES");
    cx.args.end().map_err(|_| Error::arity(cx.command.full_name))?;
    let Some(layers) = cx.txn.read::<VectorSet>(key)?.and_then(|set| set.links(element)) else {
        cx.reply.null();
        return Ok(());
    };
    cx.reply.array(layers.len());
    let head = if with_scores { Reply::map } else { Reply::array };
    for links in layers {
        head(cx.reply, links.len());
        for (neighbour, similarity) in links {
            reply_item(cx.reply, neighbour);
            if with_scores {
                cx.reply.double(similarity.into());
            }
        }
    }
    Ok(())
}
