//! COMMAND DOCS: the documentation in the declarations.

use super::super::super::FAMILIES;
use super::arguments::Argument;
use super::find;
use crate::command::flag::{LOADING, STALE};
use crate::command::{Command, Group, Outer, Reply, Result, Run, registry};

pub(super) const DOCS: Command = Command::new("DOCS", "command|docs", Group::Server, Run::Outer(docs))
    .syntax("[command-name [command-name ...]]")
    .flags(LOADING | STALE)
    .tips(&["nondeterministic_output_order"])
    .doc(
        "7.0.0",
        "O(N) where N is the number of commands.",
        "Tells what commands do, and how they are called.",
    );

fn docs(cx: &mut Outer<'_>) -> Result {
    let names = cx.args.rest();
    let commands: Vec<&Command> = match names {
        [] => registry(FAMILIES).top().collect(),
        names => names.iter().filter_map(|name| find(name)).map(|entry| entry.command).collect(),
    };
    cx.reply.map(commands.len());
    commands.into_iter().for_each(|command| document(command, cx.reply));
    Ok(())
}

/// Containers hold commands, not containers: this goes two deep.
fn document(command: &Command, reply: &mut Reply) {
    let arguments = Argument::parse(command.syntax);
    let subcommands = command.subcommands();
    reply.bulk(command.full_name.as_bytes());
    reply.map(4 + usize::from(!arguments.is_empty()) + usize::from(!subcommands.is_empty()));
    for (field, value) in [
        ("summary", command.summary),
        ("since", command.since),
        ("group", command.group.name()),
        ("complexity", command.complexity),
    ] {
        reply.bulk(field.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        reply.array(arguments.len());
        let mut keys = 0;
        arguments.iter().for_each(|argument| argument.write(reply, &mut keys));
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|sub| document(sub, reply));
    }
}
