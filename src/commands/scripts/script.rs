//! SCRIPT: the scripts that are kept.

use super::{prepare, unkillable};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;
use crate::engine::Debugging;
use crate::lua;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SCRIPT];

const SCRIPT: Command = Command::new("SCRIPT", "script", Group::Scripting, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("2.6.0", "Depends on the subcommand.", "Holds the commands about scripts that are kept.");

const SUBCOMMANDS: &[Command] = &[DEBUG, EXISTS, FLUSH, HELP, KILL, LOAD, SHOW];

const HELP: Command = Command::new("HELP", "script|help", Group::Scripting, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const LOAD: Command = Command::new("LOAD", "script|load", Group::Scripting, Run::Outer(load))
    .syntax("script")
    .flags(NO_SCRIPT | STALE)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .doc(
        "2.6.0",
        "O(N) where N is the length of the script.",
        "Keeps a script without running it; tells its SHA-1.",
    );

fn load(cx: &mut Outer<'_>) -> Result {
    let body = cx.args.bytes()?;
    let loaded = lua::with(|interp| prepare::load(cx.engine, interp, body, true));
    let (script, _) = loaded.map_err(|why| Error::text(format!("ERR {why}")))??;
    cx.reply.bulk(&script.sha);
    Ok(())
}

const EXISTS: Command = Command::new("EXISTS", "script|exists", Group::Scripting, Run::Outer(exists))
    .syntax("sha1 [sha1 ...]")
    .flags(NO_SCRIPT)
    .tips(&["request_policy:all_shards", "response_policy:agg_logical_and"])
    .doc("2.6.0", "O(N) where N is the number of SHA-1s.", "Tells which scripts are kept.");

fn exists(cx: &mut Outer<'_>) -> Result {
    let names = cx.args.rest();
    cx.reply.array(names.len());
    for name in names {
        let kept = prepare::sha(name).and_then(|sha| cx.engine.scripts.get(&sha));
        cx.reply.int(kept.is_some().into());
    }
    Ok(())
}

const SHOW: Command = Command::new("SHOW", "script|show", Group::Scripting, Run::Outer(show))
    .syntax("sha1")
    .flags(NO_SCRIPT)
    .doc("0.1.0", "O(1)", "Tells the text of a script that is kept.");

fn show(cx: &mut Outer<'_>) -> Result {
    let kept = prepare::sha(cx.args.bytes()?).and_then(|sha| cx.engine.scripts.get(&sha));
    let script = kept.ok_or(Error::new("NOSCRIPT No matching script."))?;
    cx.reply.bulk(&script.body);
    Ok(())
}

const FLUSH: Command = Command::new("FLUSH", "script|flush", Group::Scripting, Run::Outer(flush))
    .syntax("[flush-type@6.2.0: ASYNC | SYNC]")
    .flags(NO_SCRIPT)
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .history(&[("6.2.0", "`ASYNC` and `SYNC`.")])
    .doc("2.6.0", "O(N) where N is the number of scripts.", "Forgets all scripts.");

fn flush(cx: &mut Outer<'_>) -> Result {
    let fine = cx.args.word("ASYNC") || cx.args.word("SYNC") || !cx.args.more();
    if !fine || cx.args.more() {
        return Err(Error::new("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    cx.engine.scripts.flush();
    cx.reply.ok();
    Ok(())
}

const KILL: Command = Command::new("KILL", "script|kill", Group::Scripting, Run::Outer(kill))
    .syntax("")
    .flags(NO_SCRIPT | BUSY)
    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
    .doc("2.6.0", "O(1)", "Ends the script that runs for too long, if it wrote nothing.");

fn kill(cx: &mut Outer<'_>) -> Result {
    cx.engine.scripts.kill(false).map_err(|why| unkillable(why, false))?;
    cx.reply.ok();
    Ok(())
}

const DEBUG: Command = Command::new("DEBUG", "script|debug", Group::Scripting, Run::Outer(debug))
    .syntax("<mode: YES | SYNC | NO>")
    .flags(NO_SCRIPT)
    .doc("3.2.0", "O(1)", "Has the scripts that this connection runs with EVAL debugged, or not any more.");

fn debug(cx: &mut Outer<'_>) -> Result {
    if !cx.reply.is_empty() {
        return Err(Error::new("ERR SCRIPT DEBUG must be called outside a pipeline"));
    }
    cx.session.debugging = match () {
        () if cx.args.word("NO") => None,
        () if cx.args.word("YES") => Some(Debugging::Apart),
        () if cx.args.word("SYNC") => Some(Debugging::Sync),
        () => return Err(Error::new("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    };
    cx.reply.ok();
    Ok(())
}
