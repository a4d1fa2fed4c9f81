//! COMMAND INFO: arity, flags, keys, categories.

use super::super::super::FAMILIES;
use super::find;
use crate::command::flag::{self, LOADING, STALE};
use crate::command::{Command, Find, Group, Keys, Outer, Reply, Result, Run, access, registry};
use smallvec::{SmallVec, smallvec};

pub(super) const INFO: Command = Command::new("INFO", "command|info", Group::Server, Run::Outer(info))
    .subject(&["connection"])
    .syntax("[command-name [command-name ...]]")
    .flags(LOADING | STALE)
    .tips(&["nondeterministic_output_order"])
    .history(&[("7.0.0", "Without names it tells of all commands.")])
    .doc("2.8.13", "O(N) where N is the number of commands.", "Tells what clients need to know of commands.");

fn info(cx: &mut Outer<'_>) -> Result {
    let names = cx.args.rest();
    if names.is_empty() {
        return all(cx);
    }
    cx.reply.array(names.len());
    for name in names {
        match find(name) {
            Some(entry) => describe(entry.command, cx.reply),
            None => cx.reply.null(),
        }
    }
    Ok(())
}

/// Tells about all commands.
pub(super) fn all(cx: &mut Outer<'_>) -> Result {
    let registry = registry(FAMILIES);
    cx.reply.array(registry.top().count());
    registry.top().for_each(|command| describe(command, cx.reply));
    Ok(())
}

/// Containers hold commands, not containers: this goes two deep.
fn describe(command: &Command, reply: &mut Reply) {
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.int(command.arity.into());

    let (first, last, step, movable) = range(command.keys);
    let movable = movable.then_some("movablekeys");
    let flags = || flag::names(command.flags).chain(movable);
    reply.set(flags().count());
    flags().for_each(|name| reply.status(name));

    for n in [first, last, step] {
        reply.int(n);
    }
    let categories = command.categories();
    reply.set(categories.len());
    categories.iter().for_each(|name| reply.status_parts(&["@", name]));
    reply.set(command.tips.len());
    command.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    reply.set(command.keys.len());
    command.keys.iter().for_each(|keys| specify(keys, reply));
    reply.set(command.subcommands().len());
    command.subcommands().iter().for_each(|sub| describe(sub, reply));
}

/// The keys as old clients know them, first, last and step, and whether that is not the whole truth.
fn range(keys: &[Keys]) -> (i64, i64, i64, bool) {
    let mut range: Option<(i64, i64, i64)> = None;
    let mut whole = true;
    for keys in keys {
        let Find::At { first, last, step } = keys.find else {
            whole = false;
            continue;
        };
        let (first, last, step) = (i64::from(first), i64::from(last), i64::from(step));
        range = match range {
            None => Some((first, last, step)),
            // Keys that follow one another are one range.
            Some((from, to, 1)) if step == 1 && to + 1 == first => Some((from, last, 1)),
            other => {
                whole = false;
                other
            }
        };
    }
    let (first, last, step) = range.unwrap_or((0, 0, 0));
    (first, last, step, !whole)
}

fn specify(keys: &Keys, reply: &mut Reply) {
    reply.map(3 + usize::from(!keys.note.is_empty()));
    if !keys.note.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(keys.note.as_bytes());
    }
    reply.bulk(b"flags");
    reply.set(access::names(keys.access).count());
    access::names(keys.access).for_each(|name| reply.status(name));

    // Where the search begins, and how it goes on from there.
    type Spec<'a> = (&'a str, SmallVec<[(&'a str, i64); 3]>);
    let (begin, then): (Spec<'_>, Spec<'_>) = match keys.find {
        Find::At { first, last, step } => {
            let (first, last) = (i64::from(first), i64::from(last));
            let last = if last < 0 { last } else { last - first };
            let range = smallvec![("lastkey", last), ("keystep", step.into()), ("limit", 0)];
            (("index", smallvec![("index", first)]), ("range", range))
        }
        Find::Counted { count, step } => {
            let number = smallvec![("keynumidx", 0), ("firstkey", 1), ("keystep", step.into())];
            (("index", smallvec![("index", count.into())]), ("keynum", number))
        }
        Find::After { from, share, .. } => {
            let (last, limit) = if share == 1 { (0, 0) } else { (-1, share.into()) };
            let range = smallvec![("lastkey", last), ("keystep", 1), ("limit", limit)];
            (("keyword", smallvec![("startfrom", from.into())]), ("range", range))
        }
        Find::By(_) => (("unknown", smallvec![]), ("unknown", smallvec![])),
    };
    let keyword = if let Find::After { token, .. } = keys.find { Some(token) } else { None };
    for (name, (kind, spec), keyword) in [("begin_search", begin, keyword), ("find_keys", then, None)] {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"type");
        reply.bulk(kind.as_bytes());
        reply.bulk(b"spec");
        reply.map(spec.len() + usize::from(keyword.is_some()));
        if let Some(keyword) = keyword {
            reply.bulk(b"keyword");
            reply.bulk(keyword.as_bytes());
        }
        for (field, n) in spec {
            reply.bulk(field.as_bytes());
            reply.int(n);
        }
    }
}
