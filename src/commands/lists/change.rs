//! Changing and removing elements anywhere.

use super::{clip, resolve};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::types::{End, List};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LSET, LINSERT, LREM, LTRIM];

const LSET: Command = Command::new("LSET", "lset", Group::List, Run::Keyed(lset))
    .syntax("key index element")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc("1.0.0", "O(N) for N blocks to pass", "Replaces the element at an index of a list.");

fn lset(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let mut list = cx.txn.edit::<List>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let index = cx.args.int()?;
    let text = cx.args.bytes()?;
    // Redis reads no more of the index than 32 bits.
    let Some(index) = resolve(i64::from(index as i32), list.value().len()) else {
        list.prepare(text);
        return Err(Error::OUT_OF_RANGE);
    };
    list.set(index, text);
    cx.reply.ok();
    Ok(())
}

const LINSERT: Command = Command::new("LINSERT", "linsert", Group::List, Run::Keyed(linsert))
    .syntax("key <where: BEFORE | AFTER> pivot element")
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::INSERT)])
    .doc(
        "2.2.0",
        "O(N) for N elements before the pivot",
        "Inserts an element before or after the first one equal to a pivot.",
    );

fn linsert(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let after = cx.args.word("AFTER");
    if !after && !cx.args.word("BEFORE") {
        return Err(Error::SYNTAX);
    }
    let (pivot, text) = (cx.args.bytes()?, cx.args.bytes()?);
    let answer = match cx.txn.edit::<List>(key)? {
        None => 0,
        Some(mut list) => match list.insert(pivot, after, text) {
            true => list.value().len() as i64,
            false => -1,
        },
    };
    cx.reply.int(answer);
    Ok(())
}

const LREM: Command = Command::new("LREM", "lrem", Group::List, Run::Keyed(lrem))
    .syntax("key count element")
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .doc(
        "1.0.0",
        "O(N) for N elements",
        "Removes elements equal to a value: all, or the first or last ones.",
    );

fn lrem(cx: &mut Keyed<'_, '_>) -> Result {
    const RANGE: Error = Error::new(
        "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
    );
    let key = cx.args.bytes()?;
    let count = cx.args.int_in(-i64::MAX.., RANGE)?;
    let text = cx.args.bytes()?;
    let from = if count < 0 { End::Back } else { End::Front };
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = cx.txn.edit::<List>(key)?.map_or(0, |mut list| list.remove_equal(text, from, max));
    cx.reply.len_of(removed);
    Ok(())
}

const LTRIM: Command = Command::new("LTRIM", "ltrim", Group::List, Run::Keyed(ltrim))
    .syntax("key start stop")
    .flags(WRITE)
    .keys(&[Keys::one(1, access::RW | access::DELETE)])
    .doc("1.0.0", "O(N) for N elements removed", "Removes all elements but those between two indexes.");

fn ltrim(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, start, stop) = (cx.args.bytes()?, cx.args.int()?, cx.args.int()?);
    if let Some(mut list) = cx.txn.edit::<List>(key)? {
        let len = list.value().len();
        let range = clip(start, stop, len);
        list.counting((len - range.len()) as u64, |list| list.keep(range));
    }
    cx.reply.ok();
    Ok(())
}
