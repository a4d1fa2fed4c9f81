//! Single bits.

use super::offset;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::{Str, StrRef};
use crate::types::bits;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SETBIT, GETBIT];

const SETBIT: Command = Command::new("SETBIT", "setbit", Group::Bitmap, Run::Keyed(setbit))
    .syntax("key offset value:integer")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)])
    .doc(
        "2.2.0",
        "O(1)",
        "Sets or clears a bit of a string, which is continued with zeros as far as needed.",
    );

fn setbit(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let at = offset(cx.args.bytes()?, None, cx.txn)?;
    let value = match cx.args.bytes()? {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::new("ERR bit is not an integer or out of range")),
    };
    let old = cx.txn.probe::<Str>(key)?.map(|s| (s.len(), s.with(|text| bits::get(text, at))));
    let byte = (at / 8) as usize;
    let mut string = cx.txn.upsert_string(key)?;
    // A bit that is there and stays the same is no change.
    if old.is_some_and(|(len, was)| byte < len && was == value) {
        string.spell_out();
    } else {
        string.change_range(byte..byte + 1, |bytes| bits::set(bytes, at % 8, value));
    }
    cx.reply.int(old.is_some_and(|(_, was)| was).into());
    Ok(())
}

const GETBIT: Command = Command::new("GETBIT", "getbit", Group::Bitmap, Run::Keyed(getbit))
    .syntax("key offset")
    .flags(READ | FAST)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .doc("2.2.0", "O(1)", "Returns a bit of a string; 0 behind its end.");

fn getbit(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let at = offset(cx.args.bytes()?, None, cx.txn)?;
    let value = cx.txn.read::<Str>(key)?.unwrap_or(StrRef::Short(b""));
    cx.reply.int(value.with(|text| bits::get(text, at)).into());
    Ok(())
}
