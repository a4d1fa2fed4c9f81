//! HELP of a container: as Redis tells it, which tools compare; else written from the declarations of its subcommands.

use super::FAMILIES;
use super::server::command::plain;
use crate::command::{Command, Outer, Result, registry};

/// What Redis tells, line for line; an empty line is between two containers.
const KNOWN: &str = include_str!("help.txt");

/// Answers `<container> HELP`.
pub fn help(cx: &mut Outer<'_>) -> Result {
    let container = cx.args.argv()[0];
    let name = String::from_utf8_lossy(container).to_ascii_uppercase();
    let title = format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    if let Some(known) = KNOWN.split("\n\n").find(|known| known.starts_with(&title)) {
        cx.reply.array(known.lines().count());
        known.lines().for_each(|line| cx.reply.status(line));
        return Ok(());
    }
    let subcommands = registry(FAMILIES).find(container).map_or(&[][..], |entry| entry.command.subcommands());
    let about = |command: &&Command| command.name != "HELP";
    cx.reply.array(3 + 2 * subcommands.iter().filter(about).count());
    cx.reply.status(&title);
    for command in subcommands.iter().filter(about) {
        cx.reply.status(format!("{} {}", command.name, plain(command.syntax)).trim_end());
        cx.reply.status(&format!("    {}", command.summary));
    }
    cx.reply.status("HELP");
    cx.reply.status("    Print this help.");
    Ok(())
}
