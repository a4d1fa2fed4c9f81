//! ZSCAN.

use crate::base::{digits, number};
use crate::command::flag::*;
use crate::command::{Command, Group, Keyed, Keys, Result, Run, access};
use crate::commands::scan::{self, Options};
use crate::types::Sorted;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[ZSCAN];

/// Members visited at a time.
const STEP: usize = 10;
/// Significant digits in which Redis tells the scores of the large form here.
const LARGE_PRECISION: usize = 17;

const ZSCAN: Command = Command::new("ZSCAN", "zscan", Group::Sorted, Run::Keyed(zscan))
    .syntax("key cursor [MATCH pattern] [COUNT count] [NOSCORES]")
    .flags(READ)
    .keys(&[Keys::one(1, access::RO | access::ACCESS)])
    .tips(&["nondeterministic_output"])
    .doc(
        "2.8.0",
        "O(1) for each call, O(N) for a whole iteration over N members",
        "Iterates over the members of a sorted set and their scores.",
    );

fn zscan(cx: &mut Keyed<'_, '_>) -> Result {
    let key = cx.args.bytes()?;
    let cursor = scan::cursor(&mut cx.args)?;
    let Some(sorted) = cx.txn.read::<Sorted>(key)? else {
        scan::reply_nothing(cx.reply);
        return Ok(());
    };
    let options = Options::take_scored(&mut cx.args)?;
    let mut text = Vec::new();
    options.reply(cx.reply, cursor, |cursor, reply, progress| {
        sorted.scan(cursor, STEP, |member, score| {
            progress.visited += 1;
            if options.matches(member) {
                progress.shown += 1;
                progress.values += if options.no_values { 1 } else { 2 };
                reply.bulk(member);
                if options.no_values {
                    return;
                }
                text.clear();
                match sorted.is_large() {
                    true => digits::write_g(score, LARGE_PRECISION, &mut text),
                    false => number::format_f64(score, &mut text),
                }
                reply.bulk(&text);
            }
        })
    })
}
