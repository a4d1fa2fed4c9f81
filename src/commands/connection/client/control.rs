//! CLIENT REPLY, NO-EVICT, NO-TOUCH, IMPORT-SOURCE, PAUSE, UNPAUSE, UNBLOCK.

use super::SIMPLE;
use crate::command::flag::*;
use crate::command::{Args, Command, Error, Group, Outer, Result, Run};
use crate::config;
use crate::engine::{Flag, Paused, ReplyMode};

pub(super) const REPLY: Command = Command::new("REPLY", "client|reply", Group::Connection, Run::Outer(reply))
    .syntax("<action: ON | OFF | SKIP>")
    .flags(SIMPLE)
    .doc("3.2.0", "O(1)", "Says whether commands are answered.");

fn reply(cx: &mut Outer<'_>) -> Result {
    if cx.args.word("ON") {
        cx.session.reply_mode = ReplyMode::On;
        cx.reply.ok();
    } else if cx.args.word("OFF") {
        cx.session.reply_mode = ReplyMode::Off;
    } else if cx.args.word("SKIP") {
        if cx.session.reply_mode != ReplyMode::Off {
            cx.session.reply_mode = ReplyMode::SkipNext;
        }
    } else {
        return Err(Error::SYNTAX);
    }
    cx.args.end()
}

pub(super) const NO_EVICT: Command =
    Command::new("NO-EVICT", "client|no-evict", Group::Connection, Run::Outer(no_evict))
        .syntax("<enabled: ON | OFF>")
        .flags(SIMPLE | ADMIN)
        .doc("7.0.0", "O(1)", "Spares this connection when clients take too much memory.");

fn no_evict(cx: &mut Outer<'_>) -> Result {
    set_flag(cx, Flag::NoEvict)
}

pub(super) const NO_TOUCH: Command =
    Command::new("NO-TOUCH", "client|no-touch", Group::Connection, Run::Outer(no_touch))
        .syntax("<enabled: ON | OFF>")
        .flags(SIMPLE)
        .doc("7.2.0", "O(1)", "Has this connection's commands leave the access times of keys alone.");

fn no_touch(cx: &mut Outer<'_>) -> Result {
    set_flag(cx, Flag::NoTouch)
}

pub(super) const IMPORT_SOURCE: Command = Command::new(
    "IMPORT-SOURCE",
    "client|import-source",
    Group::Connection,
    Run::Outer(import_source),
)
.syntax("<ON | OFF>")
.flags(SIMPLE)
.doc(
    "8.1.0",
    "O(1)",
    "Has this connection see keys that are due while import-mode is on, as it tells of their removal.",
);

fn import_source(cx: &mut Outer<'_>) -> Result {
    let is_off = cx.args.peek().is_some_and(|word| word.eq_ignore_ascii_case(b"OFF"));
    if !is_off && !cx.engine.settings.yes(config::IMPORT_MODE) {
        return Err(Error::new("ERR Server is not in import mode"));
    }
    set_flag(cx, Flag::ImportSource)
}

fn set_flag(cx: &mut Outer<'_>, flag: Flag) -> Result {
    let on = switch(&mut cx.args)?;
    cx.session.client.set(flag, on);
    cx.reply.ok();
    Ok(())
}

pub(super) fn switch(args: &mut Args<'_>) -> Result<bool> {
    match (args.word("ON"), args.word("OFF")) {
        (false, false) => Err(Error::SYNTAX),
        (on, _) => Ok(on),
    }
}

pub(super) const DURABILITY: Command =
    Command::new("DURABILITY", "client|durability", Group::Connection, Run::Outer(durability))
        .syntax("<ALWAYS | DEFAULT>")
        .flags(SIMPLE)
        .doc(
            "1.0.0",
            "O(1)",
            "Has this connection's writes answered when they are on disk, or as the settings say.",
        );

fn durability(cx: &mut Outer<'_>) -> Result {
    let always = match (cx.args.word("ALWAYS"), cx.args.word("DEFAULT")) {
        (false, false) => return Err(Error::SYNTAX),
        (always, _) => always,
    };
    if always && !cx.engine.log.is_on() {
        return Err(Error::new("ERR CLIENT DURABILITY ALWAYS needs the log, and appendonly is disabled."));
    }
    cx.session.durable = always;
    cx.reply.ok();
    Ok(())
}

pub(super) const PAUSE: Command = Command::new("PAUSE", "client|pause", Group::Connection, Run::Outer(pause))
    .syntax("timeout:integer [mode@6.2.0: WRITE | ALL]")
    .flags(SIMPLE | ADMIN)
    .history(&[("6.2.0", "May pause writes alone.")])
    .doc("3.0.0", "O(1)", "Holds back the commands of all clients for a time.");

fn pause(cx: &mut Outer<'_>) -> Result {
    let timeout = cx.args.bytes()?;
    let what = match cx.args.more() {
        true if cx.args.word("WRITE") => Paused::Writes,
        true if !cx.args.word("ALL") => {
            return Err(Error::new("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
        _ => Paused::All,
    };
    cx.args.end()?;
    let now_ms = cx.engine.now_ms();
    let until_ms = match crate::base::number::parse_i64(timeout) {
        None => return Err(Error::new("ERR timeout is not an integer or out of range")),
        Some(..0) => return Err(Error::new("ERR timeout is negative")),
        Some(ms) => now_ms.checked_add(ms).ok_or(Error::new("ERR timeout is out of range"))?,
    };
    cx.engine.pause_clients(what, until_ms);
    cx.reply.ok();
    Ok(())
}

pub(super) const UNPAUSE: Command =
    Command::new("UNPAUSE", "client|unpause", Group::Connection, Run::Outer(unpause))
        .syntax("")
        .flags(SIMPLE | ADMIN)
        .doc("6.2.0", "O(N) where N is the number of paused clients.", "Ends CLIENT PAUSE.");

fn unpause(cx: &mut Outer<'_>) -> Result {
    cx.engine.resume_clients();
    cx.reply.ok();
    Ok(())
}

pub(super) const UNBLOCK: Command =
    Command::new("UNBLOCK", "client|unblock", Group::Connection, Run::Outer(unblock))
        .syntax("client-id [unblock-type: TIMEOUT | ERROR]")
        .flags(SIMPLE | ADMIN)
        .doc("5.0.0", "O(1)", "Ends the wait of a client that is blocked in a command.");

fn unblock(cx: &mut Outer<'_>) -> Result {
    let id = cx.args.bytes()?;
    if cx.args.left() > 1 {
        return Err(cx.args.misused());
    }
    let how = match cx.args.more() {
        true if cx.args.word("ERROR") => 2,
        true if !cx.args.word("TIMEOUT") => {
            return Err(Error::new("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => 1,
    };
    let id = crate::base::number::parse_i64(id).ok_or(Error::NOT_INTEGER)?;
    let client = cx.engine.clients.get(id as u64).filter(|client| client.is(Flag::Blocked));
    cx.reply.int(client.is_some_and(|client| cx.engine.unblock(&client, how)).into());
    Ok(())
}
