//! Giving keys an expiry, and taking it away.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Class;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, PERSIST];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::UPDATE)];

const EXPIRE: Command = Command::new("EXPIRE", "expire", Group::Generic, Run::Keyed(expire))
    .syntax("key seconds [condition@7.0.0: NX | XX | GT | LT]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")])
    .doc("1.0.0", "O(1)", "Lets a key expire after some seconds.");

fn expire(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    expire_generic(cx, 1000, now_ms)
}

const PEXPIRE: Command = Command::new("PEXPIRE", "pexpire", Group::Generic, Run::Keyed(pexpire))
    .syntax("key milliseconds [condition@7.0.0: NX | XX | GT | LT]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")])
    .doc("2.6.0", "O(1)", "Lets a key expire after some milliseconds.");

fn pexpire(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    expire_generic(cx, 1, now_ms)
}

const EXPIREAT: Command = Command::new("EXPIREAT", "expireat", Group::Generic, Run::Keyed(expireat))
    .syntax("key unix-time-seconds [condition@7.0.0: NX | XX | GT | LT]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")])
    .doc("1.2.0", "O(1)", "Lets a key expire at a Unix time in seconds.");

fn expireat(cx: &mut Keyed<'_, '_>) -> Result {
    expire_generic(cx, 1000, 0)
}

const PEXPIREAT: Command = Command::new("PEXPIREAT", "pexpireat", Group::Generic, Run::Keyed(pexpireat))
    .syntax("key unix-time-milliseconds [condition@7.0.0: NX | XX | GT | LT]")
    .flags(WRITE | FAST)
    .keys(KEY)
    .history(&[("7.0.0", "`NX`, `XX`, `GT` and `LT`.")])
    .doc("2.6.0", "O(1)", "Lets a key expire at a Unix time in milliseconds.");

fn pexpireat(cx: &mut Keyed<'_, '_>) -> Result {
    expire_generic(cx, 1, 0)
}

const PERSIST: Command = Command::new("PERSIST", "persist", Group::Generic, Run::Keyed(persist))
    .syntax("key")
    .flags(WRITE | FAST)
    .keys(KEY)
    .doc("2.2.0", "O(1)", "Takes the expiry of a key away.");

fn persist(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let had = cx.txn.find(key).is_some_and(|entry| entry.expire_at().is_some());
    if had {
        cx.txn.set_expire_at(key, None);
        cx.txn.touch(key, "persist", Class::LIFETIME);
    }
    cx.reply.int(had.into());
    Ok(())
}

/// When a new expiry is taken.
#[derive(Default)]
struct Conditions {
    /// NX: the key has none.
    if_none: bool,
    /// XX: the key has one.
    if_some: bool,
    /// GT: it is later than the old one; no expiry is the latest.
    if_later: bool,
    /// LT: it is earlier than the old one.
    if_earlier: bool,
}

impl Conditions {
    fn parse(words: &[&[u8]]) -> Result<Self> {
        let mut conditions = Conditions::default();
        for word in words {
            match &word.to_ascii_uppercase()[..] {
                b"NX" => conditions.if_none = true,
                b"XX" => conditions.if_some = true,
                b"GT" => conditions.if_later = true,
                b"LT" => conditions.if_earlier = true,
                _ => {
                    return Err(Error::parts(&[b"ERR Unsupported option ", word]));
                }
            }
        }
        let Conditions { if_none, if_some, if_later, if_earlier } = conditions;
        if if_none && (if_some || if_later || if_earlier) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(Error::new(text));
        }
        if if_later && if_earlier {
            return Err(Error::new("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    fn hold(&self, old: Option<i64>, new: i64) -> bool {
        !(self.if_none && old.is_some()
            || self.if_some && old.is_none()
            || self.if_later && old.is_none_or(|old| new <= old)
            || self.if_earlier && old.is_some_and(|old| new >= old))
    }
}

/// EXPIRE and its like: the time is in units of `unit_ms`, counted from `base_ms`.
fn expire_generic(cx: &mut Keyed<'_, '_>, unit_ms: i64, base_ms: i64) -> Result {
    let (key, time) = (cx.args.bytes()?, cx.args.bytes()?);
    let conditions = Conditions::parse(cx.args.rest())?;
    let expire_at =
        Args::new(&[time], 0).int()?.checked_mul(unit_ms).and_then(|ms| ms.checked_add(base_ms)).ok_or_else(
            || Error::text(format!("ERR invalid expire time in '{}' command", cx.command.full_name)),
        )?;

    let taken = match cx.txn.find(key) {
        Some(entry) => conditions.hold(entry.expire_at(), expire_at),
        None => false,
    };
    if taken && cx.txn.is_past(expire_at) {
        cx.txn.expire_now(key);
    } else if taken {
        cx.txn.set_expire_at(key, Some(expire_at));
        cx.txn.touch(key, "expire", Class::LIFETIME);
    }
    cx.reply.int(taken.into());
    Ok(())
}
