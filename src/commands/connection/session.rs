//! PING, ECHO, SELECT, QUIT.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[PING, ECHO, SELECT, QUIT];

const PING: Command = Command::new("PING", "ping", Group::Connection, Run::Outer(ping))
    .syntax("[message]")
    .flags(FAST | SUBSCRIBED)
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .doc("1.0.0", "O(1)", "Answers PONG, or the message given.");

fn ping(cx: &mut Outer<'_>) -> Result {
    match cx.args.argv() {
        argv @ ([_] | [_, _]) if cx.session.is_listening_only() => {
            cx.reply.array(2);
            cx.reply.bulk(b"pong");
            cx.reply.bulk(argv.get(1).copied().unwrap_or_default());
        }
        [_] => cx.reply.status("PONG"),
        [_, message] => cx.reply.bulk(message),
        _ => return Err(Error::arity("ping")),
    }
    Ok(())
}

const ECHO: Command = Command::new("ECHO", "echo", Group::Connection, Run::Outer(echo))
    .syntax("message")
    .flags(FAST | LOADING | STALE)
    .doc("1.0.0", "O(1)", "Answers the message given.");

fn echo(cx: &mut Outer<'_>) -> Result {
    cx.reply.bulk(cx.args.bytes()?);
    Ok(())
}

const SELECT: Command = Command::new("SELECT", "select", Group::Connection, Run::Outer(select))
    .syntax("index")
    .flags(FAST | LOADING | STALE)
    .doc("1.0.0", "O(1)", "Selects the database that this connection works on.");

fn select(cx: &mut Outer<'_>) -> Result {
    let index = cx.args.database(cx.engine.keyspace.databases())?;
    if index != 0 {
        cx.engine.count_incompatible();
    }
    cx.session.select(index);
    cx.reply.ok();
    Ok(())
}

const QUIT: Command = Command::new("QUIT", "quit", Group::Connection, Run::Outer(quit))
    .arity(-1)
    .flags(FAST | LOADING | STALE | NO_AUTH | NO_SCRIPT | BUSY | SUBSCRIBED | UNQUEUED)
    .deprecated("7.2.0", "just closing the connection")
    .doc("1.0.0", "O(1)", "Ends the connection.");

fn quit(cx: &mut Outer<'_>) -> Result {
    // Others who MONITOR see it; nothing follows its own reply.
    cx.engine.monitors.remove(cx.session.client.id);
    cx.session.closing = true;
    cx.reply.ok();
    Ok(())
}
