//! GEOSEARCH and GEOSEARCHSTORE.

use super::query::{Kind, Query, store};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::types::Sorted;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GEOSEARCH, GEOSEARCHSTORE];

const COST: &str = "O(N+log(M)) for N of M members in the cells around the shape";

const GEOSEARCH: Command = Command::new("GEOSEARCH", "geosearch", Group::Geo, Run::Keyed(geosearch))
    .syntax(
        "key <from: FROMMEMBER member | FROMLONLAT fromlonlat: longitude latitude> \
         <by: circle: BYRADIUS radius <unit: M | KM | FT | MI> | box: BYBOX width height <unit: M | KM | FT | \
         MI>> [order: ASC | DESC] [count-block: COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    )
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .history(&[("7.0.0", "Units in capitals too.")])
.doc("6.2.0", COST, "Returns the members of a geospatial index in a circle or rectangle.");

fn geosearch(cx: &mut Keyed<'_, '_>) -> Result {
    let sorted = cx.txn.read::<Sorted>(cx.args.bytes()?)?;
    let mut query = Query::default();
    query.options(&mut cx.args, Kind::Search, sorted)?;
    query.run(cx.reply, sorted, cx.txn.packing());
    Ok(())
}

const GEOSEARCHSTORE: Command =
    Command::new("GEOSEARCHSTORE", "geosearchstore", Group::Geo, Run::Keyed(geosearchstore))
        .syntax(
        "destination source <from: FROMMEMBER member | FROMLONLAT fromlonlat: longitude latitude> \
         <by: circle: BYRADIUS radius <unit: M | KM | FT | MI> | box: BYBOX width height <unit: M | KM | FT | \
         MI>> [order: ASC | DESC] [count-block: COUNT count [ANY]] [STOREDIST]",
    )
        .flags(WRITE | GROWS)
        .keys(&[Keys::one(1, access::OW | access::UPDATE), Keys::one(2, access::RO | access::ACCESS)])
        .history(&[("7.0.0", "Units in capitals too.")])
.doc("6.2.0", COST, "Stores the members of a geospatial index in a circle or rectangle under a key.");

fn geosearchstore(cx: &mut Keyed<'_, '_>) -> Result {
    let to = cx.args.bytes()?;
    let sorted = cx.txn.read::<Sorted>(cx.args.bytes()?)?;
    let mut query = Query::storing(to);
    query.options(&mut cx.args, Kind::SearchStore, sorted)?;
    let found = query.run(cx.reply, sorted, cx.txn.packing());
    store(cx, found);
    Ok(())
}
