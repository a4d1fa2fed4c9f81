//! COMMAND GETKEYS and GETKEYSANDFLAGS: where the keys of a call are.

use super::super::super::FAMILIES;
use crate::command::flag::{KEYS_OPTIONAL, LOADING, STALE};
use crate::command::{Command, Error, Find, Found, Group, Outer, Result, Run, access, registry};

pub(super) const GETKEYS: Command =
    Command::new("GETKEYS", "command|getkeys", Group::Server, Run::Outer(getkeys))
        .subject(&["connection"])
        .syntax("command [arg [arg ...]]")
        .flags(LOADING | STALE)
        .doc("2.8.13", "O(N) where N is the number of arguments.", "Finds the keys of a call.");

fn getkeys(cx: &mut Outer<'_>) -> Result {
    let argv = cx.args.rest();
    let keys = find_keys(argv)?;
    cx.reply.array(keys.len());
    keys.iter().for_each(|key| cx.reply.bulk(argv[key.at]));
    Ok(())
}

pub(super) const GETKEYSANDFLAGS: Command =
    Command::new("GETKEYSANDFLAGS", "command|getkeysandflags", Group::Server, Run::Outer(getkeysandflags))
        .subject(&["connection"])
        .syntax("command [arg [arg ...]]")
        .flags(LOADING | STALE)
        .doc(
            "7.0.0",
            "O(N) where N is the number of arguments.",
            "Finds the keys of a call, and what it does to them.",
        );

fn getkeysandflags(cx: &mut Outer<'_>) -> Result {
    let argv = cx.args.rest();
    let keys = find_keys(argv)?;
    cx.reply.array(keys.len());
    for key in keys {
        cx.reply.array(2);
        cx.reply.bulk(argv[key.at]);
        cx.reply.set(access::names(key.access).count());
        access::names(key.access).for_each(|name| cx.reply.status(name));
    }
    Ok(())
}

fn find_keys(argv: &[&[u8]]) -> Result<Vec<Found>> {
    let registry = registry(FAMILIES);
    let top = registry.find(argv[0]).ok_or(Error::new("ERR Invalid command specified"))?;
    let sub = argv.get(1).and_then(|word| registry.find_sub(top, word));
    if sub.is_none() && argv.len() > 1 && !top.command.subcommands().is_empty() {
        return Err(Error::new("ERR Invalid command specified"));
    }
    let command = sub.unwrap_or(top).command;
    let mut specs = command.keys.iter().filter(|keys| keys.access & access::NOT_KEY == 0).peekable();
    if specs.peek().is_none() {
        return Err(Error::new("ERR The command has no key arguments"));
    }
    if !command.takes(argv.len()) {
        return Err(Error::new("ERR Invalid number of arguments specified for command"));
    }
    let invalid = Error::new("ERR Invalid arguments specified for command");
    let mut found = Vec::new();
    if let Some(find) = command.finds_keys {
        find(argv, &mut found)?;
        return if found.is_empty() { Err(invalid) } else { Ok(found) };
    }
    for keys in specs {
        let before = found.len();
        if keys.find(argv, &mut found).is_err() {
            found = command.keys_loosely(argv);
            break;
        }
        let needed = matches!(keys.find, Find::At { .. } | Find::Counted { .. });
        if needed && found.len() == before && !command.has(KEYS_OPTIONAL) {
            return Err(invalid);
        }
    }
    if found.is_empty() && !command.has(KEYS_OPTIONAL) {
        return Err(invalid);
    }
    Ok(found)
}
