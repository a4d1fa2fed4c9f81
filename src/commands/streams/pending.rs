//! Acknowledging entries, and looking at what is not acknowledged.

use super::remove::{answer, remove, reply_absent, take_references_and_ids};
use super::{no_group, parse_bound, parse_ids, reply_id};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::types::Stream;
use crate::types::stream::{self, Consumer, Id};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XACK, XACKDEL, XPENDING];

const XACK: Command = Command::new("XACK", "xack", Group::Stream, Run::Keyed(xack))
    .syntax("key group id [id ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .doc("5.0.0", "O(1) for each entry", "Acknowledges entries: they are pending in the group no more.");

fn xack(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group) = (cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.look(key);
    let stream = cx.txn.edit::<Stream>(key)?.filter(|stream| stream.value().group(group).is_some());
    let Some(stream) = stream else {
        cx.reply.int(0);
        return Ok(());
    };
    let ids = parse_ids(cx.args.rest())?;
    let mut stream = stream.quietly();
    cx.reply.len_of(ids.iter().filter(|id| stream.acknowledge(group, **id)).count());
    Ok(())
}

const XACKDEL: Command = Command::new("XACKDEL", "xackdel", Group::Stream, Run::Keyed(xackdel))
    .syntax("key group [KEEPREF | DELREF | ACKED] IDS ids: numids:integer id [id ...]")
    .flags(WRITE | FAST)
    .keys(&[Keys::one(1, access::RW | access::UPDATE | access::DELETE)])
    .event("xdel")
    .doc(
        "8.2.0",
        "O(1) for each entry and group",
        "Acknowledges entries in a group, and removes those that may be removed from the stream.",
    );

fn xackdel(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group) = (cx.args.bytes()?, cx.args.bytes()?);
    cx.txn.look(key);
    let stream = cx.txn.edit::<Stream>(key)?.filter(|stream| stream.value().group(group).is_some());
    let (references, ids) = take_references_and_ids(&mut cx.args)?;
    let Some(stream) = stream else {
        reply_absent(cx.reply, ids.len());
        return Ok(());
    };
    let ids = parse_ids(ids)?;
    let mut stream = stream.quietly();
    cx.reply.array(ids.len());
    for id in ids {
        cx.reply.int(match stream.acknowledge(group, id) {
            false => -1,
            // An entry that is gone already is as good as removed: its reference went now.
            true => answer(remove(&mut stream, id, references)).abs(),
        });
    }
    Ok(())
}

const XPENDING: Command = Command::new("XPENDING", "xpending", Group::Stream, Run::Keyed(xpending))
    .syntax(
        "key group [filters: [IDLE@6.2.0 min-idle-time:integer] start:string end:string count [consumer]]",
    )
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .history(&[("6.2.0", "`IDLE`, and bounds that are not part of the range.")])
    .doc(
        "5.0.0",
        "O(N) for N entries looked at",
        "Tells what is pending in a group: a summary, or entry by entry.",
    );

/// Which pending entries XPENDING is asked for.
struct Listing<'a> {
    idle_ms: i64,
    start: Id,
    end: Id,
    count: usize,
    consumer: Option<&'a [u8]>,
}

fn xpending(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, group) = (cx.args.bytes()?, cx.args.bytes()?);
    let listing = parse(cx)?;
    let now_ms = cx.txn.now_ms();
    let stream = cx.txn.read::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.group(group)).ok_or_else(|| no_group(key, group, ""))?;
    match listing {
        None => summarise(group, cx.reply),
        Some(listing) => listing.reply(group, now_ms, cx.reply),
    }
    Ok(())
}

fn parse<'a>(cx: &mut Keyed<'a, '_>) -> Result<Option<Listing<'a>>> {
    let args = &mut cx.args;
    if !args.more() {
        return Ok(None);
    }
    if !(3..=6).contains(&args.left()) {
        return Err(Error::SYNTAX);
    }
    let mut idle_ms = 0;
    if args.word("IDLE") {
        idle_ms = args.int()?;
        if args.left() < 3 {
            return Err(Error::SYNTAX);
        }
    }
    let (start, end) = (args.bytes()?, args.bytes()?);
    let count = args.int()?.max(0) as usize;
    let (start, end) = (parse_bound(start, true)?, parse_bound(end, false)?);
    Ok(Some(Listing { idle_ms, start, end, count, consumer: args.rest().first().copied() }))
}

/// Answers how much is pending, its first and last id, and how much of it each consumer has.
fn summarise(group: &stream::Group, reply: &mut Reply) {
    reply.array(4);
    reply.len_of(group.pending_len());
    let (Some((first, _)), Some((last, _))) = (group.pending(..).next(), group.pending(..).next_back())
    else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let owners: Vec<&Consumer> = group.consumers().filter(|consumer| consumer.pending_len() > 0).collect();
    reply.array(owners.len());
    for consumer in owners {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending_len() as i64);
    }
}

impl Listing<'_> {
    /// Answers the entries one by one: id, consumer, idle time in milliseconds, deliveries.
    fn reply(&self, group: &stream::Group, now_ms: i64, reply: &mut Reply) {
        if self.start > self.end {
            return reply.array(0);
        }
        let range = self.start..=self.end;
        let ids: Box<dyn Iterator<Item = Id>> = match self.consumer.map(|name| group.find(name)) {
            None => Box::new(group.pending(range).map(|(id, _)| id)),
            Some(Some(no)) => Box::new(group.consumer(no).pending(range)),
            Some(None) => return reply.array(0),
        };
        let listed: Vec<_> = ids
            .filter_map(|id| Some((id, group.get(id)?)))
            .filter(|(_, pending)| now_ms - pending.delivered_ms >= self.idle_ms)
            .take(self.count)
            .collect();
        reply.array(listed.len());
        for (id, pending) in listed {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.int((now_ms - pending.delivered_ms).max(0));
            reply.int(pending.count as i64);
        }
    }
}
