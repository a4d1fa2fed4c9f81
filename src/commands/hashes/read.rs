//! Reading hashes.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::reply_item;
use crate::types::{FieldRef, Hash, Live};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HEXISTS, HSTRLEN];

/// Answers a field's value; null for `None`.
pub fn reply_value(reply: &mut Reply, field: Option<FieldRef<'_>>) {
    match field {
        Some(field) => reply_item(reply, field.value),
        None => reply.null(),
    }
}

const HGET: Command = Command::new("HGET", "hget", Group::Hash, Run::Keyed(hget))
    .syntax("key field")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .members(0, 1)
    .doc("2.0.0", "O(1)", "Returns the value of a field of a hash.");

fn hget(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, field) = (cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.expire_fields(key, &[field])?;
    let hash = cx.txn.live(key)?;
    reply_value(cx.reply, hash.and_then(|hash| hash.get(field)));
    Ok(())
}

const HMGET: Command = Command::new("HMGET", "hmget", Group::Hash, Run::Keyed(hmget))
    .syntax("key field [field ...]")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .members(0, 1)
    .doc("2.0.0", "O(N) for N fields", "Returns the values of several fields of a hash.");

fn hmget(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, fields) = (cx.args.bytes()?, cx.args.rest());
    cx.txn.expire_fields(key, fields)?;
    let hash = cx.txn.live(key)?;
    cx.reply.array(fields.len());
    for field in fields {
        reply_value(cx.reply, hash.and_then(|hash| hash.get(field)));
    }
    Ok(())
}

const HGETALL: Command = Command::new("HGETALL", "hgetall", Group::Hash, Run::Keyed(hgetall))
    .syntax("key")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output_order"])
    .doc("2.0.0", "O(N) for N fields", "Returns all fields of a hash with their values.");

fn hgetall(cx: &mut Keyed<'_, '_>) -> Result {
    let hash = cx.txn.live(cx.args.bytes()?)?;
    cx.reply.map(hash.map_or(0, Live::len));
    if let Some(hash) = hash {
        hash.iter().for_each(|f| {
            reply_item(cx.reply, f.field);
            reply_item(cx.reply, f.value);
        });
    }
    Ok(())
}

const HKEYS: Command = Command::new("HKEYS", "hkeys", Group::Hash, Run::Keyed(hkeys))
    .syntax("key")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output_order"])
    .doc("2.0.0", "O(N) for N fields", "Returns the names of all fields of a hash.");

fn hkeys(cx: &mut Keyed<'_, '_>) -> Result {
    let hash = cx.txn.live(cx.args.bytes()?)?;
    cx.reply.array(hash.map_or(0, Live::len));
    if let Some(hash) = hash {
        hash.iter().for_each(|f| reply_item(cx.reply, f.field));
    }
    Ok(())
}

const HVALS: Command = Command::new("HVALS", "hvals", Group::Hash, Run::Keyed(hvals))
    .syntax("key")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output_order"])
    .doc("2.0.0", "O(N) for N fields", "Returns the values of all fields of a hash.");

fn hvals(cx: &mut Keyed<'_, '_>) -> Result {
    let hash = cx.txn.live(cx.args.bytes()?)?;
    cx.reply.array(hash.map_or(0, Live::len));
    if let Some(hash) = hash {
        hash.iter().for_each(|f| reply_item(cx.reply, f.value));
    }
    Ok(())
}

const HLEN: Command = Command::new("HLEN", "hlen", Group::Hash, Run::Keyed(hlen))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc(
        "2.0.0",
        "O(1)",
        "Returns how many fields a hash has, those that are due and not yet removed among them.",
    );

fn hlen(cx: &mut Keyed<'_, '_>) -> Result {
    let hash = cx.txn.read::<Hash>(cx.args.bytes()?)?;
    cx.reply.len_of(hash.map_or(0, Hash::len));
    Ok(())
}

const HEXISTS: Command = Command::new("HEXISTS", "hexists", Group::Hash, Run::Keyed(hexists))
    .syntax("key field")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .members(0, 1)
    .doc("2.0.0", "O(1)", "Tells whether a hash has a field.");

fn hexists(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, field) = (cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.expire_fields(key, &[field])?;
    let hash = cx.txn.live(key)?;
    cx.reply.int(hash.is_some_and(|hash| hash.contains(field)).into());
    Ok(())
}

const HSTRLEN: Command = Command::new("HSTRLEN", "hstrlen", Group::Hash, Run::Keyed(hstrlen))
    .syntax("key field")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .members(0, 1)
    .doc("3.2.0", "O(1)", "Returns the length of a field's value.");

fn hstrlen(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, field) = (cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.expire_fields(key, &[field])?;
    let hash = cx.txn.live(key)?;
    cx.reply.len_of(hash.and_then(|hash| hash.get(field)).map_or(0, |f| f.value.len()));
    Ok(())
}
