//! Fields that expire: asking when.

use super::expire::{NO_FIELDS, take_fields};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];
const SYNTAX: &str = "key FIELDS fields: numfields field [field ...]";
const COMPLEXITY: &str = "O(N) for N fields";

const HTTL: Command = Command::new("HTTL", "httl", Group::Hash, Run::Keyed(httl))
    .syntax(SYNTAX)
    .flags(READ | FAST)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("7.4.0", COMPLEXITY, "Returns in how many seconds fields of a hash expire.");

fn httl(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    answer(cx, |ms| seconds(ms - now_ms))
}

const HPTTL: Command = Command::new("HPTTL", "hpttl", Group::Hash, Run::Keyed(hpttl))
    .syntax(SYNTAX)
    .flags(READ | FAST)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .doc("7.4.0", COMPLEXITY, "Returns in how many milliseconds fields of a hash expire.");

fn hpttl(cx: &mut Keyed<'_, '_>) -> Result {
    let now_ms = cx.txn.now_ms();
    answer(cx, |ms| ms - now_ms)
}

const HEXPIRETIME: Command = Command::new("HEXPIRETIME", "hexpiretime", Group::Hash, Run::Keyed(hexpiretime))
    .syntax(SYNTAX)
    .flags(READ | FAST)
    .keys(KEY)
    .doc("7.4.0", COMPLEXITY, "Returns the unix time in seconds at which fields of a hash expire.");

fn hexpiretime(cx: &mut Keyed<'_, '_>) -> Result {
    answer(cx, seconds)
}

const HPEXPIRETIME: Command =
    Command::new("HPEXPIRETIME", "hpexpiretime", Group::Hash, Run::Keyed(hpexpiretime))
        .syntax(SYNTAX)
        .flags(READ | FAST)
        .keys(KEY)
        .doc("7.4.0", COMPLEXITY, "Returns the unix time in milliseconds at which fields of a hash expire.");

fn hpexpiretime(cx: &mut Keyed<'_, '_>) -> Result {
    answer(cx, |ms| ms)
}

/// Milliseconds as seconds, rounded up.
fn seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}

/// Answers what `shown` makes of each field's expiry; -1 when it has none, -2 when it is not there.
fn answer(cx: &mut Keyed<'_, '_>, shown: impl Fn(i64) -> i64) -> Result {
    let hash = cx.txn.live(cx.args.bytes()?)?;
    let fields = take_fields(&mut cx.args, NO_FIELDS)?;
    cx.reply.array(fields.len());
    for field in fields {
        cx.reply.int(match hash.and_then(|hash| hash.get(field)) {
            None => -2,
            Some(f) => f.expire_at.map_or(-1, &shown),
        });
    }
    Ok(())
}
