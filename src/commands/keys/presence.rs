//! Whether keys are there, what they hold, and taking them away.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[DEL, UNLINK, EXISTS, TOUCH, TYPE];

const DEL: Command = Command::new("DEL", "del", Group::Generic, Run::Keyed(del))
    .syntax("key [key ...]")
    .flags(WRITE)
    .keys(&[Keys::rest(1, access::RM | access::DELETE)])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .doc("1.0.0", "O(N) for N keys; large values are freed in the background.", "Removes keys.");

const UNLINK: Command = Command::new("UNLINK", "unlink", Group::Generic, Run::Keyed(del))
    .syntax("key [key ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::rest(1, access::RM | access::DELETE)])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .doc("4.0.0", "O(N) for N keys; large values are freed in the background.", "Removes keys, as DEL does.");

fn del(cx: &mut Keyed<'_, '_>) -> Result {
    let removed = cx
        .args
        .rest()
        .iter()
        .filter(|key| {
            cx.txn.expire_for_write(key);
            cx.txn.delete(key)
        })
        .count();
    cx.reply.len_of(removed);
    Ok(())
}

const EXISTS: Command = Command::new("EXISTS", "exists", Group::Generic, Run::Keyed(exists))
    .syntax("key [key ...]")
    .flags(READ | FAST)
    .keys(&[Keys::rest(1, access::RO)])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .history(&[("3.0.3", "Several keys.")])
    .doc("1.0.0", "O(N) for N keys", "Counts the keys that are there; one named twice counts twice.");

fn exists(cx: &mut Keyed<'_, '_>) -> Result {
    let there = cx.args.rest().iter().filter(|key| cx.txn.look(key).is_some()).count();
    cx.reply.len_of(there);
    Ok(())
}

const TOUCH: Command = Command::new("TOUCH", "touch", Group::Generic, Run::Keyed(touch))
    .syntax("key [key ...]")
    .flags(READ | FAST)
    .keys(&[Keys::rest(1, access::RO)])
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .doc("3.2.1", "O(N) for N keys", "Notes an access to keys, and counts those that are there.");

fn touch(cx: &mut Keyed<'_, '_>) -> Result {
    let there = cx.args.rest().iter().filter(|key| cx.txn.entry(key).is_some()).count();
    cx.reply.len_of(there);
    Ok(())
}

const TYPE: Command = Command::new("TYPE", "type", Group::Generic, Run::Keyed(kind))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("1.0.0", "O(1)", "Tells the type of the value of a key.");

fn kind(cx: &mut Keyed<'_, '_>) -> Result {
    let entry = cx.txn.look(cx.args.bytes()?);
    cx.reply.status(entry.map_or("none", |entry| entry.kind().name()));
    Ok(())
}
