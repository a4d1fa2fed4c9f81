//! XINFO: what is known of a stream, its groups and their consumers.

use super::{no_such_group, reply_entry, reply_id};
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::commands::help::help;
use crate::types::Stream;
use crate::types::stream::producers::Producers;
use crate::types::stream::{self, Consumer, Entry, Id};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[XINFO];

const XINFO: Command = Command::new("XINFO", "xinfo", Group::Stream, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("5.0.0", "Depends on the subcommand.", "Tells about a stream.");

const SUBCOMMANDS: &[Command] = &[STREAM, GROUPS, CONSUMERS, HELP];

const HELP: Command = Command::new("HELP", "xinfo|help", Group::Stream, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const KEY: &[Keys] = &[Keys::one(2, access::RO | access::ACCESS)];

const STREAM: Command = Command::new("STREAM", "xinfo|stream", Group::Stream, Run::Keyed(stream))
    .syntax("key [full-block: FULL [COUNT count]]")
    .flags(READ)
    .keys(KEY)
    .history(&[
        ("6.0.0", "`FULL`."),
        (
            "7.0.0",
            "Tells what was added and deleted in all, and of groups what they have read and their lag.",
        ),
        ("7.2.0", "`active-time` is told, and `seen-time` counts attempts too."),
    ])
    .doc("5.0.0", "O(1), or O(N) for N entries in full", "Tells about a stream.");

fn stream(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let stream = cx.txn.read::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let full = full_count(&mut cx.args)?;
    let reply = &mut *cx.reply;
    let fields = if full.is_some() { 9 } else { 10 };
    reply.map(fields + if stream.producers().is_some() { 6 } else { 0 });
    reply_head(reply, stream);
    stream.producers().into_iter().for_each(|producers| reply_producers(reply, producers, cx.txn.now_ms()));
    if let Some(count) = full {
        reply_full(reply, stream, count);
    } else {
        reply.bulk(b"groups");
        reply.len_of(stream.groups().len());
        for (name, entry) in [("first-entry", stream.first()), ("last-entry", stream.last())] {
            reply.bulk(name.as_bytes());
            match entry {
                Some(entry) => reply_entry(reply, &entry),
                None => reply.null(),
            }
        }
    }
    Ok(())
}

/// Takes `FULL [COUNT count]`: how many entries are to be told in full, if it is asked for.
fn full_count(args: &mut Args<'_>) -> Result<Option<usize>> {
    const DEFAULT: usize = 10;
    if !args.more() {
        return Ok(None);
    }
    if args.word("FULL") {
        if !args.more() {
            return Ok(Some(DEFAULT));
        }
        if args.left() == 2 && args.word("COUNT") {
            return Ok(Some(match args.int()? {
                0 => usize::MAX,
                n => usize::try_from(n).unwrap_or(DEFAULT),
            }));
        }
    }
    Err(args.misused())
}

/// Answers the fields that both forms of XINFO STREAM begin with.
fn reply_head(reply: &mut Reply, stream: &Stream) {
    let id = |reply: &mut Reply, name: &str, id: Id| {
        reply.bulk(name.as_bytes());
        reply_id(reply, id);
    };
    let blocks = stream.blocks() as u64;
    number(reply, "length", stream.len());
    number(reply, "radix-tree-keys", blocks);
    // A radix tree has its root besides.
    number(reply, "radix-tree-nodes", blocks + 1);
    id(reply, "last-generated-id", stream.last_id());
    id(reply, "max-deleted-entry-id", stream.max_deleted_id());
    number(reply, "entries-added", stream.entries_added());
    id(reply, "recorded-first-entry-id", stream.first().map_or(Id::MIN, |entry| entry.id));
}

fn number(reply: &mut Reply, name: &str, n: u64) {
    reply.bulk(name.as_bytes());
    reply.int(n as i64);
}

/// Answers what Redis 8.6 tells of every stream, and Synap of those that know producers.
fn reply_producers(reply: &mut Reply, producers: &Producers, now_ms: i64) {
    let (pids, iids) = producers.iter(now_ms).fold((0, 0), |(n, all), (_, sent)| (n + 1, all + sent.count()));
    number(reply, "idmp-duration", producers.bounds().seconds);
    number(reply, "idmp-maxsize", producers.bounds().names);
    number(reply, "pids-tracked", pids);
    number(reply, "iids-tracked", iids as u64);
    number(reply, "iids-added", producers.added);
    number(reply, "iids-duplicates", producers.repeated);
}

fn int_or_null(reply: &mut Reply, name: &str, n: Option<u64>) {
    reply.bulk(name.as_bytes());
    match n {
        Some(n) => reply.int(n as i64),
        None => reply.null(),
    }
}

/// Answers up to `count` entries, and up to `count` pending ones of each group and consumer.
fn reply_full(reply: &mut Reply, stream: &Stream, count: usize) {
    let entries: Vec<Entry<'_>> = stream.range(Id::MIN, Id::MAX).take(count).collect();
    reply.bulk(b"entries");
    reply.array(entries.len());
    entries.iter().for_each(|entry| reply_entry(reply, entry));
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"last-delivered-id");
        reply_id(reply, group.last_delivered);
        int_or_null(reply, "entries-read", group.entries_read);
        int_or_null(reply, "lag", stream.lag(group));
        reply.bulk(b"pel-count");
        reply.len_of(group.pending_len());
        reply.bulk(b"pending");
        reply.array(count.min(group.pending_len()));
        for (id, pending) in group.pending(..).take(count) {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.int(pending.delivered_ms);
            reply.int(pending.count as i64);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers().len());
        group.consumers().for_each(|consumer| reply_full_consumer(reply, group, consumer, count));
    }
}

fn reply_full_consumer(reply: &mut Reply, group: &stream::Group, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.int(consumer.seen_ms);
    reply.bulk(b"active-time");
    reply.int(consumer.active_ms.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.len_of(consumer.pending_len());
    reply.bulk(b"pending");
    reply.array(count.min(consumer.pending_len()));
    for (id, pending) in consumer.pending(..).take(count).filter_map(|id| Some((id, group.get(id)?))) {
        reply.array(3);
        reply_id(reply, id);
        reply.int(pending.delivered_ms);
        reply.int(pending.count as i64);
    }
}

const GROUPS: Command = Command::new("GROUPS", "xinfo|groups", Group::Stream, Run::Keyed(groups))
    .syntax("key")
    .flags(READ)
    .keys(KEY)
    .history(&[("7.0.0", "Tells what groups have read, and their lag.")])
    .doc("5.0.0", "O(N) for N groups", "Tells about the groups of a stream.");

fn groups(cx: &mut Keyed<'_, '_>) -> Result {
    let stream = cx.txn.read::<Stream>(cx.args.bytes()?)?.ok_or(Error::NO_SUCH_KEY)?;
    cx.reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        cx.reply.map(6);
        cx.reply.bulk(b"name");
        cx.reply.bulk(name);
        cx.reply.bulk(b"consumers");
        cx.reply.len_of(group.consumers().len());
        cx.reply.bulk(b"pending");
        cx.reply.len_of(group.pending_len());
        cx.reply.bulk(b"last-delivered-id");
        reply_id(cx.reply, group.last_delivered);
        int_or_null(cx.reply, "entries-read", group.entries_read);
        int_or_null(cx.reply, "lag", stream.lag(group));
    }
    Ok(())
}

const CONSUMERS: Command = Command::new("CONSUMERS", "xinfo|consumers", Group::Stream, Run::Keyed(consumers))
    .syntax("key group")
    .flags(READ)
    .keys(KEY)
    .tips(&["nondeterministic_output"])
    .history(&[("7.2.0", "`inactive` is told, and `idle` counts attempts too.")])
    .doc("5.0.0", "O(N) for N consumers", "Tells about the consumers of a group.");

fn consumers(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, name) = (cx.args.bytes()?, cx.args.bytes()?);
    let now_ms = cx.txn.now_ms();
    let stream = cx.txn.read::<Stream>(key)?.ok_or(Error::NO_SUCH_KEY)?;
    let group = stream.group(name).ok_or_else(|| no_such_group(key, name))?;
    cx.reply.array(group.consumers().len());
    for consumer in group.consumers() {
        cx.reply.map(4);
        cx.reply.bulk(b"name");
        cx.reply.bulk(consumer.name());
        cx.reply.bulk(b"pending");
        cx.reply.len_of(consumer.pending_len());
        cx.reply.bulk(b"idle");
        cx.reply.int((now_ms - consumer.seen_ms).max(0));
        cx.reply.bulk(b"inactive");
        cx.reply.int(consumer.active_ms.map_or(-1, |active| (now_ms - active).max(0)));
    }
    Ok(())
}
