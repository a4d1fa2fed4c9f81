//! Moving and copying keys.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, EntryBox};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[RENAME, RENAMENX, COPY, MOVE];

const SAME: Error = Error::new("ERR source and destination objects are the same");

const RENAME: Command = Command::new("RENAME", "rename", Group::Generic, Run::Keyed(rename))
    .syntax("key newkey")
    .flags(WRITE)
    .keys(&[
        Keys::one(1, access::RW | access::ACCESS | access::DELETE),
        Keys::one(2, access::OW | access::UPDATE),
    ])
    .doc("1.0.0", "O(1)", "Gives a key another name; what had that name before is gone.");

fn rename(cx: &mut Keyed<'_, '_>) -> Result {
    rename_generic(cx, true)?;
    cx.reply.ok();
    Ok(())
}

const RENAMENX: Command = Command::new("RENAMENX", "renamenx", Group::Generic, Run::Keyed(renamenx))
    .syntax("key newkey")
    .flags(WRITE | FAST)
    .keys(&[
        Keys::one(1, access::RW | access::ACCESS | access::DELETE),
        Keys::one(2, access::OW | access::INSERT),
    ])
    .history(&[("3.2.0", "A key may be given its own name.")])
    .doc("1.0.0", "O(1)", "Gives a key another name, if no key has it yet.");

fn renamenx(cx: &mut Keyed<'_, '_>) -> Result {
    let renamed = rename_generic(cx, false)?;
    cx.reply.int(renamed.into());
    Ok(())
}

fn rename_generic(cx: &mut Keyed<'_, '_>, replace: bool) -> Result<bool> {
    let (from, to) = (cx.args.bytes()?, cx.args.bytes()?);
    if !cx.txn.exists(from) {
        return Err(Error::NO_SUCH_KEY);
    }
    if from == to || cx.txn.exists(to) && !replace {
        return Ok(false);
    }
    let Some(entry) = cx.txn.take_entry(from) else { return Err(Error::NO_SUCH_KEY) };
    let expire_at = entry.as_ref().expire_at();
    let mut entry = entry.rebuilt(to, expire_at);
    entry.set_access(cx.txn.access().fresh());
    let replaced = cx.txn.counting(0, |txn| txn.put_anew(to, entry));
    cx.txn.record(&[b"RENAME", from, to]);
    cx.txn.touch(from, "rename_from", Class::GENERIC);
    cx.txn.touch(to, "rename_to", Class::GENERIC);
    cx.txn.touch_overwritten(to, replaced);
    Ok(true)
}

const COPY: Command = Command::new("COPY", "copy", Group::Generic, Run::Keyed(copy))
    .syntax("source destination [DB destination-db:integer] [REPLACE]")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RO | access::ACCESS), Keys::one(2, access::OW | access::UPDATE)])
    .event("copy_to")
    .doc(
        "6.2.0",
        "O(N) for a collection of N members, O(1) for a string.",
        "Copies the value and the expiry of a key to another key, also in another database.",
    );

fn copy(cx: &mut Keyed<'_, '_>) -> Result {
    let (from, to) = (cx.args.bytes()?, cx.args.bytes()?);
    let home = cx.txn.db();
    let (mut db, mut replace) = (home, false);
    while cx.args.more() {
        if cx.args.word("REPLACE") {
            replace = true;
        } else if cx.args.word("DB") {
            db = cx.args.database(cx.txn.databases())?;
        } else {
            return Err(Error::SYNTAX);
        }
    }
    if db == home && from == to {
        return Err(SAME);
    }
    if home != 0 || db != 0 {
        cx.txn.effects().across += 1;
    }
    let Some(entry) = cx.txn.entry(from) else {
        cx.reply.int(0);
        return Ok(());
    };
    let mut copy = EntryBox::copy_of(entry, to, entry.expire_at());
    copy.set_own();
    copy.set_access(cx.txn.access().fresh());
    cx.txn.select(db);
    cx.txn.expire_if_due(to);
    let done = replace || !cx.txn.exists(to);
    if done {
        let replaced = cx.txn.counting(1, |txn| txn.put_anew(to, copy));
        cx.txn.select(home);
        cx.txn.record(&[b"COPY", from, to, b"DB", itoa::Buffer::new().format(db).as_bytes(), b"REPLACE"]);
        cx.txn.select(db);
        cx.txn.touch(to, "copy_to", Class::GENERIC);
        cx.txn.touch_overwritten(to, replaced);
    }
    cx.txn.select(home);
    cx.reply.int(done.into());
    Ok(())
}

const MOVE: Command = Command::new("MOVE", "move", Group::Generic, Run::Keyed(move_key))
    .syntax("key db")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)])
    .doc("1.0.0", "O(1)", "Moves a key to another database, if that has no key of the name.");

fn move_key(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let home = cx.txn.db();
    let db = cx.args.database(cx.txn.databases())?;
    if db == home {
        return Err(SAME);
    }
    cx.txn.effects().across += 1;
    cx.txn.select(db);
    cx.txn.expire_if_due(key);
    let taken = cx.txn.exists(key);
    cx.txn.select(home);
    let entry = if taken || !cx.txn.exists(key) { None } else { cx.txn.take_entry(key) };
    cx.reply.int(entry.is_some().into());
    if let Some(mut entry) = entry {
        entry.set_access(cx.txn.access().fresh());
        cx.txn.record(&[b"MOVE", key, itoa::Buffer::new().format(db).as_bytes()]);
        cx.txn.select(db);
        cx.txn.counting(0, |txn| txn.put_entry(key, entry));
        cx.txn.select(home);
        cx.txn.touch(key, "move_from", Class::GENERIC);
        cx.txn.select(db);
        cx.txn.touch(key, "move_to", Class::GENERIC);
        cx.txn.select(home);
    }
    Ok(())
}
