//! Telling when keys expire.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[TTL, PTTL, EXPIRETIME, PEXPIRETIME];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];
/// There is no such key.
const ABSENT: i64 = -2;
/// The key never expires.
const FOREVER: i64 = -1;

const TTL: Command = Command::new("TTL", "ttl", Group::Generic, Run::Keyed(ttl))
    .syntax("key")
    .flags(READ | FAST)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "Answers -2 where there is no such key.")])
    .doc("1.0.0", "O(1)", "Tells in how many seconds a key expires.");

fn ttl(cx: &mut Keyed<'_, '_>) -> Result {
    tell(cx, |expire_at, now_ms| seconds(left(expire_at, now_ms)))
}

const PTTL: Command = Command::new("PTTL", "pttl", Group::Generic, Run::Keyed(pttl))
    .syntax("key")
    .flags(READ | FAST)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .history(&[("2.8.0", "Answers -2 where there is no such key.")])
    .doc("2.6.0", "O(1)", "Tells in how many milliseconds a key expires.");

fn pttl(cx: &mut Keyed<'_, '_>) -> Result {
    tell(cx, left)
}

const EXPIRETIME: Command = Command::new("EXPIRETIME", "expiretime", Group::Generic, Run::Keyed(expiretime))
    .syntax("key")
    .flags(READ | FAST)
    .keys(KEY)
    .doc("7.0.0", "O(1)", "Tells the Unix time in seconds at which a key expires.");

fn expiretime(cx: &mut Keyed<'_, '_>) -> Result {
    tell(cx, |expire_at, _| seconds(expire_at))
}

const PEXPIRETIME: Command =
    Command::new("PEXPIRETIME", "pexpiretime", Group::Generic, Run::Keyed(pexpiretime))
        .syntax("key")
        .flags(READ | FAST)
        .keys(KEY)
        .doc("7.0.0", "O(1)", "Tells the Unix time in milliseconds at which a key expires.");

fn pexpiretime(cx: &mut Keyed<'_, '_>) -> Result {
    tell(cx, |expire_at, _| expire_at)
}

fn left(expire_at: i64, now_ms: i64) -> i64 {
    expire_at.saturating_sub(now_ms).max(0)
}

fn seconds(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}

/// Answers what `of` makes of the key's expiry and the present time, in milliseconds.
fn tell(cx: &mut Keyed<'_, '_>, of: impl FnOnce(i64, i64) -> i64) -> Result {
    let answer = match cx.txn.look(cx.args.bytes()?) {
        None => ABSENT,
        Some(entry) => entry.expire_at().map_or(FOREVER, |expire_at| of(expire_at, cx.txn.now_ms())),
    };
    cx.reply.int(answer);
    Ok(())
}
