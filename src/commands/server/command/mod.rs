//! COMMAND: what commands there are, from their declarations.

mod arguments;
mod docs;
mod info;
mod keys;

pub(in crate::commands) use arguments::plain;

use super::super::FAMILIES;
use crate::base::glob;
use crate::command::flag::{LOADING, MODULE, STALE};
use crate::command::{Command, Error, Group, Outer, RegistryEntry, Result, Run, registry};
use crate::commands::help::help;
use crate::commands::server::module::VECTORS;

/// The commands of this folder.
pub const COMMANDS: &[Command] = &[COMMAND];

const COMMAND: Command = Command::new("COMMAND", "command", Group::Server, Run::Container(SUBCOMMANDS))
    .subject(&["connection"])
    .arity(-1)
    .bare(info::all)
    .flags(LOADING | STALE)
    .tips(&["nondeterministic_output_order"])
    .doc("2.8.13", "O(N) where N is the number of commands.", "Tells about all commands.");

const SUBCOMMANDS: &[Command] =
    &[COUNT, docs::DOCS, keys::GETKEYS, keys::GETKEYSANDFLAGS, HELP, info::INFO, LIST];

const HELP: Command = Command::new("HELP", "command|help", Group::Server, Run::Outer(help))
    .subject(&["connection"])
    .flags(LOADING | STALE)
    .doc("5.0.0", "O(1)", "Lists the subcommands.");

const COUNT: Command = Command::new("COUNT", "command|count", Group::Server, Run::Outer(count))
    .subject(&["connection"])
    .syntax("")
    .flags(LOADING | STALE)
    .doc("2.8.13", "O(1)", "Counts the commands.");

fn count(cx: &mut Outer<'_>) -> Result {
    cx.reply.len_of(registry(FAMILIES).top().count());
    Ok(())
}

const LIST: Command = Command::new("LIST", "command|list", Group::Server, Run::Outer(list))
    .subject(&["connection"])
    .syntax("[FILTERBY <filterby: MODULE module-name | ACLCAT category | PATTERN pattern>]")
    .flags(LOADING | STALE)
    .tips(&["nondeterministic_output_order"])
    .doc("7.0.0", "O(N) where N is the number of commands.", "Lists the names of commands.");

fn list(cx: &mut Outer<'_>) -> Result {
    let fits: &dyn Fn(&Command) -> bool = match cx.args.rest() {
        [] => &|_| true,
        [filter, by, what] if filter.eq_ignore_ascii_case(b"FILTERBY") => {
            match by.to_ascii_lowercase().as_slice() {
                b"module" => &|command| VECTORS.as_bytes().eq_ignore_ascii_case(what) && command.has(MODULE),
                b"aclcat" => &|c| c.categories().iter().any(|c| c.as_bytes().eq_ignore_ascii_case(what)),
                b"pattern" => &|command| glob::matches(what, command.full_name.as_bytes(), true),
                _ => return Err(Error::SYNTAX),
            }
        }
        _ => return Err(Error::SYNTAX),
    };
    let given = registry(FAMILIES).given();
    let names: Vec<&str> = given.filter(|command| fits(command)).map(|command| command.full_name).collect();
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk(name.as_bytes()));
    Ok(())
}

/// The command called `name`, where a subcommand is called `container|name`.
fn find(name: &[u8]) -> Option<RegistryEntry> {
    let mut words = name.splitn(2, |b| *b == b'|');
    let entry = registry(FAMILIES).find(words.next()?)?;
    match words.next() {
        Some(word) => registry(FAMILIES).find_sub(entry, word),
        None => Some(entry),
    }
}
