//! SLOWLOG.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SLOWLOG];

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
    .doc("2.2.12", "O(N) where N is the number of calls.", "Answers the latest slow calls.");

/// Calls that are answered when no number is given.
const COUNT: usize = 10;

fn get(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() > 1 {
        return Err(Error::new(
            "ERR unknown subcommand or wrong number of arguments for 'GET'. Try SLOWLOG HELP.",
        ));
    }
    let invalid = Error::new("ERR count should be greater than or equal to -1");
    let count = match cx.args.more() {
        false => COUNT,
        true => match cx.args.int() {
            Ok(-1) => usize::MAX,
            Ok(n @ 0..) => n as usize,
            _ => return Err(invalid),
        },
    };
    let calls = cx.engine.slowlog.latest(count);
    cx.reply.array(calls.len());
    for call in calls {
        cx.reply.array(6);
        cx.reply.int(call.id as i64);
        cx.reply.int(call.at_s);
        cx.reply.int(call.us as i64);
        cx.reply.array(call.argv.len());
        call.argv.iter().for_each(|word| cx.reply.bulk(word));
        cx.reply.bulk(call.addr.as_bytes());
        cx.reply.bulk(call.name.as_bytes());
    }
    Ok(())
}

const LEN: Command = Command::new("LEN", "slowlog|len", Group::Server, Run::Outer(len))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"])
    .doc("2.2.12", "O(1)", "Counts the slow calls that are remembered.");

fn len(cx: &mut Outer<'_>) -> Result {
    cx.reply.len_of(cx.engine.slowlog.len());
    Ok(())
}

const RESET: Command = Command::new("RESET", "slowlog|reset", Group::Server, Run::Outer(reset))
    .syntax("")
    .flags(FLAGS)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc("2.2.12", "O(N) where N is the number of calls.", "Forgets the slow calls.");

fn reset(cx: &mut Outer<'_>) -> Result {
    cx.engine.slowlog.reset();
    cx.reply.ok();
    Ok(())
}
