//! What the log says of queues: the verbs are drawn in [`crate::keyspace::edit`]'s file about queues.

use super::{set, take_state};
use crate::base::number;
use crate::command::flag::{EFFECT, WRITE};
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Edit;
use crate::keyspace::edit::Removal;
use crate::types::Queue;
use crate::types::queue::{Body, Id, Lease, Nack, Owner, Push};
use std::sync::Arc;

/// The verbs of this file.
pub const COMMANDS: &[Command] = &[
    verb("Q.PUSH", "q.push", push),
    verb("Q.LEND", "q.lend", lend),
    verb("Q.ACK", "q.ack", ack),
    verb("Q.NACK", "q.nack", nack),
    verb("Q.TOUCH", "q.touch", touch),
    verb("Q.SET", "q.set", set),
    verb("Q.DEL", "q.del", delete),
    verb("Q.REDRIVE", "q.redrive", redrive),
    verb("Q.RESTART", "q.restart", restart),
];

const fn verb(name: &'static str, full: &'static str, run: fn(&mut Keyed<'_, '_>) -> Result) -> Command {
    Command::new(name, full, Group::Queue, Run::Keyed(run))
        .syntax("key time [word ...]")
        .flags(WRITE | EFFECT)
        .keys(KEY)
}

const KEY: &[Keys] = &[Keys::one(1, access::RW)];

const MALFORMED: Error = Error::new("ERR malformed effect on a queue");

/// Opens the queue of an effect, as it was when that happened.
fn open<'t>(cx: &'t mut Keyed<'_, '_>) -> Result<(Edit<'t, Queue>, Args<'t>)> {
    let mut args = cx.args;
    let key = args.bytes()?;
    let time_ms = args.int()?;
    let mut queue = cx.txn.upsert_queue(key)?.named("");
    queue.advance_to(time_ms);
    Ok((queue, args))
}

/// The parts of a word of so many 64-bit numbers each.
fn unpack<const N: usize>(word: &[u8]) -> Result<Vec<[u64; N]>> {
    if !word.len().is_multiple_of(8 * N) {
        return Err(MALFORMED);
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let item = |bytes: &[u8]| std::array::from_fn(|i| number(&bytes[8 * i..8 * i + 8]));
    Ok(word.chunks_exact(8 * N).map(item).collect())
}

fn take_ids(args: &mut Args<'_>) -> Result<Vec<Id>> {
    Ok(unpack::<2>(args.bytes()?)?.into_iter().map(|[ms, seq]| Id::new(ms, seq)).collect())
}

fn take_numbered(args: &mut Args<'_>) -> Result<Vec<(Id, u64)>> {
    Ok(unpack::<3>(args.bytes()?)?.into_iter().map(|[ms, seq, n]| (Id::new(ms, seq), n)).collect())
}

fn take_text(args: &mut Args<'_>) -> Result<Box<str>> {
    let text = std::str::from_utf8(args.bytes()?).map_err(|_| MALFORMED)?;
    Ok(text.into())
}

/// Takes a text that may be absent.
fn take_optional<'a>(args: &mut Args<'a>) -> Result<Option<&'a [u8]>> {
    match args.bytes()? {
        [] => Ok(None),
        [b'=', text @ ..] => Ok(Some(text)),
        _ => Err(MALFORMED),
    }
}

fn push(cx: &mut Keyed<'_, '_>) -> Result {
    let argv = cx.args.argv();
    let (mut queue, mut args) = open(cx)?;
    let pri = args.int_in(0..=9, MALFORMED)? as u8;
    let (visible_at, expires_at, limit) = (args.int()?, args.int()?, args.int()?);
    let (group, dedup) = (take_optional(&mut args)?, take_optional(&mut args)?);
    let ids = take_ids(&mut args)?;
    if ids.len() != args.left() || ids.first().is_some_and(|id| *id <= queue.value().last_id()) {
        return Err(MALFORMED);
    }
    let message = |body: &&[u8]| Push {
        body: Body::new(body),
        pri,
        group,
        dedup,
        visible_at,
        expires_at: (expires_at >= 0).then_some(expires_at),
        limit: u32::try_from(limit).ok(),
    };
    let pushes = ids.into_iter().zip(args.rest().iter().map(message)).collect();
    queue.push_again(pushes);
    queue.repeat(argv);
    Ok(())
}

fn lend(cx: &mut Keyed<'_, '_>) -> Result {
    let argv = cx.args.argv();
    let (mut queue, mut args) = open(cx)?;
    let (until_ms, is_tied) = (args.int()?, args.bytes()? == b"1");
    let client = number::parse_u64(args.bytes()?).ok_or(MALFORMED)?;
    let owner = Owner { client, name: take_text(&mut args)?, addr: take_text(&mut args)? };
    let given = take_numbered(&mut args)?;
    queue.lend_again(&given, &Lease { until_ms, owner: Arc::new(owner), is_tied });
    queue.repeat(argv);
    args.end()
}

fn ack(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, mut args) = open(cx)?;
    let receipts: Vec<_> = take_ids(&mut args)?.into_iter().map(|id| (id, None)).collect();
    queue.ack(&receipts);
    args.end()
}

fn nack(cx: &mut Keyed<'_, '_>) -> Result {
    let argv = cx.args.argv();
    let (mut queue, mut args) = open(cx)?;
    let kind = args.bytes()?;
    let reason = take_optional(&mut args)?;
    let given = take_numbered(&mut args)?.into_iter().map(|(id, visible_at)| {
        let how = match kind {
            b"FAILED" => Nack::Failed(i64::try_from(visible_at).map_err(|_| MALFORMED)?),
            b"RETURNED" => Nack::Returned,
            b"UNTIED" => Nack::Untied,
            b"DEAD" => Nack::Dead,
            _ => return Err(MALFORMED),
        };
        Ok((id, how))
    });
    queue.nack_again(&given.collect::<Result<Vec<_>>>()?, reason);
    queue.repeat(argv);
    args.end()
}

fn touch(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, mut args) = open(cx)?;
    let until_ms = args.int()?;
    let receipts: Vec<_> = take_ids(&mut args)?.into_iter().map(|id| (id, None)).collect();
    queue.touch(until_ms.saturating_sub(queue.time_ms()), &receipts);
    args.end()
}

fn set(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, mut args) = open(cx)?;
    let words = &args.argv()[3..];
    let settings = set::parse(&mut args, queue.value().settings().clone())?;
    queue.set(settings, words);
    Ok(())
}

fn delete(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, mut args) = open(cx)?;
    let word = args.bytes()?;
    if word == b"CLEAR" {
        queue.clear();
        return args.end();
    }
    if word == b"ALL" {
        let state = take_state(&mut args).ok_or(MALFORMED)?;
        queue.remove_state(state);
        return args.end();
    }
    let removals = [Removal::Delete, Removal::Drop, Removal::Move];
    let removal = removals.into_iter().find(|removal| removal.word() == word).ok_or(MALFORMED)?;
    queue.remove_all(&take_ids(&mut args)?, removal);
    args.end()
}

fn redrive(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, mut args) = open(cx)?;
    if args.word("FIRST") {
        queue.redrive_first(args.int_in(1.., MALFORMED)? as usize);
    } else {
        queue.redrive(&take_ids(&mut args)?);
    }
    args.end()
}

fn restart(cx: &mut Keyed<'_, '_>) -> Result {
    let (mut queue, args) = open(cx)?;
    queue.restart();
    args.end()
}
