//! Parts of strings.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Class, Str, StrRef, Ttl, Txn};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[APPEND, STRLEN, GETRANGE, SUBSTR, SETRANGE];

const APPEND: Command = Command::new("APPEND", "append", Group::String, Run::Keyed(append))
    .syntax("key value")
    .flags(WRITE | GROWS | FAST)
    .keys(&[Keys::one(1, access::RW | access::INSERT)])
    .doc("2.0.0", "O(1)", "Appends to the string value of a key; sets it when the key is absent.");

fn append(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, tail) = (cx.args.bytes()?, cx.args.bytes()?);
    let len = cx.txn.probe::<Str>(key)?.map(StrRef::len);
    let Some(len) = len else {
        cx.txn.put_string(key, tail, Ttl::Clear);
        cx.txn.touch(key, "append", Class::STRING);
        cx.reply.len_of(tail.len());
        return Ok(());
    };
    check_len(cx.txn, len, tail.len())?;
    if let Some(mut string) = cx.txn.edit::<Str>(key)? {
        cx.reply.len_of(string.append(tail));
    }
    Ok(())
}

/// Makes sure that a string may be as long as two lengths together.
///
/// # Errors
/// [`Error::STRING_TOO_LONG`]
pub fn check_len(txn: &Txn<'_>, len: usize, more: usize) -> Result {
    let len_max = txn.packing().proto_max_bulk_len() as usize;
    let fits = len.checked_add(more).is_some_and(|len| len <= len_max);
    if fits || txn.is_replayed() { Ok(()) } else { Err(Error::STRING_TOO_LONG) }
}

const STRLEN: Command = Command::new("STRLEN", "strlen", Group::String, Run::Keyed(strlen))
    .syntax("key")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO)])
    .doc("2.2.0", "O(1)", "Returns the length of the string value of a key in bytes.");

fn strlen(cx: &mut Keyed<'_, '_>) -> Result {
    let value = cx.txn.read::<Str>(cx.args.bytes()?)?;
    cx.reply.len_of(value.map_or(0, StrRef::len));
    Ok(())
}

const GETRANGE: Command = Command::new("GETRANGE", "getrange", Group::String, Run::Keyed(getrange))
    .syntax("key start end")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("2.4.0", "O(N) for N bytes returned", "Returns a part of the string value of a key.");

const SUBSTR: Command = Command::new("SUBSTR", "substr", Group::String, Run::Keyed(getrange))
    .syntax("key start end")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .deprecated("2.0.0", "`GETRANGE`")
    .doc("1.0.0", "O(N) for N bytes returned", "Returns a part of a string value: the old name of GETRANGE.");

fn getrange(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, start, end) = (cx.args.bytes()?, cx.args.int()?, cx.args.int()?);
    let value = cx.txn.read::<Str>(key)?.unwrap_or(StrRef::Short(b""));
    let Some((first, last)) = bounds(start, end, value.len() as i64) else {
        cx.reply.bulk(b"");
        return Ok(());
    };
    let range = first as usize..=last as usize;
    match value {
        StrRef::Long(bytes) => cx.reply.bulk_shared(&bytes.slice(range)),
        other => other.with(|text| cx.reply.bulk(&text[range])),
    }
    Ok(())
}

/// The places from `start` to `end`, both included, in something of length `len`; negative ones count
/// from its end. `None` when there are none.
pub fn bounds(start: i64, end: i64, len: i64) -> Option<(i64, i64)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let from_start = |at: i64| if at < 0 { (at.saturating_add(len)).max(0) } else { at };
    let (first, last) = (from_start(start), from_start(end).min(len - 1));
    (first <= last).then_some((first, last))
}

const SETRANGE: Command = Command::new("SETRANGE", "setrange", Group::String, Run::Keyed(setrange))
    .syntax("key offset value")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc(
        "2.2.0",
        "O(N) for N bytes written",
        "Overwrites a part of the string value of a key, which is continued with zero bytes as far as needed.",
    );

fn setrange(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let offset = cx.args.int_in(0.., Error::new("ERR offset is out of range"))? as usize;
    let part = cx.args.bytes()?;
    let len = cx.txn.probe::<Str>(key)?.map_or(0, StrRef::len);
    if part.is_empty() {
        cx.reply.len_of(len);
        return Ok(());
    }
    check_len(cx.txn, offset, part.len())?;
    let mut string = cx.txn.upsert_string(key)?;
    string.change_range(offset..offset + part.len(), |bytes| bytes.copy_from_slice(part));
    cx.reply.len_of(len.max(offset + part.len()));
    Ok(())
}
