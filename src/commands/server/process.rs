//! TIME, LOLWUT, SHUTDOWN.

use crate::base::{clock, random, version};
use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::Stop;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[LOLWUT, SHUTDOWN, TIME];

const TIME: Command = Command::new("TIME", "time", Group::Server, Run::Outer(time))
    .syntax("")
    .flags(LOADING | STALE | FAST)
    .tips(&["nondeterministic_output"])
    .doc("2.6.0", "O(1)", "Tells the time as unix seconds and the microseconds within.");

fn time(cx: &mut Outer<'_>) -> Result {
    let us = cx.session.frozen_us.unwrap_or_else(clock::system_us);
    cx.reply.array(2);
    cx.reply.bulk_int(us / 1_000_000);
    cx.reply.bulk_int(us % 1_000_000);
    Ok(())
}

const LOLWUT: Command = Command::new("LOLWUT", "lolwut", Group::Server, Run::Outer(lolwut))
    .syntax("[VERSION version:integer]")
    .arity(-1)
    .flags(READ | FAST)
    .doc("5.0.0", "O(1)", "Draws a small picture, and tells the version.");

/// Columns and rows of the picture, unless they are asked for, and at most.
const PICTURE: (i64, i64) = (40, 8);
const PICTURE_MAX: (i64, i64) = (160, 50);

fn lolwut(cx: &mut Outer<'_>) -> Result {
    if cx.args.left() >= 2 && cx.args.word("VERSION") {
        cx.args.int()?;
    }
    // What is no size is passed over, as every other word.
    let mut size = |default: i64, max: i64| cx.args.int().map_or(default, |n| n.clamp(1, max));
    let columns = size(PICTURE.0, PICTURE_MAX.0);
    let rows = size(PICTURE.1, PICTURE_MAX.1);
    // Waves that run over each other.
    let shift = random::below(1000) as f64 / 50.0;
    let mut text = String::new();
    for y in 0..rows {
        for x in 0..columns {
            let (x, y) = (x as f64 / 6.0, y as f64 / 2.0);
            let height = (x + shift).sin() + (x * 0.5 + y).cos() + (y + shift * 0.5).sin();
            text.push([' ', '.', ':', '-', '=', '+', '*', '#'][((height + 3.0) / 6.0 * 7.99) as usize % 8]);
        }
        text.push('\n');
    }
    text.push_str(&format!("Synap {}. Redis ver. {}\n", version::SYNAP, version::REDIS));
    cx.reply.verbatim(*b"txt", text.as_bytes());
    Ok(())
}

const SHUTDOWN: Command = Command::new("SHUTDOWN", "shutdown", Group::Server, Run::Slow(shutdown))
    .syntax("[save-selector: NOSAVE | SAVE] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]")
    .flags(ADMIN | NO_SCRIPT | LOADING | STALE | NO_MULTI | BUSY)
    .history(&[("7.0.0", "`NOW`, `FORCE` and `ABORT`.")])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys to save.",
        "Stops the server, with a last snapshot if there are rules in save.",
    );

fn shutdown(cx: &mut Outer<'_>) -> Result {
    let (mut stop, mut now, mut abort) = (Stop::default(), false, false);
    let (mut save, mut nosave) = (false, false);
    while cx.args.more() {
        match () {
            () if cx.args.word("SAVE") => save = true,
            () if cx.args.word("NOSAVE") => nosave = true,
            () if cx.args.word("NOW") => now = true,
            () if cx.args.word("FORCE") => stop.force = true,
            () if cx.args.word("ABORT") => abort = true,
            () => return Err(Error::SYNTAX),
        }
    }
    if (save && nosave) || (abort && (save || nosave || now || stop.force)) {
        return Err(Error::SYNTAX);
    }
    if abort {
        if !cx.engine.abort_stop() {
            return Err(Error::new("ERR No shutdown in progress."));
        }
        cx.reply.ok();
        return Ok(());
    }
    stop.save = (save || nosave).then_some(save);
    cx.engine.stop_with(stop).map_err(|_| Error::new("ERR Errors trying to SHUTDOWN. Check logs."))?;
    cx.session.closing = true;
    Ok(())
}
