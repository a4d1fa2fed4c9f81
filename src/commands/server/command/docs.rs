//! COMMAND DOCS: the documentation in the declarations.

use super::super::super::FAMILIES;
use super::arguments::{Argument, KeyCount};
use super::find;
use crate::command::flag::{INTERNAL, LOADING, MODULE, STALE};
use crate::command::{Command, Group, Outer, Reply, Result, Run, registry};
use crate::commands::server::module::VECTORS;

pub(super) const DOCS: Command = Command::new("DOCS", "command|docs", Group::Server, Run::Outer(docs))
    .subject(&["connection"])
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
    let (deprecated_since, replaced_by) = command.deprecated.unwrap_or_default();
    let texts = [
        ("summary", command.summary),
        ("since", command.since),
        ("group", command.group.name()),
        ("complexity", command.complexity),
        ("module", if command.has(MODULE) { VECTORS } else { "" }),
    ];
    let successor = [("deprecated_since", deprecated_since), ("replaced_by", replaced_by)];
    let marks = [("deprecated", command.deprecated.is_some()), ("syscmd", command.has(INTERNAL))];
    let told = texts.iter().chain(&successor).filter(|(_, text)| !text.is_empty()).count();
    let has_marks = marks.iter().any(|(_, on)| *on);
    let more = [has_marks, !command.history.is_empty(), !arguments.is_empty(), !subcommands.is_empty()];
    reply.map(told + more.iter().filter(|on| **on).count());
    write_texts(&texts, reply);
    if has_marks {
        let set = marks.iter().filter(|(_, on)| *on);
        reply.bulk(b"doc_flags");
        reply.set(set.clone().count());
        set.for_each(|(name, _)| reply.status(name));
    }
    write_texts(&successor, reply);
    if !command.history.is_empty() {
        reply.bulk(b"history");
        reply.set(command.history.len());
        for (version, what) in command.history {
            reply.array(2);
            reply.bulk(version.as_bytes());
            reply.bulk(what.as_bytes());
        }
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        reply.array(arguments.len());
        let mut keys = KeyCount::of(command.keys.len());
        arguments.iter().for_each(|argument| argument.write(reply, &mut keys));
    }
    if !subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|sub| document(sub, reply));
    }
}

/// Writes the fields that there are.
fn write_texts(texts: &[(&str, &str)], reply: &mut Reply) {
    for (field, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        reply.bulk(field.as_bytes());
        reply.bulk(text.as_bytes());
    }
}
