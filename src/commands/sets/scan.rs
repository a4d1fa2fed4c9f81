//! SSCAN.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::commands::reply_item;
use crate::commands::scan::{self, Options};
use crate::types::Set;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[SSCAN];

const SSCAN: Command = Command::new("SSCAN", "sscan", Group::Set, Run::Keyed(sscan))
    .syntax("key cursor [MATCH pattern] [COUNT count]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc("2.8.0", "O(1) for each call, O(N) for a whole scan", "Walks over the members of a set in steps.");

fn sscan(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, cursor) = (cx.args.bytes()?, scan::cursor(&mut cx.args)?);
    let Some(set) = cx.txn.read::<Set>(key)? else {
        scan::reply_nothing(cx.reply);
        return Ok(());
    };
    let options = Options::take(&mut cx.args, false)?;
    options.reply(cx.reply, cursor, |cursor, reply, progress| {
        set.scan(cursor, |member| {
            progress.visited += 1;
            if options.matches(member.text().as_bytes()) {
                progress.shown += 1;
                progress.values += 1;
                reply_item(reply, member);
            }
        })
    })
}
