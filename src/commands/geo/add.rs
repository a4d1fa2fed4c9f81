//! GEOADD.

use super::position;
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Keyed, Keys, Result, Run, access};
use crate::commands::sorted::add::{Options, add};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[GEOADD];

const GEOADD: Command = Command::new("GEOADD", "geoadd", Group::Geo, Run::Keyed(geoadd))
    .syntax(
        "key [condition@6.2.0: NX | XX] [change=CH@6.2.0] longitude latitude member \
         [data: longitude latitude member ...]",
    )
    .flags(WRITE | GROWS)
    .keys(&[Keys::one(1, access::RW | access::UPDATE)])
    .event("zadd")
    .history(&[("6.2.0", "`NX`, `XX` and `CH`.")])
    .doc(
        "3.2.0",
        "O(log(N)) for each member, N being the size of the set",
        "Adds members with their positions to a geospatial index, which is a sorted set.",
    );

fn geoadd(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let mut options = Options::default();
    loop {
        let flag = if cx.args.word("NX") {
            &mut options.only_new
        } else if cx.args.word("XX") {
            &mut options.only_old
        } else if cx.args.word("CH") {
            &mut options.changed
        } else {
            break;
        };
        *flag = true;
    }
    if !cx.args.left().is_multiple_of(3) || !cx.args.more() || (options.only_new && options.only_old) {
        return Err(Error::SYNTAX);
    }
    let mut elements = Vec::with_capacity(cx.args.left() / 3);
    while cx.args.more() {
        elements.push((position(&mut cx.args)?.score(), cx.args.bytes()?));
    }
    let added = add(cx, key, &options, elements.into_iter())?;
    cx.reply.len_of(added);
    Ok(())
}
