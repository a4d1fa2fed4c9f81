//! Cluster mode, which this server is not in: clients that ask are told so in the words they know.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ASKING_COMMAND, CLUSTER, READONLY, READWRITE];

const CLUSTER: Command = Command::new("CLUSTER", "cluster", Group::Cluster, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("3.0.0", "Depends on the subcommand.", "Holds the commands about a cluster.");

const SUBCOMMANDS: &[Command] = &[
    sub("COUNTKEYSINSLOT", "cluster|countkeysinslot").syntax("slot:integer").flags(STALE).doc(
        "3.0.0",
        "O(1)",
        "Counts the keys of a slot.",
    ),
    sub("HELP", "cluster|help").syntax("").flags(LOADING | STALE).doc(
        "5.0.0",
        "O(1)",
        "Lists the subcommands.",
    ),
    sub("INFO", "cluster|info").syntax("").flags(STALE).tips(VARIES).doc(
        "3.0.0",
        "O(1)",
        "Tells the cluster's state.",
    ),
    sub("KEYSLOT", "cluster|keyslot").syntax("key:string").flags(STALE).doc(
        "3.0.0",
        "O(N)",
        "Tells the slot of a key.",
    ),
    sub("MYID", "cluster|myid").syntax("").flags(STALE).doc("3.0.0", "O(1)", "Tells this node's name."),
    sub("NODES", "cluster|nodes").syntax("").flags(STALE).tips(VARIES).doc(
        "3.0.0",
        "O(N)",
        "Lists the nodes.",
    ),
    sub("RESET", "cluster|reset").syntax("[reset-type: HARD | SOFT]").flags(ADMIN | NO_SCRIPT | STALE).doc(
        "3.0.0",
        "O(N)",
        "Makes this node forget the others.",
    ),
    sub("SHARDS", "cluster|shards").syntax("").flags(LOADING | STALE).tips(VARIES).doc(
        "7.0.0",
        "O(N)",
        "Lists the slots of each shard.",
    ),
    sub("SLOTS", "cluster|slots")
        .syntax("")
        .flags(LOADING | STALE)
        .tips(VARIES)
        .deprecated("7.0.0", "`CLUSTER SHARDS`")
        .history(&[("4.0.0", "Tells the nodes' names."), ("7.0.0", "Tells more of how nodes are reached.")])
        .doc("3.0.0", "O(N)", "Lists the nodes of each range of slots."),
];

const VARIES: &[&str] = &["nondeterministic_output"];

const fn sub(name: &'static str, full: &'static str) -> Command {
    Command::new(name, full, Group::Cluster, Run::Outer(alone))
}

const ASKING_COMMAND: Command = Command::new("ASKING", "asking", Group::Cluster, Run::Outer(alone))
    .syntax("")
    .flags(FAST)
    .subject(&["connection"])
    .doc("3.0.0", "O(1)", "Announces a call about a slot that is being handed over.");

const READONLY: Command = Command::new("READONLY", "readonly", Group::Cluster, Run::Outer(alone))
    .syntax("")
    .flags(FAST | LOADING | STALE)
    .subject(&["connection"])
    .doc("3.0.0", "O(1)", "Says that the client reads where it need not be the latest.");

const READWRITE: Command = Command::new("READWRITE", "readwrite", Group::Cluster, Run::Outer(alone))
    .syntax("")
    .flags(FAST | LOADING | STALE)
    .subject(&["connection"])
    .doc("3.0.0", "O(1)", "Ends READONLY.");

/// The server stands alone.
fn alone(_: &mut Outer<'_>) -> Result {
    Err(Error::new("ERR This instance has cluster support disabled"))
}
