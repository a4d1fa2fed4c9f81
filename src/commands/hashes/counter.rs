//! Values of fields as numbers.

use crate::base::LongDouble;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::Hash;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HINCRBY, HINCRBYFLOAT];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::ACCESS | access::UPDATE)];

const HINCRBY: Command = Command::new("HINCRBY", "hincrby", Group::Hash, Run::Keyed(hincrby))
    .syntax("key field increment")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .members(1, 2)
    .doc("2.0.0", "O(1)", "Adds a number to the integer value of a field; 0 when it is absent.");

fn hincrby(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, field, increment) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.int()?);
    cx.txn.expire_fields(key, &[field])?;
    let mut hash = cx.txn.upsert::<Hash>(key)?;
    let value = match hash.value().get(field) {
        Some(f) => f.value.as_int().ok_or(Error::new("ERR hash value is not an integer"))?,
        None => 0,
    };
    let sum = value.checked_add(increment).ok_or(Error::new("ERR increment or decrement would overflow"))?;
    hash.set_keeping_ttl(&[field, itoa::Buffer::new().format(sum).as_bytes()]);
    cx.reply.int(sum);
    Ok(())
}

const HINCRBYFLOAT: Command =
    Command::new("HINCRBYFLOAT", "hincrbyfloat", Group::Hash, Run::Keyed(hincrbyfloat))
        .syntax("key field increment:double")
        .flags(WRITE | GROWS | FAST)
        .keys(KEY)
        .members(1, 2)
        .doc("2.6.0", "O(1)", "Adds a number to the floating point value of a field; 0 when it is absent.");

fn hincrbyfloat(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, field) = (cx.args.bytes()?, cx.args.bytes()?);
    let increment = LongDouble::parse(cx.args.bytes()?).ok_or(Error::NOT_FLOAT)?;
    if !increment.is_finite() {
        return Err(Error::new("ERR value is NaN or Infinity"));
    }
    cx.txn.expire_fields(key, &[field])?;
    let mut hash = cx.txn.upsert::<Hash>(key)?;
    let sum = match hash.value().get(field) {
        Some(f) => LongDouble::parse(f.value.text().as_bytes())
            .ok_or(Error::new("ERR hash value is not a float"))?
            .checked_add(increment)
            .ok_or(Error::new("ERR increment would produce NaN or Infinity"))?,
        None => increment,
    };
    let text = sum.format();
    hash.set_keeping_ttl(&[field, text.as_bytes()]);
    cx.reply.bulk(text.as_bytes());
    Ok(())
}
