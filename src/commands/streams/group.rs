//! XGROUP: making, moving and removing groups and consumers.

use super::{no_such_group, parse_id};
use crate::base::text::until_nul;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::commands::help::help;
use crate::keyspace::{Edit, Txn};
use crate::types::Stream;
use crate::types::stream::Id;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XGROUP];

const XGROUP: Command = Command::new("XGROUP", "xgroup", Group::Stream, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("5.0.0", "Depends on the subcommand.", "Manages the groups of a stream.");

const SUBCOMMANDS: &[Command] = &[CREATE, SETID, DESTROY, CREATECONSUMER, DELCONSUMER, HELP];

const HELP: Command = Command::new("HELP", "xgroup|help", Group::Stream, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const fn key(access: u16) -> Keys {
    Keys::one(2, access::RW | access)
}

/// Takes `ENTRIESREAD` and its number; -1 for a number that is not known.
fn entries_read(args: &mut Args<'_>) -> Result<Option<u64>> {
    const NEGATIVE: Error = Error::new("ERR value for ENTRIESREAD must be positive or -1");
    match args.int()? {
        -1 => Ok(None),
        n => Ok(Some(u64::try_from(n).map_err(|_| NEGATIVE)?)),
    }
}

/// The id a group begins behind: `$` is the stream's last.
fn begin(text: &[u8], stream: Option<&Stream>) -> Result<Id> {
    match until_nul(text) {
        b"$" => Ok(stream.map_or(Id::MIN, Stream::last_id)),
        _ => parse_id(text, 0),
    }
}

const NO_KEY: Error = Error::new(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
     MKSTREAM option to create an empty stream automatically.",
);

/// Opens the stream; it exists, and has this group.
fn open<'t>(txn: &'t mut Txn<'_>, key: &'t [u8], group: &[u8]) -> Result<Edit<'t, Stream>> {
    let stream = txn.edit::<Stream>(key)?.ok_or(NO_KEY)?;
    if stream.value().group(group).is_some() {
        return Ok(stream);
    }
    Err(no_such_group(key, group))
}

const CREATE: Command = Command::new("CREATE", "xgroup|create", Group::Stream, Run::Keyed(create))
    .syntax(
        "key group <id-selector: id | new-id=$> [MKSTREAM] [ENTRIESREAD entriesread=entries-read:integer]",
    )
    .flags(WRITE | GROWS)
    .keys(&[key(access::INSERT)])
    .event("xgroup-create")
    .history(&[("7.0.0", "`ENTRIESREAD`.")])
    .doc("5.0.0", "O(1)", "Makes a group.");

fn create(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group, id) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let (mut make, mut read) = (false, None);
    let options = cx.args.left();
    while cx.args.more() {
        if cx.args.word("MKSTREAM") {
            make = true;
        } else if cx.args.left() > 1 && cx.args.word("ENTRIESREAD") {
            read = entries_read(&mut cx.args)?;
        } else {
            return Err(cx.args.misused());
        }
    }
    let id = match cx.txn.edit::<Stream>(key)? {
        None if !make => return Err(NO_KEY),
        _ if options > 3 => return Err(cx.args.misused()),
        None => begin(id, None)?,
        Some(stream) => begin(id, Some(stream.value()))?,
    };
    let mut stream = cx.txn.upsert::<Stream>(key)?.beside().waking_nobody();
    if !stream.add_group(group, id, read) {
        return Err(Error::new("BUSYGROUP Consumer Group name already exists"));
    }
    cx.reply.ok();
    Ok(())
}

const SETID: Command = Command::new("SETID", "xgroup|setid", Group::Stream, Run::Keyed(setid))
    .syntax("key group <id-selector: id | new-id=$> [ENTRIESREAD entriesread=entries-read:integer]")
    .flags(WRITE)
    .keys(&[key(access::UPDATE)])
    .event("xgroup-setid")
    .history(&[("7.0.0", "`ENTRIESREAD`.")])
    .doc("5.0.0", "O(1)", "Sets the id up to which a group has been given entries.");

fn setid(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group, id) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let mut read = None;
    let options = cx.args.left();
    while cx.args.more() {
        if cx.args.left() > 1 && cx.args.word("ENTRIESREAD") {
            read = entries_read(&mut cx.args)?;
        } else {
            return Err(cx.args.misused());
        }
    }
    let mut stream = open(cx.txn, key, group)?.beside().waking_nobody();
    if options > 2 {
        return Err(cx.args.misused());
    }
    let id = match until_nul(id) {
        b"-" => Id::MIN,
        b"+" => Id::MAX,
        id => begin(id, Some(stream.value()))?,
    };
    stream.set_group_position(group, id, read);
    cx.reply.ok();
    Ok(())
}

const DESTROY: Command = Command::new("DESTROY", "xgroup|destroy", Group::Stream, Run::Keyed(destroy))
    .syntax("key group")
    .flags(WRITE)
    .keys(&[key(access::DELETE)])
    .event("xgroup-destroy")
    .doc("5.0.0", "O(N) for N pending entries", "Removes a group.");

fn destroy(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group) = (cx.args.bytes()?, cx.args.bytes()?);
    let removed = cx.txn.edit::<Stream>(key)?.ok_or(NO_KEY)?.beside().remove_group(group);
    cx.reply.int(removed.into());
    Ok(())
}

const CREATECONSUMER: Command =
    Command::new("CREATECONSUMER", "xgroup|createconsumer", Group::Stream, Run::Keyed(createconsumer))
        .syntax("key group consumer")
        .flags(WRITE | GROWS)
        .keys(&[key(access::INSERT)])
        .event("xgroup-createconsumer")
        .doc("6.2.0", "O(1)", "Makes a consumer of a group.");

fn createconsumer(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group, consumer) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let mut stream = open(cx.txn, key, group)?.beside().waking_nobody();
    let exists = stream.value().group(group).is_some_and(|group| group.find(consumer).is_some());
    if !exists {
        stream.see_consumer(group, consumer);
    }
    cx.reply.int((!exists).into());
    Ok(())
}

const DELCONSUMER: Command =
    Command::new("DELCONSUMER", "xgroup|delconsumer", Group::Stream, Run::Keyed(delconsumer))
        .syntax("key group consumer")
        .flags(WRITE)
        .keys(&[key(access::DELETE)])
        .event("xgroup-delconsumer")
        .doc("5.0.0", "O(N) for N pending entries", "Removes a consumer with all that is pending for it.");

fn delconsumer(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group, consumer) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    let pending = open(cx.txn, key, group)?.beside().waking_nobody().delete_consumer(group, consumer);
    cx.reply.len_of(pending.unwrap_or(0));
    Ok(())
}
