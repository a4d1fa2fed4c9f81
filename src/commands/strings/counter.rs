//! Strings as numbers.

use crate::base::LongDouble;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, StrRef, Ttl};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)];

const INCR: Command = Command::new("INCR", "incr", Group::String, Run::Keyed(incr))
    .syntax("key")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("incrby")
    .doc("1.0.0", "O(1)", "Adds one to the integer value of a key; 0 when it is absent.");

fn incr(cx: &mut Keyed<'_, '_>) -> Result {
    add(cx, 1)
}

const DECR: Command = Command::new("DECR", "decr", Group::String, Run::Keyed(decr))
    .syntax("key")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("incrby")
    .doc("1.0.0", "O(1)", "Subtracts one from the integer value of a key; 0 when it is absent.");

fn decr(cx: &mut Keyed<'_, '_>) -> Result {
    add(cx, -1)
}

const INCRBY: Command = Command::new("INCRBY", "incrby", Group::String, Run::Keyed(incrby))
    .syntax("key increment")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .doc("1.0.0", "O(1)", "Adds a number to the integer value of a key; 0 when it is absent.");

fn incrby(cx: &mut Keyed<'_, '_>) -> Result {
    let mut args = cx.args;
    args.bytes()?;
    add(cx, args.int()?)
}

const DECRBY: Command = Command::new("DECRBY", "decrby", Group::String, Run::Keyed(decrby))
    .syntax("key decrement")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("incrby")
    .doc("1.0.0", "O(1)", "Subtracts a number from the integer value of a key; 0 when it is absent.");

fn decrby(cx: &mut Keyed<'_, '_>) -> Result {
    let mut args = cx.args;
    args.bytes()?;
    let decrement = args.int()?;
    let increment = decrement.checked_neg().ok_or(Error::new("ERR decrement would overflow"))?;
    add(cx, increment)
}

fn add(cx: &mut Keyed<'_, '_>, increment: i64) -> Result {
    let key = cx.args.bytes()?;
    if let Some(mut string) = cx.txn.edit::<Str>(key)? {
        let value = string.value().as_int().ok_or(Error::NOT_INTEGER)?;
        let sum =
            value.checked_add(increment).ok_or(Error::new("ERR increment or decrement would overflow"))?;
        string.put_int(sum);
        cx.reply.int(sum);
        return Ok(());
    }
    cx.txn.put_string(key, itoa::Buffer::new().format(increment).as_bytes(), Ttl::Clear);
    cx.txn.touch(key, cx.command.event, Class::STRING);
    cx.reply.int(increment);
    Ok(())
}

const INCRBYFLOAT: Command =
    Command::new("INCRBYFLOAT", "incrbyfloat", Group::String, Run::Keyed(incrbyfloat))
        .syntax("key increment:double")
        .flags(WRITE | GROWS | FAST)
        .keys(KEY)
        .doc("2.6.0", "O(1)", "Adds a number to the floating point value of a key; 0 when it is absent.");

fn incrbyfloat(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let value = match cx.txn.probe::<Str>(key)? {
        None => Some(LongDouble::from(0)),
        Some(StrRef::Int(n)) => Some(LongDouble::from(n)),
        Some(text) => text.with(LongDouble::parse),
    };
    let increment = LongDouble::parse(cx.args.bytes()?).ok_or(Error::NOT_FLOAT)?;
    let sum = value
        .ok_or(Error::NOT_FLOAT)?
        .checked_add(increment)
        .ok_or(Error::new("ERR increment would produce NaN or Infinity"))?
        .format();
    cx.txn.upsert_string(key)?.put_text(sum.as_bytes());
    cx.reply.bulk(sum.as_bytes());
    Ok(())
}
