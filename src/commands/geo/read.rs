//! Positions, distances and geohashes of members.

use super::{reply_distance, reply_position, unit};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Reply, Result, Run, access};
use crate::types::Sorted;
use crate::types::geo::Position;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GEODIST, GEOHASH, GEOPOS];

const KEY: &[Keys] = &[Keys::one(1, access::RO | access::ACCESS)];

/// Where a member is.
pub fn position_of(sorted: &Sorted, member: &[u8]) -> Option<Position> {
    sorted.score(member).map(Position::from_score)
}

const GEODIST: Command = Command::new("GEODIST", "geodist", Group::Geo, Run::Keyed(geodist))
    .syntax("key member1 member2 [unit: M | KM | FT | MI]")
    .flags(READ)
    .keys(KEY)
    .doc("3.2.0", "O(1)", "Returns the distance between two members of a geospatial index.");

fn geodist(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, from, to) = (cx.args.bytes()?, cx.args.bytes()?, cx.args.bytes()?);
    // Too many words are told before a wrong unit.
    let mut args = cx.args;
    let metres = if args.left() == 1 { unit(&mut args)? } else { 1.0 };
    args.end()?;
    let sorted = cx.txn.read::<Sorted>(key)?;
    let ends = sorted.and_then(|sorted| Some((position_of(sorted, from)?, position_of(sorted, to)?)));
    match ends {
        Some((from, to)) => reply_distance(cx.reply, from.distance(to) / metres),
        None => cx.reply.null(),
    }
    Ok(())
}

const GEOHASH: Command = Command::new("GEOHASH", "geohash", Group::Geo, Run::Keyed(geohash))
    .syntax("key [member [member ...]]")
    .flags(READ)
    .keys(KEY)
    .doc("3.2.0", "O(1) for each member", "Returns the positions of members as geohash texts.");

fn geohash(cx: &mut Keyed<'_, '_>) -> Result {
    each(cx, |reply, position| match position {
        Some(position) => reply.bulk(&position.text()),
        None => reply.null(),
    })
}

const GEOPOS: Command = Command::new("GEOPOS", "geopos", Group::Geo, Run::Keyed(geopos))
    .syntax("key [member [member ...]]")
    .flags(READ)
    .keys(KEY)
    .doc("3.2.0", "O(1) for each member", "Returns the positions of members as longitude and latitude.");

fn geopos(cx: &mut Keyed<'_, '_>) -> Result {
    each(cx, |reply, position| match position {
        Some(position) => reply_position(reply, position),
        None => reply.null_array(),
    })
}

fn each(cx: &mut Keyed<'_, '_>, answer: impl Fn(&mut Reply, Option<Position>)) -> Result {
    let (key, members) = (cx.args.bytes()?, cx.args.rest());
    let sorted = cx.txn.read::<Sorted>(key)?;
    cx.reply.array(members.len());
    for member in members {
        answer(cx.reply, sorted.and_then(|sorted| position_of(sorted, member)));
    }
    Ok(())
}
