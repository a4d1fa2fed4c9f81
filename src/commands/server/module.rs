//! MODULE: none can be loaded. Vector sets, which Redis has in one, are listed as theirs.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Reply, Result, Run};
use crate::commands::help::help;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MODULE];

/// The module that Redis has vector sets in.
pub const VECTORS: &str = "vectorset";

const MODULE: Command = Command::new("MODULE", "module", Group::Server, Run::Container(SUBCOMMANDS))
    .arity(-2)
    .doc("4.0.0", "Depends on the subcommand.", "Holds the commands about modules.");

const SUBCOMMANDS: &[Command] = &[HELP, LIST, LOAD, LOADEX, UNLOAD];

const HELP: Command = Command::new("HELP", "module|help", Group::Server, Run::Outer(help))
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const LIST: Command = Command::new("LIST", "module|list", Group::Server, Run::Outer(list))
    .syntax("")
    .flags(ADMIN | NO_SCRIPT)
    .tips(&["nondeterministic_output_order"])
    .doc("4.0.0", "O(1)", "Lists the modules that are loaded.");

fn list(cx: &mut Outer<'_>) -> Result {
    write_list(cx.reply);
    Ok(())
}

/// What clients are told of modules, here and by HELLO.
pub fn write_list(reply: &mut Reply) {
    reply.array(1);
    reply.map(4);
    reply.bulk(b"name");
    reply.bulk(VECTORS.as_bytes());
    reply.bulk(b"ver");
    reply.int(1);
    reply.bulk(b"path");
    reply.bulk(b"");
    reply.bulk(b"args");
    reply.array(0);
}

const CHANGES: u32 = ADMIN | NO_SCRIPT | NO_ASYNC_LOADING;

const LOAD: Command = Command::new("LOAD", "module|load", Group::Server, Run::Outer(refuse))
    .syntax("path [arg [arg ...]]")
    .flags(CHANGES)
    .doc("4.0.0", "O(1)", "Refuses: Synap loads no modules.");

const LOADEX: Command = Command::new("LOADEX", "module|loadex", Group::Server, Run::Outer(refuse))
    .syntax("path [CONFIG configs: name value [CONFIG name value ...]] [ARGS args [args ...]]")
    .flags(CHANGES)
    .doc("7.0.0", "O(1)", "Refuses: Synap loads no modules.");

fn refuse(_: &mut Outer<'_>) -> Result {
    Err(Error::new("ERR Error loading the extension. Synap loads no modules."))
}

const UNLOAD: Command = Command::new("UNLOAD", "module|unload", Group::Server, Run::Outer(unload))
    .syntax("name")
    .flags(CHANGES)
    .doc("4.0.0", "O(1)", "Refuses: no module is loaded.");

fn unload(_: &mut Outer<'_>) -> Result {
    Err(Error::new("ERR Error unloading module: no such module with that name"))
}
