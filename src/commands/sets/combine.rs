//! Several sets made into one: intersection, union, difference.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::commands::reply_item;
use crate::keyspace::Txn;
use crate::types::{Item, Packing, Set};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SINTER, SINTERCARD, SUNION, SDIFF];

const KEYS: &[Keys] = &[Keys::rest(1, access::RO | access::ACCESS)];

/// The sets at `keys`; `None` for those that are absent.
///
/// # Errors
/// When one of them holds another type.
pub fn sets<'t>(txn: &'t Txn<'_>, keys: &[&[u8]]) -> Result<Vec<Option<&'t Set>>> {
    keys.iter().map(|key| txn.read::<Set>(key)).collect()
}

const SINTER: Command = Command::new("SINTER", "sinter", Group::Set, Run::Keyed(sinter))
    .syntax("key [key ...]")
    .flags(READ)
    .keys(KEYS)
    .tips(&["nondeterministic_output_order"])
    .doc(
        "1.0.0",
        "O(N*M) for N members of the smallest of M sets",
        "Returns the members that all sets have.",
    );

fn sinter(cx: &mut Keyed<'_, '_>) -> Result {
    let sets = sets(cx.txn, cx.args.rest())?;
    cx.reply.counted(crate::command::Reply::set, |reply| {
        let mut count = 0;
        intersect(sets, |member| {
            count += 1;
            reply_item(reply, member);
            true
        });
        Ok(count)
    })
}

const SINTERCARD: Command = Command::new("SINTERCARD", "sintercard", Group::Set, Run::Keyed(sintercard))
    .syntax("numkeys key [key ...] [LIMIT limit]")
    .flags(READ)
    .keys(&[Keys::counted(1, access::RO | access::ACCESS)])
    .doc("7.0.0", "O(N*M) for N members of the smallest of M sets", "Counts the members that all sets have.");

fn sintercard(cx: &mut Keyed<'_, '_>) -> Result {
    const NONE: Error = Error::new("ERR numkeys should be greater than 0");
    let count = cx.args.int().map_err(|_| NONE)?;
    if count < 1 {
        return Err(NONE);
    }
    if count > cx.args.left() as i64 {
        return Err(Error::new("ERR Number of keys can't be greater than number of args"));
    }
    let keys = cx.args.take(count as usize)?;
    let mut limit = 0;
    while cx.args.more() {
        if cx.args.left() < 2 || !cx.args.word("LIMIT") {
            return Err(Error::SYNTAX);
        }
        const NEGATIVE: Error = Error::new("ERR LIMIT can't be negative");
        limit = cx.args.int().map_err(|_| NEGATIVE)?;
        if limit < 0 {
            return Err(NEGATIVE);
        }
    }
    let mut common = 0;
    intersect(sets(cx.txn, keys)?, |_| {
        common += 1;
        common != limit
    });
    cx.reply.int(common);
    Ok(())
}

const SUNION: Command = Command::new("SUNION", "sunion", Group::Set, Run::Keyed(sunion))
    .syntax("key [key ...]")
    .flags(READ)
    .keys(KEYS)
    .tips(&["nondeterministic_output_order"])
    .doc("1.0.0", "O(N) for N members of all sets", "Returns the members that any of the sets has.");

fn sunion(cx: &mut Keyed<'_, '_>) -> Result {
    let sets = sets(cx.txn, cx.args.rest())?;
    if !sets.iter().flatten().any(|set| set.is_large()) {
        // Few members come in the order that a set of them has.
        reply_set(cx, &union(&sets, cx.txn.packing()));
        return Ok(());
    }
    cx.reply.counted(crate::command::Reply::set, |reply| {
        let mut known = HashSet::<Item<'_>, ahash::RandomState>::default();
        known.reserve(sets.iter().flatten().map(|set| set.len()).max().unwrap_or(0));
        for member in sets.iter().flatten().flat_map(|set| set.iter()) {
            if known.insert(member) {
                reply_item(reply, member);
            }
        }
        Ok(known.len())
    })
}

const SDIFF: Command = Command::new("SDIFF", "sdiff", Group::Set, Run::Keyed(sdiff))
    .syntax("key [key ...]")
    .flags(READ)
    .keys(KEYS)
    .tips(&["nondeterministic_output_order"])
    .doc(
        "1.0.0",
        "O(N) for N members of all sets",
        "Returns the members of the first set that no other has.",
    );

fn sdiff(cx: &mut Keyed<'_, '_>) -> Result {
    let sets = sets(cx.txn, cx.args.rest())?;
    reply_set(cx, &difference(&sets, cx.txn.packing()));
    Ok(())
}

fn reply_set(cx: &mut Keyed<'_, '_>, set: &Set) {
    cx.reply.set(set.len());
    set.iter().for_each(|member| reply_item(cx.reply, member));
}

/// Shows the members that all `sets` have to `visit`, until it says to stop.
pub fn intersect(sets: Vec<Option<&Set>>, mut visit: impl FnMut(Item<'_>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    let _ = smallest.common(others, |member| match visit(member) {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    });
}

/// The members that any of `sets` has.
pub fn union(sets: &[Option<&Set>], packing: &Packing) -> Set {
    let mut all = Set::new();
    // What is in it while it is small: a packed list would be searched from end to end for every member.
    let mut known = HashSet::<Item<'_>, ahash::RandomState>::default();
    for member in sets.iter().flatten().flat_map(|set| set.iter()) {
        if all.is_large() {
            all.insert_item(member, packing);
        } else if known.insert(member) {
            all.insert_new(member, packing);
        }
    }
    all
}

/// The members of the first of `sets` that no other has.
pub fn difference(sets: &[Option<&Set>], packing: &Packing) -> Set {
    let mut rest = Set::new();
    let Some((Some(first), others)) = sets.split_first() else { return rest };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    // Asking the others costs a search for each of the first's members, as long as none has it; taking the
    // others' members away costs one for each of theirs.
    let asking = first.len() * (others.len() + 1) / 2;
    let taking = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if asking <= taking {
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        for member in first.iter().filter(|member| !others.iter().any(|set| set.contains_item(*member))) {
            rest.insert_new(member, packing);
        }
        return rest;
    }
    first.iter().for_each(|member| rest.insert_new(member, packing));
    for member in others.iter().flat_map(|set| set.iter()) {
        rest.remove_item(member);
    }
    rest
}
