//! Moving an element from one list to another, at once or when there is one.

use super::end_of;
use super::pop::event;
use crate::command::flag::*;
use crate::command::{Command, Flow, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::keyspace::waiters::Wait;
use crate::keyspace::{Kind, Txn};
use crate::types::{End, List};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LMOVE, RPOPLPUSH, BLMOVE, BRPOPLPUSH];

const KEYS: &[Keys] =
    &[Keys::one(1, access::RW | access::ACCESS | access::DELETE), Keys::one(2, access::RW | access::INSERT)];

const LMOVE: Command = Command::new("LMOVE", "lmove", Group::List, Run::Keyed(lmove))
    .syntax("source destination <wherefrom: LEFT | RIGHT> <whereto: LEFT | RIGHT>")
    .flags(WRITE | GROWS)
    .keys(KEYS)
    .doc(
        "6.2.0",
        "O(1)",
        "Takes an element from one end of a list, puts it at one end of another, returns it.",
    );

fn lmove(cx: &mut Keyed<'_, '_>) -> Result {
    let (source, destination) = (cx.args.bytes()?, cx.args.bytes()?);
    let (from, to) = (end_of(&mut cx.args)?, end_of(&mut cx.args)?);
    if !transfer(cx.txn, cx.reply, (source, from), (destination, to))? {
        cx.reply.null();
    }
    Ok(())
}

const RPOPLPUSH: Command = Command::new("RPOPLPUSH", "rpoplpush", Group::List, Run::Keyed(rpoplpush))
    .syntax("source destination")
    .flags(WRITE | GROWS)
    .keys(KEYS)
    .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
    .doc("1.2.0", "O(1)", "Takes the back element of a list, puts it at the front of another, returns it.");

fn rpoplpush(cx: &mut Keyed<'_, '_>) -> Result {
    let (source, destination) = (cx.args.bytes()?, cx.args.bytes()?);
    if !transfer(cx.txn, cx.reply, (source, End::Back), (destination, End::Front))? {
        cx.reply.null();
    }
    Ok(())
}

const BLMOVE: Command = Command::new("BLMOVE", "blmove", Group::List, Run::Waiting(blmove))
    .syntax("source destination <wherefrom: LEFT | RIGHT> <whereto: LEFT | RIGHT> timeout")
    .flags(WRITE | GROWS | BLOCKING)
    .keys(KEYS)
    .doc("6.2.0", "O(1)", "Does as LMOVE; waits until the source has an element.");

fn blmove(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let (source, destination) = (cx.args.bytes()?, cx.args.bytes()?);
    let (from, to) = (end_of(&mut cx.args)?, end_of(&mut cx.args)?);
    transfer_or_wait(cx, (source, from), (destination, to))
}

const BRPOPLPUSH: Command = Command::new("BRPOPLPUSH", "brpoplpush", Group::List, Run::Waiting(brpoplpush))
    .syntax("source destination timeout")
    .flags(WRITE | GROWS | BLOCKING)
    .keys(KEYS)
    .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
    .history(&[("6.0.0", "The timeout may have a fraction.")])
    .doc("2.2.0", "O(1)", "Does as RPOPLPUSH; waits until the source has an element.");

fn brpoplpush(cx: &mut Keyed<'_, '_>) -> Result<Flow> {
    let (source, destination) = (cx.args.bytes()?, cx.args.bytes()?);
    transfer_or_wait(cx, (source, End::Back), (destination, End::Front))
}

fn transfer_or_wait(cx: &mut Keyed<'_, '_>, from: (&[u8], End), to: (&[u8], End)) -> Result<Flow> {
    let timeout_ms = cx.args.timeout_ms()?;
    // Whether to wait is asked first, by a look of its own.
    cx.txn.access_again(from.0);
    if transfer(cx.txn, cx.reply, from, to)? {
        return Ok(Flow::Done);
    }
    // Only the source is waited for.
    Ok(Flow::Wait(Wait { keys: vec![0], of_one: true, ..Wait::new(Kind::List, timeout_ms) }))
}

/// Moves an element and answers it; `false` if the source is absent.
fn transfer(txn: &mut Txn<'_>, reply: &mut Reply, from: (&[u8], End), to: (&[u8], End)) -> Result<bool> {
    let pushed = if to.1 == End::Front { "lpush" } else { "rpush" };
    if from.0 == to.0 {
        // It is looked up as the source and as the destination.
        txn.access_again(from.0);
    }
    let Some(source) = txn.edit::<List>(from.0)? else { return Ok(false) };
    if from.0 == to.0 {
        let mut list = source.named(pushed);
        let text = list.rotate(from.1, to.1);
        list.follow_with(event(from.1));
        reply.bulk_or_null(text.as_deref());
        return Ok(true);
    }
    let Some(text) = source.value().peek(from.1).map(|item| item.to_vec()) else { return Ok(false) };
    drop(source);
    reply.bulk(&text);
    txn.upsert::<List>(to.0)?.named(pushed).push_moved(to.1, &text);
    if let Some(list) = txn.edit::<List>(from.0)? {
        // Moving is one change.
        list.named(event(from.1)).counting(0, |list| list.pop(from.1, |_| ()));
    }
    Ok(true)
}
