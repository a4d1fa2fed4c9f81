//! Taking the members with the lowest or highest scores, at once or when there are some.

use super::{reply_element, reply_head};
use crate::command::flag::*;
use crate::command::{
    Args, Command, Error, Flow, Group, Keyed, Keys, Reply, Result, Run, access, timeout_ms,
};
use crate::commands::mpop::Multi;
use crate::commands::reply_item;
use crate::keyspace::waiters::Wait;
use crate::keyspace::{Edit, Kind, Txn};
use crate::types::{Item, Sorted};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZPOPMIN, ZPOPMAX, ZMPOP, BZPOPMIN, BZPOPMAX, BZMPOP];

const ACCESS: u16 = access::RW | access::ACCESS | access::DELETE;
const COST: &str = "O(M*log(N)) for M of N members";

/// The end of the order to take from.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The event that taking from this end tells.
    fn event(self) -> &'static str {
        if self == End::Min { "zpopmin" } else { "zpopmax" }
    }
}

/// Takes `MIN` or `MAX`.
fn end_of(args: &mut Args<'_>) -> Result<End> {
    if args.word("MIN") {
        Ok(End::Min)
    } else if args.word("MAX") {
        Ok(End::Max)
    } else {
        Err(Error::SYNTAX)
    }
}

/// Takes up to `count` elements, after `visit` was shown each, the outermost first.
fn take(sorted: &mut Edit<'_, Sorted>, end: End, count: usize, visit: impl FnMut(Item<'_>, f64)) {
    let len = sorted.value().len();
    let count = count.min(len);
    match end {
        End::Min => sorted.remove_range(0..count, false, visit),
        End::Max => sorted.remove_range(len - count..len, true, visit),
    }
}

const ZPOPMIN: Command = Command::new("ZPOPMIN", "zpopmin", Group::Sorted, Run::Keyed(zpopmin))
    .syntax("key [count]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, ACCESS)])
    .doc("5.0.0", COST, "Removes and returns the members of a sorted set with the lowest scores.");

fn zpopmin(cx: &mut Keyed<'_, '_>) -> Result {
    pop(cx, End::Min)
}

const ZPOPMAX: Command = Command::new("ZPOPMAX", "zpopmax", Group::Sorted, Run::Keyed(zpopmax))
    .syntax("key [count]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, ACCESS)])
    .doc("5.0.0", COST, "Removes and returns the members of a sorted set with the highest scores.");

fn zpopmax(cx: &mut Keyed<'_, '_>) -> Result {
    pop(cx, End::Max)
}

fn pop(cx: &mut Keyed<'_, '_>, end: End) -> Result {
    const RANGE: Error = Error::new("ERR value is out of range, must be positive");
    let key = cx.args.bytes()?;
    let counted = cx.args.more();
    if cx.args.left() > 1 {
        return Err(Error::SYNTAX);
    }
    let count = if counted { cx.args.int_in(0.., RANGE).map_err(|_| RANGE)? as usize } else { 1 };
    match cx.txn.edit::<Sorted>(key)? {
        Some(mut sorted) if count > 0 => {
            if counted {
                reply_head(cx.reply, count.min(sorted.value().len()), true);
                take(&mut sorted, end, count, |member, score| reply_element(cx.reply, member, score, true));
            } else {
                cx.reply.array(2);
                take(&mut sorted, end, 1, |member, score| {
                    reply_item(cx.reply, member);
                    cx.reply.double(score);
                });
            }
        }
        _ => cx.reply.array(0),
    }
    Ok(())
}

const ZMPOP: Command = Command::new("ZMPOP", "zmpop", Group::Sorted, Run::Keyed(zmpop))
    .syntax("numkeys key [key ...] <where: MIN | MAX> [COUNT count]")
    .flags(WRITE)
    .keys(&[Keys::counted(1, ACCESS)])
    .doc(
        "7.0.0",
        "O(K)+O(M*log(N)) for K keys and M of N members",
        "Removes and returns the lowest or highest members of the first of several sorted sets that exists.",
    );

fn zmpop(cx: &mut Keyed<'_, '_>) -> Result {
    let call = Multi::take(&mut cx.args, end_of)?;
    if !call.pop(cx.txn, cx.reply)? {
        cx.reply.null_array();
    }
    Ok(())
}

const BZMPOP: Command = Command::new("BZMPOP", "bzmpop", Group::Sorted, Run::Waiting(bzmpop))
    .syntax("timeout numkeys key [key ...] <where: MIN | MAX> [COUNT count]")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::counted(2, ACCESS)])
    .doc(
        "7.0.0",
        "O(K)+O(M*log(N)) for K keys and M of N members",
        "Removes and returns the lowest or highest members of the first of several sorted sets that exists; \
         waits until one does.",
    );

fn bzmpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    // The timeout comes first, but what is wrong behind it is told first.
    let timeout = cx.args.bytes()?;
    let call = Multi::take(&mut cx.args, end_of)?;
    let timeout_ms = timeout_ms(timeout)?;
    // Which of them to pop from is asked by a look of its own.
    if let Some(key) = call.keys.iter().find(|key| cx.txn.kind(key).is_some()) {
        cx.txn.access_again(key);
    }
    if call.pop(cx.txn, cx.reply)? {
        return Ok(Flow::Done);
    }
    Ok(Flow::Wait(Wait::new(Kind::Sorted, timeout_ms)))
}

impl Multi<'_, End> {
    /// Pops from the first sorted set there is; `false` if there is none.
    fn pop(&self, txn: &mut Txn<'_>, reply: &mut Reply) -> Result<bool> {
        for key in self.keys {
            let Some(sorted) = txn.edit::<Sorted>(key)? else { continue };
            let mut sorted = sorted.named(self.end.event());
            reply.array(2);
            reply.bulk(key);
            reply.array(self.count.min(sorted.value().len()));
            take(&mut sorted, self.end, self.count, |member, score| {
                reply.array(2);
                reply_item(reply, member);
                reply.double(score);
            });
            return Ok(true);
        }
        Ok(false)
    }
}

const BZPOPMIN: Command = Command::new("BZPOPMIN", "bzpopmin", Group::Sorted, Run::Waiting(bzpopmin))
    .syntax("key [key ...] timeout")
    .flags(WRITE | BLOCKING | FAST)
    .keys(&[Keys::range(1, -2, 1, ACCESS)])
    .event("zpopmin")
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .doc(
        "5.0.0",
        "O(log(N))",
        "Removes and returns the lowest member of the first sorted set that exists; waits until one does.",
    );

fn bzpopmin(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    pop_or_wait(cx, End::Min)
}

const BZPOPMAX: Command = Command::new("BZPOPMAX", "bzpopmax", Group::Sorted, Run::Waiting(bzpopmax))
    .syntax("key [key ...] timeout")
    .flags(WRITE | BLOCKING | FAST)
    .keys(&[Keys::range(1, -2, 1, ACCESS)])
    .event("zpopmax")
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .doc(
        "5.0.0",
        "O(log(N))",
        "Removes and returns the highest member of the first sorted set that exists; waits until one does.",
    );

fn bzpopmax(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    pop_or_wait(cx, End::Max)
}

fn pop_or_wait(cx: &mut Keyed<'_, '_>, end: End) -> Result<Flow> {
    let keys = cx.args.take(cx.args.left() - 1)?;
    let timeout_ms = cx.args.timeout_ms()?;
    for key in keys {
        cx.txn.access_again(key);
        let Some(mut sorted) = cx.txn.edit::<Sorted>(key)? else { continue };
        cx.reply.array(3);
        cx.reply.bulk(key);
        take(&mut sorted, end, 1, |member, score| {
            reply_item(cx.reply, member);
            cx.reply.double(score);
        });
        return Ok(Flow::Done);
    }
    Ok(Flow::Wait(Wait::new(Kind::Sorted, timeout_ms)))
}
