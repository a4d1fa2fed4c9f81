//! What two strings have in common.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::{Str, StrRef};
use crate::types::lcs;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LCS];

const LCS: Command = Command::new("LCS", "lcs", Group::String, Run::Keyed(run))
    .syntax("key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]")
    .flags(READ)
    .keys(&[Keys::range(1, 2, 1, access::RO | access::ACCESS)])
    .doc(
        "7.0.0",
        "O(N*M) for strings of N and M bytes",
        "Finds the longest common subsequence of two strings.",
    );

/// What is asked for.
#[derive(Default)]
struct Options {
    len: bool,
    idx: bool,
    match_len_min: usize,
    with_match_len: bool,
}

impl Options {
    fn parse(args: &mut Args<'_>) -> Result<Self> {
        let mut options = Self::default();
        while args.more() {
            if args.word("LEN") {
                options.len = true;
            } else if args.word("IDX") {
                options.idx = true;
            } else if args.word("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.word("MINMATCHLEN") {
                options.match_len_min = args.int()?.max(0) as usize;
            } else {
                return Err(Error::SYNTAX);
            }
        }
        if options.len && options.idx {
            return Err(Error::new("ERR If you want both the length and indexes, please just use IDX."));
        }
        Ok(options)
    }
}

/// Bytes of a cell in the table that Redis limits by `proto-max-bulk-len`; ours takes a bit.
const CELL_SIZE: usize = 4;

fn run(cx: &mut Keyed<'_, '_>) -> Result {
    let (a, b) = (cx.args.bytes()?, cx.args.bytes()?);
    let text = |key| match cx.txn.read::<Str>(key) {
        Ok(value) => Ok(value.map(StrRef::text).unwrap_or_default()),
        Err(_) => Err(Error::new("ERR The specified keys must contain string values")),
    };
    // Both are looked up before either is judged.
    let (a, b) = (text(a), text(b));
    let (a, b) = (a?, b?);
    let options = Options::parse(&mut cx.args)?;
    let size = (a.len() + 1).saturating_mul(b.len() + 1).saturating_mul(CELL_SIZE);
    if size > cx.txn.packing().proto_max_bulk_len() as usize {
        return Err(Error::new(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    if options.len {
        cx.reply.len_of(lcs::length(&a, &b));
        return Ok(());
    }
    let runs = lcs::runs(&a, &b);
    if options.idx {
        reply_places(cx.reply, &runs, &options);
    } else {
        let parts: Vec<&[u8]> = runs.iter().rev().map(|run| &a[run.a..run.a + run.len]).collect();
        cx.reply.bulk(&parts.concat());
    }
    Ok(())
}

fn reply_places(reply: &mut Reply, runs: &[lcs::Run], options: &Options) {
    let shown = runs.iter().filter(|run| run.len >= options.match_len_min);
    reply.map(2);
    reply.bulk(b"matches");
    reply.array(shown.clone().count());
    for run in shown {
        reply.array(if options.with_match_len { 3 } else { 2 });
        for start in [run.a, run.b] {
            reply.array(2);
            reply.len_of(start);
            reply.len_of(start + run.len - 1);
        }
        if options.with_match_len {
            reply.len_of(run.len);
        }
    }
    reply.bulk(b"len");
    reply.len_of(runs.iter().map(|run| run.len).sum());
}
