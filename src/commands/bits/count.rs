//! Counting bits and searching for them.

use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::commands::strings::range::bounds;
use crate::keyspace::{Str, StrRef};
use crate::types::bits::{self, Bit};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[BITCOUNT, BITPOS];

/// Takes `BYTE` or `BIT`, if there is one; whether places are given in bits.
fn in_bits(args: &mut Args<'_>) -> Result<bool> {
    let bits = args.word("BIT");
    if !bits && args.more() && !args.word("BYTE") {
        return Err(Error::SYNTAX);
    }
    args.end()?;
    Ok(bits)
}

/// The first and last bit between two places in a string of `len` bytes.
fn bit_bounds(start: i64, end: i64, bits: bool, len: usize) -> Option<(Bit, Bit)> {
    let len = len as i64;
    if bits {
        return bounds(start, end, len * 8).map(|(first, last)| (first as Bit, last as Bit));
    }
    bounds(start, end, len).map(|(first, last)| (first as Bit * 8, last as Bit * 8 + 7))
}

const BITCOUNT: Command = Command::new("BITCOUNT", "bitcount", Group::Bitmap, Run::Keyed(bitcount))
    .syntax("key [range: start end [unit@7.0.0: BYTE | BIT]]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .history(&[("7.0.0", "`BYTE` and `BIT`.")])
    .doc("2.6.0", "O(N) for N bytes", "Counts the bits of a string, or of a part of it, that are set.");

fn bitcount(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let (start, end, bits) = match cx.args.more() {
        false => (0, -1, false),
        true if !(2..=3).contains(&cx.args.left()) => return Err(Error::SYNTAX),
        true => (cx.args.int()?, cx.args.int()?, in_bits(&mut cx.args)?),
    };
    let value = cx.txn.read::<Str>(key)?.unwrap_or(StrRef::Short(b""));
    let count = bit_bounds(start, end, bits, value.len())
        .map_or(0, |(first, last)| value.with(|text| bits::count_range(text, first, last)));
    cx.reply.int(count as i64);
    Ok(())
}

const BITPOS: Command = Command::new("BITPOS", "bitpos", Group::Bitmap, Run::Keyed(bitpos))
    .syntax("key bit [range: start [end-unit-block: end [unit@7.0.0: BYTE | BIT]]]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .history(&[("7.0.0", "`BYTE` and `BIT`.")])
    .doc(
        "2.8.7",
        "O(N) for N bytes",
        "Returns the place of the first bit of a string that is set, or clear.",
    );

fn bitpos(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let wanted = match cx.args.int()? {
        0 => false,
        1 => true,
        _ => return Err(Error::new("ERR The bit argument must be 1 or 0.")),
    };
    if cx.args.left() > 3 {
        return Err(Error::SYNTAX);
    }
    let start = if cx.args.more() { cx.args.int()? } else { 0 };
    // A unit that is none is told before what is wrong with the end.
    if let [_, words @ ..] = cx.args.peek_all() {
        in_bits(&mut Args::new(words, 0))?;
    }
    let end = if cx.args.more() { Some(cx.args.int()?) } else { None };
    let bits = in_bits(&mut cx.args)?;
    let Some(value) = cx.txn.read::<Str>(key)? else {
        cx.reply.int(if wanted { -1 } else { 0 });
        return Ok(());
    };
    // A start before the string is its start, also where the end lies before that: unlike BITCOUNT.
    let len = value.len() as i64 * if bits { 8 } else { 1 };
    let start = if start < 0 { start.saturating_add(len).max(0) } else { start };
    let place = bit_bounds(start, end.unwrap_or(-1), bits, value.len()).map(|(first, last)| {
        let found = value.with(|text| bits::position(text, wanted, first, last));
        // Without an end the string is thought to go on with zeros.
        found.or((!wanted && end.is_none()).then_some(last + 1))
    });
    cx.reply.int(place.flatten().map_or(-1, |at| at as i64));
    Ok(())
}
