//! Several sets made into one, which is stored.

use super::combine::{difference, intersect, sets, union};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::keyspace::Class;
use crate::types::{Packing, Set};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SINTERSTORE, SUNIONSTORE, SDIFFSTORE];

const KEYS: &[Keys] =
    &[Keys::one(1, access::OW | access::UPDATE), Keys::rest(2, access::RO | access::ACCESS)];
const SYNTAX: &str = "destination key [key ...]";

const SINTERSTORE: Command = Command::new("SINTERSTORE", "sinterstore", Group::Set, Run::Keyed(sinterstore))
    .syntax(SYNTAX)
    .flags(WRITE | GROWS)
    .keys(KEYS)
    .doc("1.0.0", "O(N*M) for N members of the smallest of M sets", "Stores the members that all sets have.");

fn sinterstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, |sets, packing| {
        // As in Redis: the form of the smallest, integers or not, tells with which one to begin.
        let smallest = sets.iter().flatten().min_by_key(|set| set.len());
        let mut common = if smallest.is_none_or(|set| set.is_ints()) { Set::new() } else { Set::packed() };
        let mut members = Vec::new();
        intersect(sets, |member| {
            members.push(member);
            true
        });
        common.extend_new(&members, packing);
        common.narrow(packing);
        common
    })
}

const SUNIONSTORE: Command = Command::new("SUNIONSTORE", "sunionstore", Group::Set, Run::Keyed(sunionstore))
    .syntax(SYNTAX)
    .flags(WRITE | GROWS)
    .keys(KEYS)
    .doc("1.0.0", "O(N) for N members of all sets", "Stores the members that any of the sets has.");

fn sunionstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, |sets, packing| union(&sets, packing))
}

const SDIFFSTORE: Command = Command::new("SDIFFSTORE", "sdiffstore", Group::Set, Run::Keyed(sdiffstore))
    .syntax(SYNTAX)
    .flags(WRITE | GROWS)
    .keys(KEYS)
    .doc("1.0.0", "O(N) for N members of all sets", "Stores the members of the first set that no other has.");

fn sdiffstore(cx: &mut Keyed<'_, '_>) -> Result {
    store(cx, |sets, packing| difference(&sets, packing))
}

/// Stores what `combine` makes of the sets; an empty result removes the destination.
fn store(cx: &mut Keyed<'_, '_>, combine: impl FnOnce(Vec<Option<&Set>>, &Packing) -> Set) -> Result {
    let destination = cx.args.bytes()?;
    let sets = sets(cx.txn, cx.args.rest())?;
    let set = combine(sets, cx.txn.packing());
    cx.reply.len_of(set.len());
    if set.is_empty() {
        cx.txn.delete(destination);
    } else {
        cx.txn.put_set(destination, set);
        cx.txn.touch(destination, cx.command.event, Class::SET);
    }
    Ok(())
}
