//! HELP of a container: written from the declarations of its subcommands.

use super::FAMILIES;
use super::server::command::plain;
use crate::command::{Command, Outer, Result, registry};

/// Answers `<container> HELP`.
pub fn help(cx: &mut Outer<'_>) -> Result {
    let container = cx.args.argv()[0];
    let subcommands = registry(FAMILIES).find(container).map_or(&[][..], |entry| entry.command.subcommands());
    let name = String::from_utf8_lossy(container).to_ascii_uppercase();
    let about = |command: &&Command| command.name != "HELP";
    cx.reply.array(3 + 2 * subcommands.iter().filter(about).count());
    cx.reply.status(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for command in subcommands.iter().filter(about) {
        cx.reply.status(format!("{} {}", command.name, plain(command.syntax)).trim_end());
        cx.reply.status(&format!("    {}", command.summary));
    }
    cx.reply.status("HELP");
    cx.reply.status("    Print this help.");
    Ok(())
}
