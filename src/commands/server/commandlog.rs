//! SLOWLOG, and COMMANDLOG as Valkey has it: calls that took long, were large, or got large replies.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;
use crate::engine::Excess;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[COMMANDLOG, SLOWLOG];

const SLOWLOG: Command = Command::new("SLOWLOG", "slowlog", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("2.2.12", "Depends on the subcommand.", "Holds the commands about slow calls.");

const SUBCOMMANDS: &[Command] = &[GET, HELP, LEN, RESET];

const FLAGS: u32 = ADMIN | LOADING | STALE;

const HELP: Command = Command::new("HELP", "slowlog|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("6.2.0", "O(1)", "Lists the subcommands.");

const GET: Command = Command::new("GET", "slowlog|get", Group::Server, Run::Outer(get))
    .syntax("[count]")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "nondeterministic_output"])
    .history(&[("4.0.0", "Tells the client's address and name.")])
    .doc("2.2.12", "O(N) where N is the number of calls.", "Answers the latest slow calls.");

/// Calls that are answered when no number is given.
const COUNT: usize = 10;

fn get(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() > 1 {
        return Err(cx.args.misused());
    }
    let count = if cx.args.more() { count(cx)? } else { COUNT };
    tell(cx, Excess::Slow, count);
    Ok(())
}

/// How many calls are asked for; -1 is all.
fn count(cx: &mut Outer<'_>) -> Result<usize> {
    match cx.args.int() {
        Ok(-1) => Ok(usize::MAX),
        Ok(n @ 0..) => Ok(n as usize),
        _ => Err(Error::new("ERR count should be greater than or equal to -1")),
    }
}

fn tell(cx: &mut Outer<'_>, excess: Excess, count: usize) {
    let calls = cx.engine.commandlog.latest(excess, count);
    cx.reply.array(calls.len());
    for call in calls {
        cx.reply.array(6);
        cx.reply.int(call.id as i64);
        cx.reply.int(call.at_s);
        cx.reply.int(call.measure as i64);
        cx.reply.array(call.argv.len());
        call.argv.iter().for_each(|word| cx.reply.bulk(word));
        cx.reply.bulk(call.addr.as_bytes());
        cx.reply.bulk(&call.name);
    }
}

const LEN: Command = Command::new("LEN", "slowlog|len", Group::Server, Run::Outer(len))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
    .doc("2.2.12", "O(1)", "Counts the slow calls that are remembered.");

fn len(cx: &mut Outer<'_>) -> Result {
    cx.reply.len_of(cx.engine.commandlog.len(Excess::Slow));
    Ok(())
}

const RESET: Command = Command::new("RESET", "slowlog|reset", Group::Server, Run::Outer(reset))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("2.2.12", "O(N) where N is the number of calls.", "Forgets the slow calls.");

fn reset(cx: &mut Outer<'_>) -> Result {
    cx.engine.commandlog.reset(Excess::Slow);
    cx.reply.ok();
    Ok(())
}

const COMMANDLOG: Command =
    Command::new("COMMANDLOG", "commandlog", Group::Server, Run::Container(EXCESSIVE)).arity(-2).doc(
        "0.1.0",
        "Depends on the subcommand.",
        "Holds the commands about slow and large calls.",
    );

const EXCESSIVE: &[Command] = &[GET_OF, HELP_OF, LEN_OF, RESET_OF];

const HELP_OF: Command = Command::new("HELP", "commandlog|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("0.1.0", "O(1)", "Lists the subcommands.");

/// Which calls a subcommand is about.
fn excess(cx: &mut Outer<'_>) -> Result<Excess> {
    let known = [
        ("slow", Excess::Slow),
        ("large-request", Excess::LargeRequest),
        ("large-reply", Excess::LargeReply),
    ];
    let found = known.into_iter().find(|(name, _)| cx.args.word(name));
    found
        .map(|(_, excess)| excess)
        .ok_or(Error::new("ERR type should be one of the following: slow, large-request, large-reply"))
}

const GET_OF: Command = Command::new("GET", "commandlog|get", Group::Server, Run::Outer(get_of))
    .syntax("count:integer <SLOW | LARGE-REQUEST | LARGE-REPLY>")
    .arity(4)
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "nondeterministic_output"])
    .doc(
        "0.1.0",
        "O(N) where N is the number of calls.",
        "Answers the latest calls that were slow or large.",
    );

fn get_of(cx: &mut Outer<'_>) -> Result {
    let count = count(cx)?;
    let excess = excess(cx)?;
    tell(cx, excess, count);
    Ok(())
}

const LEN_OF: Command = Command::new("LEN", "commandlog|len", Group::Server, Run::Outer(len_of))
    .syntax("<SLOW | LARGE-REQUEST | LARGE-REPLY>")
    .arity(3)
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
    .doc("0.1.0", "O(1)", "Counts the calls that are remembered.");

fn len_of(cx: &mut Outer<'_>) -> Result {
    let excess = excess(cx)?;
    cx.reply.len_of(cx.engine.commandlog.len(excess));
    Ok(())
}

const RESET_OF: Command = Command::new("RESET", "commandlog|reset", Group::Server, Run::Outer(reset_of))
    .syntax("<SLOW | LARGE-REQUEST | LARGE-REPLY>")
    .arity(3)
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("0.1.0", "O(N) where N is the number of calls.", "Forgets the calls.");

fn reset_of(cx: &mut Outer<'_>) -> Result {
    let excess = excess(cx)?;
    cx.engine.commandlog.reset(excess);
    cx.reply.ok();
    Ok(())
}
