//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.

use crate::command::flag::*;
use crate::command::{Command, Error, Group, Outer, Result, Run};
use crate::engine::Purpose;

/// The commands of this file.
pub const COMMANDS: &[Command] = &[BGREWRITEAOF, BGSAVE, LASTSAVE, SAVE];

const BUSY_SAVING: Error = Error::new("ERR Background save already in progress");

const SAVE: Command = Command::new("SAVE", "save", Group::Server, Run::Slow(save))
    .syntax("")
    .flags(ADMIN | NO_SCRIPT | NO_ASYNC_LOADING | NO_MULTI)
    .doc("1.0.0", "O(N) where N is the number of keys.", "Saves a snapshot, and answers when it is on disk.");

fn save(cx: &mut Outer<'_>) -> Result {
    match cx.engine.save() {
        Ok(()) => cx.reply.ok(),
        Err(None) => return Err(BUSY_SAVING),
        // The log tells why, as Redis' does.
        Err(Some(_)) => return Err(Error::new("ERR")),
    }
    Ok(())
}

const BGSAVE: Command = Command::new("BGSAVE", "bgsave", Group::Server, Run::Outer(bgsave))
    .syntax("[SCHEDULE@3.2.2]")
    .flags(ADMIN | NO_SCRIPT | NO_ASYNC_LOADING)
    .history(&[("3.2.2", "`SCHEDULE`.")])
    .doc("1.0.0", "O(1)", "Saves a snapshot of this moment in the background.");

fn bgsave(cx: &mut Outer<'_>) -> Result {
    let schedule = cx.args.word("SCHEDULE");
    if cx.args.more() {
        return Err(Error::SYNTAX);
    }
    let saving = &cx.engine.saving;
    let running = saving.running();
    if running == Some(Purpose::Save) {
        return Err(BUSY_SAVING);
    }
    // Inside a transaction the shards are locked: the cut is taken right after it.
    if cx.session.nested || running.is_some() && schedule {
        saving.schedule(Purpose::Save);
        cx.reply.status("Background saving scheduled");
        return Ok(());
    }
    match cx.engine.save_in_background(Purpose::Save) {
        Ok(()) => cx.reply.status("Background saving started"),
        Err(Purpose::Save) => return Err(BUSY_SAVING),
        Err(Purpose::Rewrite) => {
            return Err(Error::new(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order \
                 to schedule a BGSAVE whenever possible.",
            ));
        }
    }
    Ok(())
}

const BGREWRITEAOF: Command =
    Command::new("BGREWRITEAOF", "bgrewriteaof", Group::Server, Run::Outer(bgrewriteaof))
        .syntax("")
        .flags(ADMIN | NO_SCRIPT | NO_ASYNC_LOADING)
        .doc(
            "1.0.0",
            "O(1)",
            "Shortens the log: saves a snapshot in the background, and removes the log before it.",
        );

fn bgrewriteaof(cx: &mut Outer<'_>) -> Result {
    let scheduled = "Background append only file rewriting scheduled";
    if cx.session.nested {
        cx.engine.saving.schedule(Purpose::Rewrite);
        cx.reply.status(scheduled);
        return Ok(());
    }
    match cx.engine.save_in_background(Purpose::Rewrite) {
        Ok(()) => cx.reply.status("Background append only file rewriting started"),
        Err(Purpose::Save) => {
            cx.engine.saving.schedule(Purpose::Rewrite);
            cx.reply.status(scheduled);
        }
        Err(Purpose::Rewrite) => {
            return Err(Error::new("ERR Background append only file rewriting already in progress"));
        }
    }
    Ok(())
}

const LASTSAVE: Command = Command::new("LASTSAVE", "lastsave", Group::Server, Run::Outer(lastsave))
    .syntax("")
    .flags(LOADING | STALE | FAST)
    .subject(&["admin", "dangerous"])
    .tips(&["nondeterministic_output"])
    .doc("1.0.0", "O(1)", "Tells when the last snapshot was complete, in unix seconds.");

fn lastsave(cx: &mut Outer<'_>) -> Result {
    cx.reply.int(cx.engine.saving_report().saved_ms / 1000);
    Ok(())
}
