//! Members of one set: adding, removing, asking, moving.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::commands::reply_item;
use crate::types::Set;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS];

const SADD: Command = Command::new("SADD", "sadd", Group::Set, Run::Keyed(sadd))
    .syntax("key member [member ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::INSERT)])
    .members(0, 1)
    .history(&[("2.4.0", "Several members.")])
    .doc("1.0.0", "O(1) for each member", "Adds members to a set, which is created if it is absent.");

fn sadd(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, members) = (cx.args.bytes()?, cx.args.rest());
    let added = cx.txn.upsert::<Set>(key)?.add(members);
    cx.reply.len_of(added);
    Ok(())
}

const SREM: Command = Command::new("SREM", "srem", Group::Set, Run::Keyed(srem))
    .syntax("key member [member ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .members(0, 1)
    .history(&[("2.4.0", "Several members.")])
    .doc("1.0.0", "O(1) for each member", "Removes members from a set.");

fn srem(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, members) = (cx.args.bytes()?, cx.args.rest());
    let removed = cx.txn.edit::<Set>(key)?.map_or(0, |mut set| set.remove(members));
    cx.reply.len_of(removed);
    Ok(())
}

const SMOVE: Command = Command::new("SMOVE", "smove", Group::Set, Run::Keyed(smove))
    .syntax("source destination member")
    .flags(WRITE | FAST)
    .keys(&[
        Keys::one(1, access::RW | access::ACCESS | access::DELETE),
        Keys::one(2, access::RW | access::INSERT),
    ])
    .doc("1.0.0", "O(1)", "Moves a member from one set to another.");

fn smove(cx: &mut Keyed<'_, '_>) -> Result {
    let (source, destination) = (cx.args.bytes()?, cx.args.bytes()?);
    let member = cx.args.bytes()?;
    if source == destination {
        // It is looked up twice.
        cx.txn.access_again(source);
    }
    let (from, to) = (cx.txn.probe::<Set>(source), cx.txn.probe::<Set>(destination));
    let Some(from) = from? else {
        cx.reply.int(0);
        return Ok(());
    };
    to?;
    let is_member = from.contains(member);
    if is_member && source != destination {
        if let Some(set) = cx.txn.edit::<Set>(source)? {
            set.named("srem").remove(&[member]);
        }
        cx.txn.upsert::<Set>(destination)?.named("sadd").add(&[member]);
    }
    cx.reply.int(is_member.into());
    Ok(())
}

const SISMEMBER: Command = Command::new("SISMEMBER", "sismember", Group::Set, Run::Keyed(sismember))
    .syntax("key member")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .members(0, 1)
    .doc("1.0.0", "O(1)", "Tells whether a member is in a set.");

fn sismember(cx: &mut Keyed<'_, '_>) -> Result {
    let set = cx.txn.read::<Set>(cx.args.bytes()?)?;
    let member = cx.args.bytes()?;
    cx.reply.int(set.is_some_and(|set| set.contains(member)).into());
    Ok(())
}

const SMISMEMBER: Command = Command::new("SMISMEMBER", "smismember", Group::Set, Run::Keyed(smismember))
    .syntax("key member [member ...]")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .members(0, 1)
    .doc("6.2.0", "O(N) for N members", "Tells for each of several members whether it is in a set.");

fn smismember(cx: &mut Keyed<'_, '_>) -> Result {
    let set = cx.txn.read::<Set>(cx.args.bytes()?)?;
    let members = cx.args.rest();
    cx.reply.array(members.len());
    for member in members {
        cx.reply.int(set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

const SCARD: Command = Command::new("SCARD", "scard", Group::Set, Run::Keyed(scard))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("1.0.0", "O(1)", "Returns how many members a set has.");

fn scard(cx: &mut Keyed<'_, '_>) -> Result {
    let set = cx.txn.read::<Set>(cx.args.bytes()?)?;
    cx.reply.len_of(set.map_or(0, Set::len));
    Ok(())
}

const SMEMBERS: Command = Command::new("SMEMBERS", "smembers", Group::Set, Run::Keyed(smembers))
    .syntax("key")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output_order"])
    .doc("1.0.0", "O(N) for N members", "Returns all members of a set.");

fn smembers(cx: &mut Keyed<'_, '_>) -> Result {
    let set = cx.txn.read::<Set>(cx.args.bytes()?)?;
    cx.reply.set(set.map_or(0, Set::len));
    if let Some(set) = set {
        set.iter().for_each(|member| reply_item(cx.reply, member));
    }
    Ok(())
}
