//! Removing members.

use super::{clip, lex_range, score_range};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::types::Sorted;
use std::ops::Range;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE, ZREMRANGEBYLEX];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::DELETE)];
const COST: &str = "O(log(N)+M*log(N)) for M of N members";

const ZREM: Command = Command::new("ZREM", "zrem", Group::Sorted, Run::Keyed(zrem))
    .syntax("key member [member ...]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .members(0, 1)
    .in_order()
    .history(&[("2.4.0", "Several members.")])
    .doc("1.2.0", "O(M*log(N)) for M of N members", "Removes members from a sorted set.");

fn zrem(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, members) = (cx.args.bytes()?, cx.args.rest());
    let removed = match cx.txn.edit::<Sorted>(key)? {
        Some(mut sorted) => members.iter().filter(|member| sorted.remove(member)).count(),
        None => 0,
    };
    cx.reply.len_of(removed);
    Ok(())
}

const ZREMRANGEBYRANK: Command =
    Command::new("ZREMRANGEBYRANK", "zremrangebyrank", Group::Sorted, Run::Keyed(zremrangebyrank))
        .syntax("key start stop")
        .flags(WRITE)
        .keys(KEY)
        .doc("2.0.0", COST, "Removes the members of a sorted set in a range of ranks.");

fn zremrangebyrank(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, start, stop) = (cx.args.bytes()?, cx.args.int()?, cx.args.int()?);
    remove(cx, key, |sorted| clip(start, stop, sorted.len()))
}

const ZREMRANGEBYSCORE: Command =
    Command::new("ZREMRANGEBYSCORE", "zremrangebyscore", Group::Sorted, Run::Keyed(zremrangebyscore))
        .syntax("key min:double max:double")
        .flags(WRITE)
        .keys(KEY)
        .doc("1.2.0", COST, "Removes the members of a sorted set in a range of scores.");

fn zremrangebyscore(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, min, max) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let range = score_range(min, max)?;
    remove(cx, key, |sorted| sorted.ranks_by_score(&range))
}

const ZREMRANGEBYLEX: Command =
    Command::new("ZREMRANGEBYLEX", "zremrangebylex", Group::Sorted, Run::Keyed(zremrangebylex))
        .syntax("key min max")
        .flags(WRITE)
        .keys(KEY)
        .doc("2.8.9", COST, "Removes the members of a sorted set in a lexicographical range.");

fn zremrangebylex(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, min, max) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let range = lex_range(min, max)?;
    remove(cx, key, |sorted| sorted.ranks_by_lex(&range, false))
}

fn remove(cx: &mut Keyed<'_, '_>, key: &[u8], ranks: impl FnOnce(&Sorted) -> Range<usize>) -> Result {
    let mut removed = 0;
    if let Some(mut sorted) = cx.txn.edit::<Sorted>(key)? {
        let ranks = ranks(sorted.value());
        removed = ranks.len();
        sorted.remove_range(ranks, false, |_, _| {});
    }
    cx.reply.len_of(removed);
    Ok(())
}
