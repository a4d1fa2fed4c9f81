//! MULTI EXEC DISCARD WATCH UNWATCH.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keys, Nest, Outer, Result, Run, access};
use crate::engine::{Flag, Queue};
use std::sync::atomic::Ordering::Relaxed;

/// The commands of this folder.
pub const COMMANDS: &[Command] = &[DISCARD, EXEC, MULTI, UNWATCH, WATCH];

const MULTI: Command = Command::new("MULTI", "multi", Group::Transactions, Run::Outer(multi))
    .flags(NO_SCRIPT | LOADING | STALE | FAST | BUSY | UNQUEUED)
    .doc("1.2.0", "O(1)", "Begins a transaction: the calls that follow are queued until EXEC.");

fn multi(cx: &mut Outer<'_>) -> Result {
    if cx.session.multi.is_some() {
        return Err(Error::new("ERR MULTI calls can not be nested"));
    }
    cx.session.multi = Some(Box::<Queue>::default());
    cx.session.client.set(Flag::Multi, true);
    cx.session.client.multi.store(0, Relaxed);
    cx.reply.ok();
    Ok(())
}

const EXEC: Command = Command::new("EXEC", "exec", Group::Transactions, Run::Nested(Nest::Exec))
    .flags(NO_SCRIPT | LOADING | STALE | NO_SLOWLOG | UNQUEUED)
    .doc("1.2.0", "Depends on the calls queued.", "Runs the queued calls as one, and ends the transaction.");

const DISCARD: Command = Command::new("DISCARD", "discard", Group::Transactions, Run::Outer(discard))
    .flags(NO_SCRIPT | LOADING | STALE | FAST | BUSY | UNQUEUED)
    .doc("2.0.0", "O(N) for N queued calls.", "Forgets the queued calls, and ends the transaction.");

fn discard(cx: &mut Outer<'_>) -> Result {
    if cx.session.multi.is_none() {
        return Err(Error::new("ERR DISCARD without MULTI"));
    }
    cx.session.discard(cx.engine);
    cx.reply.ok();
    Ok(())
}

const WATCH: Command = Command::new("WATCH", "watch", Group::Transactions, Run::Nested(Nest::Watch))
    .syntax("key [key ...]")
    .flags(NO_SCRIPT | LOADING | STALE | FAST | BUSY | UNQUEUED)
    .keys(&[Keys::rest(1, access::RO)])
    .doc(
        "2.2.0",
        "O(1) for each key.",
        "Lets the next EXEC run nothing if one of these keys is touched before.",
    );

const UNWATCH: Command = Command::new("UNWATCH", "unwatch", Group::Transactions, Run::Outer(unwatch))
    .flags(NO_SCRIPT | LOADING | STALE | FAST | BUSY)
    .doc("2.2.0", "O(1) for each watched key.", "Forgets the watched keys.");

fn unwatch(cx: &mut Outer<'_>) -> Result {
    cx.session.unwatch(cx.engine);
    cx.reply.ok();
    Ok(())
}
