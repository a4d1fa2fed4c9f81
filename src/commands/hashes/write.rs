//! Setting and removing fields.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::Hash;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HSET, HMSET, HSETNX, HDEL];

const HSET: Command = Command::new("HSET", "hset", Group::Hash, Run::Keyed(hset))
    .syntax("key field value [data: field value ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .members(1, 2)
    .history(&[("4.0.0", "Several fields.")])
    .doc("2.0.0", "O(1) for each field", "Sets fields of a hash and tells how many are new.");

fn hset(cx: &mut Keyed<'_, '_>) -> Result {
    let new = set(cx)?;
    cx.reply.len_of(new);
    Ok(())
}

const HMSET: Command = Command::new("HMSET", "hmset", Group::Hash, Run::Keyed(hmset))
    .syntax("key field value [data: field value ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .members(1, 2)
    .event("hset")
    .deprecated("4.0.0", "`HSET` with multiple field-value pairs")
    .doc("2.0.0", "O(1) for each field", "Sets fields of a hash.");

fn hmset(cx: &mut Keyed<'_, '_>) -> Result {
    set(cx)?;
    cx.reply.ok();
    Ok(())
}

fn set(cx: &mut Keyed<'_, '_>) -> Result<usize> {
    let (key, pairs) = (cx.args.bytes()?, cx.args.rest());
    if !pairs.len().is_multiple_of(2) {
        return Err(Error::arity(cx.command.full_name));
    }
    Ok(cx.txn.upsert::<Hash>(key)?.set(pairs))
}

const HSETNX: Command = Command::new("HSETNX", "hsetnx", Group::Hash, Run::Keyed(hsetnx))
    .syntax("key field value")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::INSERT)])
    .members(1, 2)
    .event("hset")
    .doc("2.0.0", "O(1)", "Sets a field of a hash that does not have it yet.");

fn hsetnx(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, pair) = (cx.args.bytes()?, cx.args.take(2)?);
    cx.txn.expire_fields(key, &pair[..1])?;
    let mut hash = cx.txn.upsert::<Hash>(key)?;
    let new = !hash.value().contains(pair[0]);
    if new {
        hash.set(pair);
    }
    cx.reply.int(new.into());
    Ok(())
}

const HDEL: Command = Command::new("HDEL", "hdel", Group::Hash, Run::Keyed(hdel))
    .syntax("key field [field ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .members(0, 1)
    .history(&[("2.4.0", "Several fields.")])
    .doc("2.0.0", "O(1) for each field", "Removes fields from a hash.");

fn hdel(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, fields) = (cx.args.bytes()?, cx.args.rest());
    let removed = cx.txn.edit::<Hash>(key)?.map_or(0, |mut hash| hash.remove(fields));
    cx.reply.len_of(removed);
    Ok(())
}
