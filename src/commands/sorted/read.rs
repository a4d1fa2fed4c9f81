//! Scores, ranks and counts.

use super::{lex_range, score_range};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::types::Sorted;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];

const ZCARD: Command = Command::new("ZCARD", "zcard", Group::Sorted, Run::Keyed(zcard))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("1.2.0", "O(1)", "Returns the number of members in a sorted set.");

fn zcard(cx: &mut Keyed<'_, '_>) -> Result {
    let sorted = cx.txn.read::<Sorted>(cx.args.bytes()?)?;
    cx.reply.len_of(sorted.map_or(0, Sorted::len));
    Ok(())
}

const ZSCORE: Command = Command::new("ZSCORE", "zscore", Group::Sorted, Run::Keyed(zscore))
    .syntax("key member")
    .flags(READ | FAST)
    .keys(KEY)
    .members(0, 1)
    .doc("1.2.0", "O(1)", "Returns the score of a member in a sorted set.");

fn zscore(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, member) = (cx.args.bytes()?, cx.args.bytes()?);
    let score = cx.txn.read::<Sorted>(key)?.and_then(|sorted| sorted.score(member));
    reply_score(cx.reply, score);
    Ok(())
}

fn reply_score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

const ZMSCORE: Command = Command::new("ZMSCORE", "zmscore", Group::Sorted, Run::Keyed(zmscore))
    .syntax("key member [member ...]")
    .flags(READ | FAST)
    .keys(KEY)
    .members(0, 1)
    .doc("6.2.0", "O(N) for N members", "Returns the scores of several members in a sorted set.");

fn zmscore(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, members) = (cx.args.bytes()?, cx.args.rest());
    let sorted = cx.txn.read::<Sorted>(key)?;
    cx.reply.array(members.len());
    for member in members {
        reply_score(cx.reply, sorted.and_then(|sorted| sorted.score(member)));
    }
    Ok(())
}

const ZRANK: Command = Command::new("ZRANK", "zrank", Group::Sorted, Run::Keyed(zrank))
    .syntax("key member [WITHSCORE]")
    .flags(READ | FAST)
    .keys(KEY)
    .members(0, 1)
    .in_order()
    .history(&[("7.2.0", "`WITHSCORE`.")])
    .doc("2.0.0", "O(log(N))", "Returns how many members of a sorted set come before one.");

fn zrank(cx: &mut Keyed<'_, '_>) -> Result {
    rank(cx, false)
}

const ZREVRANK: Command = Command::new("ZREVRANK", "zrevrank", Group::Sorted, Run::Keyed(zrevrank))
    .syntax("key member [WITHSCORE]")
    .flags(READ | FAST)
    .keys(KEY)
    .members(0, 1)
    .in_order()
    .history(&[("7.2.0", "`WITHSCORE`.")])
    .doc("2.0.0", "O(log(N))", "Returns how many members of a sorted set come behind one.");

fn zrevrank(cx: &mut Keyed<'_, '_>) -> Result {
    rank(cx, true)
}

fn rank(cx: &mut Keyed<'_, '_>, descending: bool) -> Result {
    let (key, member) = (cx.args.bytes()?, cx.args.bytes()?);
    if cx.args.left() > 1 {
        return Err(Error::arity(cx.command.full_name));
    }
    let with_score = cx.args.word("WITHSCORE");
    cx.args.end()?;
    let sorted = cx.txn.read::<Sorted>(key)?;
    let Some((sorted, (rank, score))) = sorted.and_then(|sorted| Some((sorted, sorted.rank(member)?))) else {
        if with_score {
            cx.reply.null_array()
        } else {
            cx.reply.null()
        }
        return Ok(());
    };
    let rank = if descending { sorted.len() - 1 - rank } else { rank };
    if with_score {
        cx.reply.array(2);
    }
    cx.reply.len_of(rank);
    if with_score {
        cx.reply.double(score);
    }
    Ok(())
}

const ZCOUNT: Command = Command::new("ZCOUNT", "zcount", Group::Sorted, Run::Keyed(zcount))
    .syntax("key min:double max:double")
    .flags(READ | FAST)
    .keys(KEY)
    .doc("2.0.0", "O(log(N))", "Counts the members of a sorted set with scores in a range.");

fn zcount(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, min, max) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let range = score_range(min, max)?;
    let sorted = cx.txn.read::<Sorted>(key)?;
    cx.reply.len_of(sorted.map_or(0, |sorted| sorted.ranks_by_score(&range).len()));
    Ok(())
}

const ZLEXCOUNT: Command = Command::new("ZLEXCOUNT", "zlexcount", Group::Sorted, Run::Keyed(zlexcount))
    .syntax("key min max")
    .flags(READ | FAST)
    .keys(KEY)
    .doc("2.8.9", "O(log(N))", "Counts the members of a sorted set in a lexicographical range.");

fn zlexcount(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, min, max) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let range = lex_range(min, max)?;
    let sorted = cx.txn.read::<Sorted>(key)?;
    cx.reply.len_of(sorted.map_or(0, |sorted| sorted.ranks_by_lex(&range, false).len()));
    Ok(())
}
