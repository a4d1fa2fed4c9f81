//! PUBSUB: who listens to what.

use crate::command::flag::*;
use crate::command::{Command, Group, Outer, Result, Run};
use crate::commands::help::help;
use crate::pubsub::Topic;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PUBSUB_COMMAND];

const FLAGS: u32 = PUBSUB | LOADING | STALE;

const PUBSUB_COMMAND: Command = Command::new(
    "PUBSUB",
    "pubsub",
    Group::PubSub,
    Run::Container(&[CHANNELS, HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB]),
)
.arity(-2)
.doc("2.8.0", "Depends on the subcommand.", "Holds the commands about who listens to channels.");

const CHANNELS: Command =
    Command::new("CHANNELS", "pubsub|channels", Group::PubSub, Run::Outer(|cx| channels(cx, Topic::Channel)))
        .syntax("[pattern]")
        .flags(FLAGS)
        .doc("2.8.0", "O(N) for N channels.", "Lists the channels somebody listens to by name.");

const SHARDCHANNELS: Command = Command::new(
    "SHARDCHANNELS",
    "pubsub|shardchannels",
    Group::PubSub,
    Run::Outer(|cx| channels(cx, Topic::Shard)),
)
.syntax("[pattern]")
.flags(FLAGS)
.doc("7.0.0", "O(N) for N shard channels.", "Lists the shard channels somebody listens to.");

fn channels(cx: &mut Outer<'_>, topic: Topic) -> Result {
    let pattern = cx.args.peek();
    if cx.args.left() > 1 {
        return Err(cx.args.misused());
    }
    let names = cx.engine.hub.names(topic, pattern);
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk(name));
    Ok(())
}

const NUMSUB: Command =
    Command::new("NUMSUB", "pubsub|numsub", Group::PubSub, Run::Outer(|cx| numsub(cx, Topic::Channel)))
        .syntax("[channel [channel ...]]")
        .flags(FLAGS)
        .doc("2.8.0", "O(N) for N channels.", "Tells how many listen to each of these channels by name.");

const SHARDNUMSUB: Command = Command::new(
    "SHARDNUMSUB",
    "pubsub|shardnumsub",
    Group::PubSub,
    Run::Outer(|cx| numsub(cx, Topic::Shard)),
)
.syntax("[shardchannel [shardchannel ...]]")
.flags(FLAGS)
.doc("7.0.0", "O(N) for N shard channels.", "Tells how many listen to each of these shard channels.");

fn numsub(cx: &mut Outer<'_>, topic: Topic) -> Result {
    let names = cx.args.rest();
    cx.reply.array(2 * names.len());
    for name in names {
        cx.reply.bulk(name);
        cx.reply.len_of(cx.engine.hub.listeners(topic, name));
    }
    Ok(())
}

const NUMPAT: Command = Command::new("NUMPAT", "pubsub|numpat", Group::PubSub, Run::Outer(numpat))
    .flags(FLAGS)
    .doc("2.8.0", "O(1)", "Tells how many different patterns somebody listens by.");

fn numpat(cx: &mut Outer<'_>) -> Result {
    cx.reply.len_of(cx.engine.hub.len_of(Topic::Pattern));
    Ok(())
}

const HELP: Command = Command::new("HELP", "pubsub|help", Group::PubSub, Run::Outer(help))
    .subject(&[])
    .flags(LOADING | STALE)
    .doc("6.2.0", "O(1)", "Lists the subcommands.");
