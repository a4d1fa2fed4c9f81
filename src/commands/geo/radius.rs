//! GEORADIUS and GEORADIUSBYMEMBER: what GEOSEARCH replaced.

use super::position;
use super::query::{Kind, Query, centre_of, circle, store};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::types::Sorted;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GEORADIUS, GEORADIUS_RO, GEORADIUSBYMEMBER, GEORADIUSBYMEMBER_RO];

const FROM: Keys = Keys::one(1, access::RO | access::ACCESS);
const TO: u16 = access::OW | access::UPDATE;
const COST: &str = "O(N+log(M)) for N of M members in the cells around the circle";
const EVENT: &str = "georadiusstore";

const GEORADIUS: Command = Command::new("GEORADIUS", "georadius", Group::Geo, Run::Keyed(georadius))
    .syntax(
        "key longitude latitude radius <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
         [count-block: COUNT count [ANY@6.2.0]] [order: ASC | DESC] \
         [store: STORE storekey=key | STOREDIST storedistkey=key]",
    )
    .flags(WRITE | GROWS)
    .keys(&[FROM, Keys::after("STORE", 6, TO), Keys::after("STOREDIST", 6, TO)])
    .event(EVENT)
    .deprecated("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")
    .history(&[("6.2.0", "`ANY` behind `COUNT`."), ("7.0.0", "Units in capitals too.")])
    .doc("3.2.0", COST, "Returns or stores the members of a geospatial index around a position.");

fn georadius(cx: &mut Keyed<'_, '_>) -> Result {
    around_position(cx, Kind::Radius)
}

const GEORADIUS_RO: Command =
    Command::new("GEORADIUS_RO", "georadius_ro", Group::Geo, Run::Keyed(georadius_ro))
        .syntax(
            "key longitude latitude radius <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
             [count-block: COUNT count [ANY@6.2.0]] [order: ASC | DESC]",
        )
        .flags(READ)
        .keys(&[FROM])
        .deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")
        .history(&[("6.2.0", "`ANY` behind `COUNT`."), ("7.0.0", "Units in capitals too.")])
        .doc("3.2.10", COST, "Returns the members of a geospatial index around a position.");

fn georadius_ro(cx: &mut Keyed<'_, '_>) -> Result {
    around_position(cx, Kind::RadiusReadOnly)
}

const GEORADIUSBYMEMBER: Command =
    Command::new("GEORADIUSBYMEMBER", "georadiusbymember", Group::Geo, Run::Keyed(georadiusbymember))
        .syntax(
            "key member radius <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
             [count-block: COUNT count [ANY]] [order: ASC | DESC] \
         [store: STORE storekey=key | STOREDIST storedistkey=key]",
        )
        .flags(WRITE | GROWS)
        .keys(&[FROM, Keys::after("STORE", 5, TO), Keys::after("STOREDIST", 5, TO)])
        .event(EVENT)
        .deprecated(
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )
        .history(&[("6.2.0", "`ANY` behind `COUNT`."), ("7.0.0", "Units in capitals too.")])
        .doc("3.2.0", COST, "Returns or stores the members of a geospatial index around one of them.");

fn georadiusbymember(cx: &mut Keyed<'_, '_>) -> Result {
    around_member(cx, Kind::Radius)
}

const GEORADIUSBYMEMBER_RO: Command = Command::new(
    "GEORADIUSBYMEMBER_RO",
    "georadiusbymember_ro",
    Group::Geo,
    Run::Keyed(georadiusbymember_ro),
)
.syntax(
    "key member radius <unit: M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
             [count-block: COUNT count [ANY]] [order: ASC | DESC]",
)
.flags(READ)
.keys(&[FROM])
.deprecated("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")
.history(&[("6.2.0", "`ANY` behind `COUNT`."), ("7.0.0", "Units in capitals too.")])
.doc("3.2.10", COST, "Returns the members of a geospatial index around one of them.");

fn georadiusbymember_ro(cx: &mut Keyed<'_, '_>) -> Result {
    around_member(cx, Kind::RadiusReadOnly)
}

fn around_position(cx: &mut Keyed<'_, '_>, kind: Kind) -> Result {
    let sorted = cx.txn.read::<Sorted>(cx.args.bytes()?)?;
    let mut query = Query::around(position(&mut cx.args)?, circle(&mut cx.args)?);
    query.options(&mut cx.args, kind, sorted)?;
    let found = query.run(cx.reply, sorted, cx.txn.packing());
    store(cx, found);
    Ok(())
}

fn around_member(cx: &mut Keyed<'_, '_>, kind: Kind) -> Result {
    let sorted = cx.txn.read::<Sorted>(cx.args.bytes()?)?;
    let member = cx.args.bytes()?;
    let mut query = match sorted {
        Some(sorted) => Query::around(centre_of(sorted, member)?, circle(&mut cx.args)?),
        None => {
            // There is nothing to search: as in Redis, radius and unit are not even looked at.
            cx.args.take(2)?;
            Query::default()
        }
    };
    query.options(&mut cx.args, kind, sorted)?;
    let found = query.run(cx.reply, sorted, cx.txn.packing());
    store(cx, found);
    Ok(())
}
