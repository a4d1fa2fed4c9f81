//! SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE.

use crate::command::flag::*;
use crate::command::{Channels, Command, Error, Group, Keys, Outer, Reply, Result, Run, access};
use crate::pubsub::Topic;
use bytes::Bytes;

/// The commands of this file.
pub const COMMANDS: &[Command] =
    &[PSUBSCRIBE, PUNSUBSCRIBE, SSUBSCRIBE, SUBSCRIBE, SUNSUBSCRIBE, UNSUBSCRIBE];

const FLAGS: u32 = PUBSUB | NO_SCRIPT | LOADING | STALE | SUBSCRIBED;

const SUBSCRIBE: Command =
    Command::new("SUBSCRIBE", "subscribe", Group::PubSub, Run::Outer(|cx| subscribe(cx, Topic::Channel)))
        .syntax("channel [channel ...]")
        .flags(FLAGS)
        .channels(Channels::All)
        .doc("2.0.0", "O(1) for each channel.", "Listens to channels.");

const PSUBSCRIBE: Command =
    Command::new("PSUBSCRIBE", "psubscribe", Group::PubSub, Run::Outer(|cx| subscribe(cx, Topic::Pattern)))
        .syntax("pattern [pattern ...]")
        .flags(FLAGS)
        .channels(Channels::Patterns)
        .doc("2.0.0", "O(1) for each pattern.", "Listens to all channels whose names match a pattern.");

const SSUBSCRIBE: Command =
    Command::new("SSUBSCRIBE", "ssubscribe", Group::PubSub, Run::Outer(|cx| subscribe(cx, Topic::Shard)))
        .syntax("shardchannel [shardchannel ...]")
        .flags(FLAGS)
        .channels(Channels::All)
        .keys(&[Keys::rest(1, access::NOT_KEY)])
        .doc("7.0.0", "O(1) for each shard channel.", "Listens to shard channels.");

const UNSUBSCRIBE: Command = Command::new(
    "UNSUBSCRIBE",
    "unsubscribe",
    Group::PubSub,
    Run::Outer(|cx| unsubscribe(cx, Topic::Channel)),
)
.syntax("[channel [channel ...]]")
.flags(FLAGS)
.doc("2.0.0", "O(1) for each channel.", "Stops listening to channels: to these, or to all.");

const PUNSUBSCRIBE: Command = Command::new(
    "PUNSUBSCRIBE",
    "punsubscribe",
    Group::PubSub,
    Run::Outer(|cx| unsubscribe(cx, Topic::Pattern)),
)
.syntax("[pattern [pattern ...]]")
.flags(FLAGS)
.doc("2.0.0", "O(1) for each pattern.", "Stops listening by patterns: by these, or by all.");

const SUNSUBSCRIBE: Command = Command::new(
    "SUNSUBSCRIBE",
    "sunsubscribe",
    Group::PubSub,
    Run::Outer(|cx| unsubscribe(cx, Topic::Shard)),
)
.syntax("[shardchannel [shardchannel ...]]")
.flags(FLAGS)
.keys(&[Keys::rest(1, access::NOT_KEY)])
.doc("7.0.0", "O(1) for each shard channel.", "Stops listening to shard channels: to these, or to all.");

fn subscribe(cx: &mut Outer<'_>, topic: Topic) -> Result {
    // Of the others Redis allows it, as older versions did.
    if topic == Topic::Shard && cx.session.nested {
        return Err(Error::new("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client"));
    }
    for name in cx.args.rest() {
        cx.session.subscribe(cx.engine, topic, Bytes::copy_from_slice(name));
        confirm(cx.reply, cx.command, Some(name), cx.session.subscriptions(topic));
    }
    Ok(())
}

fn unsubscribe(cx: &mut Outer<'_>, topic: Topic) -> Result {
    let names: Vec<Bytes> = match cx.args.more() {
        true => cx.args.rest().iter().map(|name| Bytes::copy_from_slice(name)).collect(),
        false => cx.session.subscribed(topic).cloned().collect(),
    };
    let mut confirmations = Vec::with_capacity(names.len());
    for name in names {
        cx.session.unsubscribe(cx.engine, topic, &name);
        confirmations.push((Some(name), cx.session.subscriptions(topic)));
    }
    if confirmations.is_empty() {
        confirmations.push((None, cx.session.subscriptions(topic)));
    }
    // What was sent until now comes before the confirmation: behind it nothing more is expected.
    // Inside of EXEC the reply is part of another.
    if !cx.session.nested {
        cx.session.client.outbox.take_frames().into_iter().for_each(|frame| cx.reply.raw_shared(frame));
    }
    for (name, left) in confirmations {
        confirm(cx.reply, cx.command, name.as_deref(), left);
    }
    Ok(())
}

fn confirm(reply: &mut Reply, command: &Command, name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(command.full_name.as_bytes());
    reply.bulk_or_null(name);
    reply.len_of(count);
}
