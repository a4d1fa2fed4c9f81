//! Taking elements from the ends, at once or when there are some.

use super::end_of;
use crate::command::flag::*;
use crate::command::{Command, Error, Flow, Group, Keyed, Keys, Reply, Result, Run, access, timeout_ms};
use crate::commands::mpop::Multi;
use crate::commands::reply_item;
use crate::keyspace::waiters::Wait;
use crate::keyspace::{Kind, Txn};
use crate::types::{End, List};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LPOP, RPOP, LMPOP, BLPOP, BRPOP, BLMPOP];

const ACCESS: u16 = access::RW | access::ACCESS | access::DELETE;

const LPOP: Command = Command::new("LPOP", "lpop", Group::List, Run::Keyed(lpop))
    .syntax("key [count@6.2.0]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, ACCESS)])
    .history(&[("6.2.0", "Takes a count.")])
    .doc("1.0.0", "O(N) for N elements", "Removes and returns elements from the front of a list.");

fn lpop(cx: &mut Keyed<'_, '_>) -> Result {
    pop(cx, End::Front)
}

const RPOP: Command = Command::new("RPOP", "rpop", Group::List, Run::Keyed(rpop))
    .syntax("key [count@6.2.0]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, ACCESS)])
    .history(&[("6.2.0", "Takes a count.")])
    .doc("1.0.0", "O(N) for N elements", "Removes and returns elements from the back of a list.");

fn rpop(cx: &mut Keyed<'_, '_>) -> Result {
    pop(cx, End::Back)
}

fn pop(cx: &mut Keyed<'_, '_>, end: End) -> Result {
    let key = cx.args.bytes()?;
    if !cx.args.more() {
        let popped =
            cx.txn.edit::<List>(key)?.and_then(|mut list| list.pop(end, |item| reply_item(cx.reply, item)));
        if popped.is_none() {
            cx.reply.null();
        }
        return Ok(());
    }
    if cx.args.left() > 1 {
        return Err(Error::arity(cx.command.full_name));
    }
    const RANGE: Error = Error::new("ERR value is out of range, must be positive");
    let count = cx.args.int_in(0.., RANGE).map_err(|_| RANGE)? as usize;
    match cx.txn.edit::<List>(key)? {
        None => cx.reply.null_array(),
        Some(_) if count == 0 => cx.reply.array(0),
        Some(mut list) => {
            cx.reply.array(count.min(list.value().len()));
            list.pop_each(end, count, |item| reply_item(cx.reply, item));
        }
    }
    Ok(())
}

const LMPOP: Command = Command::new("LMPOP", "lmpop", Group::List, Run::Keyed(lmpop))
    .syntax("numkeys key [key ...] <where: LEFT | RIGHT> [COUNT count]")
    .flags(WRITE)
    .keys(&[Keys::counted(1, ACCESS)])
    .doc(
        "7.0.0",
        "O(N+M) for N keys and M elements",
        "Removes and returns elements from the first of several lists that exists.",
    );

fn lmpop(cx: &mut Keyed<'_, '_>) -> Result {
    let call = Multi::take(&mut cx.args, end_of)?;
    if !call.pop(cx.txn, cx.reply)? {
        cx.reply.null_array();
    }
    Ok(())
}

const BLMPOP: Command = Command::new("BLMPOP", "blmpop", Group::List, Run::Waiting(blmpop))
    .syntax("timeout numkeys key [key ...] <where: LEFT | RIGHT> [COUNT count]")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::counted(2, ACCESS)])
    .doc(
        "7.0.0",
        "O(N+M) for N keys and M elements",
        "Removes and returns elements from the first of several lists that exists; waits until one does.",
    );

fn blmpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    // The timeout comes first, but what is wrong behind it is told first.
    let timeout = cx.args.bytes()?;
    let call = Multi::take(&mut cx.args, end_of)?;
    let timeout_ms = timeout_ms(timeout)?;
    if call.pop(cx.txn, cx.reply)? {
        return Ok(Flow::Done);
    }
    Ok(Flow::Wait(Wait::new(Kind::List, timeout_ms)))
}

impl Multi<'_, End> {
    /// Pops from the first list there is; `false` if there is none.
    fn pop(&self, txn: &mut Txn<'_>, reply: &mut Reply) -> Result<bool> {
        for key in self.keys {
            if let Some(list) = txn.edit::<List>(key)? {
                let mut list = list.named(event(self.end));
                reply.array(2);
                reply.bulk(key);
                reply.array(self.count.min(list.value().len()));
                list.pop_each(self.end, self.count, |item| reply_item(reply, item));
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The event that popping at `end` tells.
pub(super) fn event(end: End) -> &'static str {
    if end == End::Front { "lpop" } else { "rpop" }
}

const BLPOP: Command = Command::new("BLPOP", "blpop", Group::List, Run::Waiting(blpop))
    .syntax("key [key ...] timeout")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::range(1, -2, 1, ACCESS)])
    .event("lpop")
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .doc(
        "2.0.0",
        "O(N) for N keys",
        "Removes and returns the front element of the first list that exists; waits until one does.",
    );

fn blpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    pop_or_wait(cx, End::Front)
}

const BRPOP: Command = Command::new("BRPOP", "brpop", Group::List, Run::Waiting(brpop))
    .syntax("key [key ...] timeout")
    .flags(WRITE | BLOCKING)
    .keys(&[Keys::range(1, -2, 1, ACCESS)])
    .event("rpop")
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .doc(
        "2.0.0",
        "O(N) for N keys",
        "Removes and returns the back element of the first list that exists; waits until one does.",
    );

fn brpop(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    pop_or_wait(cx, End::Back)
}

fn pop_or_wait(cx: &mut Keyed<'_, '_>, end: End) -> Result<Flow> {
    let keys = cx.args.take(cx.args.left() - 1)?;
    let timeout_ms = cx.args.timeout_ms()?;
    for key in keys {
        if let Some(mut list) = cx.txn.edit::<List>(key)? {
            cx.reply.array(2);
            cx.reply.bulk(key);
            list.pop(end, |item| reply_item(cx.reply, item));
            return Ok(Flow::Done);
        }
    }
    Ok(Flow::Wait(Wait::new(Kind::List, timeout_ms)))
}
