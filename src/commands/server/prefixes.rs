//! MEMORY PREFIXES: which keys there are many of, and which take much.

use crate::command::flag::READ;
use crate::command::{Command, Error, Group, Result, Run, Sweep};
use crate::keyspace::SHARDS;
use crate::keyspace::census::{Census, Cut, Load};

/// Prefixes that are told; the rest is told as one.
const TOLD_MAX: usize = 100;
/// Delimiters of a prefix at most.
const DEPTH_MAX: i64 = 16;

pub(super) const PREFIXES: Command =
    Command::new("PREFIXES", "memory|prefixes", Group::Server, Run::Sweep(prefixes))
        .syntax("[DEPTH depth] [DELIM character]")
        .flags(READ)
        .tips(&["nondeterministic_output"])
        .doc(
            "0.1.0",
            "O(N) for N keys up to 262144; more are estimated from half of that.",
            "Tells how many keys begin alike, and what they take, the heaviest prefixes first.",
        );

fn prefixes(cx: &mut Sweep<'_, '_>) -> Result {
    let cut = cut(cx)?;
    let db = cx.db;
    let keys = cx.counts().iter().sum();
    let mut census = Census::new(keys, cut, cx.now_ms);
    for shard in 0..SHARDS {
        census.visit(shard, db, |step| cx.shard(shard, |txn| step(txn.table(shard))));
    }
    let (heaviest, rest) = census.heaviest(TOLD_MAX);
    cx.reply.array(heaviest.len() + usize::from(rest.keys > 0.0));
    let told = heaviest.iter().map(|(_, prefix, load)| (Some(*prefix), *load));
    for (prefix, Load { keys, bytes }) in told.chain((rest.keys > 0.0).then_some((None, rest))) {
        cx.reply.array(3);
        cx.reply.bulk_or_null(prefix);
        cx.reply.int(keys.round() as i64);
        cx.reply.int(bytes.round() as i64);
    }
    Ok(())
}

fn cut(cx: &mut Sweep<'_, '_>) -> Result<Cut> {
    const DEPTH: Error = Error::new("ERR DEPTH must be between 1 and 16");
    const DELIM: Error = Error::new("ERR DELIM must be one character of one byte");
    let mut cut = Cut::default();
    while cx.args.more() {
        if cx.args.word("DEPTH") {
            cut.depth = cx.args.int_in(1..=DEPTH_MAX, DEPTH)? as usize;
        } else if cx.args.word("DELIM") {
            let [delimiter] = cx.args.bytes()? else { return Err(DELIM) };
            cut.delimiter = *delimiter;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    Ok(cut)
}
