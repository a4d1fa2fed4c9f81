//! HSCAN.

use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::commands::reply_item;
use crate::commands::scan::{self, Options};

/// The commands of this file.
pub const COMMANDS: &[Command] = &[HSCAN];

const HSCAN: Command = Command::new("HSCAN", "hscan", Group::Hash, Run::Keyed(hscan))
    .syntax("key cursor [MATCH pattern] [COUNT count] [NOVALUES]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc("2.8.0", "O(1) for each call, O(N) for a whole scan", "Walks over the fields of a hash in steps.");

fn hscan(cx: &mut Keyed<'_, '_>) -> Result {
    let (key, cursor) = (cx.args.bytes()?, scan::cursor(&mut cx.args)?);
    let Some(hash) = cx.txn.live(key)? else {
        scan::reply_nothing(cx.reply);
        return Ok(());
    };
    let options = Options::take(&mut cx.args, true)?;
    options.reply(cx.reply, cursor, |cursor, reply, progress| {
        hash.scan(cursor, |f| {
            progress.visited += 1;
            let Some(f) = f.filter(|f| options.matches(f.field.text().as_bytes())) else { return };
            progress.shown += 1;
            progress.values += if options.no_values { 1 } else { 2 };
            reply_item(reply, f.field);
            if !options.no_values {
                reply_item(reply, f.value);
            }
        })
    })
}
