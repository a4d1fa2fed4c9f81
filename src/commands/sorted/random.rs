//! ZRANDMEMBER.

use super::{reply_element, reply_head};
use crate::base::random;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::reply_item;
use crate::commands::sets::random::{Count, draws, pick, repeatedly, sample_count};
use crate::types::Sorted;
use std::collections::HashSet;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZRANDMEMBER];

const ZRANDMEMBER: Command =
    Command::new("ZRANDMEMBER", "zrandmember", Group::Sorted, Run::Keyed(zrandmember))
        .syntax("key [options: count [WITHSCORES]]")
        .flags(READ)
        .keys(&[Keys::one(1, access::RO | access::ACCESS)])
        .tips(&["nondeterministic_output"])
        .doc(
            "6.2.0",
            "O(log(N)), or O(M*log(N)) for a count of M",
            "Returns random members of a sorted set.",
        );

fn zrandmember(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        match cx.txn.read::<Sorted>(key)?.and_then(Sorted::random) {
            Some((member, _)) => reply_item(cx.reply, member),
            None => cx.reply.null(),
        }
        return Ok(());
    }
    let number = cx.args.int()?;
    let count = sample_count(number)?;
    let with_scores = cx.args.word("WITHSCORES");
    cx.args.end()?;
    if with_scores && number.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::new("ERR value is out of range"));
    }
    let Some(sorted) = cx.txn.read::<Sorted>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    let n = match count {
        Count::Any(n) => {
            let head = |reply: &mut Reply, n| reply_head(reply, n, with_scores);
            return repeatedly(cx.reply, n, head, |reply| {
                if let Some((member, score)) = sorted.random() {
                    reply_element(reply, member, score, with_scores);
                }
            });
        }
        Count::Distinct(n) => n.min(sorted.len()),
    };
    reply_head(cx.reply, n, with_scores);
    if draws(n, sorted.len()) {
        let mut drawn = HashSet::with_capacity(n);
        while drawn.len() < n {
            let rank = random::below(sorted.len());
            if drawn.insert(rank)
                && let Some((member, score)) = sorted.at(rank)
            {
                reply_element(cx.reply, member, score, with_scores);
            }
        }
    } else {
        let all = sorted.iter(0..sorted.len(), false);
        pick(all, n, sorted.len(), |(member, score)| reply_element(cx.reply, member, score, with_scores));
    }
    Ok(())
}
