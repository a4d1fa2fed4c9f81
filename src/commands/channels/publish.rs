//! PUBLISH SPUBLISH.

use crate::command::flag::*;
use crate::command::{Channels, Command, Group, Keys, Outer, Result, Run, access};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PUBLISH, SPUBLISH];

const PUBLISH: Command = Command::new("PUBLISH", "publish", Group::PubSub, Run::Outer(publish))
    .syntax("channel message")
    .flags(PUBSUB | LOADING | STALE | FAST | REPLICATES)
    .channels(Channels::First)
    .doc(
        "2.0.0",
        "O(N+M) for N subscribers of the channel and M patterns of all clients.",
        "Sends a message to everyone who listens to a channel.",
    );

fn publish(cx: &mut Outer<'_>) -> Result {
    let (channel, message) = (cx.args.bytes()?, cx.args.bytes()?);
    told(cx, cx.engine.hub.publish(channel, message))
}

const SPUBLISH: Command = Command::new("SPUBLISH", "spublish", Group::PubSub, Run::Outer(spublish))
    .syntax("shardchannel message")
    .flags(PUBSUB | LOADING | STALE | FAST | REPLICATES)
    .channels(Channels::First)
    .keys(&[Keys::one(1, access::NOT_KEY)])
    .doc(
        "7.0.0",
        "O(N) for N subscribers of the shard channel.",
        "Sends a message to everyone who listens to a shard channel.",
    );

fn spublish(cx: &mut Outer<'_>) -> Result {
    let (channel, message) = (cx.args.bytes()?, cx.args.bytes()?);
    told(cx, cx.engine.hub.publish_to_shard(channel, message))
}

/// Counts and answers to how many a message went.
fn told(cx: &mut Outer<'_>, subscribers: usize) -> Result {
    cx.engine.metrics.local().counters.pubsub_messages.add(subscribers as u64);
    cx.reply.len_of(subscribers);
    Ok(())
}
