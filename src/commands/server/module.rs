//! MODULE: there are none, and clients that ask are told so.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::commands::help::help;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[MODULE];

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
    .doc("4.0.0", "O(1)", "Lists the modules that are loaded: none.");

fn list(cx: &mut Outer<'_>) -> Result {
    cx.reply.array(0);
    Ok(())
}

const CHANGES: u32 = ADMIN | NO_SCRIPT | NO_ASYNC_LOADING;

const LOAD: Command = Command::new("LOAD", "module|load", Group::Server, Run::Outer(refuse))
    .syntax("path [arg [arg ...]]")
    .flags(CHANGES)
    .doc("4.0.0", "O(1)", "Refuses: Synap loads no modules.");

const LOADEX: Command = Command::new("LOADEX", "module|loadex", Group::Server, Run::Outer(refuse))
    .syntax("path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]")
    .flags(CHANGES)
    .doc("7.0.0", "O(1)", "Refuses: Synap loads no modules.");

fn refuse(_: &mut Outer<'_>) -> Result {
    Err(Error::new("ERR Error loading the extension. Synap loads no modules."))
}

const UNLOAD: Command = Command::new("UNLOAD", "module|unload", Group::Server, Run::Outer(unload))
    .syntax("name:string")
    .flags(CHANGES)
    .doc("4.0.0", "O(1)", "Refuses: no module is loaded.");

fn unload(_: &mut Outer<'_>) -> Result {
    Err(Error::new("ERR Error unloading module: no such module with that name"))
}
