//! OBJECT: how values are kept.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[OBJECT];

const OBJECT: Command = Command::new(
    "OBJECT",
    "object",
    Group::Generic,
    Run::Container(&[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT]),
)
.arity(-2)
.doc("2.2.3", "Depends on the subcommand.", "Tells how values are kept.");

const KEY: &[Keys] = &[Keys::one(2, access::RO)];

const ENCODING: Command = Command::new("ENCODING", "object|encoding", Group::Generic, Run::Keyed(encoding))
    .syntax("key")
    .flags(READ)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("2.2.3", "O(1)", "Tells the encoding of a value.");

fn encoding(cx: &mut Keyed<'_, '_>) -> Result {
    let entry = cx.txn.glance(cx.args.bytes()?);
    cx.reply.bulk_or_null(entry.map(|entry| entry.encoding().as_bytes()));
    Ok(())
}

const REFCOUNT: Command = Command::new("REFCOUNT", "object|refcount", Group::Generic, Run::Keyed(refcount))
    .syntax("key")
    .flags(READ)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("2.2.3", "O(1)", "Tells how often a value is referred to: once, but for small numbers.");

fn refcount(cx: &mut Keyed<'_, '_>) -> Result {
    let access = cx.txn.access();
    match cx.txn.glance(cx.args.bytes()?) {
        Some(entry) => cx.reply.int(entry.references(access)),
        None => cx.reply.null(),
    }
    Ok(())
}

const IDLETIME: Command = Command::new("IDLETIME", "object|idletime", Group::Generic, Run::Keyed(idletime))
    .syntax("key")
    .flags(READ)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("2.2.3", "O(1)", "Tells how many seconds ago a value was last accessed.");

fn idletime(cx: &mut Keyed<'_, '_>) -> Result {
    let access = cx.txn.access();
    match cx.txn.glance(cx.args.bytes()?) {
        Some(_) if access.is_lfu() => {
            return Err(Error::new(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => cx.reply.int(access.idle_s(entry.access()).into()),
        None => cx.reply.null(),
    }
    Ok(())
}

const FREQ: Command = Command::new("FREQ", "object|freq", Group::Generic, Run::Keyed(freq))
    .syntax("key")
    .flags(READ)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("4.0.0", "O(1)", "Tells how often a value is accessed, under an LFU policy.");

fn freq(cx: &mut Keyed<'_, '_>) -> Result {
    let access = cx.txn.access();
    match cx.txn.glance(cx.args.bytes()?) {
        Some(entry) if access.is_lfu() => cx.reply.int(access.frequency(entry.access()).into()),
        Some(_) => {
            return Err(Error::new(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        None => cx.reply.null(),
    }
    Ok(())
}

const HELP: Command =
    Command::new("HELP", "object|help", Group::Generic, Run::Outer(crate::commands::help::help))
        .flags(LOADING | STALE)
        .doc("6.2.0", "O(1)", "Lists the subcommands.");
