//! Setting strings.

use super::read::reply_string;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, Ttl, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SET, MSET];

const SET: Command = Command::new("SET", "set", Group::String, Run::Keyed(set))
    .syntax(
        "key value [NX | XX | IFEQ comparison-value] [GET] \
         [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    )
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE | access::VARIABLE)])
    .doc("1.0.0", "O(1)", "Gives a key a string value, whatever it held, and clears or sets its expiry.");

/// When SET sets.
#[derive(Clone, Copy, PartialEq)]
enum Condition<'a> {
    Always,
    IfAbsent,
    IfPresent,
    IfEqual(&'a [u8]),
}

fn set(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, value) = (cx.args.bytes()?, cx.args.bytes()?);
    let (mut condition, mut get, mut ttl) = (Condition::Always, false, Ttl::Clear);
    while cx.args.more() {
        if condition == Condition::Always && cx.args.word("NX") {
            condition = Condition::IfAbsent;
        } else if condition == Condition::Always && cx.args.word("XX") {
            condition = Condition::IfPresent;
        } else if condition == Condition::Always && cx.args.word("IFEQ") {
            condition = Condition::IfEqual(cx.args.bytes()?);
        } else if cx.args.word("GET") {
            get = true;
        } else if ttl == Ttl::Clear && cx.args.word("KEEPTTL") {
            ttl = Ttl::Keep;
        } else if ttl == Ttl::Clear {
            ttl = expiry(&mut cx.args, cx.txn.now_ms(), "set")?.ok_or(Error::SYNTAX)?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if get {
        let old = cx.txn.read::<Str>(key)?;
        reply_string(cx.reply, old);
    }
    if !holds(cx.txn, key, condition)? {
        if !get {
            cx.reply.null();
        }
        return Ok(());
    }
    store(cx.txn, key, value, ttl);
    if !get {
        cx.reply.ok();
    }
    Ok(())
}

fn holds(txn: &Txn<'_>, key: &[u8], condition: Condition<'_>) -> Result<bool> {
    Ok(match condition {
        Condition::Always => true,
        Condition::IfAbsent => !txn.exists(key),
        Condition::IfPresent => txn.exists(key),
        Condition::IfEqual(expected) => {
            txn.read::<Str>(key)?.is_some_and(|value| value.with(|text| text == expected))
        }
    })
}

/// Sets a string and tells `set`, and `expire` if it has one now. An expiry in the past deletes.
pub fn store(txn: &mut Txn<'_>, key: &[u8], value: &[u8], ttl: Ttl) {
    if let Ttl::At(t) = ttl
        && t <= txn.now_ms()
    {
        txn.delete(key);
        return;
    }
    txn.put_string(key, value, ttl);
    txn.touch(key, "set", Class::STRING);
    if let Ttl::At(_) = ttl {
        txn.touch(key, "expire", Class::GENERIC);
    }
}

/// Takes one of `EX s`, `PX ms`, `EXAT s`, `PXAT ms` as a moment; `None` when another word is next.
///
/// # Errors
/// When the time is no positive integer, or overflows: `invalid expire time in 'name' command`.
pub fn expiry(args: &mut Args<'_>, now_ms: i64, name: &str) -> Result<Option<Ttl>> {
    let (unit_ms, base_ms) = if args.word("EX") {
        (1000, now_ms)
    } else if args.word("PX") {
        (1, now_ms)
    } else if args.word("EXAT") {
        (1000, 0)
    } else if args.word("PXAT") {
        (1, 0)
    } else {
        return Ok(None);
    };
    let n = args.int()?;
    moment(n, unit_ms, base_ms, name).map(|t| Some(Ttl::At(t)))
}

/// The moment `n` units of `unit_ms` after `base_ms`, in unix milliseconds.
///
/// # Errors
/// When `n` is not positive, or the moment overflows.
pub fn moment(n: i64, unit_ms: i64, base_ms: i64, name: &str) -> Result<i64> {
    n.checked_mul(unit_ms)
        .filter(|ms| *ms > 0)
        .and_then(|ms| ms.checked_add(base_ms))
        .ok_or_else(|| Error::text(format!("ERR invalid expire time in '{name}' command")))
}

const MSET: Command = Command::new("MSET", "mset", Group::String, Run::Keyed(mset))
    .syntax("key value [key value ...]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::range(1, -1, 2, access::OW | access::UPDATE)])
    .event("set")
    .doc("1.0.1", "O(N) for N keys", "Sets the string values of several keys at once.");

fn mset(cx: &mut Keyed<'_, '_>) -> Result {
    let pairs = cx.args.rest();
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::arity("mset"));
    }
    for pair in pairs.chunks_exact(2) {
        store(cx.txn, pair[0], pair[1], Ttl::Clear);
    }
    cx.reply.ok();
    Ok(())
}
