//! Adding elements at the ends.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::types::{End, List};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LPUSH, RPUSH, LPUSHX, RPUSHX];

const KEY: &[Keys] = &[Keys::one(1, access::RW | access::INSERT)];
const COST: &str = "O(1) for each element";

const LPUSH: Command = Command::new("LPUSH", "lpush", Group::List, Run::Keyed(lpush))
    .syntax("key element [element ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .history(&[("2.4.0", "Several elements.")])
    .doc("1.0.0", COST, "Adds elements at the front of a list, which is created when it is absent.");

fn lpush(cx: &mut Keyed<'_, '_>) -> Result {
    push(cx, End::Front)
}

const RPUSH: Command = Command::new("RPUSH", "rpush", Group::List, Run::Keyed(rpush))
    .syntax("key element [element ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .history(&[("2.4.0", "Several elements.")])
    .doc("1.0.0", COST, "Adds elements at the back of a list, which is created when it is absent.");

fn rpush(cx: &mut Keyed<'_, '_>) -> Result {
    push(cx, End::Back)
}

fn push(cx: &mut Keyed<'_, '_>, end: End) -> Result {
    let key = cx.args.bytes()?;
    let len = cx.txn.upsert::<List>(key)?.push(end, cx.args.rest());
    cx.reply.len_of(len);
    Ok(())
}

const LPUSHX: Command = Command::new("LPUSHX", "lpushx", Group::List, Run::Keyed(lpushx))
    .syntax("key element [element ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("lpush")
    .history(&[("4.0.0", "Several elements.")])
    .doc("2.2.0", COST, "Adds elements at the front of a list that exists.");

fn lpushx(cx: &mut Keyed<'_, '_>) -> Result {
    push_to_existing(cx, End::Front)
}

const RPUSHX: Command = Command::new("RPUSHX", "rpushx", Group::List, Run::Keyed(rpushx))
    .syntax("key element [element ...]")
    .flags(WRITE | GROWS | FAST)
    .keys(KEY)
    .event("rpush")
    .history(&[("4.0.0", "Several elements.")])
    .doc("2.2.0", COST, "Adds elements at the back of a list that exists.");

fn rpushx(cx: &mut Keyed<'_, '_>) -> Result {
    push_to_existing(cx, End::Back)
}

fn push_to_existing(cx: &mut Keyed<'_, '_>, end: End) -> Result {
    let key = cx.args.bytes()?;
    let list = cx.txn.edit::<List>(key)?;
    let len = list.map_or(0, |mut list| list.push(end, cx.args.rest()));
    cx.reply.len_of(len);
    Ok(())
}
