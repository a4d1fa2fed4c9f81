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
    cx.reply
        .counted(crate::command::Reply::set, |reply| Ok(distinct(&sets, |member| reply_item(reply, member))))
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
pub fn intersect<'s>(sets: Vec<Option<&'s Set>>, mut visit: impl FnMut(Item<'s>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<_>>>() else { return };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    let _ = smallest.common(others, |member| match visit(member) {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    });
}

/// Shows each of the members that any of `sets` has once to `visit`; returns how many there are.
fn distinct<'s>(sets: &[Option<&'s Set>], mut visit: impl FnMut(Item<'s>)) -> usize {
    let mut known = HashSet::<Item<'_>, ahash::RandomState>::default();
    known.reserve(sets.iter().flatten().map(|set| set.len()).max().unwrap_or(0));
    sets.iter()
        .flatten()
        .flat_map(|set| set.iter())
        .filter(|member| known.insert(*member))
        .for_each(&mut visit);
    known.len()
}

/// The members that any of `sets` has.
pub fn union(sets: &[Option<&Set>], packing: &Packing) -> Set {
    let largest = sets.iter().flatten().max_by_key(|set| set.len());
    if let Some(largest) = largest.filter(|set| set.is_large_for_certain(packing)) {
        let mut all = Set::clone(largest);
        let others = sets.iter().flatten().filter(|set| !std::ptr::eq(**set, *largest));
        others.flat_map(|set| set.iter()).for_each(|member| _ = all.insert_item(member, packing));
        return all;
    }
    let mut all = Set::new();
    distinct(sets, |member| all.insert_new(member, packing));
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
        let alone = |member: &Item<'_>| !others.iter().any(|set| set.contains_item(*member));
        rest.extend_new(&first.iter().filter(alone).collect::<Vec<_>>(), packing);
        return rest;
    }
    if first.is_large_for_certain(packing) {
        rest = Set::clone(first);
    } else {
        first.iter().for_each(|member| rest.insert_new(member, packing));
    }
    for member in others.iter().flat_map(|set| set.iter()) {
        rest.remove_item(member);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::Ordering::Relaxed;

    fn some_members() -> impl Strategy<Value = BTreeSet<String>> {
        let numbers = prop::collection::btree_set((0..60i64).prop_map(|n| n.to_string()), 0..30);
        let texts = prop::collection::btree_set((0..60u32).prop_map(|n| format!("m{n}")), 0..30);
        prop_oneof![numbers.clone(), (numbers, texts).prop_map(|(a, b)| a.into_iter().chain(b).collect())]
    }

    fn made<'m>(members: impl IntoIterator<Item = &'m String>, packing: &Packing) -> Set {
        let mut set = Set::new();
        members.into_iter().for_each(|member| _ = set.insert(member.as_bytes(), packing));
        set
    }

    fn members(set: &Set) -> BTreeSet<String> {
        set.iter().map(|member| String::from_utf8(member.to_vec()).unwrap()).collect()
    }

    proptest! {
        /// Whatever the ways that large and small sets take, the result is what naive sets come to.
        #[test]
        fn sets_are_combined_as_naive_ones(a in some_members(), b in some_members(), c in some_members()) {
            let packing = Packing::default();
            for name in ["set_max_intset_entries", "set_max_listpack_entries"] {
                packing.cell(name).unwrap().store(16, Relaxed);
            }
            let [x, y, z] = [&a, &b, &c].map(|naive| made(naive, &packing));
            let sets = [Some(&x), None, Some(&y), Some(&z)];
            let all = union(&sets, &packing);
            prop_assert_eq!(members(&all), &(&a | &b) | &c);
            prop_assert_eq!(all.encoding(), made(&members(&all), &packing).encoding());
            prop_assert_eq!(members(&difference(&sets, &packing)), &(&a - &b) - &c);
            let mut common = BTreeSet::new();
            intersect(vec![Some(&x), Some(&y), Some(&z)], |member| common.insert(member.to_vec()));
            prop_assert_eq!(common.len(), (&(&a & &b) & &c).len());
        }
    }
}
